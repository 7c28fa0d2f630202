"""SHAP values: they add up to the score, equal the libraries' own, and equal Shapley's definition."""

from itertools import combinations
from math import factorial

import contributions
import numpy as np
import pytest
from contributions import members, trees
from contributions.links import through

from families import FAMILIES, Sample, Task
from sluice.model.model import Model
from sluice.model.schema import Schema

RNG = np.random.default_rng(5)
COLUMNS = {"a": "number", "b": "number", "c": "category", "t": "text", "u": "text"}
CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}
FEW = {
    "lightgbm": {"num-iterations": "15"},
    "xgboost": {"num-round": "15"},
    "catboost": {"iterations": "15"},
    "gradient_boosting": {"max-iter": "15"},
    "random_forest": {"n-estimators": "10"},
    "extra_trees": {"n-estimators": "10"},
}


def some_rows(count=240):
    chance = np.random.default_rng(1)
    return [
        {
            "a": None if chance.random() < 0.1 else float(chance.normal()),
            "b": float(chance.normal()),
            "c": str(chance.choice(["x", "y", "z"])),
            "t": str(chance.choice(["red shoe", "blue shoe", "green hat"])),
            "u": str(chance.choice(["old one", "new one"])),
        }
        for _ in range(count)
    ]


ROWS = some_rows()


def target(problem):
    signal = np.array(
        [(row["a"] or 0) + (row["a"] or 0) * row["b"] + (row["c"] == "x") + ("red" in row["t"]) for row in ROWS]
    )
    signal = signal + np.random.default_rng(2).normal(0, 0.3, len(ROWS))
    return signal if problem == "regression" else np.digitize(signal, [0.5] if problem == "binary" else [0.0, 1.0])


