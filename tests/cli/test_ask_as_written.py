"""A request to copy and an answer in words are written as the file is, and the model reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.app import main
from sluice.model.schema import Schema
from sluice.ports import Answer
from tests.cli.conftest import FakeConnection
from tests.cli.stack import serve
from tests.unit.steps.intake_world import arrive, shop

FILE = b"""\
id,old,new,open,odd,day,bought
a,1,yes,TRUE,T,31.12.2026,FALSE
b,1,yes,TRUE,T,30.12.2026,FALSE
c,0,no,FALSE,F,29.12.2026,TRUE
"""


def contract(target: str) -> dict[str, Any]:
    columns = {name: {"type": "boolean"} for name in ("old", "new", "open", "odd", "bought")}
    columns |= {"id": {"type": "text"}, "day": {"type": "timestamp", "dates": ["%d.%m.%Y"]}}
    problem = {"type": "binary", "target": target, "positive": True}
    return {"project": "shop", "problem": problem, "data": {"key": ["id"], "columns": columns}}


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_a_request_to_copy_is_written_as_the_file_is_and_read(capsys: Any, extension: str) -> None:
    body = FILE
    if extension == "jsonl":
        names, *rows = [line.split(",") for line in FILE.decode().splitlines()]
        body = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows).encode()
    at = shop(contract("bought"))
    arrive(at, body, f"raw/shop/day.{extension}")
    serve(at)
    assert main(["ask", "shop", "--json"], lambda _: FakeConnection(at)) == 0
    request = json.loads(capsys.readouterr().out)["request"]
    assert request == {"old": 1, "new": "yes", "open": True, "odd": "T", "day": "31.12.2026"}
    registered, _ = at.ledger.contract("shop") or ({}, "")
    read = Schema.from_contract(registered).typed_json(request)
    assert {name: read[name] for name in ("old", "new", "open", "odd")} == dict.fromkeys(
        ("old", "new", "open", "odd"), True
    )
    assert read["day"] is not None


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("bought", "bought: FALSE (probability of TRUE: 0.25); answered by the model of run r1"),
        ("old", "old: 0 (probability of 1: 0.25); answered by the model of run r1"),
        ("new", "new: no (probability of yes: 0.25); answered by the model of run r1"),
    ],
)
def test_an_answer_has_the_labels_of_the_file(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, target: str, told: str
) -> None:
    at = shop(contract(target))
    arrive(at, FILE)
    serve(at)
    body = b'{"predictions": [{"prediction": false, "probability": 0.25}], "model": "r1"}'
    monkeypatch.setattr(at.models, "invoke", lambda *_, **__: Answer(200, body, "v-r1"))
    assert main(["ask", "shop", '{"odd": "T"}'], lambda _: FakeConnection(at)) == 0
    assert capsys.readouterr().err.splitlines()[0] == told
