"""Sends one request to the model that serves, and prints its answer.

The request is JSON text, or a file: .json, .jsonl (one record in each line) or .csv with a header; `-` reads standard
input. Without one, the command prints a request to start from, with the usual values of the newest accepted file.
"""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands.runs import outcome_told
from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.files import existing_file
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.output import Output, Shape
from cli.request_notes import notes
from cli.text import say
from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.contract.models import Column
from sluice.errors import NotFoundError
from sluice.model.shortening import listed
from sluice.model.values import Reading, category_text, parse_json
from sluice.ports import Answer

NAME = "ask"
HELP = "send a request to the model and print its answer"
EXAMPLE = """sluice ask shop '{"pages_viewed": 3, "device": "mobile"}'"""
JSON = Shape(
    {
        "request": "without a request: one to start from; else null",
        "status": "the HTTP status of the answer, or null",
        "variant": "the variant that answered, or null",
        "body": "the answer",
        "notes": "for a request with one record: unknown fields, missing features and unknown categories; without a "
        "request: texts to fill in",
    }
)
_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonlines", ".ndjson": "application/jsonlines"}
_SAID = {"clustering": "segment", "anomaly": "flagged as an anomaly"}
_SAMPLES: dict[str, Any] = {
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "timestamp": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "text": "",
}
_SHOWN = 5
_ISO = "%Y-%m-%dT%H:%M:%S"


