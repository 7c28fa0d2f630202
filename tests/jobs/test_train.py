import json

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from families import FAMILIES, Sample, Task, installed
from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.model import Model
from sluice.model.scorers import ForestScorer, build_scorer
from sluice.model.search_spaces import SEARCH_SPACES, parameter_ranges
from tests.jobs.learning_data import make_data, write_csv

PROBLEMS = ("binary", "multiclass", "regression")
# the frameworks of deep learning are not in this environment: test_frameworks.py
HERE = [name for name, family in FAMILIES.items() if installed(family)]


def sample(problem, rows=600, columns=6, seed=0):
    """A matrix with gaps, ties and values that float32 rounds, and a target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    x[:, 1] = np.round(x[:, 1], 1)
    x[:, 2] *= 1e7
    signal = x[:, 0] + x[:, 1] ** 2 + rng.normal(0, 0.3, rows)
    x[rng.random(x.shape) < 0.1] = np.nan
    if problem == "regression":
        return x, signal
    return x, np.digitize(signal, [0.8] if problem == "binary" else [0.2, 1.0])


def fit(name, problem, x, y, **hyperparameters):
    """(task, what the family has learned)"""
    family, classes = FAMILIES[name], 0 if problem == "regression" else len(np.unique(y))
    task = Task(problem, classes, {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[problem])
    return task, family.fit(family.hyperparameters(hyperparameters), task, Sample(x, y))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("family", HERE)
def test_exported_scorers_are_equal_to_scikit_learn(family, problem):
    x, y = sample(problem)
    fresh, _ = sample(problem, rows=1000, seed=1)
    fresh[0] = np.nan
    task, fitted = fit(family, problem, x, y)
    arrays, meta = FAMILIES[family].export(fitted)
    scorer = build_scorer(arrays, json.loads(json.dumps(meta)))
    expected = FAMILIES[family].answer(fitted, task, Sample(fresh, y))
    difference = np.abs(scorer(fresh) - expected).max()
    one = np.concatenate([scorer(fresh[i : i + 1]) for i in range(50)])
    assert np.abs(one - expected[:50]).max() <= FAMILIES[family].tolerance
    # numpy's vector exp may round the last bit of a softmax otherwise; everything else in a tree is exact, but for
    # XGBoost's link, which computes in 32 bits.
    trees = meta["scorer"] in ("forest", "boosting") and (family != "xgboost" or meta["output"] == "identity")
    exact = 0 if meta["output"] != "softmax" else 1e-15
    assert difference <= (exact if trees else FAMILIES[family].tolerance)
    assert scorer(fresh[:0]).shape[0] == 0


def test_thresholds_keep_their_precision_at_the_edge():
    # Values beside a threshold that float32 cannot tell apart must fall to the same side as in scikit-learn.
    x, y = sample("binary")
    for family in ("random_forest", "gradient_boosting"):
        _, estimator = fit(family, "binary", x, y)
        arrays, meta = FAMILIES[family].export(estimator)
        inner = arrays["left"] != np.arange(len(arrays["left"]))
        edge = np.zeros((int(inner.sum()), x.shape[1]))
        edge[np.arange(len(edge)), arrays["feature"][inner]] = arrays["threshold"][inner]
        for at in (edge, np.nextafter(edge, np.inf), np.nextafter(edge, -np.inf), edge * (1 + 3e-8)):
            at = np.where(np.abs(at) < 3e38, at, np.nan)
            assert np.array_equal(build_scorer(arrays, meta)(at), estimator.predict_proba(at))


def test_a_single_tree_fits_the_forest_scorer():
    from families.forests import read_tree
    from families.node_tables import flatten

    x, y = sample("binary")
    tree = DecisionTreeClassifier(max_depth=9, random_state=0).fit(x, y)
    arrays, depth = flatten([read_tree(tree.tree_)])
    scorer = ForestScorer(arrays, {"width": x.shape[1], "depth": depth, "output": "probability"})
    assert np.array_equal(scorer(x), tree.predict_proba(x))


def test_every_range_is_a_hyperparameter_within_its_bounds():
    assert set(SEARCH_SPACES) == set(FAMILIES)
    for name, family in FAMILIES.items():
        assert family.name == name
        ranges = parameter_ranges(name)
        for kind in ("ContinuousParameterRanges", "IntegerParameterRanges"):
            for r in ranges[kind]:
                family.hyperparameters({r["Name"]: r["MinValue"]})
                family.hyperparameters({r["Name"]: r["MaxValue"]})
        for r in ranges["CategoricalParameterRanges"]:
            for value in r["Values"]:
                family.hyperparameters({r["Name"]: value})


def test_a_truth_value_comes_as_sagemakers_toolkit_spells_it():
    """It reads a hyperparameter's value as JSON before it makes an argument of it: false becomes False."""
    families = [family for family in FAMILIES.values() for p in family.parameters.values() if p.default == "false"]
    assert {"lightgbm", "torch_mlp"} <= {family.name for family in families}
    for family in families:
        name = next(name for name, p in family.parameters.items() if p.default == "false")
        for text in ("True", "true", "False", "false"):
            assert family.hyperparameters({name: text})[name] == text.lower()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return {problem: make_data(folder / problem, problem) for problem in PROBLEMS}