def made(problem, names, features=None):
    """A model, one member for each name, and its parts."""
    schema = Schema.from_contract({"problem": {}, "data": {"columns": {n: {"type": t} for n, t in COLUMNS.items()}}})
    y, classes = target(problem), CLASSES[problem]
    task = Task(problem, classes, {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[problem])
    encoders, metas, arrays = [], [], []
    from preparing import prepared

    for name in names:
        family = FAMILIES[name]
        encoder, sample = prepared(family, schema, features or {}, ROWS, y, task)
        fitted = family.fit(family.hyperparameters(FEW.get(name, {})), task, sample)
        own, meta = family.export(fitted)
        encoders.append(encoder)
        metas.append(meta)
        arrays.append(own)
    labels = {"problem": problem, "target": "y", "classes": [f"k{k}" for k in range(classes)]}
    state = {"labels": labels, "family": "auto", "run_id": "r", "problem": {}}
    found = {name: array for i, encoder in enumerate(encoders) for name, array in encoder.arrays(i).items()}
    if len(names) == 1:
        state |= {"encoder": encoders[0].to_json(), "scorer": metas[0]}
        return Model(state, {**found, **arrays[0]}), contributions.Parts(metas, arrays, [1.0])
    weights = [i + 1.0 for i in range(len(names))]
    state["encoders"] = [encoder.to_json() for encoder in encoders]
    state["members"] = [{"encoder": i, "scorer": meta, "weight": weights[i]} for i, meta in enumerate(metas)]
    found |= {f"m{i}_{name}": array for i, own in enumerate(arrays) for name, array in own.items()}
    return Model(state, found), contributions.Parts(metas, arrays, [w / sum(weights) for w in weights])


def raw_of(model, scale, problem):
    """The model's answer on the scale of its contributions, (rows, outputs); of log-odds up to a constant a row."""
    score = model.score(ROWS)
    if problem == "regression":
        return score[:, None]
    if scale == "probability":
        return score[:, 1:] if problem == "binary" else score
    if problem == "binary":
        return np.log(score[:, 1:] / score[:, :1])
    return np.log(score)


@pytest.mark.parametrize("problem", list(CLASSES))
@pytest.mark.parametrize(
    "name",
    [
        "lightgbm",
        "xgboost",
        "catboost",
        "gradient_boosting",
        "random_forest",
        "extra_trees",
        "spline_linear",
        "ridge",
        "logistic_regression",
        "baseline",
    ],
)
def test_contributions_and_base_add_up_to_the_score(name, problem):
    model, parts = made(problem, [name], {"interactions": True})
    found = contributions.explain(model, parts, ROWS)
    total = found.values.sum(axis=2) + found.base
    expected = raw_of(model, found.scale, problem)
    if found.scale == "log-odds" and problem == "multiclass":
        if parts.metas[0]["output"] == "shares":
            each = 1 / (1 + np.exp(-total))
            total = np.log(each / each.sum(axis=1, keepdims=True))
        total, expected = (each - each.mean(axis=1, keepdims=True) for each in (total, expected))
    assert np.abs(total - expected).max() < 1e-6
    assert set(found.columns) >= set(COLUMNS)


@pytest.mark.parametrize("problem", list(CLASSES))
def test_an_ensemble_is_explained_on_the_scale_of_its_answers(problem):
    names = ["lightgbm", "extra_trees", "logistic_regression"]
    model, parts = made(problem, names)
    found = contributions.explain(model, parts, ROWS)
    assert found.scale == ("value" if problem == "regression" else "probability")
    assert np.abs(found.values.sum(axis=2) + found.base - raw_of(model, found.scale, problem)).max() < 1e-6


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_trees_equal_the_librarys_own_contributions(name):
    """Where the rows are those of the training, whose counts the libraries keep."""
    x = RNG.normal(size=(400, 5))
    x[RNG.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + np.nan_to_num(x[:, 2])
    family, task = FAMILIES[name], Task("regression", 0, "rmse")
    whole = {"lightgbm": {"bagging-fraction": "1.0"}, "xgboost": {"subsample": "1.0"}}[name]
    fitted = family.fit(family.hyperparameters({**FEW[name], **whole}), task, Sample(x, y))
    if name == "lightgbm":
        theirs = fitted.booster.predict(x, pred_contrib=True)
    else:
        import xgboost

        theirs = fitted.booster.predict(xgboost.DMatrix(x), pred_contribs=True)
    raw = members.explained(*family.export(fitted), x, [])
    assert np.abs(raw.columns[:, 0, :] - theirs[:, :-1]).max() < 1e-5
    assert abs(raw.base[0] - theirs[0, -1]) < 1e-5


def test_a_tree_equals_shapleys_definition():
    """Column 0 comes twice on a path; the value of a coalition is the mean over what its columns leave open."""
    arrays = {
        "roots": np.array([0]),
        "feature": np.array([0, 1, 0, 0, 0, 2, 0, 0, 0]),
        "threshold": np.array([0.0, 0.5, 0, -1.0, 0, 0.2, 0, 0, 0]),
        "left": np.array([1, 3, 2, 4, 4, 6, 6, 7, 8]),
        "right": np.array([5, 2, 2, 7, 4, 8, 6, 7, 8]),
        "missing_left": np.array([1, 0, 0, 1, 0, 0, 0, 0, 0]),
    }
    value = np.array([0, 0, 5.0, 0, -2.0, 0, 1.0, 7.0, 3.0])
    x = np.random.default_rng(0).normal(size=(60, 3))
    x[::7, 0] = np.nan

    def passing(row, node):
        cell = row[arrays["feature"][node]]
        return bool(arrays["missing_left"][node]) if np.isnan(cell) else cell <= arrays["threshold"][node]

    came = {0: list(x)}
    for node in (0, 1, 3, 5):
        for side, want in (("left", True), ("right", False)):
            came[arrays[side][node]] = [row for row in came[node] if passing(row, node) == want]

    def worth(row, known, node=0):
        if arrays["left"][node] == node:
            return value[node]
        left, right = arrays["left"][node], arrays["right"][node]
        if arrays["feature"][node] in known:
            return worth(row, known, left if passing(row, node) else right)
        share = len(came[left]) / len(came[node])
        return share * worth(row, known, left) + (1 - share) * worth(row, known, right)

    paths = trees.paths_of(arrays, x)
    found = trees.contributions(paths, value[:, None], np.zeros(1, int), 1, x)[:, 0, :]
    for row, own in zip(x, found):
        for j in range(3):
            others = [k for k in range(3) if k != j]
            expected = sum(
                factorial(size) * factorial(2 - size) / 6 * (worth(row, {*some, j}) - worth(row, set(some)))
                for size in range(3)
                for some in combinations(others, size)
            )
            assert own[j] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("output", ["softmax", "shares"])
def test_the_sum_survives_a_link_of_several_classes(output):
    values, base = RNG.normal(0, 8, (50, 4, 3)), RNG.normal(size=4)
    after, start = through(output, values, base)
    far, near = through(output, values[:, :, :1] * 0 + values.sum(axis=2, keepdims=True), base)
    assert np.array_equal(start, near)
    assert np.abs(after.sum(axis=2) - far[:, :, 0]).max() < 1e-9
    assert start.sum() == pytest.approx(1.0)
    assert np.abs(after.sum(axis=(1, 2))).max() < 1e-9, "probabilities stay a whole"


def test_a_column_that_the_model_does_not_read_contributes_nothing():
    model, parts = made("regression", ["ridge"], {"columns": {}})
    told, _found, rows = contributions.measured(model, parts, ROWS)
    assert told["rows"] == len(ROWS) == len(rows)
    assert told["columns"]["a"] > 10 * told["columns"]["u"]
    assert told["scale"] == "value"


def test_what_cannot_be_explained_says_why(monkeypatch):
    told, found, _ = contributions.measured(*made("regression", ["lightgbm", "mlp"]), ROWS)
    assert found is None
    assert "1 of its 2 members have none: for a neural network" in told["why_not"]
    told, _, _ = contributions.measured(*made("regression", ["ridge"], {"components": 2}), ROWS)
    assert "principal components" in told["why_not"]
    monkeypatch.setattr(contributions, "MAX_LEAVES", 10)
    told, _, _ = contributions.measured(*made("regression", ["lightgbm"]), ROWS)
    assert "leaves, more than the 10" in told["why_not"]
    monkeypatch.undo()
    monkeypatch.setattr(contributions, "explain", lambda *_: 1 / 0)
    told, found, _ = contributions.measured(*made("regression", ["ridge"]), ROWS)
    assert found is None
    assert "ZeroDivisionError" in told["why_not"]
    monkeypatch.undo()
    monkeypatch.setattr(contributions, "WORK", 1_000)
    told, _, _ = contributions.measured(*made("regression", ["lightgbm"]), ROWS)
    assert "could be explained in time" in told["why_not"]
