"""Texts on their way to the families: sparse for linear ones, as scores that do not know the row for the others."""

import numpy as np
import preparing
import pytest
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from families import FAMILIES, Task
from parity import check
from sluice.model.errors import ModelError
from sluice.model.model import Model
from sluice.model.schema import Schema
from sluice.records.encoding import Encoding

SCHEMA = Schema({"t": "text", "n": "number", "y": "category"}, ("t", "n"))
TASKS = {
    "binary": Task("binary", 2, "roc_auc"),
    "multiclass": Task("multiclass", 3, "macro_f1"),
    "regression": Task("regression", 0, "rmse"),
}
WORDS = ("kettle", "laptop", "trousers")


def data(problem, rows=240, seed=0):
    """Titles that say the class by one word among others, which are unlike from row to row."""
    chance = np.random.default_rng(seed)
    k = chance.integers(0, 2 if problem == "binary" else 3, rows)
    found = [
        {"t": None if chance.random() < 0.03 else f"a {WORDS[c]} {chance.integers(0, 50)}", "n": float(chance.normal())}
        for c in k
    ]
    return found, k + chance.normal(0, 0.1, rows) if problem == "regression" else k


def learned(family, problem):
    rows, y = data(problem)
    task = TASKS[problem]
    encoder, sample = preparing.prepared(FAMILIES[family], SCHEMA, {}, rows, y, task)
    fitted = FAMILIES[family].fit(FAMILIES[family].hyperparameters({}), task, sample)
    arrays, scorer = FAMILIES[family].export(fitted)
    classes = [] if problem == "regression" else list("abc"[: task.classes])
    state = {
        "family": family,
        "run_id": "r",
        "problem": {},
        "labels": {"problem": problem, "target": "y", "classes": classes},
        "encoder": encoder.to_json(),
        "scorer": scorer,
    }
    return encoder, sample, fitted, Model(state, {**arrays, **encoder.arrays()})


@pytest.mark.parametrize("problem", TASKS)
@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
def test_what_a_text_says_is_learned_and_exported(family, problem):
    encoder, sample, fitted, model = learned(family, problem)
    fresh, y = data(problem, seed=1)
    assert check(model, FAMILIES[family], fitted, TASKS[problem], fresh) <= FAMILIES[family].tolerance
    given = [row["t"] is not None for row in fresh]
    answer = model.score(fresh)[given]
    if problem == "regression":
        assert np.abs(answer - y[given]).mean() < 0.2
    else:
        assert (answer.argmax(axis=1) == y[given]).mean() > 0.98
    assert (sample.words is not None) == (family == "logistic_regression")
    assert encoder.width == sample.matrix.shape[1]
    one = np.concatenate([model.score([row]) for row in fresh[:20]])
    assert np.abs(one - model.score(fresh[:20])).max() < 1e-12


def test_training_rows_have_scores_of_models_that_have_not_seen_them():
    y = np.random.default_rng(5).integers(0, 2, 240)  # nothing can be learned, but every row can be remembered
    rows = [{"t": f"w{i // 2} x{i // 3} y{i // 5} z{i // 7}", "n": 0.0} for i in range(240)]
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], SCHEMA, {}, rows, y, TASKS["binary"])
    assert ((encoder.encode(rows)[:, -1] > 0) == y).mean() > 0.8
    assert ((sample.matrix[:, -1] > 0) == y).mean() < 0.65
    assert encoder.names[-1].startswith("text:score")
    assert sample.matrix[:, :-1].tobytes() == encoder.encode(rows)[:, :-1].tobytes()


def test_the_baseline_has_no_scores_and_many_classes_have_none():
    rows, y = data("binary")
    encoder, sample = preparing.prepared(FAMILIES["baseline"], SCHEMA, {}, rows, y, TASKS["binary"])
    assert sample.words is None
    assert not any("score" in name for name in encoder.names)
    many = Task("multiclass", preparing.MAX_SCORED_CLASSES + 1, "macro_f1")
    encoder, _ = preparing.prepared(FAMILIES["random_forest"], SCHEMA, {}, rows, y, many)
    assert not any("score" in name for name in encoder.names)


MIXED = Schema(
    {**dict.fromkeys(("a", "b", "noise", "flat"), "number"), "c": "category"}, ("a", "b", "noise", "flat", "c")
)


