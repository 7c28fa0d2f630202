"""Every form of a column and every step over the matrix: one row as many, through JSON and back, no number too big."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.preprocessing import PowerTransformer

from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.preparation.categories import SMOOTHING
from sluice.model.preparation.forms import FORMS, form_of
from sluice.model.preparation.matrix import Components, Select, UnitNorm
from sluice.model.preparation.numbers import fit_prepared, yeo_johnson
from sluice.model.preparation.options import Targets
from sluice.model.schema import Schema
from sluice.records.encoding import Encoding

SCHEMA = Schema({"n": "number", "i": "integer", "b": "boolean", "c": "category", "s": "timestamp"}, tuple("nibcs"))
TRAINING = [
    {
        "n": None if k % 11 == 0 else float(k - 60) ** 3,
        "i": float(k % 7),
        "b": k % 2 == 0,
        "c": None if k % 13 == 0 else f"k{k % 60 if k % 3 else 0}",
        "s": 1.7e9 + 7000.0 * k,
    }
    for k in range(240)
]
Y = np.array([k % 3 == 0 for k in range(240)], dtype=np.int64)
FOLD = np.arange(240) % 5
HUGE = [3.0e38, -3.0e38, 1e300, 5e-324, 0.0, -0.0]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.floats(-1e6, 1e6) | st.sampled_from([v for v in HUGE if abs(v) <= 3.0e38]),
            "i": st.none() | st.integers(-(2**50), 2**50).map(float),
            "b": st.none() | st.booleans(),
            "c": st.none() | st.sampled_from(["k0", "k1", "k59", "new", ""]),
            "s": st.none() | st.floats(-2e9, 2.5e11),
        }
    ),
    min_size=1,
    max_size=12,
)
NUMBERS = st.fixed_dictionaries(
    {
        "impute": st.sampled_from([None, "none", "median", "mean", "most_frequent", 3, -1.5]),
        "missing_indicator": st.booleans(),
        "outliers": st.sampled_from(["keep", "quantile", "z_score", "iqr"]),
        "transform": st.sampled_from([None, "none", "log", "square_root", "yeo_johnson"]),
        "scale": st.sampled_from([None, "standard", "min_max", "max_abs", "robust"]),
    }
)
ENCODINGS = st.sampled_from(["auto", "one_hot", "ordinal", "target", "frequency"])
DATES = st.sampled_from(["auto", "parts", "calendar", "cycles"])


def fit(features, encoding="one-hot", rows=TRAINING, y=Y, classes=2):
    return Encoder.fit(SCHEMA, features, rows, encoding=encoding, targets=Targets.of(y, classes))


def read_back(encoder):
    arrays = {name.removeprefix("e0_"): array for name, array in encoder.arrays().items()}
    return Encoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)), arrays)


def agree(encoder, rows):
    """The matrix of the rows, the same one by one and after a round trip."""
    matrix = encoder.encode(rows)
    assert matrix.shape == (len(rows), encoder.width)
    assert len(encoder.names) == encoder.width == len(set(encoder.names))
    assert np.concatenate([encoder.encode([row]) for row in rows]).tobytes() == matrix.tobytes()
    assert read_back(encoder).encode(rows).tobytes() == matrix.tobytes()
    assert not np.isinf(matrix).any()
    assert np.nanmax(np.abs(matrix), initial=0) <= 3.0e38
    return matrix


@settings(max_examples=60)
@given(ROWS, NUMBERS, ENCODINGS, DATES, st.sampled_from(["one-hot", "ordinal"]), st.booleans())
def test_one_row_is_encoded_as_many_whatever_is_asked_for(rows, numbers, encoding, dates, family, crossed):
    categories = {"encoding": encoding, "similar": "fold" if numbers["missing_indicator"] else "keep"}
    features = {"numbers": numbers, "categories": categories, "dates": dates, "interactions": crossed}
    matrix = agree(fit(features, family), rows)
    if numbers["impute"] not in (None, "none") and not crossed:
        named = [i for i, name in enumerate(fit(features, family).names) if name.split("(")[-1].rstrip(")") in "ni"]
        assert not np.isnan(matrix[:, named]).any()


@given(ROWS)
def test_steps_over_the_matrix_treat_one_row_as_many(rows):
    encoder = fit({})
    chance = np.random.default_rng(0)
    width = encoder.width
    fill, scale = np.zeros(width), np.full(width, 2.0)
    chosen = [0, *range(3, 12)]
    for stages in (
        [UnitNorm([0, 1])],
        [Select(chosen)],
        [Components(fill, fill, scale, chance.normal(size=(width, 1)))],
        [UnitNorm([0, 1]), Select(chosen), Components(fill[:10], fill[:10], scale[:10], chance.normal(size=(10, 3)))],
    ):
        staged = encoder.with_stages(stages)
        matrix = staged.encode(rows)
        assert matrix.shape == (len(rows), staged.width) == (len(rows), len(staged.names))
        assert np.concatenate([staged.encode([row]) for row in rows]).tobytes() == matrix.tobytes()
        assert read_back(staged).encode(rows).tobytes() == matrix.tobytes()
        assert staged.blocks == []


@pytest.mark.parametrize("values", [
    [], [None] * 30, [5.0] * 30, [None, 7.0], HUGE * 5, [3.0e38] * 30, [0.0] * 29 + [3.0e38],
])  # fmt: skip
@pytest.mark.parametrize("transform", [None, "log", "square_root", "yeo_johnson"])
def test_columns_with_nothing_to_learn_from_are_finite(values, transform):
    schema = Schema({"n": "number"}, ("n",))
    rows = [{"n": value} for value in values]
    for impute in ("median", "mean", "most_frequent", 0):
        for outliers in ("keep", "quantile", "z_score", "iqr"):
            for scale in ("standard", "min_max", "max_abs", "robust"):
                numbers = {"impute": impute, "outliers": outliers, "scale": scale, "transform": transform}
                encoder = Encoder.fit(schema, {"numbers": numbers}, rows)
                matrix = encoder.encode([{"n": value} for value in (*HUGE, None)])
                assert np.isfinite(matrix).all()
                json.dumps(encoder.to_json(), allow_nan=False)


@pytest.mark.parametrize("values", [[], [None] * 9, ["a"] * 9, ["a", None] * 9, [f"v{i}" for i in range(90)]])
@pytest.mark.parametrize("encoding", ["auto", "one_hot", "ordinal", "target", "frequency"])
def test_categories_with_nothing_to_learn_from_are_encoded(values, encoding):
    schema = Schema({"c": "category"}, ("c",))
    rows, y = [{"c": value} for value in values], np.arange(len(values)) % 2
    for family in ("one-hot", "ordinal"):
        for targets in (None, Targets.of(y, 2), Targets.of(y, 0), Targets.of(y, 12)):
            encoder = Encoder.fit(
                schema, {"categories": {"encoding": encoding}}, rows, encoding=family, targets=targets
            )
            matrix = encoder.encode([{"c": "a"}, {"c": "new"}, {}])
            assert matrix.shape == (3, encoder.width)
            assert not np.isinf(matrix).any()
            if targets is not None:
                out = encoder.encode_out_of_fold(rows, targets, np.arange(len(rows)) % 2)
                assert out.shape == (len(rows), encoder.width)
                assert not np.isinf(out).any()


def test_codes_go_by_frequency_and_unseen_and_rare_categories_share_one():
    rows = [{"c": "b"}] * 9 + [{"c": "a"}] * 7 + [{"c": "rare"}] * 2
    encoder = Encoder.fit(Schema({"c": "category"}, ("c",)), {}, rows, encoding="ordinal")
    found = encoder.encode([{"c": value} for value in ("b", "a", "rare", "new", None)])[:, 0].tolist()
    assert found[:4] == [0, 1, 2, 2]
    assert math.isnan(found[4])
    assert encoder.left_out["grouped"] == {"c": {"categories": 1, "rows": 2}}
    assert encoder.left_out["forms"] == {"c": ["ordinal"]}


def test_means_of_the_target_are_smoothed_and_do_not_know_their_own_row():
    rows = [{"c": "a"}] * 30 + [{"c": "b"}] * 10 + [{}] * 10
    y = np.array([1.0] * 30 + [4.0] * 10 + [2.0] * 10)
    targets = Targets.of(y, 0)
    encoder = Encoder.fit(
        Schema({"c": "category"}, ("c",)), {"categories": {"encoding": "target"}}, rows, targets=targets
    )
    prior = y.mean()
    expected = [(30 + SMOOTHING * prior) / (30 + SMOOTHING), (40 + SMOOTHING * prior) / (10 + SMOOTHING), prior]
    found = encoder.encode([{"c": value} for value in ("a", "b", "new")])
    assert found[:, 0] == pytest.approx(expected)
    assert found[:, 1].tolist() == [0.6, 0.2, 0.0]
    fold = np.arange(50) % 5
    own = encoder.encode_out_of_fold(rows, targets, fold)
    rest = y[fold != 0]
    assert own[0, 0] == pytest.approx((24 + SMOOTHING * rest.mean()) / (24 + SMOOTHING))
    # what a row has does not change with its own target
    other = y.copy()
    other[0] = 1000.0
    changed = encoder.encode_out_of_fold(rows, Targets.of(other, 0), fold)
    assert changed[0, 0] == own[0, 0]
    assert changed[1, 0] != own[1, 0]


def test_noise_with_many_categories_is_not_learned_by_heart():
    chance = np.random.default_rng(0)
    rows, y = [{"c": f"v{chance.integers(0, 400)}"} for _ in range(1000)], chance.integers(0, 2, 1000)
    targets = Targets.of(y, 2)
    encoder = Encoder.fit(Schema({"c": "category"}, ("c",)), {}, rows, encoding="ordinal", targets=targets)
    place = encoder.names.index("c:mean[1]")
    naive = np.corrcoef(encoder.encode(rows)[:, place], y)[0, 1]
    own = np.corrcoef(encoder.encode_out_of_fold(rows, targets, np.arange(1000) % 5)[:, place], y)[0, 1]
    assert naive > 0.4
    assert abs(own) < 0.1


def test_an_identifier_teaches_nothing():
    rows = [{"c": f"id{i}"} for i in range(500)]
    for family in ("one-hot", "ordinal"):
        encoder = Encoder.fit(
            Schema({"c": "category"}, ("c",)), {}, rows, encoding=family, targets=Targets.of(np.arange(500) % 2, 2)
        )
        assert len(encoder.parts) == 1
        assert encoder.parts[0]["vocabulary"] == []
        assert encoder.left_out["grouped"] == {"c": {"categories": 500, "rows": 500}}


CITIES = ["New York", "new york ", "NewYork", "NEW-YORK", "Zürich", "ZURICH", "A-", "A", "1.5", "15"]


@pytest.mark.parametrize("encoding", ["one_hot", "ordinal", "target", "frequency"])
def test_categories_that_are_spelled_alike_are_one_in_training_and_serving(encoding):
    schema = Schema({"city": "category"}, ("city",))
    rows = [{"city": city} for city in CITIES for _ in range(9)] + [{"city": "New York"}] * 5
    y = (np.arange(len(rows)) % 3 == 0).astype(np.int64)
    features = {"columns": {"city": {"encoding": encoding, "similar": "fold"}}}
    encoder = read_back(Encoder.fit(schema, features, rows, targets=Targets.of(y, 2)))
    matrix = encoder.encode(rows)
    groups = {spelling: matrix[CITIES.index(spelling) * 9].tobytes() for spelling in CITIES}
    assert len({groups[city] for city in CITIES[:4]}) == len({groups[city] for city in CITIES[4:6]}) == 1
    assert groups["A-"] != groups["A"] or encoding in ("frequency", "target")
    unseen = encoder.encode([{"city": "n.e.w york"}, {"city": "Zu\u0308rich"}, {"city": "Nwe York"}])
    assert unseen[0].tobytes() == groups["New York"], "a spelling that training has not seen"
    assert unseen[1].tobytes() == groups["Zürich"]
    assert unseen[2].tobytes() not in (groups["New York"], groups["Zürich"]), "a mistake is no spelling"
    assert encoder.left_out["alike"] == {"city": {"categories": 2, "spellings": 6, "rows": 36}}
    (note,) = [note for note in Encoding.model_validate(encoder.left_out).notes() if "spellings" in note]
    assert "6 spellings of 2 categories count as one each; 36 training rows" in note
    if encoding == "one_hot":
        assert "city=New York" in encoder.names
    if encoding == "target":
        fold = np.arange(len(rows)) % 4
        own = encoder.encode_out_of_fold(rows, Targets.of(y, 2), fold)
        rest = np.array([k for k, row in enumerate(rows) if row["city"] in CITIES[:4] and fold[k] != 0])
        prior = y[fold != 0].mean()
        assert own[0, 0] == pytest.approx((y[rest].sum() + 10 * prior) / (len(rest) + 10))


def test_numbers_are_multiplied_after_their_steps():
    rows = [{"a": float(i), "b": None if i % 2 else 1.0} for i in range(10)]
    features = {"interactions": True, "numbers": {"impute": 5, "missing_indicator": True}}
    encoder = Encoder.fit(Schema({"a": "number", "b": "number"}, ("a", "b")), features, rows)
    assert encoder.names == ["a", "a:missing", "b", "b:missing", "a*b"]
    assert encoder.encode([{"a": 3.0}])[0].tolist() == [3, 0, 5, 1, 15]


def test_long_lists_of_categories_keep_what_is_known_of_each():
    rows = [{"c": f"v{i % 300}"} for i in range(3000)]
    y = np.array([i % 300 > 150 for i in range(3000)], dtype=np.int64)
    encoder = Encoder.fit(Schema({"c": "category"}, ("c",)), {}, rows, targets=Targets.of(y, 2))
    assert encoder.left_out["forms"] == {"c": ["category", "target", "frequency"]}
    assert encoder.left_out["grouped"]["c"]["categories"] == 250
    low, high = encoder.encode([{"c": "v100"}, {"c": "v299"}])[:, encoder.names.index("c:mean[1]")]
    assert low < 0.3 < 0.7 < high
    many = [{"c": f"v{i % 150}"} for i in range(20_000)]
    assert len(Encoder.fit(Schema({"c": "category"}, ("c",)), {}, many).parts[0]["vocabulary"]) == 150


@given(st.floats(-50, 50), st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 1.7, 2.0, 4.0]))
def test_yeo_johnson_is_that_of_scipy(value, power):
    expected = stats.yeojohnson(np.array([value]), power)[0]
    assert yeo_johnson(value, power) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_its_power_makes_a_long_tail_normal():
    values = np.exp(np.random.default_rng(0).normal(size=2000))
    part = fit_prepared("n", {"transform": "yeo_johnson"}, values.tolist())
    expected = PowerTransformer().fit(values[:, None]).lambdas_[0]
    assert part["power"] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e30, -0.7, 1e-300, 0.0])
@pytest.mark.parametrize("rows", [1, 7, 777, 1000])
def test_equal_numbers_have_no_spread(value, rows):
    """Numpy's deviation of a thousand times 0.1 is 1.4e-17: divided by it, 0.2 would be 7e15."""
    part = fit_prepared("n", {"scale": "standard"}, [value] * rows)
    assert (part["center"], part["scale"]) == (value, 1.0)
    for method in ("z_score", "iqr"):
        part = fit_prepared("n", {"outliers": method}, [value] * rows)
        assert part["limited"] == 0
        assert form_of(part).of(0.2) == 0.2


