"""`features`: what cannot be carried out is refused at registration, in words that name the key."""

import pytest

from sluice.contract import Contract
from sluice.contract.consistency import violations
from sluice.contract.features import ColumnFeatures, Features
from sluice.errors import SluiceError
from sluice.model.encoder import Encoder
from sluice.model.preparation import options
from sluice.model.schema import Schema

COLUMNS = {
    "n": {"type": "number"}, "c": {"type": "category"}, "s": {"type": "timestamp"}, "t": {"type": "text"},
    "y": {"type": "boolean"},
}  # fmt: skip


def contract(features, **problem):
    known = {"type": "binary", "target": "y", "positive": True, "metric": "roc_auc", **problem}
    return Contract.model_validate(
        {"project": "shop", "problem": known, "data": {"columns": COLUMNS}, "features": features}
    )


@pytest.mark.parametrize(("features", "said"), [
    ({"columns": {"c": {"scale": "standard"}}}, "features.columns.c.scale: 'c' is category; `scale` is for columns"),
    ({"columns": {"n": {"encoding": "target"}}}, "features.columns.n.encoding: 'n' is number"),
    ({"columns": {"n": {"dates": "cycles"}}}, "features.columns.n.dates: 'n' is number"),
    ({"columns": {"y": {}}}, "features.columns.y: 'y' is not a feature"),
    ({"columns": {"n": {"similar": "fold"}}}, "features.columns.n.similar: 'n' is"),
    ({"columns": {"n": {"scale": "robust"}}, "bins": {"n": 4}}, "'n' is cut into bins by features.bins"),
    ({"columns": {"n": {"transform": "square_root"}}, "log": ["n"]}, "but features.log names 'n'"),
    ({"components": 3, "select": {"model": 5}}, "features.components replaces the columns that features.select keeps"),
])  # fmt: skip
def test_what_does_not_fit_the_columns_is_refused(features, said):
    assert any(said in sentence for sentence in violations(contract(features)))


@pytest.mark.parametrize(("time", "features", "said"), [
    (None, {}, "features.time is seasonal, but data.time names no column"),
    ("s", {"drop": ["s"]}, "features.drop names 's', whose seasons features.time makes features"),
    ("s", {"columns": {"s": {"dates": "parts"}}}, "features.columns.s: its seasons are chosen by features.time"),
])  # fmt: skip
def test_seasons_are_those_of_the_time_and_of_nothing_else(time, features, said):
    known = contract({"time": "seasonal", **features})
    known = known.model_copy(update={"data": known.data.model_copy(update={"time": time})})
    assert any(said in sentence for sentence in violations(known))


@pytest.mark.parametrize("key", [[], ["s"], ["n", "s"]])
def test_contract_and_model_agree_on_the_features(key):
    for asked in ("none", "seasonal"):
        plain = contract({}).model_dump(mode="json", exclude_unset=True)
        plain["data"] |= {"time": "s", "key": key}
        plain["features"] = {"time": asked}
        known = Contract.model_validate(plain)
        assert violations(known) == []
        assert tuple(known.feature_columns) == Schema.from_contract(plain).features
        assert ("s" in known.feature_columns) == (asked == "seasonal")


@pytest.mark.parametrize("features", [
    {"preparation": "auto"}, {"select": {"mutual_information": 3}}, {"select": {"model": 3}},
    {"categories": {"encoding": "target"}}, {"columns": {"c": {"encoding": "target"}}},
])  # fmt: skip
def test_nothing_is_learned_from_a_target_that_there_is_not(features):
    columns = {name: column for name, column in COLUMNS.items() if name != "y"}
    known = {"project": "shop", "problem": {"type": "clustering"}, "data": {"columns": columns}}
    assert violations(Contract.model_validate({**known, "features": {"select": {"min_variance": 0}}})) == []
    (said,) = violations(Contract.model_validate({**known, "features": features}))
    assert "is learned from the target, and a clustering problem learns from none" in said


@pytest.mark.parametrize(("features", "said"), [
    ({"numbers": {"impute": "middle"}}, "impute"),
    ({"numbers": {"outlier_limit": 3}}, "`outlier_limit` needs `outliers`"),
    ({"numbers": {"outliers": "quantile", "outlier_limit": 3}}, "at most 0.25"),
    ({"rows": {"outliers": "isolation_forest", "share": 0.5}}, "less than or equal to 0.2"),
    ({"rows": {"outliers": "lof", "limit": 4}}, "`limit` needs `outliers`: z_score or iqr"),
    ({"categories": {"similar": "guess"}}, "keep"),
    ({"columns": {"zzz": {}}}, "features.columns names the column 'zzz'"),
    ({"categories": {"encoding": "binary"}}, "one_hot"),
])  # fmt: skip
def test_unknown_options_are_refused(features, said):
    with pytest.raises((ValueError, SluiceError), match=said):
        contract(features)


def test_a_contract_without_options_and_one_with_all_agree_with_the_columns():
    everything = {
        "numbers": {"impute": "median", "missing_indicator": True, "outliers": "iqr", "outlier_limit": 2.5,
                    "transform": "yeo_johnson", "scale": "robust"},
        "categories": {"encoding": "target", "max_one_hot": 20, "min_rows": 3, "similar": "fold"},
        "dates": "cycles",
        "columns": {"n": {"impute": 0, "transform": "none"}, "c": {"encoding": "frequency", "similar": "keep"},
                    "s": {"dates": "parts"}},
        "rows": {"outliers": "lof", "share": 0.02},
        "unit_norm": True,
        "select": {"min_variance": 0.0, "mutual_information": 10},
    }  # fmt: skip
    for features in ({}, everything):
        assert violations(contract(features)) == []


def test_the_encoder_knows_what_the_contract_may_say():
    """The jobs have no pydantic: they read the plain JSON."""
    assert Features.model_fields["dates"].annotation.__args__ == options.DATES
    assert ColumnFeatures.model_fields["encoding"].annotation.__args__[0].__args__ == options.ENCODINGS
    assert ColumnFeatures.model_fields["similar"].annotation.__args__[0].__args__ == options.SIMILAR
    schema = Schema({name: column["type"] for name, column in COLUMNS.items()}, ("n", "c", "s", "t"))
    rows = [{"n": float(i), "c": "ab"[i % 2], "s": 1e9 + i, "t": "word"} for i in range(20)]
    plain = contract({}).features.model_dump(mode="json")
    assert Encoder.fit(schema, plain, rows).to_json() == Encoder.fit(schema, {}, rows).to_json()
    for key in ("impute", "outliers", "transform", "scale"):
        kinds = Features.model_fields["numbers"].annotation.model_fields[key].annotation.__args__
        for value in (value for kind in kinds for value in getattr(kind, "__args__", ())):
            asked = contract({"numbers": {key: value}}).features.model_dump(mode="json")
            encoder = Encoder.fit(schema, asked, rows)
            plain_form = value in ("none", "keep")
            assert encoder.left_out["forms"]["n"] == (
                ["number"] if plain_form else ["log"] if value == "log" else ["prepared"]
            )
