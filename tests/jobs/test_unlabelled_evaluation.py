"""Evaluation without labels: measures, comparison with the champion, profiles, and what release and monitoring read."""

import argparse
import json
import shutil
import tarfile

import evaluate
import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from unsupervised import training

from channels import read_contract, read_rows
from sluice.contract import Gate
from sluice.gates import judge
from sluice.model import segment_metrics
from sluice.model.model import Model
from sluice.records.baseline import Baseline
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from sluice.records.unlabelled import Unlabelled
from tests.jobs.unlabelled_data import make_unlabelled


def packed(data, family, folder, **given):
    arguments = argparse.Namespace(
        family=family, run_id="r0123456789ab", train=data / "train", validation=data / "validation",
        contract=data / "contract", champion=None, model_dir=folder / "model",
    )  # fmt: skip
    arguments.model_dir.mkdir(parents=True)
    training.train(arguments, given, read_contract(data / "contract"))
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(arguments.model_dir, arcname=".")
    # beside the archive there is nothing else
    (folder / "packed").mkdir()
    (folder / "model.tar.gz").rename(folder / "packed" / "model.tar.gz")
    return folder / "packed"


def evaluated(data, output, **models):
    arguments = argparse.Namespace(
        test=data / "test", contract=data / "contract", output=output, **{"anchor": output / "none", **models}
    )
    result = evaluate.evaluate(arguments)
    assert json.loads((output / "evaluation.json").read_text()) == result
    return Evaluation.model_validate(result)  # each member that the job writes, and no other, is known to its readers


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    data = make_unlabelled(folder / "data", "clustering")
    models = {"candidate": "kmeans", "baseline": "baseline", "champion": "gaussian_mixture"}
    return data, {role: packed(data, family, folder / role) for role, family in models.items()}


def test_segments_are_measured_compared_and_described(segments, tmp_path):
    data, models = segments
    found = evaluated(data, tmp_path, **models)
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as saved:
        labels = saved["candidate"].argmax(axis=1)
    model = Model.load(models["candidate"].parent / "model", exact=False)
    rows = read_rows(data / "test", model.encoder.schema, "test", needed=set())
    points = model.scorer.space(model.encoder.encode(rows))
    assert found.candidate.metrics["silhouette"] == pytest.approx(silhouette_score(points, labels))
    assert found.paired_baseline["silhouette"].low > 0
    assert found.unlabelled.agreement["adjusted_rand"] > 0.7
    names = sorted(each.name for each in found.unlabelled.segments)
    assert names == ["segment 1", "segment 2", "segment 3"]
    assert found.unlabelled.segments[0].rows == max(each.rows for each in found.unlabelled.segments)
    traits = {trait.column for each in found.unlabelled.segments for trait in each.traits}
    assert traits == {"spend", "visits", "channel"}, "and nothing of what the model does not use"
    assert found.unlabelled.notes()[0].startswith(f"{found.unlabelled.segments[0].name}: ")
    baseline = Baseline.model_validate(json.loads((tmp_path / "baseline.json").read_text()))
    assert sum(baseline.predictions.values()) == pytest.approx(1)
    assert len((tmp_path / "held_out.jsonl").read_text().splitlines()) == 300


def test_gates_decide_on_segments(segments, tmp_path):
    data, models = segments
    found = evaluated(data, tmp_path, **models)
    gates = [
        Gate(metric="silhouette", min=0.4),
        Gate(metric="stability", min=0.8),
        Gate(metric="smallest_share", min=0.05),
        Gate(metric="silhouette", above_baseline_by=0.01),
        Gate(metric="silhouette", not_worse_than_champion_by=0.05),
    ]
    assert judge(gates, found).decision == "approved", judge(gates, found).reasons
    assert judge([Gate(metric="silhouette", min=0.99)], found).decision == "rejected"


