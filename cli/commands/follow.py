"""Shows the states that the project's run enters, as it enters them, until the run ends."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cli.commands.runs import WAITS, explanation, outcome
from cli.connection import Connection, find_run, known_project
from cli.display import Display, JsonDisplay
from cli.errors import CliError
from cli.following import CanaryWatch, Narrator, Progress
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.text import duration
from sluice.bootstrap import World
from sluice.ports import Json

NAME = "follow"
HELP = "live progress of the current run"
EXAMPLE = "sluice follow shop"
_POLL_SECONDS = 1.0


def run(
    connection: Connection,
    project: Project,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Default: the current run, or else the next one.")
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a run to start.")] = 120,
    as_json: JsonFlag = False,
) -> int:
    """0 when the run ended in any decision, 1 when it failed."""
    world = connection.world
    project = known_project(world, project)
    display = JsonDisplay() if as_json else Display()
    with display:
        record = find_run(world, run_id, project)[1] if run_id else _current(world, project, wait, display)
        return _watch(connection, project, record, wait, display)


def _watch(connection: Connection, project: str, record: Json, wait: float, display: Display) -> int:
    world, run_id = connection.world, record["run_id"]
    display.line(f"{run_id} of {project} ({record.get('trigger')})", run=run_id, project=project)
    progress, canary = Progress(connection, project, run_id), CanaryWatch(world, project, run_id)
    narrator, began, last, asked = Narrator(), time.time(), "", False
    while True:
        now = world.ledger.run(project, run_id) or record
        for step in progress.fresh():
            if line := narrator.fresh(step):
                facts = {"machine": step.machine, "state": step.state or step.failure}
                display.line(f"  {step.at:%H:%M:%S}  {line}", at=step.at, **facts)
                last = line
        for words in canary.fresh(now):
            display.line(f"  {world.clock.now():%H:%M:%S}  {words}", at=world.clock.now(), canary=words)
        waits = outcome(now) == WAITS
        if waits and not asked:
            for words in how_to_decide(run_id):
                display.line(words, waits_for="approval", run=run_id)
        asked = waits
        if now.get("outcome"):
            return _end(project, now, display)
        if not now.get("execution_arn") and time.time() - began > wait:
            raise CliError(f"{run_id} is {now.get('status')}, but no execution of it has started")
        display.now(f"{last or now.get('status')} · {duration(now.get('started_at'), world.clock.now())}")
        time.sleep(_POLL_SECONDS)


def how_to_decide(run_id: str) -> list[str]:
    """Lines to paste while the run waits for a person."""
    return [
        "  The run waits for your approval. Read why it passed its gates, then decide:",
        f"    sluice why {run_id}",
        f"    sluice approve {run_id}        (--reason TEXT records why)",
        f"    sluice reject {run_id} --reason TEXT",
    ]


def _current(world: World, project: str, wait: float, display: Display) -> Json:
    """The run that holds the lock; waits for one. A run may start and end between two polls, so those count as well."""
    known = {record["run_id"] for record in world.ledger.runs(project)}
    deadline, told = time.monotonic() + wait, False
    while True:
        held = world.ledger.lock(project)
        for record in world.ledger.runs(project):
            # a run is recorded a moment before it takes the lock
            begins = record.get("status") == "starting" and not record.get("outcome")
            if begins or (held and record["run_id"] == held["run_id"]) or record["run_id"] not in known:
                return record
        if time.monotonic() >= deadline:
            raise CliError(
                f"no run of {project} is in progress, and none started in {wait:.0f} s; see `sluice runs {project}`"
            )
        if not told:
            display.line(_idle(world, project, wait), waits_for="run")
            told = True
        time.sleep(_POLL_SECONDS)


def _idle(world: World, project: str, wait: float) -> str:
    """What somebody who expected a run wants to know: how the last one ended, and that nothing hangs."""
    newest = next(iter(world.ledger.runs(project)), None)
    last = f"the last one, {newest['run_id']}, ended: {outcome(newest)}" if newest else "there has been none yet"
    return (
        f"no run of {project} is in progress ({last}). Waiting {wait:.0f} s for the next; Ctrl-C ends the display, and "
        f"`sluice status {project}` shows what serves"
    )


def _end(project: str, record: Json, display: Display) -> int:
    took, run_id = duration(record.get("started_at"), record.get("ended_at")), record["run_id"]
    words = f"ended after {took}: {record['outcome']}. {explanation(record)}".rstrip()
    display.line(words, run=run_id, outcome=record["outcome"], because=explanation(record))
    display.line(f"`sluice why {run_id}` has every decision")
    if record["outcome"] == "promoted":
        display.line(f"`sluice ask {project}` prints a request for the new model")
    return 1 if record["outcome"] == "failed" else 0