def mixed(rows=300, far=0):
    """`a` says the class, `b` says it less well; the first `far` rows are unlike all others."""
    chance = np.random.default_rng(2)
    y = chance.integers(0, 2, rows)
    found = [
        {
            "a": k + chance.normal(0, 0.2),
            "b": None if chance.random() < 0.1 else k + chance.normal(0, 0.8),
            "noise": chance.normal(),
            "flat": 7.0,
            "c": "xy"[chance.integers(0, 2)],
        }
        for k in y
    ]
    for i in range(far):
        found[i] |= {"a": 50.0, "noise": -80.0}
    return found, y


@pytest.mark.parametrize(("method", "limit"), [("z_score", None), ("iqr", None), ("z_score", 6.0), ("iqr", 9.0)])
def test_rows_with_a_number_beyond_the_limits_of_its_column_are_left_out(method, limit):
    rows, y = mixed(far=2)
    for place, row in enumerate(rows):
        row["flat"] = 0.0 if place % 4 else 1.0  # half of its values are the same: none is an outlier
    features = {"rows": {"outliers": method, "limit": limit}}
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, features, rows, y, TASKS["binary"])
    assert encoder.left_out["rows_dropped"] == 2 == 300 - len(sample.y)
    assert np.nanmax(sample.matrix[:, 0]) < 10


@pytest.mark.parametrize("method", ["isolation_forest", "lof", "elliptic_envelope", "one_class_svm", "dbscan"])
def test_training_rows_unlike_the_others_are_left_out_and_counted(method):
    rows, y = mixed(far=3)
    features = {"rows": {"outliers": method, "share": 0.01}}
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, features, rows, y, TASKS["binary"])
    dropped = encoder.left_out["rows_dropped"]
    assert len(sample.y) == len(sample.matrix) == 300 - dropped
    assert dropped == 3 or (method == "dbscan" and 3 <= dropped <= 20)
    assert np.nanmax(sample.matrix[:, 0]) < 10
    notes = Encoding.model_validate(encoder.left_out).notes()
    assert f"{dropped} training rows were unlike the others and were left out" in notes
    assert len(encoder.encode(rows)) == 300  # rows to predict are answered all the same


@pytest.mark.parametrize("method", ["z_score", "iqr", "isolation_forest", "lof", "elliptic_envelope", "dbscan"])
def test_a_class_whose_rows_are_all_unlike_the_others_keeps_them(method):
    rows, _ = mixed(far=2)
    y = np.array([1] * 2 + [0] * 298)
    features = {"rows": {"outliers": method}}
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, features, rows, y, TASKS["binary"])
    assert (sample.y == 1).sum() == 2 == encoder.left_out["rows_of_lost_classes"]
    assert encoder.left_out["rows_dropped"] == 300 - len(sample.y)
    notes = " ".join(Encoding.model_validate(encoder.left_out).notes())
    assert "2 training rows are unlike the others and stay in any case: their class would have none left" in notes


def test_too_few_rows_to_find_those_unlike_the_others_are_reported():
    rows, y = mixed(rows=40, far=1)
    features = {"rows": {"outliers": "iqr"}}
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, features, rows, y, TASKS["binary"])
    assert len(sample.y) == 40
    assert Encoding.model_validate(encoder.left_out).notes()[-1] == (
        "features.rows.outliers left out no row: 40 training rows are fewer than the 50 it needs"
    )


@pytest.mark.parametrize(("select", "kept"), [
    ({"min_variance": 0.0}, {"a", "b", "noise", "c"}),
    ({"mutual_information": 2}, {"a", "b"}),
    ({"model": 2}, {"a", "b"}),
    ({"min_variance": 0.0, "model": 1}, {"a"}),
    ({"model": 50}, {"a", "b", "noise", "flat", "c"}),
])  # fmt: skip
def test_columns_are_selected(select, kept):
    rows, y = mixed()
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, {"select": select}, rows, y, TASKS["binary"])
    assert set(encoder.names) == kept
    assert sample.matrix.tobytes() == encoder.encode(rows).tobytes()
    if select != {"model": 50}:
        assert encoder.left_out["columns"] == {"before": 5, "after": len(kept)}


