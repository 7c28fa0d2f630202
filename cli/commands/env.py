"""Prints shell lines that point AWS tools, this command included, at the local cloud that runs.

Paste `eval "$(sluice env)"`. `eval "$(sluice env --unset)"` takes the variables away again.
"""

from __future__ import annotations

import json
import shlex
import socket
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli.connection import Connection
from cli.errors import CliError
from cli.options import Json, print_json
from cli.output import Shape
from cli.repository import clone
from cli.text import say

NAME = "env"
HELP = 'print shell lines for the local cloud: eval "$(sluice env)"'
EXAMPLE = 'eval "$(sluice env)"'
DOING = "looking for the local cloud"
FOLDER = ".localcloud"
"""In the clone: the state of its local cloud, and the log, localcloud.log."""
JSON = Shape({"AWS_ENDPOINT_URL": "the local cloud", "AWS_REGION": "its region"}, open=True)
_AWAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
"""These would win over the keys, or be sent with them."""


def run(
    connection: Connection,
    state: Annotated[Path | None, typer.Option(help="The local cloud's folder; default: .localcloud.")] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Print lines that unset the variables.")] = False,
    as_json: Json = False,
) -> int:
    """0 when a local cloud answers; CliError when none does."""
    if unset:
        say(f"unset {' '.join((*variables('', ''), 'SLUICE_STACK'))}")
        return 0
    endpoint, region = running(state or clone() / FOLDER)
    found = variables(endpoint, region)
    if connection.stack != "sluice":
        found["SLUICE_STACK"] = connection.stack
    if as_json:
        print_json(found)
        return 0
    say(f"unset {' '.join(_AWAY)}")
    for name, value in found.items():
        say(f"export {name}={shlex.quote(value)}")
    here = Path(sys.executable).parent
    if (here / "sluice").exists():
        folder = shlex.quote(str(here))
        say(f'case ":$PATH:" in *:{folder}:*) ;; *) export PATH={folder}:"$PATH" ;; esac')
    return 0


def variables(endpoint: str, region: str) -> dict[str, str]:
    """What the AWS SDKs and command lines read; boto3 reads the one name of the region, the others the other."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def running(state: Path) -> tuple[str, str]:
    """Endpoint and region of the local cloud whose folder `state` is. Raises CliError when it does not answer."""
    try:
        document = _document(state)
        endpoint, region = str(document["endpoint"]), str(document["region"])
        where = urlsplit(endpoint)
        with socket.create_connection((where.hostname or "", where.port or 80), timeout=2):
            return endpoint, region
    except (OSError, ValueError, KeyError):
        raise CliError(f"no local cloud runs with the folder {state}: start one with `make cloud`") from None


def speed(endpoint: str) -> float:
    """How many seconds of the local cloud at `endpoint` pass in one real second; 1 for any other endpoint."""
    try:
        document = _document(clone() / FOLDER)
        return float(document["speed"]) if document["endpoint"] == endpoint else 1.0
    except (CliError, OSError, ValueError, KeyError):
        return 1.0


def _document(state: Path) -> Any:
    """What a local cloud writes down about itself. Raises OSError or ValueError where there is none."""
    return json.loads((state / "localcloud.json").read_text(encoding="utf-8"))