# each family once, because a process takes seconds; every family learns every problem above
@pytest.mark.parametrize(
    ("family", "problem"),
    sorted({*((name, PROBLEMS[at % 3]) for at, name in enumerate(HERE)), *(("lightgbm", p) for p in PROBLEMS)}),
)
def test_a_job_writes_a_sealed_artefact_and_prints_metrics(workspace, made, family, problem):
    data = made[problem]
    done, model_dir = workspace.train(data, family)
    assert done.returncode == 0, done.stderr
    metric = json.loads((data / "contract" / "contract.json").read_text())["problem"]["metric"]
    assert f"\nvalidation:{metric}=" in done.stdout
    assert ("validation:profit=" in done.stdout) == (data.name == "binary")
    model = Model.load(model_dir, exact=True)
    assert (model.family, model.run_id, model.labels.problem) == (family, "r0123456789ab", data.name)
    assert {p.name for p in (model_dir / "code").iterdir()} == {
        "inference.py",
        "sluice",
        "pyproject.toml",
        "wheel_backend.py",
    }
    assert sorted(p.name for p in (model_dir / "code" / "sluice").iterdir()) == ["__init__.py", "model"]
    assert not (model_dir / ".draft").exists()


def test_a_job_is_reproducible(workspace, tmp_path):
    data = make_data(tmp_path / "again", "binary", rows=150)
    sums = []
    # the second in a Python of its own, with another hash seed
    for name, fresh in (("first", False), ("second", True)):
        parameters = {"n_estimators": "20", "max-depth": "6"}
        done, model_dir = workspace.train(data, "random_forest", name, fresh, **parameters)
        assert done.returncode == 0, done.stderr
        sums.append(json.loads((model_dir / "manifest.json").read_text())["artifact_sha256"])
    assert sums[0] == sums[1]


