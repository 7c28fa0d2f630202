"""The whole job: trials, the choice, one artefact that serves, and what it says about itself."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from project_data import ProjectData
from sluice.model.family_names import members_of
from sluice.model.metrics import compute
from sluice.model.model import Model
from tests.jobs.conftest import Workspace
from tests.jobs.learning_data import make_data

SHORT = Path(__file__).with_name("short_search.py")


def job(workspace: Workspace, data, name):
    channels = {f"SM_CHANNEL_{c.upper()}": str(data / c) for c in ("train", "validation", "contract")}
    target = workspace.folder / name
    done = workspace.run(
        SHORT, workspace.source, "--family", "auto", "--run-id", "r1", "--search", "portfolio",
        environment={**channels, "SM_MODEL_DIR": str(target)},
    )  # fmt: skip
    return done, target


@pytest.fixture(scope="module", params=("binary", "multiclass", "regression"))
def made(request, workspace, tmp_path_factory):
    data = make_data(tmp_path_factory.mktemp("auto") / request.param, request.param, rows=150)
    path = data / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    contract["training"] |= {"tuning": {"max_minutes": 3}, "candidates": ["auto"]}
    path.write_text(json.dumps(contract))
    done, model_dir = job(workspace, data, request.param)
    assert done.returncode == 0, done.stderr
    return data, done.stdout, model_dir


def test_the_artefact_serves_and_names_its_trials(made):
    data, text, model_dir = made
    model = Model.load(model_dir, exact=True)
    assert (model.family, model.labels.problem) == ("auto", data.name)
    training = model.training
    assert training["rows"] == 300
    assert "too few training rows: 150 of the 1,000 needed" in training["learning_curve"]["skipped"]
    trials = training["trials"]
    assert {trial["from"] for trial in trials} == {"portfolio", "search"}
    assert len({trial["family"] for trial in trials}) >= 2
    # each trial has a score, or says why it has none
    assert all((trial["score"] is None) == bool(trial["left_out"]) for trial in trials if not trial["weight"])
    assert len(members_of(trials)) == sum(trial["weight"] > 0 for trial in trials) >= 1
    assert sum(trial["weight"] for trial in trials) == pytest.approx(1.0, abs=1e-4)
    assert sum(trial["fits"] for trial in trials) == len(model.members)
    assert all((trial["fits"] > 0) == (trial["weight"] > 0) for trial in trials)
    assert len(re.findall(r"^trial \d+ ", text, re.MULTILINE)) == len(trials)
    assert training["search"]["ended"] == "3 trials in a row were not better"
    assert 0.0 < training["search"]["seconds"] < training["budget_seconds"]
    read = ProjectData.read(data / "contract", data / "train", data / "test")
    answers = model.score(read.validation)
    assert np.isfinite(answers).all()
    # numpy's vector exp may round the last bit of a softmax otherwise
    assert np.abs(np.concatenate([model.score([row]) for row in read.validation[:5]]) - answers[:5]).max() < 1e-12


def test_printed_metrics_are_those_of_rows_that_no_model_had_seen(made):
    data, text, model_dir = made
    printed = dict(re.findall(r"^validation:(\w+)=(\S+)$", text, re.MULTILINE))
    model = Model.load(model_dir, exact=True)
    assert model.training["validation"]["metrics"] == {name: float(value) for name, value in printed.items()}
    read = ProjectData.read(data / "contract", data / "train", data / "validation")
    # a proper score: class metrics of 150 rows move in steps
    metric = "rmse" if data.name == "regression" else "log_loss"
    seen = compute(read.labels.problem, read.y_validation, model.score(read.validation), None, model.threshold)
    fresh = ProjectData.read(data / "contract", data / "train", data / "test")
    unseen = compute(fresh.labels.problem, fresh.y_validation, model.score(fresh.validation), None, model.threshold)
    # the exported model has learned the validation rows: its own score there is too good, the printed one is not
    assert seen[metric] < 0.98 * float(printed[metric])
    assert float(printed[metric]) == pytest.approx(unseen[metric], rel=0.25)


def test_a_hyperparameter_is_refused(workspace, tmp_path):
    data = make_data(tmp_path / "bad", "binary", rows=60)
    done, _ = workspace.train(data, "auto", "refused-auto", **{"max-iter": "3"})
    assert done.returncode == 1
    assert "family auto has no hyperparameter 'max-iter'" in done.stderr
