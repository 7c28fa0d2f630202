"""Sends one request to the model that serves, and prints its answer.

The request is JSON text, or a file: .json, .jsonl (one record in each line) or .csv with a header; `-` reads standard
input. Without one, the command prints a request to start from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.options import Project, print_json
from cli.text import say
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.ports import Answer

NAME = "ask"
HELP = "send a request to the model and print its answer"
EXAMPLE = """sluice ask shop '{"pages_viewed": 3, "device": "mobile"}'"""
_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonlines", ".ndjson": "application/jsonlines"}
_SAMPLES: dict[str, Any] = {
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "timestamp": "2026-01-31T12:00:00",
    "text": "",
}


def run(
    connection: Connection,
    project: Project,
    request: Annotated[
        str | None, typer.Argument(metavar="[JSON|FILE]", help="JSON text, a file, or - for standard input.")
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """0 when the model answered, 1 when it did not."""
    world = connection.world
    project = known_project(world, project)
    if request is None:
        raise CliError(f"say what to ask, for example: sluice ask {project} '{json.dumps(sample(world, project))}'")
    body, content_type = read_request(request)
    answer = send(world, project, body, content_type)
    text = answer.body.decode("utf-8", "replace")
    if as_json:
        print_json({"status": answer.status, "variant": answer.variant, "body": _parsed(text)})
    elif answer.status == 200:
        say(text.strip())
        say(f"answered by {answer.variant}", file=sys.stderr)
    if answer.status != 200:
        why = text.strip() or "no answer came in time"
        raise CliError(f"{project} answered {answer.status}: {why}. `sluice status {project}` says what serves")
    return 0


def read_request(request: str) -> tuple[bytes, str]:
    """The body and its content type. Raises CliError for what is neither JSON nor a file."""
    if request == "-":
        return sys.stdin.buffer.read(), "application/json"
    if request.lstrip()[:1] in ("{", "["):
        try:
            json.loads(request)
        except ValueError as error:
            raise CliError(f"the request is not JSON: {error}") from None
        return request.encode(), "application/json"
    path = Path(request)
    if not path.is_file():
        raise CliError(f"{request!r} is neither JSON (it would begin with {{ or [) nor a file")
    return path.read_bytes(), _TYPES.get(path.suffix.lower(), "application/json")


def send(world: World, project: str, body: bytes, content_type: str) -> Answer:
    """Raises CliError when no model serves."""
    champion = world.ledger.champion(project)
    if champion is None:
        raise CliError(f"no model of {project} has been released yet: `sluice status {project}` says what it waits for")
    if champion.serving == "asleep":
        raise CliError(f"the endpoint of {project} is asleep: `sluice wake {project}`, which takes minutes")
    return world.models.invoke(champion.endpoint, body, content_type)


def sample(world: World, project: str) -> dict[str, Any]:
    """A request with every feature of the contract, to start from."""
    registered = world.ledger.contract(project)
    columns = Contract.model_validate(registered[0]).feature_columns if registered else {}
    names = columns if isinstance(columns, dict) else dict.fromkeys(columns)
    plain = (registered[0]["data"]["columns"] if registered else {}) or {}
    return {name: _sample(plain.get(name) or {}) for name in names}


def _sample(column: dict[str, Any]) -> Any:
    values = column.get("values")
    return values[0] if values else _SAMPLES.get(str(column.get("type")), "a")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
