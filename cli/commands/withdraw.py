"""Withdraws an accepted dataset: later runs leave it out. Says which runs learned from it."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from cli.connection import Connection, known_project
from cli.named_datasets import dataset_id
from cli.options import Json as JsonFlag
from cli.options import Project, Reason
from cli.output import Output, Shape
from sluice.datasets.withdraw_dataset import withdraw_dataset
from sluice.escaping import visible
from sluice.ports import Json

NAME = "withdraw"
HELP = "leave a dataset out of every later run"
EXAMPLE = "sluice withdraw shop 0123abcd --reason 'wrong currency'"
WRITES = True
JSON = Shape(
    {
        "decision": "withdrawn, or known if it was withdrawn before",
        "dataset": "its id",
        "key": "the file that it came from",
        "rows": "how many it has",
        "runs": "every run that learned from it",
        "corrections": "datasets with corrected rows of it, which stay",
        "champion": "the serving run if it learned from it, or null",
        "running": "the run in progress if it reads it, or null",
        "record": "where the record is in the bucket",
    }
)


def run(
    connection: Connection,
    project: Project,
    dataset: Annotated[
        str,
        typer.Argument(
            help="Its id, or the beginning of it: `sluice lineage PROJECT FILE` shows it.", show_default=False
        ),
    ],
    reason: Reason,
    as_json: JsonFlag = False,
) -> int:
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    dataset = dataset_id(project, dataset, [each["dataset_id"] for each in world.ledger.datasets(project)])
    why = f"{reason} (asked by {getpass.getuser()})"
    answer = world.call(withdraw_dataset, project, dataset, why)
    out.say("\n".join(told(project, answer)))
    out.result(answer)
    return 0


def told(project: str, answer: Json) -> list[str]:
    what = f"dataset {answer['dataset']} ({visible(str(answer['key']))}, {answer['rows']} rows)"
    first = "withdrawn" if answer["decision"] == "withdrawn" else "was withdrawn before"
    lines = [f"{first}: {what}; every later run leaves it out"]
    lines.append(f"learned by {', '.join(answer['runs'])}" if answer["runs"] else "no run has learned from it")
    if answer["corrections"]:
        lines.append(
            f"its corrected rows stay: {', '.join(answer['corrections'])}; withdraw them too, if they are wrong"
        )
    if answer["running"]:
        lines.append(f"{answer['running']} is in progress and still uses it")
    if answer["champion"]:
        again = f"`sluice retrain {project} --reason …`"
        lines.append(f"the serving model {answer['champion']} learned from it: {again} trains one without it")
    return lines
