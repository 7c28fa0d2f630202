"""What a contract's parts must agree on: each mistake is refused with the key and what to write instead."""

from __future__ import annotations

import pytest

from sluice.contract import metric_limits
from sluice.contract.loading import load_contract
from sluice.contract.metric_limits import GREATEST_PSI
from sluice.contract.models import Contract
from sluice.errors import ContractError
from sluice.model import anomaly_metrics, metrics, segment_metrics
from sluice.profile.drift import psi
from sluice.watch.quality_sketch import OnlineMetrics

BASE = """project: t1
problem: {type: binary, target: y, positive: true}
data:
  columns:
    a: {type: number}
    y: {type: boolean}
"""
MULTICLASS = BASE.replace("binary", "multiclass").replace(", positive: true", "")
REGRESSION_OF = BASE.replace("binary", "regression").replace(", positive: true", "")


def target(kind: str, text: str = BASE) -> str:
    return text.replace("y: {type: boolean}", f"y: {{type: {kind}}}")


def columns(more: str) -> str:
    return BASE.replace("    a: {type: number}", f"    a: {{type: number}}\n    {more}")


CLUSTERING = BASE.replace("{type: binary, target: y, positive: true}", "{type: clustering}")
ANOMALY = BASE.replace("{type: binary, target: y, positive: true}", "{type: anomaly}")
LABELLED = BASE.replace("type: binary", "type: anomaly")


def tuned(candidates: str, tuning: str) -> str:
    return BASE + f"training: {{candidates: [{candidates}], tuning: {{{tuning}}}}}"


