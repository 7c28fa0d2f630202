"""Compares two runs of a project: metrics with intervals, settings of the models, data, contract and gates.

Each run was measured on its own held-out rows. Where one was the champion of the other, the difference on the same
rows is shown too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from cli.comparison import Side, compared, told
from cli.connection import Connection
from cli.named_runs import Runs, named_runs
from cli.options import Json as JsonFlag
from cli.options import OptionalProject
from cli.output import Output, Shape
from cli.sealed_model import model_json
from sluice import keys
from sluice.bootstrap import World
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any, run_inputs, stored_json

NAME = "compare"
HELP = "two runs side by side"
EXAMPLE = "sluice compare r0123 r4567"
DOING = "reading both runs"
JSON = Shape(
    {
        "project": "the project",
        "runs": "both runs: outcome, family, held-out rows, contract version",
        "metrics": "each metric with value and interval of both, and the difference b − a",
        "paired": "differences on the same rows, where one run was the champion of the other",
        "settings": "keys of the models' training that differ",
        "data": "datasets of both, of one alone; rows of each part",
        "contract": "keys of the contract that differ",
        "gates": "each gate's verdict in both",
        "not_read": "what could not be read, and why",
    }
)


def run(connection: Connection, runs: Runs, project: OptionalProject = None, as_json: JsonFlag = False) -> int:
    world, out = connection.world, Output(as_json)
    name, records = named_runs(world, runs, project, 2, "sluice compare RUN RUN")
    found = compared(name, *(_side(world, name, record) for record in records))
    if not as_json:
        out.say(told(found))
    out.result(found)
    return 0


def _side(world: World, project: str, record: Json) -> Side:
    full, objects = record["run_id"], world.objects
    contract: dict[str, Any] = {}
    with suppress(NotFoundError, DamagedRecordError):
        contract = run_inputs(project, full, objects=objects).contract.model_dump(mode="json")
    return Side(
        record,
        contract,
        evaluation_if_any(project, full, objects=objects),
        model_json(project, full, objects=objects),
        stored_json(keys.decision(project, full, "gates"), {}, objects=objects),
        prepared_data(project, full, objects=objects),
    )
