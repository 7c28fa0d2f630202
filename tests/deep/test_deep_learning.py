"""A network of PyTorch and an autoencoder, from a contract to an endpoint, on a cloud that has no PyTorch yet."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import testing.line
from cli.stack import LocalStack
from sluice import keys
from testing.line import Line, deployed
from testing.served import as_csv

pytestmark = [pytest.mark.long, pytest.mark.cloud]
PYTORCH, TENSORFLOW = ("pytorch", "PyTorch container"), ("tensorflow", "TensorFlow container")
SPEED = 20.0
MAKING_SECONDS = 1_800.0
RELEASE = {"steps": [100], "bake": "30s", "max_bake": "40m", "max_error_rate": 0.05, "max_p99_ms": 5000}
TRAINING = {"tuning": {"strategy": "random", "max_jobs": 2, "parallel_jobs": 1, "max_minutes": 30}}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A cloud whose environment for PyTorch is to be made in a folder that is empty."""
    folder = tmp_path_factory.mktemp("deep")
    new = folder / "environments"
    command = f"{sys.executable} -P -m localcloud environment {{name}} --folder {new}/{{name}}"
    stack = LocalStack(state=folder / "cloud", speed=SPEED, environments=new, make_environment=command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing.line, "PATIENCE", 1_800.0)
        with deployed(folder / "cloud", SPEED, stack) as line:
            yield line