def test_tiny_numbers_have_a_spread():
    values = [1e-300, 2e-300, 3e-300] * 10
    assert fit_prepared("n", {"outliers": "z_score"}, values)["limited"] == 0
    form = form_of(fit_prepared("n", {"scale": "standard"}, values))
    assert [form.of(value) for value in values[:3]] == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])


def test_a_column_that_log_names_is_not_what_is_said_of_all_numbers():
    parts = fit({"log": ["n"], "numbers": {"transform": "yeo_johnson", "impute": "mean"}}).parts
    assert [part["transform"] for part in parts if part["column"] in ("n", "i")] == ["log", "yeo_johnson"]


@pytest.mark.parametrize(("encoding", "other"), [("ordinal", 3), ("one_hot", 3), ("target", 1), ("frequency", 1)])
def test_rare_categories_are_counted_in_every_encoding(encoding, other):
    values = ["a"] * 20 + ["b"] * 20 + ["c"] * 2 + ["d"] * 2 + ["e"]
    rows, y = [{"c": value} for value in values], np.arange(45) % 2
    encoder = Encoder.fit(
        Schema({"c": "category"}, ("c",)), {"categories": {"encoding": encoding}}, rows, targets=Targets.of(y, 2)
    )
    rare = {1: 1, 3: 5}[other]
    assert encoder.left_out["grouped"] == {"c": {"categories": other, "rows": rare}}