REFUSED = {
    "a gain in percent": (
        BASE + "gates: [{metric: roc_auc, above_baseline_by: 2}]",
        "could never pass; 2 % is written 0.02",
    ),
    "a gain below nothing": (
        BASE + "gates: [{metric: roc_auc, above_baseline_by: -0.1}]",
        "would let a model pass that is worse by 0.1: write 0",
    ),
    "a flag as a minimum": (BASE + "gates: [{metric: roc_auc, min: true}]", "this is a number; got true"),
    "a flag as a gap": (BASE + "gates: [{metric: recall, slice: a, max_gap: false}]", "this is a number; got false"),
    "a flag as a limit of quality": (BASE + "monitor: {quality: {metric: recall, min: true}}", "number; got true"),
    "a flag as a number of labels": (
        BASE + "monitor: {quality: {metric: recall, min: 0.5, min_labels: true}}",
        "monitor.quality.min_labels: this is a number; got true",
    ),
    "a flag as a limit of drift": (BASE + "monitor: {drift: {max: true}}", "monitor.drift.max: this is a number"),
    "a margin in percent": (
        BASE + "gates: [{metric: accuracy, not_worse_than_champion_by: 5}]",
        "could never fail; 5 % is written 0.05",
    ),
    "a margin wider than the metric": (
        BASE + "gates: [{metric: mcc, not_worse_than_champion_by: 3}]",
        "differ by at most 2, so",
    ),
    "a gap in percent": (
        BASE + "gates: [{metric: recall, slice: a, max_gap: 15}]",
        "could never fail; 15 % is written 0.15",
    ),
    "a gain in what is neither good nor bad": (
        BASE + "gates: [{metric: selection_rate, above_baseline_by: 0.1}]",
        "neither more nor less is better",
    ),
    "a loss of what is neither good nor bad": (
        BASE + "gates: [{metric: selection_rate, not_worse_than_champion_by: 0.1}]",
        "neither more nor less is better",
    ),
    "a family without labels for classes": (BASE + "training: {candidates: [kmeans]}", "kmeans learns without labels"),
    "a family with labels for segments": (
        CLUSTERING + "training: {candidates: [random_forest]}",
        "random_forest is not for a clustering problem, which has kmeans",
    ),
    "segments with a target": (BASE.replace("binary", "clustering"), "a clustering problem has no target"),
    "segments of one cluster": (CLUSTERING.replace("g}", "g, clusters: 1}"), "problem.clusters"),
    "clusters of anomalies": (ANOMALY.replace("y}", "y, clusters: 3}"), "`clusters` is for clustering problems"),
    "more than half of the rows are rare": (ANOMALY.replace("y}", "y, contamination: 0.6}"), "problem.contamination"),
    "segments by a metric of labels": (
        CLUSTERING.replace("g}", "g, metric: recall}"),
        "metric 'recall' is not for a clustering problem; known: silhouette",
    ),
    "anomalies by a metric of segments": (
        ANOMALY.replace("y}", "y, metric: silhouette}"),
        "'silhouette' is not for an anomaly problem",
    ),
    "anomalies by labels without any": (ANOMALY.replace("y}", "y, metric: roc_auc}"), "roc_auc needs labels"),
    "anomalies without a positive label": (LABELLED.replace(", positive: true", ""), "needs `positive`"),
    "anomalies of text": (target("text", LABELLED).replace("true", "x"), "'y' is declared as text"),
    "a gate by labels without any": (ANOMALY + "gates: [{metric: recall, min: 0.5}]", "recall needs labels"),
    "a share to tune for": (ANOMALY.replace("y}", "y, metric: flagged_share}"), "flagged_share is for gates"),
    "stability against the champion": (
        CLUSTERING + "gates: [{metric: stability, not_worse_than_champion_by: 0.1}]",
        "cannot be decided for stability; it can for silhouette",
    ),
    "stability against the baseline": (
        ANOMALY + "gates: [{metric: stability, above_baseline_by: 0.1}]",
        "above_baseline_by cannot be decided for stability",
    ),
    "an interval of a training's measure": (
        CLUSTERING + "gates: [{metric: stability, min: 0.8, decided_by: interval}]",
        "stability has no interval",
    ),
    "columns by a target that is not learned": (
        ANOMALY + "features: {select: {mutual_information: 3}}",
        "features.select.mutual_information is learned from the target",
    ),
    "categories by a target that is not learned": (
        CLUSTERING + "features: {categories: {encoding: target}}",
        "features.categories.encoding target is learned from the target",
    ),
    "leaks without labels": (ANOMALY + "gates: [{metric: suspected_leaks, max: 0}]", "learns from none"),
    "quality of segments": (
        CLUSTERING + "monitor: {quality: {metric: silhouette, min: 0.1}}",
        "segments have no labels",
    ),
    "a label of what has a target": (
        BASE + "monitor: {quality: {metric: roc_auc, min: 0.7, label: y}}",
        "monitor.quality.label is for clustering",
    ),
    "a metric of segments that needs no labels": (
        CLUSTERING + "monitor: {quality: {metric: silhouette, min: 0.1, label: group}}",
        "computed are adjusted_rand, v_measure",
    ),
    "quality of anomalies without labels": (
        ANOMALY + "monitor: {quality: {metric: recall, min: 0.1}}",
        "monitor.quality needs labels",
    ),
    "class weights of segments": (CLUSTERING + "training: {class_weights: balanced}", "no classes to weigh"),
    "a metric that does not exist": (
        BASE + "monitor: {quality: {metric: roc_acu, min: 0.7}}",
        "did you mean 'roc_auc'",
    ),
    "a group of a split by time": (
        columns("t: {type: timestamp}").replace("data:\n", "data:\n  time: t\n  split: {by: time, group: [a]}\n"),
        "the rows of a group have several times",
    ),
    "a group that is no column": (BASE.replace("data:\n", "data:\n  split: {group: [b]}\n"), "data.split.group names"),
    "a group that is the target": (
        BASE.replace("data:\n", "data:\n  split: {group: [y]}\n"),
        "each part would then have other classes",
    ),
    "a metric of another type": (BASE + "monitor: {quality: {metric: rmse, max: 1}}", "monitor.quality.metric 'rmse'"),
    "a metric that is a sum": (BASE + "monitor: {quality: {metric: profit, min: 1}}", "write value_per_decision"),
    "quality in money without a value": (
        BASE + "monitor: {quality: {metric: value_per_decision, min: 1}}",
        "needs business.value_per_true_positive",
    ),
    "multiclass quality": (
        target("category", MULTICLASS) + "monitor: {quality: {metric: log_loss, min: 0.7}}",
        "write `max: 0.7`",
    ),
    "quality without a limit": (BASE + "monitor: {quality: {metric: roc_auc}}", "needs one limit"),
    "quality with two limits": (BASE + "monitor: {quality: {metric: roc_auc, min: 0.1, max: 0.9}}", "needs one limit"),
    "a leak gate with min": (BASE + "gates: [{metric: suspected_leaks, min: 1}]", "write `max: 0`"),
    "a target that is known before": (BASE + "features: {known_before: [y]}", "features.known_before: 'y' is not a"),
    "min of a loss": (BASE + "monitor: {quality: {metric: log_loss, min: 0.3}}", "write `max: 0.3`"),
    "max of a score": (BASE + "monitor: {quality: {metric: roc_auc, max: 0.3}}", "write `min: 0.3`"),
    "a limit in per cent": (BASE + "monitor: {quality: {metric: roc_auc, min: 70}}", "70 % is written 0.7"),
    "a gate in per cent": (BASE + "gates: [{metric: accuracy, min: 85}]", "85 % is written 0.85"),
    "a gate below all values": (BASE + "gates: [{metric: accuracy, min: -1}]", "lies between 0 and 1"),
    "a gate above r2": (target("number", REGRESSION_OF) + "gates: [{metric: r2, min: 2}]", "r2 cannot be 2"),
    "min of a loss as a gate": (BASE + "gates: [{metric: log_loss, min: 0.3}]", "write `max: 0.3`"),
    "max of r2 as a gate": (target("number", REGRESSION_OF) + "gates: [{metric: r2, max: 0.3}]", "write `min: 0.3`"),
    "weights of classes where there are none": (
        target("number", REGRESSION_OF) + "training: {class_weights: balanced}",
        "training.class_weights is for classes",
    ),
    "hyperband of a family that does not report": (
        tuned("gradient_boosting, random_forest", "strategy: hyperband"),
        "random_forest report their metric only at the end",
    ),
    "hyperband and early stopping": (
        tuned("gradient_boosting", "strategy: hyperband, early_stopping: true"),
        "hyperband ends training jobs itself; remove early_stopping",
    ),
    "early stopping of several families": (
        tuned("gradient_boosting, random_forest", "early_stopping: true"),
        "for one algorithm only, and training.candidates has 2",
    ),
    "early stopping of a family that does not report": (
        tuned("random_forest", "early_stopping: true"),
        "compares training jobs while they go on",
    ),
    "a warm start of several families": (
        tuned("gradient_boosting, random_forest", "warm_start: true"),
        "training.tuning.warm_start: SageMaker allows it for one algorithm only",
    ),
    "a warm start without learning": (
        tuned("gradient_boosting", "warm_start: true, strategy: random"),
        "random chooses its points without the results of others",
    ),
    "a tuning of one minute": (
        tuned("gradient_boosting", "max_minutes: 1"),
        "SageMaker's tuning jobs take at least 2",
    ),
    "a target in per cent": (
        tuned("gradient_boosting", "target: 93"),
        "training.tuning.target: roc_auc cannot be 93",
    ),
    "ranges of a family that is no candidate": (
        tuned("gradient_boosting", "ranges: {gradient_bosting: {max-iter: [1, 2]}}"),
        "did you mean 'gradient_boosting'",
    ),
    "a range of no hyperparameter": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning_rate: [0.1, 0.2]}}"),
        "did you mean 'learning-rate'",
    ),
    "a range without an end": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning-rate: [0.1]}}"),
        "write the least and the greatest value",
    ),
    "a range from right to left": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning-rate: [0.2, 0.1]}}"),
        "write the least and the greatest value",
    ),
    "a logarithmic range from 0": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning-rate: [0, 0.1]}}"),
        "must be above 0",
    ),
    "a range of parts of leaves": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {max-leaf-nodes: [4.5, 9]}}"),
        "must be whole numbers",
    ),
    "a range of words": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning-rate: [slow, fast]}}"),
        "must be numbers",
    ),
    "a range of nothing": (
        tuned("gradient_boosting", "ranges: {gradient_boosting: {learning-rate: []}}"),
        "leaves nothing to try",
    ),
    "a target of auto": (tuned("auto", "target: 0.9"), "auto is one training job, which searches by itself"),
    "a grid of auto": (tuned("auto", "strategy: grid"), "training.tuning.strategy: auto is one training job"),
    "a value twice in a grid": (
        tuned("logistic_regression", "strategy: grid, ranges: {logistic_regression: {c: [1, 1]}}"),
        "a value is given twice",
    ),
    "a text that is no value": (
        tuned("logistic_regression", "ranges: {logistic_regression: {spread: [standart]}}"),
        "did you mean 'standard'",
    ),
    "a grid with more points than jobs": (
        tuned(
            "logistic_regression",
            "strategy: grid, max_jobs: 3, ranges: {logistic_regression: {c: [1, 2], spread: [standard, signed-log]}}",
        ),
        "have 4 combinations, and a grid runs each; training.tuning.max_jobs 3: set max_jobs to 4",
    ),
    "a grid of several families with more points than jobs": (
        tuned(
            "logistic_regression, random_forest",
            "strategy: grid, max_jobs: 4, ranges: {logistic_regression: {c: [1, 2, 3]}}",
        ),
        "its part of training.tuning.max_jobs 4 is 2: set max_jobs to 6",
    ),
    "a warm start of auto": (
        BASE + "training: {candidates: [auto], tuning: {warm_start: true}}",
        "auto starts again inside its one job",
    ),
    "auto without a refit": (
        BASE + "training: {candidates: [auto], refit: false}",
        "auto always fits its models on all rows",
    ),
    "auto beside a family": (BASE + "training: {candidates: [auto, lightgbm]}", "write [auto]"),
    "profit without its value": (BASE + "gates: [{metric: profit, min: 1}]", "business.value_per_true_positive"),
    "tuning by profit without its value": (
        BASE.replace("positive: true", "positive: true, metric: profit"),
        "business.value_per_true_positive",
    ),
    "regression of a category": (target("category", REGRESSION_OF), "declared as category"),
    "regression of a time": (target("timestamp", REGRESSION_OF), "declared as timestamp"),
    "regression of a boolean": (REGRESSION_OF, "declared as boolean"),
    "multiclass of a number": (target("number", MULTICLASS), "Declare it as integer"),
    "multiclass of text": (target("text", MULTICLASS), "Declare it as category"),
    "binary of a time": (target("timestamp"), "declared as timestamp"),
    "positive of an integer target is a word": (
        target("integer").replace("positive: true", "positive: x"),
        "the number",
    ),
    "positive of an integer target is true": (target("integer"), "write the number"),
    "positive of a multiclass problem": (
        target("category", MULTICLASS).replace("target: y", "target: y, positive: a"),
        "is for binary problems",
    ),
    "three values of a binary target": (
        BASE.replace("positive: true", "positive: a").replace("{type: boolean}", "{type: category, values: [a, b, c]}"),
        "has 3 values",
    ),
    "one value of a multiclass target": (
        target("category, values: [a]", MULTICLASS),
        "has one value",
    ),
    "positive of an integer target is a fraction": (
        target("integer").replace("positive: true", "positive: 1.5"),
        "1.5 is not a class",
    ),
    "PSI that no data reach": (BASE + "monitor: {drift: {max: 25}}", "can never be reached: PSI is at most 18.4"),
    "a number for a duration": (BASE + "release: {bake: 5}", "'5' is not a duration; write a whole number and s, m"),
    "time of text": (columns("d: {type: text}") + "  time: d\n", "declare it as timestamp"),
    "time of a number": (columns("d: {type: number}") + "  time: d\n", "declare it as timestamp"),
    "time of a boolean": (columns("d: {type: boolean}") + "  time: d\n", "declare it as timestamp"),
    "the target as key": (BASE + "  key: [y]\n", "data.key names the target"),
    "the target dropped": (BASE + "features: {drop: [y]}", "features.drop names the target"),
    "segments of a text": (
        columns("b: {type: text}") + "gates: [{metric: recall, slice: b, max_gap: 0.2}]",
        "'b' is text",
    ),
    "segments of a sum": (
        BASE + "business: {value_per_true_positive: 1}\ngates: [{metric: profit, slice: a, max_gap: 0.2}]",
        "profit is a sum over rows",
    ),
    "an interval that decides anyway": (
        BASE + "gates: [{metric: recall, slice: a, max_gap: 0.2, decided_by: interval}]",
        "`decided_by` is for `min`, `max` and `above_baseline_by`",
    ),
    "segments of the target": (BASE + "gates: [{metric: recall, slice: y, max_gap: 0.2}]", "names the target"),
    "log of a category": (columns("k: {type: category}") + "features: {log: [k]}", "'k' is category"),
    "log of the key": (columns("k: {type: integer}") + "  key: [k]\nfeatures: {log: [k]}", "not a feature"),
    "bins of text": (columns("k: {type: text}") + "features: {bins: {k: 3}}", "'k' is text"),
    "one bin": (BASE + "features: {bins: {a: 1}}", "write 2 to 100"),
    "values with blanks": (columns("k: {type: category, values: [' a', b]}"), "never matches"),
    "no values": (columns("k: {type: category, values: []}"), "allows no value"),
    "a blank value": (columns("k: {type: category, values: ['', b]}"), "a blank is a missing value"),
    "a value twice": (columns("k: {type: category, values: [a, b, a]}"), "is given twice"),
    "a value that is missing": (columns("k: {type: category, values: [a, NA], missing: [NA]}"), "missing marker"),
    "a column name with blanks": (columns("' k ': {type: number}"), "has leading or trailing blanks"),
    "a reserved column": (columns("inference_id: {type: text}"), "is reserved"),
    "a window shorter than the interval": (BASE + "monitor: {every: 1h, window: 5m}", "shorter than monitor.every"),
    "rows that no window has": (BASE + "monitor: {drift: {min_rows: 1000000}}", "can never be reached"),
    "half a row": (BASE + "retrain: {on_rows: 10.5}", "write a whole number of rows, or a share"),
    "volume that no week allows": (BASE + "retrain: {on_rows: 10, max_per_week: 0}", "can never start a run"),
    "drift that is not answered": (BASE + "retrain: {on: [], window: since_drift}", "no drift is ever retrained for"),
    "a window of nothing": (BASE + "retrain: {window: 0d}", "retrain.window is 0d; it must be longer than 0"),
    "a window that is none": (BASE + "retrain: {window: newest}", "write all, since_drift, or how far back"),
    "one of several windows of nothing": (BASE + "retrain: {window: [all, 0d]}", "retrain.window is 0d"),
    "several windows without labels": (CLUSTERING + "retrain: {window: [all, 90d]}", "clustering has no labels"),
    "several windows of a split by time": (
        columns("t: {type: timestamp}").replace("data:\n", "data:\n  time: t\n  split: {by: time}\n")
        + "retrain: {window: [all, 90d]}",
        "which a split by time keeps for the test",
    ),
    "a list of one window": (BASE + "retrain: {window: [90d]}", "two or more different ones; write a single one alone"),
    "a window twice": (BASE + "retrain: {window: [all, all]}", "two or more different ones"),
    "several windows, one of which is none": (BASE + "retrain: {window: [all, newest]}", "'newest' is not a window"),
    "no half life": (BASE + "retrain: {half_life: 0h}", "retrain.half_life is 0h; it must be longer than 0"),
    "retraining on what is not watched": (BASE + "retrain: {on: [quality]}", "the contract has no monitor.quality"),
    "drift without captures": (BASE + "release: {capture_percent: 0}\nmonitor: {drift: {max: 0.1}}", "capture_percent"),
    "no bake": (BASE + "release: {bake: 0s}", "release.bake is 0s"),
    "a limit that is not a number": (BASE + "gates: [{metric: roc_auc, min: .nan}]", "finite number"),
    "a column's limit that is not a number": (BASE.replace("type: number", "type: number, max: .nan"), "finite number"),
    "an infinite value": (BASE + "business: {value_per_true_positive: .inf}", "finite number"),
    "business of a regression": (
        target("number", REGRESSION_OF) + "business: {cost_per_contact: 1}",
        "apply only to a binary problem",
    ),
    "minutes as sexagesimal": (BASE + "release: {bake: 10:00}", "not a duration"),
    "a word for a number": (BASE + "release: {instances: yes}", "valid integer"),
    "Latin-1": (("description: café\n" + BASE).encode("latin-1"), "byte 16 is not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_key_and_what_to_write(name: str) -> None:
    text, said = REFUSED[name]
    with pytest.raises(ContractError) as refusal:
        load_contract(text)
    assert said in str(refusal.value)


ACCEPTED = {
    "a gap that reports a column without judging it": (
        BASE + "gates: [{metric: recall, slice: a, max_gap: 1}, {metric: selection_rate, slice: a, max_gap: 0.1}]",
        lambda c: [gate.max_gap for gate in c.gates] == [1, 0.1],
    ),
    "the smallest": (BASE, lambda c: c.problem.positive is True),
    "a binary number": (target("number").replace("positive: true", "positive: 1"), lambda c: c.problem.positive == 1),
    "a whole number with a point": (
        target("integer").replace("positive: true", "positive: 1.0"),
        lambda c: (c.problem.positive, type(c.problem.positive)) == (1, int),
    ),
    "yes of a boolean": (BASE.replace("positive: true", "positive: yes"), lambda c: c.problem.positive is True),
    "a country that YAML 1.1 takes for false": (
        columns("land: {type: category, values: [NO, SE]}"),
        lambda c: c.data.columns["land"].values == ["NO", "SE"],
    ),
    "numbers as categories": (
        columns("land: {type: category, values: [1, 2.0, true]}"),
        lambda c: c.data.columns["land"].values == ["1", "2", "true"],
    ),
    "columns that YAML 1.1 takes for booleans and numbers": (
        columns("on: {type: number}\n    1: {type: number}\n    null: {type: number}"),
        lambda c: {"on", "1", "null"} <= set(c.data.columns),
    ),
    "a bare on": (BASE + "retrain: {on: [drift]}", lambda c: c.retrain.on == ["drift"]),
    "several windows": (BASE + "retrain: {window: [all, 90d]}", lambda c: c.retrain.windows == ["all", "90d"]),
    "a window": (BASE + "retrain: {window: 90d}", lambda c: c.retrain.window == "90d"),
    "a share of the rows": (BASE + "retrain: {on_rows: 0.1}", lambda c: c.retrain.on_rows == 0.1),
    "retraining never": (BASE + "retrain: {on: []}", lambda c: c.retrain.on == []),
    "a decimal with a leading zero": (
        BASE.replace("type: number", "type: integer, max: 0100"),
        lambda c: c.data.columns["a"].max == 100,
    ),
    "a merge key": (
        BASE.replace("a: {type: number}", "a: &n {type: number}\n    b: {<<: *n, max: 3}"),
        lambda c: (c.data.columns["b"].type, c.data.columns["b"].max) == ("number", 3),
    ),
    "a loss with max": (BASE + "gates: [{metric: log_loss, max: 0.3}]", lambda c: c.gates[0].max == 0.3),
    "a byte order mark": (("\ufeff" + BASE).encode(), lambda c: c.project == "t1"),
    "UTF-16": (BASE.encode("utf-16"), lambda c: c.project == "t1"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_means_what_it_says(name: str) -> None:
    text, holds = ACCEPTED[name]
    assert holds(load_contract(text))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (BASE + "gates:\n  - {metric: roc_auc, min: 0.9}\ngates:\n  - {metric: accuracy, min: 0.1}\n", (7, 9)),
        (BASE + "release: {approval: manual}\nrelease: {bake: 1h}\n", (7, 8)),
        (BASE.replace("    y:", '    "a": {type: category}\n    y:'), (5, 6)),
        (BASE.replace("type: number", "max: 10, type: number, max: 1000"), (5, 5)),
        ('{"project": "a",\n"project": "b"}', (1, 2)),
        (BASE + "gates:\n  - metric: roc_auc\n    min: 0.9\n    min: 0.1\n", (9, 10)),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(text: str, lines: tuple[int, int]) -> None:
    with pytest.raises(ContractError, match=rf"appears twice: in line {lines[0]} and in line {lines[1]}"):
        load_contract(text)


def test_a_merged_key_may_be_said_again() -> None:
    text = BASE.replace("a: {type: number}", "a: &n {type: number, max: 1}\n    b: {<<: *n, max: 3}")
    assert load_contract(text).data.columns["b"].max == 3


def test_a_frozen_contract_is_read_whatever_newer_rules_say() -> None:
    frozen = load_contract(BASE).model_dump(mode="json")
    frozen["release"]["bake"] = "0s"
    assert Contract.model_validate(frozen).release.bake == "0s"


def test_metrics_are_those_that_evaluation_and_monitoring_compute() -> None:
    money = metric_limits.BUSINESS_METRICS
    assert set(metrics.money_metrics("binary", {"value_per_true_positive": 1.0, "cost_per_contact": 0.0})) == money
    assert {kind: set(metric_limits.METRICS[kind]) - money for kind in metrics.METRICS} == {
        kind: set(names) for kind, names in metrics.METRICS.items()
    }
    without_labels = {"clustering": segment_metrics.METRICS, "anomaly": (*anomaly_metrics.LABELLED, "flagged_share")}
    assert set(metric_limits.METRICS) - set(metrics.METRICS) == set(without_labels)
    for kind, names in without_labels.items():
        assert set(metric_limits.METRICS[kind]) == {*names, "stability"}
    named = {name for names in metric_limits.METRICS.values() for name in names}
    # a value of money may be any number
    assert named - metric_limits.BUSINESS_METRICS <= set(metric_limits.RANGES)
    assert named >= metric_limits.LOWER_IS_BETTER
    worth = {"value_per_true_positive": 1.0, "cost_per_contact": 0.1}
    for kind, names in metric_limits.ONLINE_METRICS.items():
        if names:
            assert OnlineMetrics(kind, worth, probabilities=True).names == list(names)
        if kind in metrics.METRICS:
            assert set(names) == set(metric_limits.METRICS[kind])
    answered = set(metric_limits.METRICS["multiclass"]) - metric_limits.OF_ALL_CLASSES
    assert set(OnlineMetrics("multiclass").names) == answered


def test_what_learns_without_labels_has_defaults_of_its_own() -> None:
    segments, rare, labelled = (load_contract(text) for text in (CLUSTERING, ANOMALY, LABELLED))
    assert segments.training.candidates == ["kmeans", "gaussian_mixture", "pca_kmeans"]
    assert (segments.problem.metric, segments.problem.clusters) == ("silhouette", "auto")
    assert segments.feature_columns == ["a", "y"]
    assert (rare.problem.metric, labelled.problem.metric) == ("stability", "pr_auc")
    assert rare.training.candidates == ["isolation_forest"], "without labels nothing says which family is best"
    assert labelled.training.candidates == ["isolation_forest", "lof", "one_class_svm"]
    assert labelled.feature_columns == ["a"]
    assert (labelled.problem.target, labelled.problem.learned_target) == ("y", None)
    assert Contract.model_validate(labelled.model_dump(mode="json")) == labelled
    gates = "gates: [{metric: flagged_share, min: 0.001}, {metric: flagged_share, max: 0.05}]"
    assert len(load_contract(ANOMALY + gates).gates) == 2


def test_psi_has_the_bound_that_contracts_are_held_to() -> None:
    assert round(psi([1.0, 0.0], [0.0, 1.0]), 1) == GREATEST_PSI


def test_a_metric_that_is_not_known_says_nothing_of_its_direction() -> None:
    with pytest.raises(ContractError) as refusal:
        load_contract(target("number", REGRESSION_OF) + "gates: [{metric: maee, max: 10}]")
    assert "did you mean 'mae'?" in str(refusal.value)
    assert "better" not in str(refusal.value)


def test_what_is_neither_better_more_nor_less_is_a_gate_and_no_goal() -> None:
    both = "gates: [{metric: selection_rate, max: 0.3}, {metric: selection_rate, min: 0.1}]"
    assert len(load_contract(BASE + both).gates) == 2
    with pytest.raises(ContractError, match="neither more nor less is better"):
        load_contract(BASE.replace("type: binary", "type: binary, metric: selection_rate"))
