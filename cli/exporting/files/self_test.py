"""Starts the server of this folder, asks it the held-out rows, and compares its answers with the expected ones.

`python self_test.py` needs numpy. It exits with 0 when each answer is the expected one: the same prediction, and the
same number up to one part in a thousand million, since processors round the last digit differently.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_CLOSE = 1e-9
_PATIENCE = 60.0  # seconds until the server answers


def main() -> int:
    command = [sys.executable, str(_HERE / "server" / "serve.py"), "--model-dir", str(_HERE / "model"), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = int((server.stdout.readline() if server.stdout else "").split()[-1])
        return compare(f"http://127.0.0.1:{port}")
    except (IndexError, ValueError):
        print("the server did not start: see its messages above")
        return 1
    finally:
        server.terminate()
        server.wait(10)


def compare(server: str) -> int:
    """Each row by itself, then all in one request."""
    await_ping(server)
    rows, expected = lines("held_out.jsonl"), lines("expected.jsonl")
    wrong = [place for place, row in enumerate(rows) if not same(ask(server, row)["predictions"], [expected[place]])]
    together = ask(server, {"instances": rows})["predictions"] if rows else []
    whole = same(together, expected)
    for place in wrong[:5]:
        print(f"row {place}: {ask(server, rows[place])['predictions']}, expected {expected[place]}")
    if not whole:
        print("the answers to all rows in one request are not the expected ones")
    print(f"{len(rows) - len(wrong)} of {len(rows)} answers are the expected ones")
    return 1 if wrong or not whole else 0


def await_ping(server: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{server}/ping", timeout=5).read()  # noqa: S310  # nosec B310 - this machine's own server
            return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def ask(server: str, request: dict[str, Any]) -> dict[str, Any]:
    sent = urllib.request.Request(  # noqa: S310 - this machine's own server
        f"{server}/invocations", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=60) as answer:  # noqa: S310  # nosec B310 - this machine's own server
        found: dict[str, Any] = json.loads(answer.read())
        return found


def same(answers: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """Whether each answer has the members of the expected one, with the same values."""
    if len(answers) != len(expected):
        return False
    return all(
        one.keys() == two.keys() and all(alike(one[key], two[key]) for key in two)
        for one, two in zip(answers, expected)
    )


def alike(one: Any, two: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, two))
    return math.isclose(one, two, rel_tol=_CLOSE, abs_tol=_CLOSE) if numbers else one == two


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_HERE / name).read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
