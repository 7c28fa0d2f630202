"""What a model answers, whoever reads its captures can read; and no line keeps the others from being read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.contract import Contract
from sluice.release.answers import read_predictions
from sluice.watch.captures import parse_file

ANSWER = {"predictions": [{"prediction": "a", "probability": 0.5}], "model": "r1", "inference_id": "abc"}
JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"


def contract(**target: Any) -> Contract:
    columns = {
        "id": {"type": "text"},
        "pages": {"type": "integer"},
        "member": {"type": "boolean"},
        "word": {"type": "text"},
        "kind": target or {"type": "category", "values": ["a", "b"]},
    }
    return Contract.model_validate(
        {
            "project": "shop",
            "problem": {"type": "multiclass", "target": "kind"},
            "data": {"key": ["id"], "columns": columns},
        }
    )


def line(asked: str, kind: str = JSON, answer: str = json.dumps(ANSWER), answered: str = JSON) -> str:
    data = {
        "endpointInput": {"observedContentType": kind, "data": asked, "encoding": "JSON"},
        "endpointOutput": {"observedContentType": answered, "data": answer, "encoding": "JSON"},
    }
    return json.dumps({"captureData": data, "eventMetadata": {"inferenceTime": "2026-01-01T00:00:00Z"}})


@pytest.mark.parametrize(
    "poison",
    [
        # deeper than any limit of recursion: Hypothesis raises it
        line('{"pages": 3, "x": ' + 100_000 * "[" + 100_000 * "]" + "}"),
        line(f'"{"x" * 200_000}"\n', CSV),
        line("[3]"),
        "{",
        json.dumps({"captureData": {}}),
    ],
)
def test_a_line_that_cannot_be_read_hides_no_other(poison: str) -> None:
    requests, bad = parse_file("\n".join([poison, line('{"pages": 3}'), poison]).encode(), contract())
    assert ([request.rows for request in requests], bad) == ([[{"pages": 3}]], 2)


@pytest.mark.parametrize("answer", [f'"{"x" * 200_000}",0.5\n', "a,0.5,more\n", 'a"\rb,0.5\n', "a,often\n"])
def test_an_answer_that_cannot_be_read_is_malformed(answer: str) -> None:
    requests, bad = parse_file(line('{"pages": 3}', JSON, answer, CSV).encode(), contract())
    assert bad == 0
    assert [read_predictions(r.answers, len(r.rows), contract()).valid for r in requests] == [False]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("pages,member,word\n3,yes,x\n,no,\n", CSV),
        ("3,yes,x\n,no,\n", CSV),
        ("\ufeffid,pages,member,word\n,3,T,x\n,,F,\n", CSV),
        *(
            ('{"pages": 3, "member": true, "word": "x"}\n{"member": false}\n', name)
            for name in (LINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson; charset=utf-8")
        ),
        ('\ufeff{"pages": 3, "member": true, "word": "x"}\n{"member": false}\n', LINES),
        ('{"instances": [{"pages": 3, "member": true, "word": "x"}, {"member": false}]}', JSON),
    ],
)
def test_every_form_of_a_request_is_read_as_the_model_reads_it(asked: str, kind: str) -> None:
    two = json.dumps({**ANSWER, "predictions": 2 * ANSWER["predictions"]})
    (request,), bad = parse_file(line(asked, kind, two).encode(), contract())
    rows = [{name: value for name, value in row.items() if value is not None} for row in request.rows]
    assert (rows, bad) == ([{"pages": 3, "member": True, "word": "x"}, {"member": False}], 0)
    assert len(request.answers) == 2


def test_line_ends_of_unicode_end_no_line_of_json() -> None:
    asked = json.dumps({"word": "a\u2028b"}, ensure_ascii=False) + "\n"
    answer = json.dumps({"prediction": "a", "probability": 0.5, "inference_id": "abc"}) + "\n"
    (request,), bad = parse_file(line(asked, LINES, answer, "application/jsonl").encode(), contract())
    assert (request.rows, request.inference_id, bad) == ([{"word": "a\u2028b"}], "abc", 0)


@pytest.mark.parametrize("label", ["01", "12345678", "1e3", "0.10", "1_000", "nan", "a,b", 'a"b'])
def test_a_class_that_looks_like_a_number_stays_as_it_is(label: str) -> None:
    asked = contract(type="category", values=[label, "other"])
    text = '"' + label.replace('"', '""') + '",0.5\n'
    (request,), _ = parse_file(line('{"pages": 3}', JSON, text, CSV).encode(), asked)
    assert request.answers == [{"prediction": label, "probability": 0.5}]
    assert read_predictions(request.answers, 1, asked).labels == (json.dumps(label),)


@pytest.mark.parametrize("asked", ['{"PAGES": 3}', '{"inputs": [{"pages": 3}]}', "{broken", "[3]"])
def test_a_refused_request_is_read_as_refused(asked: str) -> None:
    refusal = json.dumps({"error": "no field is a feature of the model", "record": 1})
    (request,), bad = parse_file(line(asked, JSON, refusal).encode(), contract())
    assert (request.refused, request.rows, request.answers, bad) == (json.loads(refusal)["error"], [], [], 0)
    assert request.body == asked.encode()


def test_a_refused_header_is_read_as_refused() -> None:
    refusal = json.dumps({"error": "the first line is a header"})
    (request,), bad = parse_file(line("pages,membre,word\n3,yes,x\n", CSV, refusal).encode(), contract())
    assert (request.refused, request.rows, bad) == ("the first line is a header", [], 0)


def test_what_the_caller_says_of_a_header_is_kept() -> None:
    kind = "text/csv; header=present"
    (request,), _ = parse_file(line("pages,colour\n3,red\n", kind).encode(), contract())
    assert (request.rows, request.content_type, request.refused) == ([{"pages": 3}], kind, None)


def test_a_class_named_error_is_not_a_refusal() -> None:
    answer = json.dumps({"predictions": [{"prediction": "a", "probability": 0.5}], "error": "x"})
    (request,), _ = parse_file(line('{"pages": 3}', JSON, answer).encode(), contract())
    assert (request.refused, len(request.rows)) == (None, 1)


def test_a_first_line_in_the_contracts_own_format_is_a_row_as_for_the_endpoint() -> None:
    written = contract().model_dump(mode="json", exclude_unset=True)
    written["data"]["format"] = {"missing": ["NA"]}
    (request,), bad = parse_file(line("NA,NA,x\n", CSV).encode(), Contract.model_validate(written))
    assert (request.rows, bad) == ([{"pages": None, "member": None, "word": "x"}], 0)
