"""Prints every decision record of a run: model families and scores, gates, canary, approval, responses to alarms.

Of a project, those of its newest run.
"""

from __future__ import annotations

from dataclasses import asdict

from cli import decisions
from cli.candidates import search_of, told
from cli.connection import Connection
from cli.named_runs import run_or_newest
from cli.options import Json, OptionalProject, RunOrProject, print_json
from cli.output import Shape
from cli.text import say
from cli.trials import budget_of, trials_of
from cli.trials import told as trials_told
from sluice.changes.words import lines
from sluice.datasets.compare_contract import contract_change
from sluice.store.prepared_data import prepared_data

NAME = "why"
HELP = "every decision of a run, with its reasons"
EXAMPLE = "sluice why r0123"
JSON = Shape(
    {
        "project": "the project",
        "run": "the run's record",
        "contract_change": "what its contract changed for rows accepted before, or null",
        "prepared_data": "rows of each part, and what became of the others",
        "search": "strategy, jobs and families of the tuning, or null",
        "candidates": "the families with their best scores",
        "trials": "the trials of auto",
        "budget": "what the search of auto had and used, and why it ended; or null",
        "decisions": "each decision record: gates, replay, canary, bandit, verification",
        "responses": "the answers to alarms",
    }
)


def run(connection: Connection, run_id: RunOrProject, project: OptionalProject = None, as_json: Json = False) -> int:
    world = connection.world
    name, record = run_or_newest(world, run_id, project)
    full = record["run_id"]
    own = decisions.records(world, name, full)
    answers = decisions.responses(world, name, full, record)
    search = search_of(connection, name, full, str(record.get("warm_start_refused") or ""))
    trials = trials_of(name, full, objects=world.objects)
    budget = budget_of(name, full, objects=world.objects)
    prepared = prepared_data(name, full, objects=world.objects)
    changed = contract_change(name, str(record.get("contract_version")), objects=world.objects)
    if as_json:
        print_json(
            {
                "project": name,
                "run": record,
                "contract_change": changed,
                "prepared_data": prepared,
                "search": asdict(search) if search else None,
                "candidates": [asdict(each) for each in search.families] if search else [],
                "trials": trials,
                "budget": budget.model_dump() if budget else None,
                "decisions": [decision for _, decision in own],
                "responses": [response for _, response in answers],
            }
        )
        return 0
    say(decisions.head(name, record))
    if record.get("report"):
        say(f"  report    {record['report']}\n            (`sluice report {full}` downloads it)")
    if changed and changed["status"] == "compared":
        say("\nContract: what this version changed for rows accepted before it")
        say("\n".join(f"  - {each}" for each in lines(changed)))
    if prepared:
        say(f"\n{decisions.data(prepared)}")
    if search and search.jobs:
        say(f"\n{told(search)}")
    if trials:
        say(f"\n{trials_told(trials, search.problem if search else '', budget)}")
    for key, decision in own:
        say(f"\n{decisions.shown(decision)}\n  record: {world.objects.uri(key)}")
    for key, response in answers:
        say(f"\n{decisions.response(response)}\n  record: {world.objects.uri(key)}")
    if not own:
        say("\nno decision has been recorded: the run has not come to its gates")
    return 0
