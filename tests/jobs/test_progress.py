"""A fit in rounds reports the contract's metric while it goes on, and comes to the same model as without a report."""

import dataclasses
import json

import numpy as np
import pytest
import trial

from families import FAMILIES, installed
from families.progress import EVERY, REPORTS, Progress
from project_data import ProjectData
from sluice.model.reporting import MAX_REPORTS, REPORTING
from tests.jobs.learning_data import make_data

PROBLEMS = ("binary", "multiclass", "regression")
FAMILY = sorted(REPORTING & set(FAMILIES))


@pytest.fixture(scope="module", params=PROBLEMS)
def data(request, tmp_path_factory):
    folder = make_data(tmp_path_factory.mktemp("progress") / request.param, request.param, rows=150)
    return ProjectData.read(folder / "contract", folder / "train", folder / "validation")


def run(data, family, report=None):
    slow = FAMILIES[family].hyperparameters({"learning-rate": "0.02"})
    return trial.run(data, FAMILIES[family], slow, "r0", report)


@pytest.mark.parametrize("family", FAMILY)
def test_reports_come_every_twenty_rounds_and_change_nothing(data, family):
    reports = []
    done = run(data, family, reports.append)
    quiet = run(data, family)
    assert done.metrics == pytest.approx(quiet.metrics, rel=1e-12)
    assert done.state["training"]["settled"] == quiet.state["training"]["settled"]
    rounds = done.state["training"]["settled"][_name(family)]
    assert min(rounds // EVERY, REPORTS) <= len(reports) <= REPORTS
    assert reports, "the sample learns for more than 20 rounds"
    # the first report is that of a model of twenty rounds
    learner = FAMILIES[family]
    encoder, train = data.prepared(learner, data.rows, data.y)
    first = {**learner.hyperparameters({"learning-rate": "0.02"}), _name(family): EVERY}
    fitted = learner.fit(first, data.task, train)
    answer = learner.answer(fitted, data.task, data.sample(learner, encoder, data.validation, data.y_validation))
    assert reports[0] == pytest.approx(trial._metrics(data, answer), rel=1e-9)


NAMES = ("max-iter", "num-iterations", "num-round")


def _name(family):
    return next(name for name in NAMES if name in FAMILIES[family].parameters)


@pytest.mark.parametrize("data", ["binary"], indirect=True)
@pytest.mark.parametrize("family", sorted(name for name, each in FAMILIES.items() if installed(each)))
def test_the_list_of_families_that_report_is_right(data, family):
    """The contract allows Hyperband and early stopping for these, and knows them by this list only."""
    shown = []
    task = dataclasses.replace(data.task, progress=Progress(lambda answer: shown.append(len(answer))))
    encoder, train = data.prepared(FAMILIES[family], data.rows, data.y)
    watch = data.sample(FAMILIES[family], encoder, data.validation, data.y_validation)
    given = {"learning-rate": "0.02"} if "learning-rate" in FAMILIES[family].parameters else {}
    hyperparameters = FAMILIES[family].hyperparameters(given)
    FAMILIES[family].fit(hyperparameters, task, train, watch)
    assert bool(shown) == (family in REPORTING)
    assert set(shown) <= {len(data.validation)}
    before = len(shown)
    FAMILIES[family].fit({**hyperparameters}, task, train)
    assert len(shown) == before, "a fit that watches nothing has nothing to report"


def test_at_most_26_reports_and_the_end_are_the_resources_of_hyperband():
    assert len(Progress(print).rounds) + 1 == MAX_REPORTS
    shown = []
    progress = Progress(shown.append)
    for rounds in range(1, 5 * EVERY * REPORTS):
        progress.after(rounds, lambda rounds=rounds: np.array([rounds]))
    assert [int(each[0]) for each in shown] == [EVERY * (n + 1) for n in range(REPORTS)]
    Progress().after(EVERY, lambda: pytest.fail("nobody looks"))


def test_a_job_prints_the_objective_while_it_goes_on_and_all_metrics_last(workspace, tmp_path):
    folder = make_data(tmp_path / "data", "binary", rows=200)
    metric = json.loads((folder / "contract" / "contract.json").read_text())["problem"]["metric"]
    options = {"learning-rate": 0.02}
    job, _ = workspace.train(folder, "gradient_boosting", "reporting", **options, **{"report-progress": "true"})
    lines = [line for line in job.stdout.splitlines() if line.startswith("validation:")]
    objective = [line for line in lines if line.startswith(f"validation:{metric}=")]
    quiet, _ = workspace.train(folder, "gradient_boosting", "quiet", **options)
    last = [line for line in quiet.stdout.splitlines() if line.startswith("validation:")]
    assert len(objective) > 1
    assert lines[: len(objective) - 1] == objective[:-1]
    assert lines[len(objective) - 1 :] == last
