"""What a contract's tuning becomes: SageMaker's request, its ranges, and the run that it starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore import loaders, model, validate

from sluice.contract import Contract
from sluice.model.reporting import MAX_REPORTS, REPORTING
from sluice.model.search_spaces import FRAMEWORKS, SEARCH_SPACES, SPACES
from sluice.records.training_plan import TrainingPlan, Tuning
from sluice.steps.plan_training import run_plan
from sluice.training.images import IMAGES
from sluice.training.search_ranges import grid_ranges, search_ranges
from testing.fakes import SETTINGS
from tests.unit.steps.intake_world import CONTRACT

ALONE = ["gradient_boosting"]


def contract(candidates: list[str] | None = None, metric: str | None = None, **tuning: Any) -> Contract:
    training: dict[str, Any] = {"tuning": tuning, **({"candidates": candidates} if candidates else {})}
    problem = {**CONTRACT["problem"], **({"metric": metric} if metric else {})}
    return Contract.model_validate({**CONTRACT, "problem": problem, "training": training})


def plan(given: Contract, run_id: str = "r0123456789ab", last: TrainingPlan | None = None) -> TrainingPlan:
    return run_plan(SETTINGS, given, run_id, ["d1"], None, last=last)


def request(planned: TrainingPlan) -> dict[str, Any]:
    """As build_model sends it."""
    tuning = planned.tuning
    one = len(tuning.definitions) == 1
    definitions = {"TrainingJobDefinition": tuning.definitions[0]} if one else {}
    return {
        "HyperParameterTuningJobName": planned.names.tuning_job,
        "HyperParameterTuningJobConfig": tuning.config,
        **(definitions or {"TrainingJobDefinitions": tuning.definitions}),
        "Tags": planned.tags,
    }


@pytest.mark.parametrize(
    ("strategy", "candidates"),
    [
        (strategy, candidates)
        for strategy in ("bayesian", "random", "grid", "hyperband")
        for candidates in (None, ALONE)
        if not (strategy == "hyperband" and candidates is None)  # the contract refuses it
    ],
)
def test_the_plan_is_what_sagemaker_accepts(strategy: str, candidates: list[str] | None) -> None:
    """Against botocore's own shapes: names, ranges, patterns' types and unknown members."""
    planned = plan(contract(candidates, strategy=strategy, max_jobs=9, target=0.9, patience=3))
    described = loaders.Loader().load_service_model("sagemaker", "service-2")
    shapes = model.ServiceModel(described, "sagemaker")
    shape = shapes.operation_model("CreateHyperParameterTuningJob").input_shape
    report = validate.ParamValidator().validate(request(planned), shape)
    assert not report.has_errors(), report.generate_report()
    names = planned.names.plain()
    assert all(len(name) <= 80 for name in names.values())
    assert len(names["tuning_job"]) <= 32
    assert len(json.dumps(planned.plain())) < 60_000
    assert ("MaxNumberOfTrainingJobs" in planned.tuning.config["ResourceLimits"]) == (strategy != "grid")


def test_one_family_and_several_are_sent_in_the_forms_that_sagemaker_has_for_them() -> None:
    one, several = plan(contract(ALONE)).tuning, plan(contract()).tuning
    assert (one.families, several.families[0]) == (ALONE, "logistic_regression")
    assert {"ParameterRanges", "HyperParameterTuningJobObjective"} <= one.config.keys()
    assert not {"ParameterRanges", "HyperParameterTuningJobObjective"} & several.config.keys()
    own = {"DefinitionName", "TuningObjective", "HyperParameterRanges"}
    assert not own & one.definitions[0].keys()
    assert all(own <= each.keys() for each in several.definitions)


def test_early_stopping_hyperband_and_the_end_of_a_tuning() -> None:
    quiet = plan(contract(ALONE)).tuning
    assert not {"TrainingJobEarlyStoppingType", "TuningJobCompletionCriteria", "StrategyConfig"} & quiet.config.keys()
    assert quiet.definitions[0]["StaticHyperParameters"]["report-progress"] == '"false"'
    early = plan(contract(ALONE, early_stopping=True, target=0.95, patience=4)).tuning
    assert early.config["TrainingJobEarlyStoppingType"] == "Auto"
    criteria = early.config["TuningJobCompletionCriteria"]
    assert criteria["TargetObjectiveMetricValue"] == 0.95
    assert criteria["BestObjectiveNotImproving"] == {"MaxNumberOfTrainingJobsNotImproving": 4}
    band = plan(contract(ALONE, strategy="hyperband")).tuning
    resource = band.config["StrategyConfig"]["HyperbandStrategyConfig"]
    # SageMaker stops a job at MaxResource; one that has printed its last value must end by itself
    assert resource == {"MinResource": 1, "MaxResource": MAX_REPORTS + 1}
    for each in (early, band):
        assert each.definitions[0]["StaticHyperParameters"]["report-progress"] == '"true"'


def test_own_ranges_take_the_place_of_the_familys() -> None:
    ranges = search_ranges("gradient_boosting", {"learning-rate": [0.01, 0.3], "max-leaf-nodes": [8, 16]})
    found = {each["Name"]: each for group in ranges.values() for each in group}
    assert (found["learning-rate"]["MinValue"], found["learning-rate"]["MaxValue"]) == ("0.01", "0.3")
    assert (found["max-leaf-nodes"]["MinValue"], found["max-leaf-nodes"]["MaxValue"]) == ("8", "16")
    family = {each["Name"]: each for group in search_ranges("gradient_boosting", {}).values() for each in group}
    assert found["l2-regularization"] == family["l2-regularization"]
    assert SEARCH_SPACES["gradient_boosting"]["continuous"][0]["min"] != 0.01
    assert search_ranges("lightgbm", {"extra-trees": [True]})["CategoricalParameterRanges"][0]["Values"] == ["true"]


@pytest.mark.parametrize("jobs", [1, 2, 5, 12])
@pytest.mark.parametrize("family", ["logistic_regression", "random_forest", "gradient_boosting"])
def test_grids_are_categorical_and_within_their_number(family: str, jobs: int) -> None:
    ranges = grid_ranges(family, jobs)
    assert 1 <= _points(ranges) <= jobs
    assert ranges["IntegerParameterRanges"] == ranges["ContinuousParameterRanges"] == []


def test_a_grid_tries_exactly_the_values_that_it_is_given() -> None:
    ranges = grid_ranges("gradient_boosting", 12, {"learning-rate": [0.05, 0.1, 0.2]})
    values = {each["Name"]: each["Values"] for each in ranges["CategoricalParameterRanges"]}
    assert values["learning-rate"] == ["0.05", "0.1", "0.2"]
    assert 6 <= _points(ranges) <= 12, "the other hyperparameters share the rest"


def _points(ranges: Mapping[str, Any]) -> int:
    points = 1
    for parameter in ranges["CategoricalParameterRanges"]:
        points *= len(parameter["Values"])
    return points


# --- warm start ------------------------------------------------------------------------------------------------------


def test_a_search_starts_from_the_last_run() -> None:
    wanted = contract(ALONE, warm_start=True)
    first = plan(wanted, "r1")
    assert (first.tuning.warm_start, first.tuning.warm_start_note) == (
        None,
        "no earlier run of the project is completed",
    )
    second = plan(wanted, "r2", first)
    assert second.tuning.warm_start
    assert second.tuning.warm_start.plain() == {"run_id": "r1", "tuning_job": first.names.tuning_job}
    assert second.tuning.warm_start_note == ""
    # other ranges and early stopping are no reason against it
    narrowed = contract(ALONE, warm_start=True, early_stopping=True, ranges={ALONE[0]: {"learning-rate": [0.1, 0.2]}})
    assert plan(narrowed, "r3", first).tuning.warm_start
    # and nothing is asked for where the contract does not
    assert plan(contract(ALONE), "r4", first).tuning.warm_start is None


@pytest.mark.parametrize(
    ("earlier", "note"),
    [
        (contract(), "it tuned 3 families in one job"),
        (contract(["random_forest"]), "it tuned random_forest, this run tunes gradient_boosting"),
        (contract(ALONE, "log_loss"), "its metric was log_loss, this run's is roc_auc"),
        (contract(ALONE, strategy="grid"), "had ranges of another kind"),
        (contract(ALONE, max_jobs=495), "507 training jobs, and SageMaker allows 500"),
    ],
)
def test_what_the_last_run_cannot_be_the_start_of(earlier: Contract, note: str) -> None:
    found = plan(contract(ALONE, warm_start=True), "r2", plan(earlier, "r1")).tuning
    assert found.warm_start is None
    assert note in found.warm_start_note
    assert "r1" in found.warm_start_note


def test_other_hyperparameters_and_too_many_changes_are_named() -> None:
    last = plan(contract(ALONE), "r1")
    static = last.tuning.definitions[0]["StaticHyperParameters"]
    for change, note in (
        ({"depth": '"3"'}, "the hyperparameters differ in depth"),
        (dict.fromkeys(static, '"x"'), "fixed hyperparameters have other values"),
    ):
        definition = {**last.tuning.definitions[0], "StaticHyperParameters": {**static, **change}}
        tuning = last.tuning.model_copy(update={"definitions": [definition]})
        found = plan(contract(ALONE, warm_start=True), "r2", last.model_copy(update={"tuning": tuning}))
        assert note in found.tuning.warm_start_note


def test_a_plan_of_an_older_deployment_can_be_read() -> None:
    old = plan(contract()).tuning.plain()
    config = old.pop("config")
    for name in ("families", "warm_start", "warm_start_note"):
        del old[name]
    read = Tuning.of({**old, "limits": config["ResourceLimits"], "seed": 0}, "plan.json")
    assert read.config == config
    assert read.families == []


def test_families_that_report_are_families() -> None:
    assert set(SEARCH_SPACES) >= REPORTING


def test_a_family_of_a_framework_is_trained_in_its_container_and_the_others_as_before() -> None:
    given = contract(["mlp"]).model_copy(deep=True)
    object.__setattr__(given.training, "candidates", ["mlp", "torch_mlp", "keras_mlp"])
    planned = plan(given)
    images = [each["AlgorithmSpecification"]["TrainingImage"] for each in planned.tuning.definitions]
    registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
    assert images == [
        SETTINGS.image,
        f"{registry}/pytorch:2.13-cpu-amzn2023-sagemaker",
        f"{registry}/tensorflow-training:2.21.0-cpu-py312-sagemaker",
    ]
    # the baseline, the evaluation and the endpoint stay where they are
    assert planned.image == SETTINGS.image
    folders = [each["StaticHyperParameters"].get("model_dir") for each in planned.tuning.definitions]
    assert folders == [None, None, '"/opt/ml/model"']
    for definition in planned.tuning.definitions:
        assert "libraries" not in [channel["ChannelName"] for channel in definition["InputDataConfig"]]


def test_every_framework_has_an_image_and_every_family_of_one_a_space() -> None:
    assert set(FRAMEWORKS.values()) == IMAGES.keys()
    assert FRAMEWORKS.keys() <= SPACES.keys()
