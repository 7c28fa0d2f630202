"""What walk.sh needs to have happened, and no command does: `python -m tests.docs_run.scene begins COLUMN`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cli.connection import Connection
from sluice import keys, names
from sluice.bootstrap import World
from sluice.errors import EndpointBusyError
from sluice.store.held_changes import held_changes
from testing.line import wait_for

PROJECT = "shop"


def begins(world: World, column: str) -> None:
    """A measurement has found a fault in `column`, as the monitor writes it."""
    champion = world.ledger.champion(PROJECT)
    if champion is None:
        raise SystemExit(f"no model of {PROJECT} serves")
    at = datetime.now(UTC)
    since = (at - timedelta(minutes=1)).timestamp()
    triage = {"answer": "hold", "reason": "scale", "columns": [column], "sentence": "× 1,000", "since": since}
    report = {"at": at.isoformat(), "run_id": champion.run_id, "decision": "drifted", "triage": triage}
    world.objects.write(keys.monitor(PROJECT, "latest.json"), json.dumps(report).encode())


def newest_id(world: World) -> None:
    """Prints the id of the change that was found last."""
    sys.stdout.write(held_changes(PROJECT, ledger=world.ledger)[-1].change_id + "\n")


def settle(world: World) -> None:
    """Until the run that accepting the change has started is over; its model is rejected."""
    decided = set()

    def over() -> bool:
        runs = world.ledger.runs(PROJECT)
        if runs[0].get("trigger") != "drift":
            return False
        approval = runs[0].get("approval") or {}
        if approval.get("package_arn") and runs[0]["run_id"] not in decided:
            decided.add(runs[0]["run_id"])
            world.registry.decide(str(approval["package_arn"]), "Rejected", "the walk goes on")
        return world.ledger.lock(PROJECT) is None

    wait_for(over, "the retraining to end", also=lambda: str(world.ledger.runs(PROJECT)[:2]))


def in_service(world: World) -> None:
    """Until the endpoint is in service."""
    endpoint = names.endpoint(world.settings.stack, PROJECT)

    def serves() -> bool:
        try:
            state = world.models.endpoint(endpoint)
        except EndpointBusyError:
            return False
        return state is not None and state.status == "InService"

    wait_for(serves, f"{endpoint} in service")


def chat(port: str, bodies: str) -> None:
    """A chat on this machine: each body that is posted is a line of the file `bodies`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with Path(bodies).open("ab") as out:
                out.write(body + b"\n")
            self.send_response(200)
            self.end_headers()

    Path(bodies).touch()
    HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "chat":
        chat(*sys.argv[2:])
    scenes = {"begins": begins, "id": newest_id, "settle": settle, "in-service": in_service}
    scenes[sys.argv[1]](Connection().world, *sys.argv[2:])