def test_gaps_and_intervals_of_segments(segments, tmp_path):
    data, models = segments
    gap = {"metric": "silhouette", "slice": "member", "max_gap": 0.2, "confidence": 0.9}
    sure = {"metric": "silhouette", "min": 0.4, "decided_by": "interval", "confidence": 0.9}
    shutil.copytree(data, tmp_path / "data")
    path = tmp_path / "data" / "contract" / "contract.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "gates": [gap, sure]}))
    found = evaluated(tmp_path / "data", tmp_path / "out", **models)
    judged = judge([Gate.model_validate(gap), Gate.model_validate(sure)], found)
    assert judged.decision == "approved", judged.reasons
    low, high = found.intervals.ends("candidate", "silhouette")
    assert low < found.candidate.metrics["silhouette"] < high


def test_segments_beside_a_champion_of_another_type(segments, tmp_path):
    data, models = segments
    other = packed(make_unlabelled(tmp_path / "data", "anomaly"), "isolation_forest", tmp_path / "other")
    found = evaluated(data, tmp_path / "out", **{**models, "champion": other})
    assert "(anomaly)" in found.not_compared["champion"]
    gate = Gate(metric="silhouette", not_worse_than_champion_by=0.05)
    assert judge([gate], found.model_copy(update={"champion_serves": True})).decision == "inconclusive"


@pytest.mark.parametrize("target", ["fraud", None])
def test_anomalies_are_measured_with_labels_and_without(tmp_path, target):
    data = make_unlabelled(tmp_path / "data", "anomaly", target=target, contamination=0.05)
    families = {"candidate": "isolation_forest", "baseline": "baseline", "champion": "lof"}
    models = {role: packed(data, family, tmp_path / role) for role, family in families.items()}
    found = evaluated(data, tmp_path / "out", **models)
    measured = found.candidate.metrics
    assert 0.02 < measured["flagged_share"] < 0.1
    assert measured["stability"] > 0.5
    assert found.scores is not None
    assert found.unlabelled.agreement["rank"] > 0.3
    assert ("fraud" in (tmp_path / "out" / "held_out.jsonl").read_text()) is False
    baseline = Baseline.model_validate(json.loads((tmp_path / "out" / "baseline.json").read_text()))
    assert baseline.predictions["true"] == pytest.approx(measured["flagged_share"])
    plots = Plots.model_validate(json.loads((tmp_path / "out" / "plots.json").read_text()))
    assert bool(plots.roc) == (target is not None)
    if target is None:
        assert found.paired == {}
        assert "names no problem.target" in judge([Gate(metric="roc_auc", min=0.5)], found).reasons[0]
        return
    assert measured["roc_auc"] > 0.9
    assert measured["pr_auc"] > 5 * 0.04
    # rows without a label are scored, and not counted
    assert found.unlabelled.labelled_rows < found.rows == 300
    assert found.paired["pr_auc"].difference is not None
    low, high = found.intervals.ends("candidate", "pr_auc")
    assert low < measured["pr_auc"] < high
    assert judge([Gate(metric="pr_auc", min=0.3)], found).decision == "approved"


def test_each_measure_that_is_missing_says_why():
    points = np.array([[0.0], [0.0], [1.0], [1.0]])
    measured = segment_metrics.measured(points, np.array([0, 0, 1, 1]), 2)
    assert "calinski_harabasz" not in measured, "nothing is left within; scikit-learn's number would be rounding"
    why = segment_metrics.why_undefined
    assert "all rows of a segment are equal" in why("calinski_harabasz", np.array([0, 0, 1, 1]))
    assert why("silhouette", np.array([1, 1])) == "all 2 test rows are in one segment"
    assert "a segment of its own" in why("calinski_harabasz", np.array([0, 1]))


def test_a_share_that_cannot_be_flagged_is_said():
    told = Unlabelled(training={"contamination": 0.05, "flagged": 0.022}).notes()
    assert len(told) == 1
    assert told[0].startswith("problem.contamination is 0.05, and the limit flags 2.2% of the rows")
    assert not Unlabelled(training={"contamination": 0.05}).notes()