@pytest.mark.parametrize("family", ["logistic_regression", "gradient_boosting"])
def test_components_and_rows_of_length_one_are_exported(family):
    rows, y = mixed()
    task = TASKS["binary"]
    features = {"unit_norm": True, "components": 3, "numbers": {"transform": "yeo_johnson", "missing_indicator": True}}
    encoder, sample = preparing.prepared(FAMILIES[family], MIXED, features, rows, y, task)
    assert encoder.names == ["component0", "component1", "component2"]
    fitted = FAMILIES[family].fit(FAMILIES[family].hyperparameters({}), task, sample)
    arrays, scorer = FAMILIES[family].export(fitted)
    state = {
        "family": family,
        "run_id": "r",
        "problem": {},
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
        "encoder": encoder.to_json(),
        "scorer": scorer,
    }
    model = Model(state, {**arrays, **encoder.arrays()})
    assert check(model, FAMILIES[family], fitted, task, rows) <= 1e-12
    assert model.reader is None


def test_components_are_those_of_scikit_learn():
    rows, y = mixed()
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], MIXED, {"components": 2}, rows, y, TASKS["binary"])
    plain = preparing.prepared(FAMILIES["random_forest"], MIXED, {}, rows, y, TASKS["binary"])[1].matrix
    filled = SimpleImputer(strategy="median").fit_transform(plain)
    expected = PCA(2).fit_transform(StandardScaler().fit_transform(filled))
    assert np.abs(np.abs(sample.matrix) - np.abs(expected)).max() < 1e-9
    assert encoder.width == 2


def test_an_unknown_method_is_refused_in_words():
    rows, y = mixed(60)
    with pytest.raises(
        ModelError, match=r"features\.rows.outliers is 'magic'; known: keep, z_score, iqr, isolation_forest"
    ):
        preparing.prepared(FAMILIES["random_forest"], MIXED, {"rows": {"outliers": "magic"}}, rows, y, TASKS["binary"])


def test_rows_of_a_group_do_not_score_each_other():
    y = np.random.default_rng(5).integers(0, 2, 120)
    # two rows of each group with the same words, and with a class that nothing else tells
    rows = [{"t": f"w{i} x{i} y{i}", "n": 0.0, "g": str(i)} for i in range(120)] * 2
    schema = Schema({"t": "text", "n": "number", "g": "category"}, ("t", "n"))
    known = np.tile(y, 2)
    for group, low, high in (((), 0.7, 1.0), (("g",), 0.0, 0.65)):
        _, sample = preparing.prepared(FAMILIES["random_forest"], schema, {}, rows, known, TASKS["binary"], group)
        right = ((sample.matrix[:, -1] > 0) == known).mean()
        assert low <= right <= high
    fold = preparing.folds_of(rows, 5, 0, ("g",))
    assert (fold[:120] == fold[120:]).all()
    assert len(np.unique(fold)) == 5


def test_texts_that_are_all_alike_have_no_scores():
    rows = [{"t": "red shoe", "n": float(i)} for i in range(60)]
    encoder, _ = preparing.prepared(FAMILIES["random_forest"], SCHEMA, {}, rows, np.arange(60) % 2, TASKS["binary"])
    assert not any("score" in name for name in encoder.names)


@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
@pytest.mark.parametrize("present", [(0, 1), (0, 2), (0, 1, 2)])
def test_a_class_may_be_absent_from_a_part_of_the_rows(family, present):
    """As in a fold of few rows: the last class has two rows, or none."""
    rows, y = data("multiclass", rows=90)
    y = np.where(np.isin(y, present), y, present[0])
    y[(y == present[-1]).nonzero()[0][2:]] = present[0]
    encoder, sample = preparing.prepared(FAMILIES[family], SCHEMA, {}, rows, y, TASKS["multiclass"])
    assert np.isfinite(sample.matrix[:, -1]).all()
    if family == "logistic_regression":
        fitted = FAMILIES[family].fit(FAMILIES[family].hyperparameters({}), TASKS["multiclass"], sample)
        answer = FAMILIES[family].answer(fitted, TASKS["multiclass"], sample)
        assert answer.shape == (90, 3)
        assert np.allclose(answer.sum(axis=1), 1)
    else:
        assert encoder.names[-3:] == [f"text:score[{k}]" for k in range(3)]
