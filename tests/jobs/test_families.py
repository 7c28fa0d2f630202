"""What families do besides fitting: they stop in time, settle on rounds, weigh rows, and keep to their limits."""

import sys
import time

import numpy as np
import pytest

from families import FAMILIES, Sample, Task, float32, forests
from families.progress import EVERY, REPORTS, Progress
from families.rounds import ROOM, Watcher, patience
from sluice.model.errors import ModelError
from sluice.model.reporting import REPORTING
from sluice.model.scorers import build_scorer

BOOSTED = {
    "gradient_boosting": "max-iter",
    "lightgbm": "num-iterations",
    "xgboost": "num-round",
    "catboost": "iterations",
}
SLOW = {"learning-rate": "0.02"}
FASTER = {"learning-rate": "0.1"}


def noisy(rows=500, problem="binary", seed=0):
    """Few rows with much noise, so that boosting soon learns them by heart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8))
    signal = x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(0, 1.5, rows)
    if problem == "regression":
        return Sample(x, signal)
    return Sample(x, np.digitize(signal, [0.8] if problem == "binary" else [-0.5, 1.0]))


def task(problem="binary", metric="", **more):
    metrics = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}
    return Task(problem, {"binary": 2, "multiclass": 3, "regression": 0}[problem], metric or metrics[problem], **more)


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", BOOSTED)
def test_boosting_stops_on_the_watched_rows_and_settles_on_its_rounds(family, problem):
    family, rounds = FAMILIES[family], BOOSTED[family]
    given = family.hyperparameters({rounds: "3", **(FASTER if family.name == "catboost" else SLOW)})
    train, watch, fresh = noisy(problem=problem), noisy(problem=problem, seed=1), noisy(problem=problem, seed=2)
    fitted = family.fit(given, task(problem), train, watch)
    settled = family.settled(fitted, given)
    assert 3 < settled[rounds] < 1000
    assert {**settled, rounds: 3} == given
    answer = family.answer(fitted, task(problem), fresh)
    again = family.fit(settled, task(problem), train)
    assert np.array_equal(family.answer(again, task(problem), fresh), answer)
    arrays, meta = family.export(fitted)
    # one tree of CatBoost answers all classes, and one more has what is added to their sum
    of_a_round = 3 if problem == "multiclass" and family.name != "catboost" else 1
    assert len(arrays["roots"]) == settled[rounds] * of_a_round + (family.name == "catboost")
    tolerance = family.tolerance if family.name == "xgboost" else 1e-15
    assert np.abs(build_scorer(arrays, meta)(fresh.matrix) - answer).max() <= tolerance


@pytest.mark.parametrize("family", BOOSTED)
def test_the_watched_rounds_are_the_best_of_all(family):
    family, rounds = FAMILIES[family], BOOSTED[family]
    train, watch = noisy(), noisy(seed=1)
    best = family.settled(family.fit(family.hyperparameters(SLOW), task(metric="log_loss"), train, watch), {})[rounds]

    def loss(count):
        fitted = family.fit(family.hyperparameters({**SLOW, rounds: str(count)}), task(), train)
        answer = family.answer(fitted, task(), watch)
        return -np.log(answer[np.arange(len(watch.y)), watch.y]).mean()

    least = loss(best)
    assert all(loss(max(1, best + step)) >= least for step in (-20, -5, -1, 1, 5, 15))


@pytest.mark.parametrize("family", BOOSTED)
def test_boosting_ends_at_the_deadline_with_a_model(family):
    family, rounds = FAMILIES[family], BOOSTED[family]
    given = family.hyperparameters({rounds: "5000", "learning-rate": "0.001"})
    began = time.monotonic()
    late = task(deadline=began + 0.2)
    fitted = family.fit(given, late, noisy())
    assert time.monotonic() - began < 5
    assert 1 <= family.settled(fitted, given)[rounds] < 5000
    assert family.answer(fitted, late, noisy(seed=1)).shape == (500, 2)


def test_boosting_in_portions_is_boosting_in_one_go():
    family = FAMILIES["gradient_boosting"]
    in_time, watch = task(deadline=time.monotonic() + 1000), noisy(seed=1)
    for given, watched in (({"max-iter": "130"}, None), (SLOW, watch)):
        fits = [family.fit(family.hyperparameters(given), each, noisy(), watched) for each in (task(), in_time)]
        assert np.array_equal(*(family.answer(fitted, task(), watch) for fitted in fits))


@pytest.mark.parametrize("family", sorted(REPORTING))
def test_boosting_shows_how_far_it_is(family):
    family, shown = FAMILIES[family], []
    given = family.hyperparameters({"learning-rate": "0.01"})
    watch = noisy(seed=1)
    fitted = family.fit(given, task(progress=Progress(shown.append)), noisy(), watch)
    least = family.settled(fitted, given)[BOOSTED[family.name]] // EVERY
    assert min(REPORTS, least) <= len(shown) <= REPORTS
    same = family.fit({**given, BOOSTED[family.name]: 2 * EVERY}, task(), noisy())
    assert np.array_equal(shown[1], family.answer(same, task(), watch))


def test_a_watcher_is_patient_with_slow_learners():
    watcher = Watcher(float("inf"), 0.1, greater_is_better=False)
    assert not any(watcher.stop(i, 1.0 / i) for i in range(1, 101))
    assert [watcher.stop(100 + i, 1.0) for i in range(1, 46)] == [False] * 44 + [True]
    assert watcher.best == 100
    assert [patience(rate) for rate in (0.5, 0.05, 0.001)] == [20, 40, 150]
    assert Watcher(0.0, 0.1, greater_is_better=True).stop(1, None)


@pytest.mark.parametrize(
    "family",
    [
        "lightgbm",
        "xgboost",
        "catboost",
        "gradient_boosting",
        "extra_trees",
        "random_forest",
        "spline_linear",
        "svm",
        "mlp",
        "elastic_net",
    ],
)
def test_a_weight_is_as_good_as_the_row_again(family):
    family, sample = FAMILIES[family], noisy()
    positive = sample.y == 1
    weighted = sample._replace(weight=np.where(positive, 5.0, 1.0))
    by_heart = {"svm": {"c": "1"}, "mlp": {"epochs": "5"}}  # what they would learn with their defaults
    given = family.hyperparameters(by_heart.get(family.name, {}))
    plain, more = (family.answer(family.fit(given, task(), s), task(), noisy(seed=1)) for s in (sample, weighted))
    assert more[:, 1].mean() > plain[:, 1].mean() + 0.1


@pytest.mark.parametrize("family", ["lightgbm", "xgboost", "catboost", "extra_trees", "random_forest"])
def test_threads_and_seeds_decide_nothing_by_chance(family):
    few = {BOOSTED.get(family, "n-estimators"): "5"}
    family, given = FAMILIES[family], FAMILIES[family].hyperparameters(few)

    def answer(**more):
        fitted = family.fit(given, task(**more), noisy())
        return family.answer(fitted, task(), noisy(seed=1))

    assert np.array_equal(answer(seed=3), answer(seed=3))
    assert np.array_equal(answer(seed=3), answer(seed=3, threads=2))
    assert not np.array_equal(answer(seed=3), answer(seed=4))


def test_lightgbm_treats_unexpected_missing_values_tiny_numbers_and_edges_as_its_export_does():
    family = FAMILIES["lightgbm"]
    x = np.random.default_rng(0).normal(size=(2000, 4))
    x[:, 1] = np.round(x[:, 1])  # zeros among its values
    x[::7, 2] = np.nan  # missing in training too; not so in the other columns
    sample = Sample(x, (x[:, 0] + x[:, 1] + np.nan_to_num(x[:, 2], nan=1.5) > 0.3).astype(int))
    fitted = family.fit(family.hyperparameters({}), task(), sample)
    arrays, meta = family.export(fitted)
    scorer = build_scorer(arrays, meta)
    inner = arrays["left"] != np.arange(len(arrays["left"]))
    edge = np.zeros((int(inner.sum()), 4))
    edge[np.arange(len(edge)), arrays["feature"][inner]] = arrays["threshold"][inner]
    holes = np.where(np.random.default_rng(1).random(x.shape) < 0.4, np.nan, x)
    tiny = np.array([[v, v, v, v] for v in (0.0, -0.0, 1e-36, -1e-36, 1e-34, -1e-34, 1e300, -1e300)])
    for at in (holes, tiny, edge, np.nextafter(edge, np.inf), np.nextafter(edge, -np.inf)):
        assert np.array_equal(scorer(at), family.answer(fitted, task(), Sample(at, sample.y)))


def test_thresholds_of_32_bits_are_the_same_tests_in_64():
    rng = np.random.default_rng(0)
    limits = np.concatenate(
        [
            rng.normal(size=300).astype(np.float32),
            (rng.normal(size=50) * 1e30).astype(np.float32),
            np.array([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1e-40, 3.4028235e38, -3.4028235e38, 16777216], np.float32),
        ]
    )
    with np.errstate(over="ignore"):
        near = [np.nextafter(limits, np.float32(s)).astype(float) for s in (np.inf, -np.inf)]
        values = np.concatenate([limits.astype(float), *near, *[(limits + n) / 2 for n in near]])
        values = np.concatenate([values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)])[:, None]
        rounded = values.astype(np.float32)
    assert np.array_equal(values <= float32.at_most(limits), rounded <= limits)
    assert np.array_equal(values <= float32.below(limits), rounded < limits)
    assert float32.below(np.array([np.inf], np.float32)) == np.inf


def test_xgboost_rounds_numbers_as_its_export_does():
    family = FAMILIES["xgboost"]
    x = np.random.default_rng(0).normal(size=(2000, 3)) * [1, 1e7, 1e-3]
    x[::7, 2] = np.nan
    y = x[:, 0] + x[:, 1] / 1e7 + np.nan_to_num(x[:, 2] * 1e3, nan=1.5)
    fitted = family.fit(family.hyperparameters({}), task("regression"), Sample(x, y))
    arrays, meta = family.export(fitted)
    inner = arrays["left"] != np.arange(len(arrays["left"]))
    edge = np.zeros((int(inner.sum()), 3))
    edge[np.arange(len(edge)), arrays["feature"][inner]] = arrays["threshold"][inner]
    holes = np.where(np.random.default_rng(1).random(x.shape) < 0.4, np.nan, x)
    for at in (holes, edge, np.nextafter(edge, np.inf), np.nextafter(edge, -np.inf), np.full((1, 3), 1e300), -holes):
        answer = family.answer(fitted, task("regression"), Sample(at, None))
        assert np.array_equal(build_scorer(arrays, meta)(at), answer)


def test_as_many_rounds_as_there_is_room_for_are_compiled_to_tables():
    family = FAMILIES["lightgbm"]
    given = family.hyperparameters({"num-iterations": str(ROOM), "num-leaves": "8", "feature-fraction": "0.5"})
    fitted = family.fit(given, task("regression"), noisy(problem="regression"))
    scorer = build_scorer(*family.export(fitted))
    assert len(fitted.booster.dump_model()["tree_info"]) == ROOM
    assert scorer.tables is not None


def test_of_two_columns_a_tree_sees_both():
    family, rng = FAMILIES["lightgbm"], np.random.default_rng(0)
    x = rng.normal(size=(1000, 2))
    sample, given = Sample(x, (x[:, 0] * x[:, 1] > 0).astype(int)), family.hyperparameters({"feature-fraction": "0.5"})
    answer = family.answer(family.fit(given, task(), sample), task(), sample)
    assert (answer.argmax(axis=1) == sample.y).mean() > 0.95


EVERY_FAMILY = sorted({*FAMILIES} - {"torch_mlp", "keras_mlp"})


@pytest.mark.parametrize("problem", ["binary", "regression"])
@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_columns_that_say_nothing_or_hardly_differ_are_learned_and_exported(family, problem):
    family, rng = FAMILIES[family], np.random.default_rng(0)
    sample = noisy(200, problem)
    odd = [
        np.full(200, np.nan),
        np.full(200, 0.1),
        rng.choice([1e-300, 2e-300, 3e-300], 200),
        rng.choice([2.0**60, 2.0**60 + 256], 200),
        rng.choice([-3.0e38, 1.0, 3.0e38], 200),
    ]
    # only columns of few values, too: then no curve is learned
    for others in (sample.matrix, np.round(sample.matrix[:, :1])):
        columns = np.column_stack([others, *odd])
        given = sample._replace(matrix=columns)
        fitted = family.fit(family.hyperparameters({}), task(problem), given)
        asked = given._replace(matrix=np.concatenate([columns, np.nan_to_num(columns, nan=7.0)]))
        answer, exported = family.answer(fitted, task(problem), asked), build_scorer(*family.export(fitted))
        assert np.isfinite(answer).all()
        assert np.abs(exported(asked.matrix) - answer).max() <= max(family.tolerance, 1e-12)


def test_a_column_whose_values_are_all_in_rows_without_weight_is_no_hindrance():
    family, sample = FAMILIES["gradient_boosting"], noisy(200, "regression")
    weight = (np.arange(200) % 2).astype(float)
    matrix = np.column_stack([sample.matrix, np.where(weight, np.nan, np.arange(200.0))])
    given = sample._replace(matrix=matrix, weight=weight)
    fitted = family.fit(family.hyperparameters({}), task("regression"), given)
    assert np.isfinite(family.answer(fitted, task("regression"), given)).all()


@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_a_number_that_is_always_the_same_is_the_answer(family):
    family = FAMILIES[family]
    sample = noisy(60, "regression")._replace(y=np.full(60, 7.0))
    fitted = family.fit(family.hyperparameters({}), task("regression"), sample)
    answer = family.answer(fitted, task("regression"), sample)
    assert answer == pytest.approx(np.full(60, 7.0), abs=0.3)  # a network comes near it
    assert np.abs(build_scorer(*family.export(fitted))(sample.matrix) - answer).max() <= max(family.tolerance, 1e-12)


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
def test_trees_without_a_split_are_exported(family):
    family = FAMILIES[family]
    for problem in ("binary", "multiclass", "regression"):
        sample = noisy(problem=problem)._replace(matrix=np.zeros((500, 2)))
        fitted = family.fit(family.hyperparameters({}), task(problem), sample)
        answer = family.answer(fitted, task(problem), sample)
        assert np.abs(build_scorer(*family.export(fitted))(sample.matrix) - answer).max() <= family.tolerance


@pytest.mark.parametrize("family", ["random_forest", "extra_trees"])
def test_a_forest_ends_at_the_deadline_and_is_the_same_in_portions(family):
    family = FAMILIES[family]
    given = family.hyperparameters({"n-estimators": "23"})
    in_time = family.fit(given, task(deadline=time.monotonic() + 1000), noisy())
    assert family.settled(in_time, given) == given
    at_once = family.fit(given, task(), noisy())
    assert np.array_equal(*(family.answer(each, task(), noisy(seed=1)) for each in (in_time, at_once)))
    late = family.fit(given, task(deadline=time.monotonic()), noisy())
    assert family.settled(late, given)["n-estimators"] == 5
    assert len(family.export(late)[0]["roots"]) == 5


def test_a_forest_keeps_to_its_size(monkeypatch):
    monkeypatch.setattr(forests, "MAX_BYTES", 100_000)
    for name in ("random_forest", "extra_trees"):
        family = FAMILIES[name]
        given = family.hyperparameters({"n-estimators": "20", "min-samples-leaf": "1", "max-depth": "20"})
        arrays, _ = family.export(family.fit(given, task(), noisy(2000)))
        assert 50_000 < sum(array.nbytes for array in arrays.values()) <= 100_100


def test_a_library_that_is_not_there_is_named_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    family = FAMILIES["lightgbm"]
    with pytest.raises(ModelError, match="family lightgbm needs the library lightgbm, which is not there"):
        family.fit(family.hyperparameters({}), task(), noisy())


def test_a_curve_is_learned_where_a_line_is_not_enough():
    x = np.random.default_rng(0).uniform(-3, 3, size=(600, 2))
    x[::9, 0] = np.nan
    sample = Sample(x, np.where(np.isnan(x[:, 0]), 5.0, np.sin(x[:, 0]) * 3) + x[:, 1])
    family, each = FAMILIES["spline_linear"], task("regression")
    answer = family.answer(family.fit(family.hyperparameters({"c": "1000"}), each, sample), each, sample)
    assert np.abs(answer - sample.y).max() < 0.1
    # beyond what it has seen a curve is flat, whatever the number
    fitted = family.fit(family.hyperparameters({}), each, sample)
    far = np.array([[1e200, 1.0], [sample.matrix[~np.isnan(x[:, 0]), 0].max(), 1.0]])
    scored = build_scorer(*family.export(fitted))(far)
    assert scored[0] == scored[1]


def test_a_network_keeps_its_best_epoch_and_settles_on_it():
    family = FAMILIES["mlp"]
    for problem in ("binary", "multiclass", "regression"):
        given = family.hyperparameters({"width": "32", "learning-rate": "0.01"})
        train, watch = noisy(problem=problem), noisy(problem=problem, seed=1)
        fitted = family.fit(given, task(problem), train, watch)
        settled = family.settled(fitted, given)
        assert 1 <= settled["epochs"] < 100
        answer = family.answer(fitted, task(problem), watch)
        again = family.fit(settled, task(problem), train)
        assert np.array_equal(family.answer(again, task(problem), watch), answer)
        huge = np.full((1, 8), 1e200)
        assert np.isfinite(build_scorer(*family.export(fitted))(huge)).all()


def test_bins_let_a_network_learn_what_changes_fast():
    family, each = FAMILIES["mlp"], task("regression")
    x = np.random.default_rng(0).uniform(0, 1, size=(3000, 1))
    sample = Sample(x, np.sign(np.sin(x[:, 0] * 40)))
    errors = []
    for bins in ("0", "40"):
        given = family.hyperparameters({"bins": bins, "width": "32", "epochs": "15"})
        answer = family.answer(family.fit(given, each, sample), each, sample)
        errors.append(float(np.mean((answer - sample.y) ** 2)))
    assert errors[1] < 0.5 * errors[0]


def test_a_network_ends_at_the_deadline():
    family = FAMILIES["mlp"]
    fitted = family.fit(family.hyperparameters({"epochs": "1000"}), task(deadline=time.monotonic()), noisy())
    assert fitted.epochs == 1


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_a_lasso_drops_what_does_not_matter(problem):
    x = np.random.default_rng(0).normal(size=(800, 10))
    signal = x[:, 0] * 2 - x[:, 1]
    sample = Sample(x, (signal > 0).astype(int) if problem == "binary" else signal * 1e6)
    left = {}
    for name in ("ridge", "lasso", "elastic_net"):
        family = FAMILIES[name]
        fitted = family.fit(family.hyperparameters({"alpha": "0.05"}), task(problem), sample)
        left[name] = np.flatnonzero(family.export(fitted)[0]["coef"])
    assert list(left["lasso"]) == [0, 1]
    assert len(left["ridge"]) == 10
    assert {0, 1} <= set(left["elastic_net"])
    # the penalty means the same for as many rows again, and in another unit
    twice = Sample(np.concatenate([x, x]), np.concatenate([sample.y, sample.y]))
    family = FAMILIES["lasso"]
    one, two = (family.fit(family.hyperparameters({"alpha": "0.05"}), task(problem), each) for each in (sample, twice))
    assert np.allclose(family.export(one)[0]["coef"], family.export(two)[0]["coef"], rtol=0.02, atol=1e-3)
