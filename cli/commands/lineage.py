"""Shows what a prediction, a model or a file is connected with, as a tree.

Of a prediction (the `inference_id` of an answer) or a run: model, training job, rows, files, contract and code. Of a
file or a dataset: the runs that learned from it, and which of their models served.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import lineage
from cli.connection import Connection, known_project
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.output import Output, Shape
from cli.text import moment
from sluice.escaping import visible
from sluice.ports import Json
from sluice.records.words import in_words

NAME = "lineage"
HELP = "what a prediction, a model or a file comes from or went into"
EXAMPLE = "sluice lineage shop 6f9619ff8b86d011"
DOING = "looking through runs, files and captured requests"
JSON = Shape(
    {
        "project": "the project",
        "asked": "what was looked for",
        "prediction": "when, by which endpoint, variant and run, and in which capture; or null",
        "run": "model, training job, rows, files, contract and code; or null",
        "files": "of a file: each of its datasets, with the runs that learned from it",
    }
)


def run(
    connection: Connection,
    project: Project,
    what: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="An inference id, a run, a dataset or a file.", show_default=False)
    ],
    days: Annotated[int, typer.Option(min=1, help="How far back captured requests are searched.")] = 30,
    as_json: JsonFlag = False,
) -> int:
    """0 when it was found."""
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    found = lineage.traced(world, project, what, days)
    if not as_json:
        out.say("\n".join(tree(found)))
    out.result(found)
    return 0


def tree(found: Json) -> list[str]:
    """Lines, each with what is below it indented."""
    lines: list[str] = []
    if answer := found["prediction"]:
        row = f", row {answer['row']}" if answer["row"] is not None else ""
        lines.append(f"prediction {answer['inference_id']}{row}, {moment(answer['at'])} UTC")
        lines.append(f"├ endpoint    {answer['endpoint']}, variant {answer['variant']}")
        lines.append(f"├ capture     {answer['capture']}")
        if found["run"] is None:
            return [*lines, f"└ run         {answer['run']} (its record no longer exists)"]
        return [*lines, *_run(found["run"], "└ ")]
    if found["run"]:
        return _run(found["run"], "")
    for each in found["files"]:
        lines += _file(each)
    return lines


def _run(run: Json, before: str) -> list[str]:
    inner = " " * len(before)
    model, rows, code = run["model"], run["rows"], run["code"]
    parts = ", ".join(f"{count:,} {part}" for part, count in (rows["parts"] or {}).items())
    told = [
        ("model", model["archive"]),
        (
            "",
            f"sha256 {model['archive_sha256']}, version {model['archive_version']}"
            if model["archive_sha256"]
            else None,
        ),
        ("training job", run["training_job"]),
        ("package", run["package"]),
        ("rows", f"{rows['manifest']} ({parts})" if rows["manifest"] else None),
        ("contract", f"{run['contract']['key']}, version {run['contract']['version']}"),
        ("code", code["sourcedir"] if code else None),
        ("image", run["image"]),
    ]
    lines = [
        f"{before}run         {run['run']}: {in_words(run['outcome'])}, started {moment(run['started_at'])} UTC "
        f"by {run['trigger']}"
    ]
    lines += [f"{inner}├ {name:<12} {visible(value)}" for name, value in told if value]
    for each in run["files"]:
        last = each is run["files"][-1]
        lines.append(f"{inner}{'└' if last else '├'} file         {_named(each)}")
    return lines


def _file(found: Json) -> list[str]:
    lines = [f"file {_named(found)}, accepted {moment(found['accepted_at'])} UTC"]
    if not found["runs"]:
        return [*lines, "└ no run has learned from it"]
    for each in found["runs"]:
        mark = "└" if each is found["runs"][-1] else "├"
        lines.append(f"{mark} run {each['run']}: {in_words(each['outcome'])}; {_SERVED[each['served']]}{_now(each)}")
    return lines


_SERVED = {
    "all": "its model served all requests",
    "a share": "its model served a share of the requests, and was rolled back",
    "no": "its model never served",
    "unknown": "it has not ended",
}


def _now(run: Json) -> str:
    return ", and serves now" if run["serves"] else ""


def _named(each: Json) -> str:
    rows: Any = each["rows"]
    told = [f"dataset {each['dataset']}", f"{rows if rows is not None else '?'} rows"]
    if each["withdrawn_at"]:
        told.append(f"withdrawn {moment(each['withdrawn_at'])} UTC")
    if corrected := each["corrects"]:
        told.append(f"corrects refused rows of {visible(corrected['file'] or '?')}, dataset {corrected['dataset']}")
    told += [f"corrected by {visible(by['file'] or '?')}, dataset {by['dataset']}" for by in each["corrected_by"]]
    return f"{visible(each['file'] or '?')} ({'; '.join(told) if len(told) > 2 else ', '.join(told)})"
