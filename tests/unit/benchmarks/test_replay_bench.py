"""The replay: who serves when, which labels are known, and that Sluice's own judge and governor decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from benchmarks.replay import __main__ as replay
from benchmarks.replay import policies, streams
from benchmarks.replay.jobs import Jobs

COUNTS = (300, 300, 200, 250, 250, 250)


def rows(seed: int = 1) -> pd.DataFrame:
    """Six months. From the fourth on, x has moved by 3 and means the contrary."""
    chance = np.random.default_rng(seed)
    months = np.repeat(np.arange(len(COUNTS)), COUNTS)
    late = months >= 3
    x = chance.normal(size=len(months)) + 3 * late
    p = 1 / (1 + np.exp(-2 * np.where(late, 3 - x, x)))
    return pd.DataFrame({"x": x, "noise": chance.normal(size=len(months)), "y": chance.random(len(months)) < p})


def stream() -> streams.Stream:
    return streams.Stream("made", rows(), "y", True, np.repeat(np.arange(len(COUNTS)), COUNTS), tuple("abcdef"))


class Quick(Jobs):
    """Jobs that learn the sign of x by a mean; the folders and files are those of real ones."""

    trained: ClassVar[dict[Path, tuple[float, np.ndarray]]] = {}

    def train(self, learn: np.ndarray, family: str | None = None) -> Path:
        kept = learn[self.part[learn] != "test"]
        x, y = self.stream.frame["x"].to_numpy()[kept], self.stream.truth[kept]
        slope = float(np.cov(x, y)[0, 1]) if family != "baseline" else 0.0
        target = self.folder / f"train-{family}-{len(learn)}"
        target.mkdir(exist_ok=True)
        Quick.trained[target] = (slope, learn)
        return target

    def scores(self, trained: Path, rows: np.ndarray) -> np.ndarray:
        x = self.stream.frame["x"].to_numpy()[rows]
        return np.asarray(1 / (1 + np.exp(-Quick.trained[trained][0] * 10 * (x - x.mean()))))

    def evaluate(self, candidate: Path, baseline: Path, champion: Path | None, rows: np.ndarray) -> Path:
        test = rows[self.part[rows] == "test"]
        truth = self.stream.truth[test]
        found = {role: policies.roc_auc(truth, self.scores(each, test)) for role, each in
                 (("candidate", candidate), ("champion", champion)) if each}  # fmt: skip
        change = found["candidate"] - found.get("champion", 0.0)
        paired = {
            "difference": change,
            "low": change - 0.001,
            "high": change + 0.001,
            "confidence": 0.9,
            "method": "none",
        }
        body: dict[str, Any] = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": len(test)}
        body |= {role: {"metrics": {"roc_auc": value}, "artifact_sha256": ""} for role, value in found.items()}
        body["paired"] = {"roc_auc": paired} if champion else None
        target = self.folder / f"evaluation-{candidate.name}"
        target.mkdir(exist_ok=True)
        x = self.stream.frame["x"].to_numpy()[rows]
        edges = [float(each) for each in np.quantile(x, np.linspace(0, 1, 11))]
        column = {"type": "number", "edges": edges, "shares": [0.1] * 10, "missing": 0.0}
        (target / "evaluation.json").write_text(json.dumps(body))
        (target / "baseline.json").write_text(json.dumps({"columns": {"x": column}, "rows": len(rows)}))
        return target


@pytest.fixture
def jobs(tmp_path: Path) -> Quick:
    one = stream()
    return Quick(one, policies.job_contract(one, 2), "mean", tmp_path)


def test_a_policy_serves_every_row_with_a_model_that_knew_no_later_label(jobs: Quick) -> None:
    served = jobs.stream.of(range(2, 6))
    never, each = policies.never(jobs, 2), policies.each_period(jobs, 2)
    for lived in (never, each):
        assert np.isfinite(lived.scores[served]).all()
        assert np.isnan(lived.scores[jobs.stream.of(range(2))]).all()
    assert (never.trainings, each.trainings) == (1, 3)
    # the model of the last month knows the months whose labels had all come: all but the last two
    assert max(len(learn) for _, learn in Quick.trained.values()) == sum(COUNTS[:4])


def test_sluice_notices_the_change_retrains_and_is_better_than_never(
    jobs: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    lived = {name: policy(jobs, 2) for name, policy in policies.POLICIES.items()}
    first, *later = lived["alarms_alone"].decisions
    assert (first["trigger"], first["outcome"]) == ("data", "promoted")
    assert later
    assert {each["trigger"] for each in later} <= {"drift", "quality"}
    # the change begins with the fourth month, on the 90th day of the replay
    assert min(each["at"] for each in later) > "2026-03-31"
    assert lived["alarms_alone"].trainings == 1 + len(later)
    # by default arriving rows start runs, too
    first, *later = lived["sluice"].decisions
    assert (first["trigger"], first["outcome"]) == ("data", "promoted")
    assert [each["rows"] for each in later if each["trigger"] == "data"] == [sum(COUNTS[:3]), sum(COUNTS[:4])]
    assert len(lived["sluice"].measured) == len(lived["alarms_alone"].measured) > 10
    replay.report(jobs.stream, lived, 2, 0.0)
    printed = capsys.readouterr().out
    figures = {line["name"]: line for line in map(json.loads, printed.splitlines()[-9:])}
    assert figures["replay_made_sluice_minus_never"]["value"] >= 0
    assert len(figures["replay_made_sluice_roc_auc"]["curve"]) == 4
    assert "| f | 250 |" in printed
    assert "measurements; triage: " in printed


def test_labels_that_come_a_period_late_ring_the_quality_alarm(jobs: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    """No column may start a retraining here: lost quality is known from labels alone, 30 days after the request."""
    plain = policies.contract_of

    def labels_alone(*given: Any, **more: Any) -> dict[str, Any]:
        found = plain(*given, **more)
        found["monitor"]["drift"] = {"max": 15}
        return found | {"retrain": {**found["retrain"], "on": ["quality"]}}

    monkeypatch.setattr(policies, "contract_of", labels_alone)
    lived = policies.alarms_alone(jobs, 2)
    first, *later = lived.decisions
    assert first["outcome"] == "promoted"
    assert {each["trigger"] for each in later} == {"quality"}
    # the change begins on the 90th day; its labels come from the 120th on
    assert min(each["at"] for each in later) > "2026-04-30"


def test_a_folder_with_one_file_in_the_order_of_time(tmp_path: Path) -> None:
    folder = tmp_path / "elec"
    folder.mkdir()
    labels = ["UP"] * 4 + ["DOWN"] * 8
    pd.DataFrame({"price": range(12), "class": labels}).to_csv(folder / "elec.csv", index=False)
    found = streams.read(folder, periods=4)
    assert (found.target, found.positive, found.names) == ("class", "UP", ("1", "2", "3", "4"))
    assert found.period.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert found.truth.sum() == 4
    with pytest.raises(ValueError, match="binary"):
        streams.read(folder, target="price")
    (folder / "other.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match="2 CSV files"):
        streams.read(folder)


def test_the_contract_is_the_drafted_one_but_where_alarms_are_alone() -> None:
    one = stream()
    assert policies.contract_of(one, 2)["retrain"] == {}
    assert policies.contract_of(one, 2, arrivals=False)["retrain"]["min_rows"] == 125
    (gate,) = policies.contract_of(one, 2)["gates"]
    # 120 test rows of the history
    assert gate == {"metric": "roc_auc", "not_worse_than_champion_by": 0.045, "confidence": 0.95}
    # and what a job learns does not depend on it, so that kept jobs stay valid
    assert policies.job_contract(one, 2)["retrain"]["min_rows"] == 1_000


def test_months_of_bike_sharing_are_its_periods(tmp_path: Path) -> None:
    folder = tmp_path / "bike_sharing"
    folder.mkdir()
    dropped = ("instant", "season", "yr", "mnth", "casual", "registered")
    months = ["2011-01-30", "2011-01-31", "2011-02-01", "2011-03-01"]
    table = pd.DataFrame({"dteday": months, "hr": range(4), "cnt": [1, 40, 30, 90]} | dict.fromkeys(dropped, 0))
    table.to_csv(folder / "hour.csv", index=False)
    found = streams.read(folder)
    assert found.names == ("2011-01", "2011-02", "2011-03")
    assert found.period.tolist() == [0, 0, 1, 2]
    assert list(found.types) == ["hr", "busy"]
    assert found.truth.tolist() == [0, 1, 0, 1]


@pytest.mark.long
def test_real_jobs_are_kept_and_not_run_twice(tmp_path: Path) -> None:
    one = stream()
    jobs = Jobs(one, policies.job_contract(one, 2), "logistic_regression", tmp_path)
    learn = one.of(range(2))
    model, baseline = jobs.train(learn), jobs.train(learn, "baseline")
    made = jobs.evaluate(model, baseline, None, learn)
    assert policies.roc_auc(one.truth[learn], jobs.scores(model, learn)) > 0.8
    times = [path.stat().st_mtime_ns for path in (model / "model.tar.gz", made / "evaluation.json")]
    assert (jobs.train(learn), jobs.evaluate(model, baseline, None, learn)) == (model, made)
    assert [path.stat().st_mtime_ns for path in (model / "model.tar.gz", made / "evaluation.json")] == times
