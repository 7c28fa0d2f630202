"""A time column as a feature by its seasons: only what comes back, never what goes on."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.preparation.forms import form_of
from sluice.model.preparation.seasons import DAY, UNITS, fit_seasonal, seasons_of, values_of
from sluice.model.schema import Schema
from sluice.records.encoding import Encoding

HOUR = 3600.0
START = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
CALENDAR = 146_097 * DAY
"""400 years, after which the calendar repeats, weekdays as well."""
TIMES = st.floats(-6e10, 2.4e11) | st.integers(-1, 1).map(float) | st.sampled_from([-1e-20, 86_399.999999])
CONTRACT: dict[str, Any] = {
    "problem": {"type": "regression", "target": "y", "metric": "rmse"},
    "data": {
        "key": ["at"],
        "time": "at",
        "columns": {"at": {"type": "timestamp"}, "price": {"type": "number"}, "y": {"type": "number"}},
    },
}
SEASONAL = {**CONTRACT, "features": {"time": "seasonal"}}


def every(seconds: float, days: float) -> list[float | None]:
    return [START + seconds * k for k in range(round(days * DAY / seconds))]


FORMS = [
    form_of({**fit_seasonal("at", [], encoding), "units": list(UNITS)}) for encoding in ("ordinal", "one-hot", "space")
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind}{form.width}")
@given(time=TIMES)
def test_a_part_repeats_with_the_calendar_and_is_bounded(form, time):
    """Whatever counts on (year, trend, row number) would differ after 400 years."""
    one, later = [0.0] * form.width, [0.0] * form.width
    form.write(time, one, 0)
    form.write(math.floor(time) + CALENDAR, later, 0)
    assert len(one) == form.width == len(form.names)
    assert max(map(abs, one)) <= (1 if form.kind == "waves" else 24)
    assert one == later


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_the_parts_are_those_of_the_date(moment):
    moment = moment.replace(tzinfo=UTC)
    out = [0.0] * 3
    FORMS[0].write((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), out, 0)
    near = moment + timedelta(microseconds=30)  # a double of seconds is no finer
    assert out in [[(60 * one.hour + one.minute) / 60, one.weekday(), one.month] for one in (moment, near)]


@pytest.mark.parametrize(
    ("times", "units"),
    [
        (every(HOUR, 1.5), []),
        (every(HOUR, 13), ["hour"]),
        (every(HOUR, 14), ["hour", "weekday"]),
        (every(900, 14), ["hour", "weekday"]),
        (every(HOUR, 700), ["hour", "weekday"]),
        (every(HOUR, 731), ["hour", "weekday", "month"]),
        (every(DAY, 13), []),
        (every(DAY, 20), ["weekday"]),
        (every(DAY, 731), ["weekday", "month"]),
        (every(7 * DAY, 400), []),
        (every(7 * DAY, 800), ["month"]),
        ([*every(HOUR, 14), None], ["hour", "weekday"]),
        ([START] * 500, []),
        ([], []),
        # years of rows with a gap: January twice, and never another month
        ([*every(DAY, 31), *(START + 366 * DAY + k * DAY for k in range(31))], ["weekday"]),
    ],
)
def test_a_part_counts_once_it_has_come_back(times, units):
    found = seasons_of(times)
    assert found.units == units
    assert {*found.units, *found.left_out} == set(UNITS)
    assert values_of(times).keys() == set(units)
    assert all(len(values) == len(times) for values in values_of(times).values())


@pytest.mark.parametrize("encoding", ["ordinal", "one-hot", "space"])
def test_one_row_is_encoded_as_many_and_a_missing_time_is_missing(encoding):
    schema = Schema.from_contract(SEASONAL)
    rows = [{"at": None if k % 7 == 0 else START + 977.0 * k, "price": float(k)} for k in range(3_000)]
    encoder = Encoder.fit(schema, SEASONAL["features"], rows, encoding=encoding)
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    matrix = encoder.encode(rows)
    assert matrix.shape == (3_000, encoder.width) == (3_000, len(encoder.names))
    np.testing.assert_array_equal(matrix, np.vstack([again.encode([row]) for row in rows]))
    assert np.isnan(matrix[::7, :-1]).all()
    assert np.isfinite(matrix[1::7]).all()
    later = [{**row, "at": row["at"] and row["at"] + CALENDAR} for row in rows]
    np.testing.assert_array_equal(encoder.encode(later), matrix)


def test_a_space_of_distances_has_less_of_it():
    assert [form.width for form in FORMS] == [3, 18, 6]


def test_what_is_left_out_is_told():
    rows = [{"at": time} for time in every(HOUR, 10)]
    encoder = Encoder.fit(Schema.from_contract(SEASONAL), SEASONAL["features"], rows)
    (note,) = Encoding.model_validate(encoder.left_out).notes()
    assert note.startswith("'at' is a feature by its hour; weekday is left out: its values are seen in 1.4 weeks")
    assert "month is left out: it is the same at all times" in note


def test_a_time_without_seasons_leaves_the_other_features():
    rows = [{"at": START, "price": float(k)} for k in range(50)]
    encoder = Encoder.fit(Schema.from_contract(SEASONAL), SEASONAL["features"], rows)
    assert encoder.names == ["price"]
    assert encoder.encode(rows).shape == encoder.encode(rows[:1]).repeat(50, 0).shape == (50, 1)
    (note,) = Encoding.model_validate(encoder.left_out).notes()
    assert note.startswith("'at' has no season; hour is left out: ")


def test_a_time_without_seasons_alone_is_refused():
    contract = {**SEASONAL, "features": {"time": "seasonal", "drop": ["price"]}}
    with pytest.raises(ModelError, match="'at' is the only feature, and no part of it repeats in the training rows"):
        Encoder.fit(Schema.from_contract(contract), contract["features"], [{"at": START}] * 50)


@pytest.mark.parametrize("features", [None, {}, {"time": "none"}])
def test_without_the_key_a_schema_is_what_it_was(features):
    contract = CONTRACT if features is None else {**CONTRACT, "features": features}
    written = '{"types": {"at": "timestamp", "price": "number", "y": "number"}, "features": ["price"]}'
    assert json.dumps(Schema.from_contract(contract).to_json()) == written
    assert Schema.from_json(json.loads(written)).seasonal is None


def test_with_it_the_time_is_a_feature_although_it_is_a_key():
    schema = Schema.from_contract(SEASONAL)
    assert (schema.features, schema.seasonal) == (("at", "price"), "at")
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
