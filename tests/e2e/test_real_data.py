"""Real data through the whole line: the promoted model is as good as the data allow, and it is the one that answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.artefacts import ROOT
from sluice import keys
from testing.line import Line

HERE = Path(__file__).parent
DATA = ROOT.parent / "shared" / "data"
SHOPPERS = DATA / "online_shoppers" / "online_shoppers_intention.csv"
CUSTOMERS = DATA / "telco_churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv"

needs = {
    path: pytest.mark.skipif(not path.exists(), reason=f"the data set {path.relative_to(ROOT.parent)} is not here")
    for path in (SHOPPERS, CUSTOMERS)
}


def shoppers(line: Line) -> dict[str, Any]:
    return promoted(line, "online-shoppers", SHOPPERS)


def customers(line: Line) -> dict[str, Any]:
    return promoted(line, "telco-churn", CUSTOMERS)


def promoted(line: Line, project: str, path: Path) -> dict[str, Any]:
    """One file, one run; then the held-out rows of that run are sent to the endpoint."""
    line.put_contract(project, (HERE / "projects" / f"{project}.yaml").read_text())
    record = line.record(project, path.name, line.drop(project, path.name, path.read_bytes()))
    run = line.run(project, 1, outcome="promoted")
    held_out = list(
        csv.DictReader(io.StringIO(line.read(keys.run(project, run["run_id"], "prepared/test/data.csv")).decode()))
    )
    return {"project": project, "record": record, "run": run, "held_out": held_out}


def probabilities(line: Line, project: str, rows: list[dict[str, str]], target: str) -> list[float]:
    """The endpoint's answers to rows as a client would send them: CSV with a header, without the target."""
    columns = [name for name in rows[0] if name != target]
    found: list[float] = []
    for start in range(0, len(rows), 500):
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[start : start + 500])
        answer = line.aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=line.endpoint_name(project), ContentType="text/csv", Accept="text/csv", Body=text.getvalue()
        )
        found += [float(answered.split(",")[1]) for answered in answer["Body"].read().decode().splitlines()]
    return found


def roc_auc(truth: list[bool], scores: list[float]) -> float:
    """Share of pairs (yes, no) in which the yes has the higher score; ties count half."""
    yes = np.array([score for score, is_yes in zip(scores, truth, strict=True) if is_yes])
    no = np.sort([score for score, is_yes in zip(scores, truth, strict=True) if not is_yes])
    below, not_above = np.searchsorted(no, yes, "left"), np.searchsorted(no, yes, "right")
    return float((below + not_above).mean() / 2 / len(no))


def is_as_good(line: Line, story: dict[str, Any], target: str, yes: str, at_least: float) -> None:
    project, run = story["project"], story["run"]
    assert run["outcome"] == "promoted"
    evaluation = line.read_json(keys.run(project, run["run_id"], "evaluation/evaluation.json"))
    measured = evaluation["candidate"]["metrics"]["roc_auc"]
    assert measured >= at_least, evaluation["candidate"]["family"]
    assert evaluation["rows"] == len(story["held_out"])
    scores = probabilities(line, project, story["held_out"], target)
    truth = [row[target] == yes for row in story["held_out"]]
    assert roc_auc(truth, scores) == pytest.approx(measured, abs=1e-9), "the model that serves is the one evaluated"
    assert line.invoke(project, [{}])["model"] == run["run_id"]


@needs[SHOPPERS]
@pytest.mark.story.with_args(shoppers)
def test_online_shoppers(line: Line, story: dict[str, Any]) -> None:
    assert (story["record"]["rows"], story["record"]["quarantined_rows"]) == (12_330, 0)
    is_as_good(line, story, "Revenue", "true", 0.92)
    manifest = line.read_json(keys.run(story["project"], story["run"]["run_id"], "prepared/manifest.json"))
    equal = [loss["rows"] for loss in manifest["losses"] if loss["reason"] == "equal_kept"]
    assert equal == [125], "equal rows are kept where there is no key, and counted"
    assert sum(manifest["rows"].values()) == 12_330


@needs[CUSTOMERS]
@pytest.mark.story.with_args(customers)
def test_telco_churn(line: Line, story: dict[str, Any]) -> None:
    assert (story["record"]["rows"], story["record"]["quarantined_rows"]) == (7_043, 0)
    is_as_good(line, story, "Churn", "Yes", 0.83)
    profile = line.read_json(keys.profile(story["project"], story["record"]["dataset_id"]))
    assert "TotalCharges" in str(profile)
