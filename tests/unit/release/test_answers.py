"""An endpoint's answer is read as strictly as the contract promises it, in each of its forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.learn import inference
from sluice.contract import Contract
from sluice.model.model import Answers
from sluice.release.answers import MALFORMED, Reading, read_answer

JSON, LINES, CSV, TABLE = "application/json", "application/jsonlines", "text/csv", "text/csv; header=present"
COLUMNS = {"id": {"type": "text"}, "pages": {"type": "number"}, "bought": {"type": "boolean"}}
HEAD = "prediction,probability,model,inference_id\n"


def contract(kind: str = "binary", target: dict[str, Any] | None = None) -> Contract:
    problem = {"type": kind, "target": "bought", **({"positive": True} if kind == "binary" else {})}
    columns = {**COLUMNS, "bought": target or COLUMNS["bought"]}
    gate = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[kind]
    limit = {"max": 9.0} if kind == "regression" else {"min": 0.5}
    return Contract.model_validate(
        {
            "project": "shop",
            "problem": problem,
            "data": {"key": ["id"], "columns": columns},
            "gates": [{"metric": gate, **limit}],
        }
    )


def as_json(*answers: Any) -> str:
    return json.dumps({"predictions": answers, "model": "r1", "inference_id": "abc"})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (as_json({"prediction": True, "probability": 0.75}, {"prediction": False, "probability": 0.25}), JSON),
        (
            '{"prediction": true, "probability": 0.75, "model": "r1"}\n{"prediction": false, "probability": 0.25}\n',
            LINES,
        ),
        ("true,0.75\nfalse,0.25\n", CSV),
        (HEAD + "true,0.75,r1,abc-0\nfalse,0.25,r1,abc-1\n", TABLE),
        (HEAD + "true,0.75,r1,abc-0\nfalse,0.25,r1,abc-1\n", "Text/CSV; header=present; charset=utf-8"),
    ],
)
def test_the_same_is_read_from_each_form(text: str, kind: str) -> None:
    read = read_answer(text.encode(), kind, 2, contract())
    assert read == Reading(True, ("true", "false"), (0.75, 0.25))
    assert read_answer(text.encode(), kind, 1, contract()) == MALFORMED
    assert read_answer(text.encode(), kind, 3, contract()) == MALFORMED


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", JSON),
        ("[]", JSON),
        ("{}", JSON),
        ("\xff", JSON),
        ('{"predictions": [{"prediction": true, "probability": NaN}]}', JSON),
        (as_json({"prediction": True}), JSON),
        (as_json({"probability": 0.5}), JSON),
        (as_json({"prediction": None, "probability": 0.5}), JSON),
        (as_json({"prediction": [True], "probability": 0.5}), JSON),
        (as_json({"prediction": "perhaps", "probability": 0.5}), JSON),
        (as_json({"prediction": True, "probability": 1.5}), JSON),
        (as_json({"prediction": True, "probability": True}), JSON),
        (as_json({"prediction": True, "probability": "0.5"}), JSON),
        ("0.5", LINES),
        ("", CSV),
        ("true", CSV),
        ("true,often", CSV),
        (HEAD, TABLE),
        ("<html>", "text/html"),
    ],
)
def test_what_a_caller_could_not_use_is_malformed(text: str, kind: str) -> None:
    assert read_answer(text.encode("latin-1"), kind, 1, contract()) == MALFORMED


def test_numbers_and_classes_have_what_is_theirs() -> None:
    number = contract("regression", {"type": "number"})
    assert read_answer(b"3.5\n", CSV, 1, number) == Reading(True, (), (3.5,))
    assert read_answer(b"prediction,model,inference_id\n3.5,r1,abc\n", TABLE, 1, number) == Reading(True, (), (3.5,))
    classes = contract("multiclass", {"type": "category", "values": ["a", "b"]})
    assert read_answer(b"a,0.5\n", CSV, 1, classes) == Reading(True, ('"a"',), ())
    assert read_answer(b"c,0.5\n", CSV, 1, classes) == MALFORMED


@given(
    st.lists(
        st.tuples(st.text(min_size=1).filter(lambda text: text.strip() and "\x00" not in text), st.floats(0, 1)),
        min_size=1,
    )
)
def test_csv_says_what_json_says(answers: list[tuple[str, float]]) -> None:
    labels, probabilities = map(list, zip(*answers))
    classes = contract("multiclass", {"type": "text"})
    told = inference.Answered(Answers(labels, probabilities), "r1")
    body, kind = inference.output_fn(told, JSON)
    expected = read_answer(body.encode(), kind, len(answers), classes)
    assert expected.valid
    for accept in (LINES, CSV, TABLE):
        body, kind = inference.output_fn(told, accept)
        assert read_answer(body.encode(), kind, len(answers), classes) == expected
