"""Plain JSON read straight to the tables is answered as on the careful path, to the last bit, or left to it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.encoder import Encoder
from sluice.model.errors import InputError
from sluice.model.leaf_tables import LeafTables
from sluice.model.model import Model
from sluice.model.preparation.options import Targets
from sluice.model.schema import Schema
from sluice.model.table_rows import TableReader
from tests.unit.model.test_leaf_tables import forest

TYPES = {"n": "number", "i": "integer", "b": "boolean", "c": "category", "m": "number", "d": "category"}
TRAINING: list[dict[str, Any]] = [
    {"n": float(k), "i": float(k % 5), "b": k % 2 == 0, "c": "abc"[k % 3], "m": 0.5, "d": "only"} for k in range(30)
]
ENCODER = Encoder.fit(Schema(TYPES, tuple(TYPES)), {}, TRAINING)


def model(seed: int, problem: str, leaves: int = 16) -> Model:
    arrays = forest(seed, 11, leaves)  # whose columns 0 to 8 are n, i, b and the five of c, and m
    arrays["threshold"] = np.where((arrays["feature"] >= 3) & (arrays["feature"] < 8), 0.5, arrays["threshold"])
    chance = np.random.default_rng(seed)
    state = {
        "encoder": ENCODER.to_json(),
        "labels": {"problem": problem, "target": "y", "classes": [] if problem == "regression" else [False, True]},
        "family": "gradient_boosting",
        "run_id": "r1",
        "problem": {"type": problem},
        "scorer": {
            "scorer": "boosting",
            "output": "identity" if problem == "regression" else "expit",
            "width": ENCODER.width,
            "depth": 64,
        },
    }
    return Model(state, {**arrays, "value": chance.normal(size=len(arrays["feature"])), "start": np.array([0.1])})


MODELS = [model(seed, problem) for seed in (1, 2) for problem in ("binary", "regression")]

numbers = (
    st.sampled_from([-1.5, 0.0, -0.0, 0.25, 1, 0, 3.0e38, -3.0e38, 3.1e38, 5e-324, 2**60, 2**60 + 1, 10**400, True])
    | st.floats()
    | st.integers()
    | st.none()
)
anything = numbers | st.booleans() | st.text(max_size=2) | st.lists(st.none(), max_size=1)
record = st.fixed_dictionaries(
    {},
    optional={
        "n": numbers,
        "i": st.integers(-3, 9) | st.sampled_from([10**18, 1e18, -0.0, 0.5, 2.0, None, float("nan"), float("inf")]),
        "b": st.booleans() | st.none() | st.sampled_from([0, 1, 1.0, 2]),
        "c": st.sampled_from(["a", "b", "c", "", "new", 3, 3.0, True, None, " a", "b\t", " "]),
        "m": anything,
        "d": st.sampled_from(["only", "other", None]),
        "unknown": anything,
    },
)
plain = st.fixed_dictionaries(
    {"n": st.floats(-1e9, 1e9) | st.integers(-9, 9), "i": st.integers(-3, 9), "b": st.booleans() | st.none()},
    optional={"c": st.sampled_from(["a", "b", "c", "", "new", None]), "m": st.none() | st.floats(-2, 2)},
)


def careful(served: Model, records: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    try:
        return served.predict([served.encoder.schema.typed_json(each) for each in records])
    except InputError:
        return None


@given(st.lists(record, min_size=1, max_size=4) | st.lists(plain, min_size=1, max_size=12), st.sampled_from(MODELS))
def test_both_paths_answer_alike(records: list[dict[str, Any]], served: Model) -> None:
    assert served.reader is not None
    expected = careful(served, records)
    for many, wanted in ((records, expected), *(([one], careful(served, [one])) for one in records)):
        read = served.reader.read(many)
        if read is not None:
            assert wanted is not None, "what the careful path refuses is not to be answered here"
            assert json.dumps(served.direct(read).records()) == json.dumps(wanted)


@given(st.lists(plain, min_size=1, max_size=12), st.sampled_from(MODELS))
def test_plain_values_are_read_here(records: list[dict[str, Any]], served: Model) -> None:
    assert served.reader is not None
    assert served.reader.read(records) is not None


@pytest.mark.parametrize("records", [[], [3], [{"n": 1}, None], [[{"n": 1}]]])
def test_what_are_no_objects_is_left_to_the_careful_path(records: list[Any]) -> None:
    assert MODELS[0].reader is not None
    assert MODELS[0].reader.read(records) is None


@pytest.mark.parametrize("name", ["n", "c"])
def test_a_model_may_have_a_single_column(name: str) -> None:
    encoder = Encoder.fit(Schema({name: TYPES[name]}, (name,)), {}, TRAINING)
    arrays = forest(1, 5, 9)
    arrays["feature"] %= encoder.width
    tables = LeafTables.build(arrays, encoder.blocks)
    assert tables is not None
    reader = TableReader.build(encoder, tables)
    assert reader is not None
    records = [{name: row[name]} for row in TRAINING] + [{}, {name: None}]
    read = reader.read(records)
    assert read is not None
    expected = tables.places(encoder.encode([encoder.schema.typed_json(each) for each in records]))
    assert (tables.places_of_many(read.many, len(records)) == expected).all()


def test_models_say_how_they_serve() -> None:
    assert (MODELS[0].serving, MODELS[0].reader is not None) == ("compiled", True)
    large = model(1, "binary", leaves=65)
    assert (large.serving, large.reader) == ("walked", None)


def test_many_records_are_scored_in_parts() -> None:
    served = MODELS[0]
    records = [{"n": k / 7, "i": k % 5, "b": k % 3 == 0, "c": "abx"[k % 3], "m": k % 2} for k in range(4000)]
    assert served.reader is not None
    read = served.reader.read(records)
    assert read is not None
    assert served.direct(read).records() == careful(served, records)


KINDS = {"o": "category", "n": "number", "p": "category"}
CHOICES = [f"k{i:02d}" for i in range(60)]
LEARNED = [{"o": CHOICES[i % 60], "n": float(i), "p": "ab"[i % 2]} for i in range(600)]
TARGETS = Targets.of(np.array([i % 60 > 20 for i in range(600)], dtype=np.int64), 2)
BY_CATEGORY = Encoder.fit(Schema(KINDS, tuple(KINDS)), {}, LEARNED, encoding="ordinal", targets=TARGETS)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "o": st.sampled_from([*CHOICES, " k03", "new", "", None, True, 3]),
                "n": st.none() | st.floats(-5, 300),
                "p": st.sampled_from(["a", "b", "c", None]),
                "unknown": st.none(),
            },
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([1, 2, 3]),
)
def test_codes_and_means_of_categories_are_read_here_too(records: list[dict[str, Any]], seed: int) -> None:
    assert [part["kind"] for part, _ in BY_CATEGORY.widths] == ["ordinal", "target", "frequency", "number", "ordinal"]
    arrays = forest(seed, 9, 12)
    arrays["feature"] %= BY_CATEGORY.width
    chance = np.random.default_rng(seed)
    scales = np.array([60.0, 1.0, 0.03, 600.0, 2.0])[arrays["feature"]]
    arrays["threshold"] = chance.random(len(scales)) * scales
    tables = LeafTables.build(arrays, BY_CATEGORY.blocks)
    assert tables is not None
    reader = TableReader.build(BY_CATEGORY, tables)
    assert reader is not None
    schema = BY_CATEGORY.schema
    for many in (records, *([one] for one in records)):
        read = reader.read(many)
        if read is None:
            assert any(type(record.get("o")) not in (str, type(None)) for record in many)
            continue
        expected = tables.places(BY_CATEGORY.encode([schema.typed_json(each) for each in many]))
        found = (
            tables.places_of_one(read.one)[:, None] if len(many) == 1 else tables.places_of_many(read.many, len(many))
        )
        assert (found == expected).all()
        assert read.exact == all(set(record) == set(KINDS) for record in many)
