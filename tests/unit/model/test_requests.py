"""Whatever is sent to the model, it is answered or refused with a 4xx that says why; nothing else gets out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.learn import inference
from sluice.model.encoder import Encoder
from sluice.model.errors import InputError
from sluice.model.model import Model
from sluice.model.schema import Schema

TYPES = {"n": "number", "i": "integer", "b": "boolean", "c": "category", "t": "text", "at": "timestamp"}
KINDS = ["application/json", "application/jsonlines", "text/csv", "text/plain", "application/json; charset=utf-8", ""]


def model(types: dict[str, str], features: tuple[str, ...] | None = None) -> Model:
    rows: list[dict[str, Any]] = [{"n": 1.0, "i": 2.0, "b": True, "c": "ads", "t": "a shoe", "at": 0.0}] * 5
    encoder = Encoder.fit(Schema(types, features or tuple(types)), {}, rows)
    state = {
        "encoder": encoder.to_json(),
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
        "family": "baseline",
        "run_id": "r1",
        "problem": {"type": "binary"},
        "scorer": {"scorer": "constant", "output": "expit"},
    }
    return Model(state, {"answer": np.array([0.25, 0.75]), **encoder.arrays()})


MODELS = [model(TYPES), model({name: TYPES[name] for name in "nibc"})]


def ask(served: Model, body: str | bytes, kind: str, accept: str) -> tuple[int, str]:
    inference._loaded = served
    try:
        answered = inference.output_fn(inference.predict_fn(inference.input_fn(body, kind), served), accept)
    except InputError as refused:
        return refused.status, refused.body
    return 200, answered[0]


def only_unknown(body: str | bytes, kind: str) -> bool:
    """Whether a record of JSON has fields, and not one of the contract."""
    if kind.startswith("text") or not isinstance(body, str):
        return False
    try:
        documents = [json.loads(line) for line in (body.split("\n") if "lines" in kind else [body]) if line.strip()]
    except (ValueError, RecursionError):
        return False
    if "lines" not in kind and documents and isinstance(documents[0], dict) and "instances" in documents[0]:
        documents = documents[0]["instances"]
    return any(isinstance(document, dict) and document and not set(document) & set(TYPES) for document in documents)


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TYPES, "x"]), inner, max_size=4),
    max_leaves=8,
)
rows = st.dictionaries(st.sampled_from([*TYPES, "x", "instances"]), values, max_size=7)
documents = rows | values | st.lists(rows, min_size=8, max_size=10).map(lambda many: {"instances": many})
bodies = (
    documents.map(json.dumps)
    | st.lists(rows, max_size=10).map(lambda many: "\n".join(map(json.dumps, many)))
    | st.text(max_size=60)
    | st.binary(max_size=60)
    | st.lists(st.lists(st.sampled_from(["n", "c", "1", "x,", '"', "", "é", "1e999"]), max_size=6), max_size=4).map(
        lambda lines: "\n".join(",".join(line) for line in lines)
    )
)


@given(bodies, st.sampled_from(KINDS), st.sampled_from([*KINDS, "*/*"]), st.sampled_from(MODELS))
def test_every_request_is_answered_or_refused(body: str | bytes, kind: str, accept: str, served: Model) -> None:
    status, text = ask(served, body, kind, accept)
    assert status in (200, 400, 406, 415)
    if status == 200:
        assert not only_unknown(body, kind)
    else:
        refusal = json.loads(text)
        assert refusal["error"]
        assert "Traceback" not in text
        assert "Error" not in refusal["error"]


@pytest.mark.parametrize("served", MODELS)
@pytest.mark.parametrize("count", [1, 30])
def test_a_wrong_value_is_refused_with_its_field_in_one_row_and_in_many(served: Model, count: int) -> None:
    many = [{"n": 1}] * (count - 1) + [{"n": "many"}]
    status, text = ask(served, json.dumps({"instances": many}), "application/json", "*/*")
    message = f"record {count}: field 'n' must be a number, such as 12.5; the string is not one"
    assert (status, json.loads(text)) == (400, {"error": message, "field": "n", "record": count})


def test_every_answer_has_its_own_id() -> None:
    found = {json.loads(ask(MODELS[1], '{"n": 1}', KINDS[0], "*/*")[1])["inference_id"] for _ in range(20)}
    assert len(found) == 20


@pytest.mark.parametrize("served", MODELS)
def test_blanks_around_cells_change_no_answer(served: Model) -> None:
    features = served.encoder.schema.features
    cells = {"n": "1.5", "i": "4", "b": "TRUE", "c": "ads", "t": "a shoe", "at": "2026-01-31"}
    for missing in (None, *features):
        plain = ["" if name == missing else cells[name] for name in features]
        blank = [
            " " if name == missing else text if name == "t" else f" {text}\t" for name, text in zip(features, plain)
        ]
        rows = [
            inference.read("\n".join([",".join(features), ",".join(row)]), "text/csv", served) for row in (plain, blank)
        ]
        matrices = [served.encoder.encode(found.data) for found in rows]
        assert matrices[0].tobytes() == matrices[1].tobytes()
