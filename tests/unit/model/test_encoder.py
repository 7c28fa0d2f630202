import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.encoder import Encoder
from sluice.model.errors import InputError, ModelError
from sluice.model.schema import Schema, category, from_json, from_text
from sluice.records.encoding import Encoding

CONTRACT = {
    "problem": {"type": "binary", "target": "y", "positive": True},
    "data": {
        "key": ["id"],
        "time": "at",
        "columns": {
            "id": {"type": "text"},
            "at": {"type": "timestamp"},
            "n": {"type": "number"},
            "i": {"type": "integer"},
            "b": {"type": "boolean"},
            "c": {"type": "category"},
            "t": {"type": "text"},
            "s": {"type": "timestamp"},
            "gone": {"type": "number"},
            "y": {"type": "boolean"},
        },
    },
    "features": {"drop": ["gone"]},
}
SCHEMA = Schema.from_contract(CONTRACT)
ROWS = st.fixed_dictionaries(
    {
        "n": st.none() | st.floats(-1e30, 1e30),
        "i": st.none() | st.integers(-(2**50), 2**50).map(float),
        "b": st.none() | st.booleans(),
        "c": st.none() | st.sampled_from(["red", "green", "ü", "0"]) | st.text(max_size=5).filter(bool),
        "t": st.none() | st.text(max_size=40),
        "s": st.none() | st.floats(-2e9, 4e9),
    }
)
TRAINING = [
    {"n": float(k), "i": float(k % 7), "b": k % 2 == 0, "c": ["red", "green"][k % 2], "t": f"word{k % 3}", "s": 1e9 + k}
    for k in range(40)
] + [{"c": "rare"}]


def read_back(encoder):
    arrays = {name.removeprefix("e0_"): array for name, array in encoder.arrays().items()}
    return Encoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)), arrays)


def test_key_time_target_and_dropped_columns_are_no_features():
    assert SCHEMA.features == ("n", "i", "b", "c", "t", "s")


@given(
    st.lists(ROWS, max_size=8),
    st.fixed_dictionaries(
        {
            "log": st.sampled_from([[], ["n"]]),
            "bins": st.sampled_from([{}, {"i": 4}, {"i": [0, 3]}]),
            "interactions": st.booleans(),
        }
    ),
)
def test_state_survives_json_and_encodes_to_the_same_bits(rows, features):
    encoder = Encoder.fit(SCHEMA, features, TRAINING)
    again = read_back(encoder)
    a, b = encoder.encode(rows), again.encode(rows)
    assert a.shape == (len(rows), encoder.width)
    assert len(encoder.names) == encoder.width
    assert a.tobytes() == b.tobytes()
    assert not np.isinf(a).any()


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_rows_are_encoded_alone_as_together(rows):
    encoder = Encoder.fit(SCHEMA, {"log": ["n"]}, TRAINING)
    together = encoder.encode(rows)
    assert np.concatenate([encoder.encode([row]) for row in rows]).tobytes() == together.tobytes()


@given(st.text(max_size=10))
def test_unseen_and_rare_categories_are_other_and_missing_is_missing(text):
    encoder = Encoder.fit(SCHEMA, {}, TRAINING)
    names = encoder.names
    value = text if text and text not in ("red", "green") else "rare"
    row = dict(zip(names, encoder.encode([{"c": value}])[0]))
    assert (row["c=red"], row["c=green"], row["c:other"], row["c:missing"]) == (0, 0, 1, 0)
    row = dict(zip(names, encoder.encode([{}])[0]))
    assert (row["c:other"], row["c:missing"]) == (0, 1)
    assert math.isnan(row["n"])
    assert math.isnan(row["b"])
    assert math.isnan(row["s:hour"])


def test_the_order_of_training_rows_does_not_matter():
    assert Encoder.fit(SCHEMA, {}, TRAINING).to_json() == Encoder.fit(SCHEMA, {}, TRAINING[::-1]).to_json()


def test_a_vocabulary_is_capped():
    rows = [{"c": f"v{k:03d}"} for k in range(90) for _ in range(6)]
    part = next(p for p in Encoder.fit(SCHEMA, {}, rows).parts if p["kind"] == "category")
    assert len(part["vocabulary"]) == 50
    assert part["grouped"] == {"categories": 40, "rows": 240}


def test_what_the_matrix_does_not_tell_apart_is_counted():
    numbers = [f"n{i:02d}" for i in range(15)]
    schema = Schema({**dict.fromkeys(numbers, "number"), "c": "category"}, (*numbers, "c"))
    rows = [{"c": "often"} for _ in range(9)] + [{"c": f"rare{k}"} for k in range(3)] + [{}]
    encoder = Encoder.fit(schema, {"interactions": True}, rows)
    assert encoder.left_out == {
        "grouped": {"c": {"categories": 3, "rows": 3}},
        "alike": {},
        "limited": {},
        "without_interactions": ["n12", "n13", "n14"],
        "texts": {},
        "forms": {**{name: ["number"] for name in numbers}, "c": ["category"]},
        "seasons": {},
    }
    assert read_back(encoder).left_out == encoder.left_out
    without = Encoder.fit(schema, {}, rows[:9]).left_out
    assert (without["grouped"], without["without_interactions"]) == ({}, [])
    notes = Encoding.model_validate(encoder.left_out).notes()
    assert notes[0] == "'c': 3 rare categories count as one, in 3 training rows"
    assert "'n12', 'n13', 'n14'" in notes[1]


@pytest.mark.parametrize("features", [{"log": ["c"]}, {"bins": {"nope": 3}}, {"bins": {"n": 1}}])
def test_options_that_fit_no_column_are_refused(features):
    with pytest.raises(ModelError, match=r"features\.(log|bins)"):
        Encoder.fit(SCHEMA, features, TRAINING)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("many", "number"), (True, "number"), (3.5, "integer"), ("ja", "boolean"), (2, "boolean"), ([], "category"),
     ([], "text"), ("not a time", "timestamp"), ({}, "number"), (17, "timestamp"), (10**400, "number")],
)  # fmt: skip
def test_json_values_of_another_type_are_refused_with_the_field(value, kind):
    with pytest.raises(InputError) as refused:
        from_json(value, kind, "f")
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["field"] == "f"


def test_text_and_json_agree():
    assert from_text("3.0", "integer") == from_json(3, "integer", "f") == 3.0
    assert from_text("TRUE", "boolean") is from_json(True, "boolean", "f") is True
    assert from_text("2026-01-01T00:00:00Z", "timestamp") == from_json("2026-01-01 00:00:00", "timestamp", "f")
    assert from_text("", "number") is None
    assert from_json(" ", "number", "f") is None
    assert from_json(math.nan, "number", "f") is None
    assert from_json("3", "number", "f") == from_json(3, "number", "f") == 3.0
    assert from_json(1e300, "number", "f") == from_text("1e300", "number") == 3.0e38
    assert [category(v) for v in (True, 3, 3.0, "3")] == ["true", "3", "3", "3"]
    for text in ("abc", "nan", "inf", "1e400"):
        with pytest.raises(ValueError, match="finite"):
            from_text(text, "number")
