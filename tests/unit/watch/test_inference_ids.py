"""Late labels name a request by the id in its answer, by the caller's own id, or by the key columns."""

from __future__ import annotations

import json
from typing import Any

from sluice.contract import Contract
from sluice.watch.captures import parse_file
from sluice.watch.labels import labelled

ROWS = [{"pages": 1}, {"pages": 2}]
ANSWERS = [{"prediction": True, "probability": 0.75}, {"prediction": False, "probability": 0.25}]


CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "binary", "target": "bought", "positive": True},
        "data": {"columns": {"pages": {"type": "integer"}, "bought": {"type": "boolean"}}},
    }
)


def captured(rows: list[Any], inference_id: str | None = None) -> bytes:
    document = {"predictions": ANSWERS[: len(rows)], "model": "r1", "inference_id": "abc"}
    question = rows[0] if len(rows) == 1 else {"instances": rows}
    parts = {"endpointInput": question, "endpointOutput": document}
    data = {
        name: {"observedContentType": "application/json", "data": json.dumps(part), "encoding": "JSON"}
        for name, part in parts.items()
    }
    meta = {"inferenceId": inference_id} if inference_id else {}
    return json.dumps({"captureData": data, "eventMetadata": meta}).encode()


def joined(body: bytes, *names: str) -> list[tuple[Any, float]]:
    requests, bad = parse_file(body, CONTRACT)
    assert bad == 0
    found = labelled({(name,): True for name in names}, requests, CONTRACT)
    return [(each.label, each.answer["probability"]) for each in found]


def test_one_row_is_named_by_the_answers_id() -> None:
    assert joined(captured(ROWS[:1]), "abc", "other") == [(True, 0.75)]


def test_the_callers_id_goes_before_it() -> None:
    assert joined(captured(ROWS[:1], "mine"), "abc") == []
    assert joined(captured(ROWS[:1], "mine"), "mine") == [(True, 0.75)]


def test_the_rows_of_a_request_are_numbered_from_zero() -> None:
    assert joined(captured(ROWS), "abc-1", "abc-0", "abc") == [(True, 0.25), (True, 0.75)]


def test_lines_of_json_name_their_rows_as_json_does() -> None:
    lines = [{**answer, "model": "r1", "inference_id": f"abc-{n}"} for n, answer in enumerate(ANSWERS)]
    parts = {"endpointInput": ROWS, "endpointOutput": lines}
    data = {
        name: {
            "observedContentType": "application/jsonlines",
            "data": "\n".join(map(json.dumps, part)),
            "encoding": "JSON",
        }
        for name, part in parts.items()
    }
    body = json.dumps({"captureData": data, "eventMetadata": {}}).encode()
    assert joined(body, "abc-1", "abc-0", "abc") == [(True, 0.25), (True, 0.75)]


def test_a_table_of_csv_names_its_rows_too_and_plain_lines_do_not() -> None:
    head = "prediction,probability,model,inference_id"
    table = "\n".join([head, "true,0.75,r1,abc-0", "false,0.25,r1,abc-1"])
    plain = "true,0.75\nfalse,0.25"
    kind = "text/csv; header=present; charset=utf-8"
    asked = {"observedContentType": "application/json", "data": json.dumps({"instances": ROWS}), "encoding": "JSON"}

    def body(text: str) -> bytes:
        told = {"observedContentType": kind, "data": text, "encoding": "CSV"}
        return json.dumps({"captureData": {"endpointInput": asked, "endpointOutput": told}}).encode()

    assert joined(body(table), "abc-1", "abc-0", "abc") == [(True, 0.25), (True, 0.75)]
    assert parse_file(body(table), CONTRACT)[0][0].model == "r1"
    assert joined(body(plain), "abc-1") == []