def test_a_wrong_export_fails_the_job(monkeypatch):
    from parity import ParityError, check

    rows = [{"n": float(i % 13)} for i in range(100)]
    y = np.array([i % 13 > 5 for i in range(100)], dtype=np.int64)
    contract = {"problem": {}, "data": {"columns": {"n": {"type": "number"}}}}
    from sluice.model.schema import Schema

    encoder = Encoder.fit(Schema.from_contract(contract), {}, rows)
    family = FAMILIES["gradient_boosting"]
    task, fitted = fit(family.name, "binary", encoder.encode(rows), y)
    arrays, meta = family.export(fitted)
    state = {
        "family": family.name,
        "run_id": "r",
        "problem": {},
        "encoder": encoder.to_json(),
        "scorer": meta,
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
    }
    assert check(Model(state, arrays), family, fitted, task, rows) == 0
    with pytest.raises(ParityError, match="parity check failed"):
        check(Model(state, {**arrays, "value": arrays["value"] * 1.000001}), family, fitted, task, rows)
    with pytest.raises(ParityError):
        check(Model(state, {**arrays, "missing_left": 1 - arrays["missing_left"]}), family, fitted, task, rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "ranking"}, "'ranking' cannot be trained yet; supported: binary, multiclass, regression"),
        ({"target": "nope"}, "problem.target 'nope' is not among data.columns"),
        ({"target": "channel"}, "3 distinct labels in a binary problem"),
        ({"target": "channel", "type": "regression"}, "needs a numeric target"),
    ],
)
def test_a_contract_that_cannot_be_trained_is_refused_in_one_line(workspace, tmp_path, change, message):
    data = make_data(tmp_path / "bad", "binary", rows=60)
    path = data / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    contract["problem"] |= change
    if "target" in change and "type" not in change and change["target"] == "channel":
        # Without gaps, so that only the number of labels is wrong.
        for part in ("train", "validation"):
            write_csv(data / part / "data.csv", list(contract["data"]["columns"]),
                      [[str(i), "1", "2", "abc"[i % 3], "true", "w", "2026-01-01", "true"]
                       for i in range(9)])  # fmt: skip
    path.write_text(json.dumps(contract))
    done, model_dir = workspace.train(data, "baseline", f"refused-{tmp_path.name}")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not model_dir.exists() or not list(model_dir.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "channel train, data.csv: the file is empty"),
        ("id,pages\n", "column 'at' of the contract is absent (and 5 more)"),
        ("id,pages,seconds,channel,member,words,at,y\n", "channel train: the file has a header and no rows"),
        ("id,pages,seconds,channel,member,words,at,y\n1,x,2,a,true,w,2026-01-01,true\n",
         "channel train, data.csv: record 1, column 'pages': not a valid integer"),
        ("id,pages,seconds,channel,member,words,at,y\n1,1,2,a,true,w,2026-01-01,\n", "distinct label(s)"),
    ],
)  # fmt: skip
def test_bad_rows_are_refused_with_channel_file_and_column(workspace, tmp_path, text, message):
    data = make_data(tmp_path / "bad", "binary", rows=60)
    (data / "train" / "data.csv").write_text(text)
    done, _ = workspace.train(data, "baseline", f"refused-{tmp_path.name}")
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("family", "hyperparameters", "message"),
    [
        ("no_such_family", {}, "hyperparameter family is 'no_such_family'; known: baseline"),
        ("gradient_boosting", {"max_itr": "3"}, "has no hyperparameter 'max-itr'"),
        ("gradient_boosting", {"max-iter": "three"}, "must be an integer from 1 to 5000"),
        ("logistic_regression", {"spread": "wide"}, "allowed: standard, signed-log"),
    ],
)
def test_bad_hyperparameters_are_refused(workspace, tmp_path, family, hyperparameters, message):
    data = make_data(tmp_path / "bad", "binary", rows=60)
    done, _ = workspace.train(data, family, f"refused-{tmp_path.name}", **hyperparameters)
    assert done.returncode == 1
    assert message in done.stderr


def test_hyperparameters_come_as_the_toolkit_spells_them(workspace, tmp_path):
    done, model_dir = workspace.train(
        make_data(tmp_path / "spelled", "binary", rows=200),
        "logistic_regression",
        "spelled",
        c="0.5",
        spread="signed-log",
    )
    assert done.returncode == 0, done.stderr
    hyperparameters = json.loads((model_dir / "model.json").read_text())["training"]["hyperparameters"]
    assert (hyperparameters["c"], hyperparameters["spread"]) == (0.5, "signed-log")


def test_a_failure_names_an_exception_that_the_toolkit_looks_for(workspace, tmp_path):
    done, _ = workspace.train(make_data(tmp_path / "bad", "binary", rows=60), "no_such_family", "reported")
    assert done.stderr.startswith("train.py: ValueError: hyperparameter family is 'no_such_family'")


def test_a_missing_channel_is_named(workspace):
    done = workspace.run("train.py", "--family", "baseline", "--run-id", "r", "--model-dir", "m")
    assert "channel or folder train is not given" in done.stderr


def test_schema_without_features_is_refused():
    from sluice.model.schema import Schema

    with pytest.raises(ModelError, match="no column is left"):
        Schema.from_contract({"problem": {"target": "y"}, "data": {"columns": {"y": {"type": "number"}}}})


def test_a_failure_is_written_where_sagemaker_reads_it(workspace, tmp_path):
    """The toolkit's own failure file has an empty ErrorMessage where it recognises no line of the log."""
    done = workspace.run(
        "train.py", "--family", "no_such_family", "--run-id", "r1", "--train", tmp_path, "--validation", tmp_path,
        "--contract", tmp_path, "--model-dir", tmp_path, environment={"SM_OUTPUT_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert (tmp_path / "failure").read_text().startswith("train.py: channel contract: no contract.json in")
