"""Runs: one at a time, none lost, gates that reject, failures that say why."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from localcloud import faults
from sluice import keys, names
from testing.line import Line, contract, wait_for

STRICT, MENDED, UNTUNED = "strict", "mended", "untuned"
ODD = "a+b c%20.csv"


def two_drops_at_once(line: Line) -> dict[str, Any]:
    """Two files in one breath, for a contract whose gate no model passes."""
    line.put_contract(STRICT, contract(STRICT, gates=[{"metric": "roc_auc", "min": 0.999}]))
    files = {f"part-{seed}.csv": as_csv(Knobs(rows=600, seed=seed, noise=0.3)) for seed in (11, 12)}
    versions = {name: line.drop(STRICT, name, body) for name, body in files.items()}
    records = [line.record(STRICT, name, version) for name, version in versions.items()]
    # one run when both were accepted before it was planned, else two
    wanted = {record["dataset_id"] for record in records}
    wait_for(lambda: wanted == _learned(line) and line.ledger.lock(STRICT) is None, "both files to be in a run")
    runs = [line.run(STRICT, number) for number in range(1, len(line.runs(STRICT)) + 1)]
    line.alert(STRICT, "Candidate Rejected", len(runs))
    return {"records": records, "runs": runs}


def _learned(line: Line) -> set[str]:
    return {dataset for run in line.runs(STRICT) for dataset in run["datasets"]}


@pytest.mark.story.with_args(two_drops_at_once)
def test_two_drops_at_once_run_one_after_the_other_and_none_is_lost(line: Line, story: dict[str, Any]) -> None:
    datasets = {record["dataset_id"] for record in story["records"]}
    assert {record["status"] for record in story["records"]} == {"accepted"}
    runs = line.runs(STRICT)
    assert 1 <= len(runs) <= 2
    assert set(runs[-1]["datasets"]) == datasets, "the last run has learned from everything"
    for before, after in itertools.pairwise(runs):
        assert before["ended_at"] <= after["started_at"]
        assert set(before["datasets"]) < set(after["datasets"])
    assert len(line.ledger.datasets(STRICT)) == 2
    assert line.ledger.lock(STRICT) is None


@pytest.mark.story.with_args(two_drops_at_once)
def test_a_rejected_candidate_is_not_released(line: Line, story: dict[str, Any]) -> None:
    for number, run in enumerate(story["runs"], start=1):
        assert run["outcome"] == "rejected"
        record = line.read_json(keys.decision(STRICT, run["run_id"], "gates"))
        assert record["decision"] == "rejected"
        assert "roc_auc" in " ".join(record["reasons"])
        assert run["run_id"] in line.alert(STRICT, "Candidate Rejected", number).message
        assert "Register Model" not in line.states(run)
    assert line.ledger.champion(STRICT) is None
    assert line.endpoint(STRICT) is None
    assert not {"Model Promoted", "Run Failed", "Dataset Failed"} & set(line.kinds(STRICT))


def failure_and_recovery(line: Line) -> dict[str, Any]:
    """A file with one class fails its run; the next one, of odd name and damaged, is fine; events repeat."""
    line.put_contract(MENDED, contract(MENDED))
    lines = as_csv(Knobs(rows=500, seed=21)).splitlines(keepends=True)
    one_class = b"".join(text for text in lines if not text.endswith(b"true\n"))
    queue = line.resources["IntakeQueue"]
    first = line.drop(MENDED, "one-class.csv", one_class)
    repeat(line, queue, f"raw/{MENDED}/one-class.csv", first)
    doubled = line.record(MENDED, "one-class.csv", first)
    failed = line.run(MENDED, 1)
    line.alert(MENDED, "Run Failed")
    lock = line.ledger.lock(MENDED)

    good, damaged = (as_csv(Knobs(rows=1200, seed=22, damage=damage)) for damage in (0.0, 0.1))
    broken = sum(a != b for a, b in zip(good.splitlines(), damaged.splitlines(), strict=True))
    version = line.drop(MENDED, ODD, damaged)
    record = line.record(MENDED, ODD, version)
    repeat(line, queue, f"raw/{MENDED}/{ODD}", version)
    repeat(line, queue, f"raw/{MENDED}/{ODD}", version)
    run = line.run(MENDED, 2, outcome="promoted")
    wait_for(lambda: _waiting(line, queue) == 0, "the repeated events to be handled")
    line.alert(MENDED, "Model Promoted")
    return {"failed": failed, "lock": lock, "broken": broken, "doubled": doubled, "record": record, "run": run}


def repeat(line: Line, queue: str, key: str, version: str) -> None:
    """Delivers S3's event of an arrival again, as EventBridge may."""
    event = wait_for(lambda: line.arrivals.of(key, version), f"S3's event of {key}")[0]
    line.aws("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event))


def _waiting(line: Line, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = line.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


@pytest.mark.story.with_args(failure_and_recovery)
def test_a_run_that_fails_names_state_and_cause_and_frees_the_project(line: Line, story: dict[str, Any]) -> None:
    assert story["failed"]["outcome"] == "failed"
    assert story["failed"]["error"]["state"] == "Prepare Data"
    (alert,) = line.alerts(MENDED, "Run Failed")
    assert "Prepare Data failed with" in alert.message
    assert "every row has purchase = false: there is nothing to learn" in alert.message
    assert "{" not in alert.message.split("\n")[0], "a cause is a sentence, not JSON"
    assert story["lock"] is None
    assert story["run"]["outcome"] == "promoted"


@pytest.mark.story.with_args(failure_and_recovery)
def test_a_repeated_event_changes_nothing(line: Line, story: dict[str, Any]) -> None:
    dataset = story["record"]["dataset_id"]
    told = [a for a in line.alerts(MENDED, "Dataset Accepted") if ODD in a.message]
    assert len(told) == 1
    assert [d["dataset_id"] for d in line.ledger.datasets(MENDED)].count(dataset) == 1
    assert len(line.runs(MENDED)) == 2
    assert len(line.alerts(MENDED, "Model Promoted")) == 1


@pytest.mark.story.with_args(failure_and_recovery)
def test_two_deliveries_at_once_are_one_arrival(line: Line, story: dict[str, Any]) -> None:
    dataset = story["doubled"]["dataset_id"]
    assert [d["dataset_id"] for d in line.ledger.datasets(MENDED)].count(dataset) == 1
    assert sum(run["datasets"] == [dataset] for run in line.runs(MENDED)) == 1
    # who loses the race for the record may have told already: told twice rather than never
    assert 1 <= sum("one-class.csv" in alert.message for alert in line.alerts(MENDED, "Dataset Accepted")) <= 2


@pytest.mark.story.with_args(failure_and_recovery)
def test_damaged_rows_are_quarantined_with_their_reasons(line: Line, story: dict[str, Any]) -> None:
    record = story["record"]
    assert record["status"] == "accepted"
    assert record["quarantined_rows"] == story["broken"] > 0
    assert record["rows"] == 1200 - story["broken"]
    rows = line.read(keys.quarantined_rows(MENDED, record["dataset_id"])).decode().splitlines()
    assert len(rows) == story["broken"]
    assert all(json.loads(text)["reasons"] for text in rows)
    summary = line.read_json(keys.quarantine_summary(MENDED, record["dataset_id"]))
    assert summary["key"] == f"raw/{MENDED}/{ODD}"
    (alert,) = line.alerts(MENDED, "Dataset Quarantined")
    assert str(story["broken"]) in alert.subject


def tuning_that_fails(line: Line) -> dict[str, Any]:
    """No machine can be had for the training job of the tuning, while the baseline is trained."""
    line.put_contract(UNTUNED, contract(UNTUNED))
    line.drop(UNTUNED, "sessions.csv", as_csv(Knobs(rows=500, seed=31)))
    begun = line.run(UNTUNED, 1, until="run_id")
    job = names.tuning_job(line.stack.stack, begun["run_id"])
    faults.lay(line.stack.state, faults.TRAINING_JOB, faults.Fault("fail", 1, job))
    run = line.run(UNTUNED, 1, outcome="failed")
    plan = line.read_json(keys.run(UNTUNED, run["run_id"], "plan.json"))
    baseline = line.aws("sagemaker").describe_training_job(TrainingJobName=plan["names"]["baseline_job"])
    return {"run": run, "baseline": baseline["TrainingJobStatus"], "alert": line.alert(UNTUNED, "Run Failed")}


@pytest.mark.story.with_args(tuning_that_fails)
def test_a_failed_tuning_says_why_its_training_jobs_failed(
    line: Line, story: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert story["baseline"] != "Failed", "only the tuning failed"
    reason = "CapacityError: Unable to provision requested ML compute capacity."
    cause = story["run"]["error"]["cause"]
    assert "Tune Candidates: training jobs of the tuning failed; the first failure: " + reason in cause
    assert story["run"]["error"]["state"] == "Build Model"
    assert reason in story["alert"].message
    capsys.readouterr()
    assert line.command("why", story["run"]["run_id"]) == 0
    assert reason in " ".join(capsys.readouterr().out.split())