def run(
    connection: Connection,
    project: Project,
    request: Annotated[
        str | None, typer.Argument(metavar="[JSON|FILE]", help="JSON text, a file, or - for standard input.")
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """0 when the model answered or no request was given, 1 when it did not answer."""
    world = connection.world
    project = known_project(world, project)
    out = Output(as_json)
    if request is None:
        _print_a_request(world, project, out)
        return 0
    body, content_type = read_request(request)
    if not body.strip():
        where = "stdin" if request == "-" else request
        raise CliError(f"the request was not sent, because {where} is empty. `sluice ask {project}` prints one to copy")
    noted = _noted(world, project, body, content_type)
    answer = send(world, project, body, content_type)
    text = answer.body.decode("utf-8", "replace")
    told = _parsed(text)
    out.result({"request": None, "status": answer.status, "variant": answer.variant, "body": told, "notes": noted})
    if answer.status != 200:
        raise CliError(_why_not(project, answer.status, text, told))
    if not as_json:
        say(text.strip())
        say(f"{_meaning(world, project, told)}{_source(told, answer)}", file=sys.stderr)
        for note in noted:
            say(f"note: {note}", file=sys.stderr)
    return 0


def _print_a_request(world: World, project: str, out: Output) -> None:
    """One to start from. Raises CliError when no model serves."""
    if world.ledger.champion(project) is None:
        raise CliError(_no_model(world, project))
    drafted = sample(world, project)
    to_fill = [name for name in drafted if drafted[name] == ""]
    noted = [f"fill in {listed(to_fill, _SHOWN)}: Sluice keeps no values of text columns"] if to_fill else []
    if not out.as_json:
        say(f"sluice ask {project} {shlex.quote(json.dumps(drafted, ensure_ascii=False))}")
        for note in noted:
            say(f"note: {note}", file=sys.stderr)
    out.result({"request": drafted, "status": None, "variant": None, "body": None, "notes": noted})


def _noted(world: World, project: str, body: bytes, content_type: str) -> list[str]:
    """What is to be said about a request with one record. Raises CliError where it has no value for any feature."""
    of = _single(world, project, body, content_type)
    if of is None:
        return []
    (contract, record), noted = of, notes(*of)
    if not any(record.get(name) not in (None, "") for name in contract.feature_columns):
        raise CliError(
            f"the request was not sent, because it has no value for any feature of {project}: {'; '.join(noted)}. "
            f"`sluice ask {project}` prints one to copy"
        )
    return noted


def _why_not(project: str, status: int | None, text: str, told: Any) -> str:
    if isinstance(told, dict) and 400 <= (status or 0) < 500 and "error" in told:
        return f"{project} refused the request: {told['error']}. `sluice ask {project}` prints one to copy"
    why = text.strip() or "no answer came in time"
    return f"{project} answered {status}: {why}. `sluice status {project}` says what serves"


def _single(world: World, project: str, body: bytes, content_type: str) -> tuple[Contract, dict[str, Any]] | None:
    """The contract and the record of a request with one; of several, the answer counts what was not used."""
    registered = world.ledger.contract(project)
    record = _parsed(body.decode("utf-8", "replace")) if content_type == "application/json" else None
    instances = record.get("instances") if isinstance(record, dict) else None
    if isinstance(instances, list) and len(instances) == 1:
        record = instances[0]
    elif instances is not None:
        return None
    if registered is None or not isinstance(record, dict):
        return None
    return Contract.model_validate(registered[0]), record


def read_request(request: str) -> tuple[bytes, str]:
    """The body and its content type. Raises CliError for what is neither JSON nor a file."""
    if request == "-":
        return sys.stdin.buffer.read(), "application/json"
    if request.lstrip()[:1] in ("{", "["):
        try:
            json.loads(request)
        except (ValueError, RecursionError) as error:
            raise CliError(f"the request is not JSON: {error}. `sluice ask PROJECT` prints one to copy") from None
        return request.encode(), "application/json"
    path = Path(request)
    try:
        existing_file(path)
    except CliError as error:
        raise CliError(
            f"the request is neither JSON (which begins with {{ or [) nor a file that can be read: {error}. "
            "`sluice ask PROJECT` prints a request to copy"
        ) from None
    return path.read_bytes(), _TYPES.get(path.suffix.lower(), "application/json")


def send(world: World, project: str, body: bytes, content_type: str) -> Answer:
    """Raises CliError when no model serves."""
    champion = world.ledger.champion(project)
    if champion is None:
        raise CliError(_no_model(world, project))
    if champion.serving == "asleep":
        raise CliError(f"the endpoint of {project} is asleep: `sluice wake {project}`, which takes minutes")
    return world.models.invoke(champion.endpoint, body, content_type)


def _no_model(world: World, project: str) -> str:
    record = next(iter(world.ledger.runs(project)), None)
    if record and record.get("outcome") not in (None, "promoted"):
        why = f"its last run ended, {outcome_told(record)}; `sluice why {record['run_id']}` says why"
        return f"no model of {project} yet: {why}"
    return f"no model of {project} yet: `sluice watch {project}` shows how far its run is"


def sample(world: World, project: str) -> dict[str, Any]:
    """A request with every feature of the contract, to start from."""
    registered = world.ledger.contract(project)
    if registered is None:
        return {}
    contract, profile = Contract.model_validate(registered[0]), _newest_profile(world, project)
    seen, spellings = profile.get("columns") or {}, profile.get("spellings") or {}
    found = {}
    for name in contract.feature_columns:
        usual = _usual(seen.get(name) or {}, contract.data.columns[name])
        found[name] = _as_written(usual, spellings.get(name) or {}, contract.reading(name))
    return found


def _as_written(value: Any, spellings: dict[str, str], reading: Reading) -> Any:
    """A time as the contract reads it, and a boolean as the file writes it where the model reads that: 1, "yes"."""
    if isinstance(value, datetime):
        return value.strftime(reading.dates[0] if reading.dates else _ISO)
    if not isinstance(value, bool):
        return value
    text = spellings.get(category_text(value), "")
    try:
        written = json.loads(text.lower())
    except ValueError:
        written = text
    try:
        return written if parse_json(written, "boolean", reading) is value else value
    except ValueError:
        return value


def _newest_profile(world: World, project: str) -> dict[str, Any]:
    """The profile of the newest accepted file that has one; {} if none has."""
    for dataset in reversed(world.ledger.datasets(project)):
        try:
            return dict(json.loads(world.objects.read(keys.profile(project, dataset["dataset_id"]))))
        except NotFoundError:
            continue
    return {}


def _usual(seen: dict[str, Any], column: Column) -> Any:
    """The mean of numbers, the most frequent of categories and booleans, the latest time; else any value."""
    kind, values = column.type, column.values
    if (mean := (seen.get("moments") or {}).get("mean")) is not None:
        return round(mean) if kind == "integer" else float(f"{mean:.4g}")
    if kind in ("category", "boolean") and seen.get("counts"):
        usual = max(seen["counts"], key=lambda value: seen["counts"][value])
        return usual == "true" if kind == "boolean" else usual
    if kind == "timestamp" and seen.get("max") is not None:
        return datetime.fromtimestamp(seen["max"], UTC)
    return values[0] if values else _SAMPLES.get(kind, "a")


def _meaning(world: World, project: str, answer: Any) -> str:
    """What one prediction says about the target, in words; nothing for several."""
    registered = world.ledger.contract(project)
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not registered or not isinstance(predictions, list) or len(predictions) != 1:
        return ""
    problem, found = registered[0]["problem"], predictions[0]
    is_boolean = problem["type"] == "binary" and isinstance(found.get("prediction"), bool)
    spellings = _newest_profile(world, project).get("spellings") or {} if is_boolean else {}
    words = spellings.get(problem.get("target")) or {}
    said = f"{_SAID.get(problem['type'], problem.get('target'))}: {_label(found.get('prediction'), words)}"
    if (score := found.get("score")) is not None:
        said += f" (anomaly score {score:.3g}, flagged from 0.5 on)"
    if (probability := found.get("probability")) is not None:
        of = problem["positive"] if problem["type"] == "binary" else found.get("prediction")
        said += f" (probability of {_label(of, words)}: {probability:.3g})"
    return f"{said}; "


def _label(value: Any, words: dict[str, str]) -> str:
    """A label as the file writes it, a number with the digits that a person reads; the answer above has all of them.

    `words`: "true" and "false" → how the file writes them.
    """
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
    return words.get(category_text(value), category_text(value)) if isinstance(value, bool) else str(value)


def _source(answer: Any, sent: Answer) -> str:
    """Whose answer it is: the run whose model it was, or the variant where the answer names none."""
    run = answer.get("model") if isinstance(answer, dict) else None
    return f"answered by the model of run {run}" if run else f"answered by {sent.variant}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
