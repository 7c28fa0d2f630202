"""Says that a change of the data that Sluice holds back is real. Rows of its time are learned from, from now on."""

from __future__ import annotations

import getpass

from cli.connection import Connection, known_project
from cli.options import HeldChanges, OptionalReason, Project
from cli.options import Json as JsonFlag
from cli.output import Output, Shape
from cli.text import plural
from sluice.escaping import visible
from sluice.ports import Json
from sluice.training.accept_drift import accept_drift

NAME = "accept-drift"
HELP = "say that a held change of the data is real, and retrain"
EXAMPLE = "sluice accept-drift shop --reason 'new prices since Monday'"
WRITES = True
JSON = Shape(
    {
        "decision": "retrain, or hold if the governor starts none now",
        "changes": "each accepted change: change_id, answer (hold: a fault; ask), reason, columns, sentence, champion, "
        "confirmed, real, accepted, ended, since, found_at, over",
        "datasets": "those of a fault's time, which later runs learn from again",
        "rows": "how many these are",
        "reasons": "who says so and why, then what holds the retraining",
        "record": "where the record is in the bucket",
    }
)


def run(
    connection: Connection,
    project: Project,
    reason: OptionalReason = "",
    change: HeldChanges = None,
    as_json: JsonFlag = False,
) -> int:
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    answer = world.call(accept_drift, project, getpass.getuser(), reason, change or ())
    out.say("\n".join(told(project, answer)))
    out.result(answer)
    return 0


def told(project: str, answer: Json) -> list[str]:
    lines = [
        f"accepted: {each['reason']}"
        + (f" in {', '.join(map(visible, each['columns']))}" if each["columns"] else "")
        + f", since {each['since']}"
        for each in answer["changes"]
    ]
    if answer["datasets"]:
        datasets = plural(len(answer["datasets"]), "dataset")
        lines.append(f"later runs learn again from {datasets} of its time ({answer['rows']:,} rows)")
    if answer["decision"] == "retrain":
        lines.append(f"a retraining was requested. Watch it with `sluice watch {project} --wait 120`")
    else:
        lines.append("no retraining was started now:")
        lines += [f"- {each}" for each in answer["reasons"][1:]]
        lines.append(f"`sluice retrain {project} --reason …` starts one in any case")
    return lines