def test_outliers_become_the_limit_and_are_counted():
    values = [*map(float, range(100)), 1e9]
    for method, limit in (("quantile", 0.01), ("z_score", 3), ("iqr", 2)):
        part = fit_prepared("n", {"outliers": method, "outlier_limit": limit}, values)
        assert part["limited"] >= 1
        assert form_of(part).of(1e9) == part["high"] < 1e9
        assert form_of(part).of(50.0) == 50
    encoder = Encoder.fit(
        Schema({"n": "number"}, ("n",)), {"numbers": {"outliers": "iqr"}}, [{"n": value} for value in values]
    )
    assert encoder.left_out["limited"] == {"n": 1}


def test_a_column_differs_from_the_others_where_the_contract_says_so():
    features = {"numbers": {"impute": "mean"}, "columns": {"i": {"impute": "none"}, "c": {"encoding": "ordinal"}}}
    encoder = fit(features)
    assert encoder.left_out["forms"] == {
        "n": ["prepared"],
        "i": ["number"],
        "b": ["boolean"],
        "c": ["ordinal"],
        "s": ["calendar", "cycles"],
    }


@pytest.mark.parametrize("columns", [
    {"c": {"scale": "standard"}}, {"n": {"encoding": "target"}}, {"n": {"dates": "cycles"}}, {"z": {"impute": "mean"}},
])  # fmt: skip
def test_options_for_columns_of_another_type_are_refused(columns):
    with pytest.raises(ModelError, match=r"features\.columns"):
        fit({"columns": columns})