def rings(rows: int, seed: int) -> list[dict[str, Any]]:
    """Whether a point is in a ring around the origin: no single column and no line tells."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(rows):
        x, y = chance.uniform(-3, 3), chance.uniform(-3, 3)
        inside = 1.0 < x * x + y * y < 5.0
        row = {"id": f"{seed}-{number}", "x": round(x, 4), "y": round(y, 4), "side": chance.choice(["left", "right"])}
        found.append({**row, "ring": "yes" if inside else "no"})
    return found


def contract(project: str, problem: dict[str, Any], candidates: list[str], gates: list[dict[str, Any]]) -> str:
    columns = {"id": {"type": "text", "nullable": False}, "x": {"type": "number"}, "y": {"type": "number"},
               "side": {"type": "category"}, "ring": {"type": "category"}}  # fmt: skip
    return yaml.safe_dump(
        {
            "project": project,
            "problem": problem,
            "data": {"key": ["id"], "columns": columns},
            "training": {"candidates": candidates, **TRAINING},
            "gates": gates,
            "release": RELEASE,
            "retrain": {"on": []},
        }
    )


def environment_made(line: Line, name: str, container: str) -> None:
    """Returns once the cloud has made the environment, and skips the test where this machine cannot have one."""
    notices, deadline = line.stack.notices, time.monotonic() + MAKING_SECONDS
    while time.monotonic() < deadline:
        told = notices.read_text() if notices.exists() else ""
        failed = [text for text in told.splitlines() if text.startswith("FAILED: ") and container in text]
        if failed:
            pytest.skip(f"{name} cannot be installed on this machine: {failed[0]}")
        if f"The environment {name} is made" in told:
            assert f"Making the environment that stands for SageMaker's {container}" in told
            return
        time.sleep(1.0)
    raise AssertionError(f"waited {MAKING_SECONDS:g} s in vain for the environment: {notices}")


def test_a_network_from_a_contract_to_an_endpoint(line: Line) -> None:
    project = "rings"
    gates = [{"metric": "roc_auc", "min": 0.9}, {"metric": "roc_auc", "above_baseline_by": 0.1}]
    problem = {"type": "binary", "target": "ring", "positive": "yes"}
    line.put_contract(project, contract(project, problem, ["torch_mlp"], gates))
    assert not line.stack.notices.exists(), "nothing is made before a job needs it"
    line.drop(project, "points.csv", as_csv(rings(1_200, 1)))
    environment_made(line, *PYTORCH)
    run = line.run(project, 1, outcome="promoted")
    assert line.read_json(keys.run(project, run["run_id"], "evaluation/evaluation.json"))["candidate"]["family"] == (
        "torch_mlp"
    )
    fresh = rings(100, 2)
    requests = [{name: row[name] for name in ("x", "y", "side")} for row in fresh]
    answers = line.invoke(project, requests)["predictions"]
    right = sum(answer["prediction"] == row["ring"] for answer, row in zip(answers, fresh, strict=True))
    assert right >= 85
    jobs = line.aws("sagemaker").list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    described = [line.aws("sagemaker").describe_training_job(TrainingJobName=each["TrainingJobName"]) for each in jobs]
    images = {each["AlgorithmSpecification"]["TrainingImage"].rpartition("/")[2] for each in described}
    assert images == {"sagemaker-scikit-learn:1.9-0-cpu-py3", "pytorch:2.13-cpu-amzn2023-sagemaker"}


def test_the_same_network_in_keras_from_a_contract_to_an_endpoint(line: Line) -> None:
    project = "rings-in-keras"
    problem = {"type": "binary", "target": "ring", "positive": "yes"}
    line.put_contract(project, contract(project, problem, ["keras_mlp"], [{"metric": "roc_auc", "min": 0.9}]))
    line.drop(project, "points.csv", as_csv(rings(1_200, 1)))
    environment_made(line, *TENSORFLOW)
    line.run(project, 1, outcome="promoted")
    fresh = rings(100, 2)
    requests = [{name: row[name] for name in ("x", "y", "side")} for row in fresh]
    answers = line.invoke(project, requests)["predictions"]
    assert sum(answer["prediction"] == row["ring"] for answer, row in zip(answers, fresh, strict=True)) >= 85


def test_an_autoencoder_finds_rows_that_break_the_rule_of_the_others(line: Line) -> None:
    environment_made(line, *PYTORCH)
    project, chance = "rule", random.Random(5)
    rows = []
    for number in range(900):
        x, odd = chance.gauss(0, 1), chance.random() < 0.05
        y = chance.gauss(0, 1) if odd else 2 * x + chance.gauss(0, 0.1)
        rows.append({"id": f"r{number}", "x": round(x, 4), "y": round(y, 4), "side": "left",
                     "ring": "yes" if odd else "no"})  # fmt: skip
    problem = {"type": "anomaly", "target": "ring", "positive": "yes", "contamination": 0.05}
    line.put_contract(project, contract(project, problem, ["autoencoder"], [{"metric": "roc_auc", "min": 0.7}]))
    line.drop(project, "rows.csv", as_csv(rows))
    line.run(project, 1, outcome="promoted")
    usual, odd = line.invoke(project, [{"x": 1.0, "y": 2.0, "side": "left"}, {"x": 2.0, "y": -4.0, "side": "left"}])[
        "predictions"
    ]
    assert odd["score"] > 0.5 > usual["score"]


def test_the_job_learns_every_problem_in_the_environment(line: Line, tmp_path: Path) -> None:
    """train.py as the container runs it; the job itself compares its export with PyTorch."""
    environment_made(line, *PYTORCH)
    from tests.jobs.conftest import Workspace
    from tests.jobs.learning_data import make_data

    workspace = Workspace(tmp_path / "job")
    python = line.stack.environments / "pytorch" / "bin" / "python"
    for problem in ("binary", "multiclass", "regression"):
        data = make_data(tmp_path / problem, problem)
        environment = {
            "PATH": os.environ["PATH"],
            "SM_MODEL_DIR": str(tmp_path / f"{problem}-model"),
            **{f"SM_CHANNEL_{name.upper()}": str(data / name) for name in ("train", "validation", "contract")},
        }
        for more in ([], ["--batch-norm", "true", "--activation", "silu"]):
            command = [
                str(python),
                str(workspace.source / "train.py"),
                "--family",
                "torch_mlp",
                "--run-id",
                "r1",
                *more,
            ]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            assert done.returncode == 0, done.stderr
            metric = json.loads((data / "contract" / "contract.json").read_text())["problem"]["metric"]
            assert f"validation:{metric}=" in done.stdout
