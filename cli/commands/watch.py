"""Shows what a run does while it does it, and ends with the run: a line for the result of each stage.

`--verbose` shows every state, job, metric and a canary's evidence instead, on a terminal as a tree; `--json` prints one
event a line. If no run is in progress, the last one is shown, unless accepted rows still wait for a run: then the
command waits for it. If the run waits for your approval, it prints the commands that decide, and ends; with `--json` it
goes on. Exit codes: 0 promoted, 1 failed, 3 rejected by the gates, 4 rolled back, 5 not approved, 6 waits for approval.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cli.commands.runs import outcome_told
from cli.connection import Connection, find_run, known_project
from cli.errors import CliError
from cli.large_files import judged_in_parts
from cli.named_runs import newest_run
from cli.options import AWAITS_APPROVAL, print_json
from cli.options import Json as JsonFlag
from cli.output import Shape
from cli.text import say
from cli.watching.digest import results
from cli.watching.reading import Reader
from cli.watching.screens import Screen, screen
from cli.watching.tree import tree
from sluice.bootstrap import World
from sluice.ports import Json

NAME = "watch"
HELP = "a run in progress: data, model, gates, release"
EXAMPLE = "sluice watch shop"
JSON = Shape(
    {
        "event": "run, note, state, facts, traffic, waits or end",
        "at": "when",
        "machine": "state, facts: the state machine",
        "state": "state, facts: the state",
        "status": "state: running, done or failed",
        "facts": "facts: what was measured or decided",
        "outcome": "end: how the run ended",
        "exit_code": "end: the exit code",
    },
    kind="lines",
    open=True,
)
"""With --once it is one object: the run with its tree of states."""
_POLL_SECONDS = 1.0
WAIT = 120.0
"""Seconds: how long a run may take to start."""
_STOPPED_SECONDS = 30.0
"""How long a run whose execution has ended may take to record its outcome."""
Wait = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help=f"How long to wait for the next run to start; default: {WAIT:.0f} if one is to be expected, else 0.",
        show_default=False,
    ),
]


def run(
    connection: Connection,
    project: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT|RUN",
            help="A project's current or last run; or a run's id, or the beginning of it.",
            show_default=False,
        ),
    ],
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="After a project: one of its runs.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the current tree of the newest run, and end.")] = False,
    wait: Wait = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every state, job, metric and measurement, with times.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """0 when the model was promoted (`--once`: or the run goes on); see OUTCOMES of cli/watching/view.py."""
    world = connection.world
    project, run_id = _meant(world, project, run_id)
    if once:
        record = find_run(world, run_id, project)[1] if run_id else newest_run(world, project)
        return _print(connection, project, record, as_json=as_json, verbose=verbose)
    with screen(as_json=as_json, verbose=verbose) as shown:
        record = find_run(world, run_id, project)[1] if run_id else _current(connection, project, wait, shown)
        return _watch(connection, project, record, WAIT if wait is None else wait, shown, stays=as_json)


def _meant(world: World, named: str, run_id: str | None) -> tuple[str, str | None]:
    """Project and run of what was written: a project, a run, or both."""
    if run_id is None and named not in (projects := world.ledger.projects()):
        runs = [record["run_id"] for project in projects for record in world.ledger.runs(project)]
        if any(each.startswith(named) for each in runs):
            project, record = find_run(world, named)
            return project, str(record["run_id"])
    return known_project(world, named), run_id


def _watch(connection: Connection, project: str, record: Json, wait: float, shown: Screen, *, stays: bool) -> int:
    """`stays`: whether it goes on while a person has to decide, who needs this shell for it."""
    run_id = record["run_id"]
    reader, began, stopped = Reader(connection, project, run_id), time.monotonic(), 0.0
    while True:
        view = reader.view(record)
        shown.show(view)
        if view.over:
            return view.code
        if view.waits and not stays:
            return AWAITS_APPROVAL
        now = time.monotonic()
        if not view.record.get("execution_arn") and now - began > wait:
            raise CliError(
                f"{run_id} is {view.record.get('status')}, but no execution of it has started: see the log of the "
                f"function plan_training, then `sluice retrain {project} --reason …`"
            )
        stopped = (stopped or now) if view.stopped else 0.0
        if stopped and now - stopped > _STOPPED_SECONDS:
            raise CliError(
                f"the execution of {run_id} has ended, but no outcome is recorded: somebody stopped it, or recording "
                f"failed. `sluice status {project}` shows what serves; docs/operations.md has what to do"
            )
        time.sleep(_POLL_SECONDS)


def _print(connection: Connection, project: str, record: Json, *, as_json: bool, verbose: bool) -> int:
    view = Reader(connection, project, record["run_id"]).view(record)
    lines = tree(view) if verbose else results(view)
    print_json(view.plain()) if as_json else say("\n".join(line.text for line in lines))
    return view.code if view.over else 0


def _current(connection: Connection, project: str, wait: float | None, shown: Screen) -> Json:
    """The run that holds the lock, the next one, or the last one; see `Wait`.

    A run may start and end between two polls, so those count as well. Without `wait`, a file that is judged in parts
    is waited for, which takes minutes. Raises CliError where no run comes.
    """
    world = connection.world
    known = {record["run_id"] for record in world.ledger.runs(project)}
    began, told = time.monotonic(), False
    large: bool | None = None
    while True:
        held, records = world.ledger.lock(project), world.ledger.runs(project)
        for record in records:
            # a run is recorded a moment before it takes the lock
            begins = record.get("status") == "starting" and not record.get("outcome")
            if begins or (held and record["run_id"] == held["run_id"]) or record["run_id"] not in known:
                return record
        if large is None:
            large = _judged_in_parts(connection, project, shown)
        if wait is None and records and not large and not _expected(world, project, records):
            last = records[0]
            shown.note(f"no run of {project} is in progress; this is the last one", last=last["run_id"])
            return last
        patience = WAIT if wait is None else wait
        if time.monotonic() - began >= patience:
            if not large or wait is not None:
                raise CliError(
                    f"no run of {project} is in progress, and none started in {patience:.0f} s; see "
                    f"`sluice runs {project}`, or start one: `sluice drop {project} FILE`"
                )
            began, large = time.monotonic(), None
        if not told:
            shown.note(_idle(project, records, patience), waits_for="run")
            told = True
        time.sleep(_POLL_SECONDS)


def _judged_in_parts(connection: Connection, project: str, shown: Screen) -> bool:
    """Whether a file is; it says which."""
    found = judged_in_parts(connection, [project])[project]
    for file in found:
        shown.note(f"{file.words}; a run may begin when that has ended", waits_for="file")
    return bool(found)


def _expected(world: World, project: str, records: list[Json]) -> bool:
    """Whether rows were accepted since the last run began from which no run has learned."""
    learned = {each for record in records for each in record.get("datasets") or []}
    began = str(records[0].get("started_at") or "")
    return any(
        each["dataset_id"] not in learned and "withdrawn_at" not in each and each["accepted_at"] > began
        for each in world.ledger.datasets(project)
    )


def _idle(project: str, records: list[Json], wait: float) -> str:
    """What somebody who expected a run wants to know: how the last one ended, and that nothing hangs."""
    if not records:
        return f"waiting up to {wait:.0f} s for the first run of {project} to start"
    last = f"the last one, {records[0]['run_id']}, ended: {outcome_told(records[0])}"
    return (
        f"no run of {project} is in progress ({last}). Waiting {wait:.0f} s for the next; Ctrl-C ends the display, and "
        f"`sluice status {project}` shows what serves"
    )