def test_a_date_counts_once_in_a_space_of_distances():
    assert fit({}, "space").left_out["forms"]["s"] == ["timestamp"]
    assert fit({}, "ordinal").left_out["forms"]["s"] == ["calendar"]


def test_dates_go_round():
    encoder = fit({"dates": "cycles"})
    names = encoder.names
    midnight, late, noon = (encoder.encode([{"s": 1.7e9 - 1.7e9 % 86400 + hour * 3600}])[0] for hour in (0, 23, 12))
    hours = [names.index("s:sin(hour)"), names.index("s:cos(hour)")]
    assert np.linalg.norm((midnight - late)[hours]) < 0.3 < np.linalg.norm((midnight - noon)[hours])
    calendar = dict(zip(fit({"dates": "calendar"}).names, fit({"dates": "calendar"}).encode([{"s": 1709251200.0}])[0]))
    # 1 March 2024, a Friday, in the ninth week
    got = [calendar[f"s:{unit}"] for unit in ("hour", "weekday", "month", "day", "week", "minute", "weekend")]
    assert got == [0, 4, 3, 1, 9, 0, 0]


def test_rows_of_length_one():
    stage = UnitNorm([0, 1])
    rows = np.array([[3.0, 4.0, 7.0], [0.0, 0.0, 1.0], [np.nan, 2.0, 1.0], [3e38, 3e38, 0.0]])
    found = stage(rows)
    assert found[:2].tolist() == [[0.6, 0.8, 7.0], [0.0, 0.0, 1.0]]
    assert math.isnan(found[2, 0])
    assert found[2, 1] == 1.0
    assert found[3, :2] == pytest.approx([math.sqrt(0.5)] * 2)
    assert rows[0].tolist() == [3, 4, 7]


def test_every_form_is_made_of_a_part():
    for kind, form in FORMS.items():
        assert form.kind == kind
