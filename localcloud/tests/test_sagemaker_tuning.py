"""Tuning jobs over real training jobs, and the strategies by themselves."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from sagemaker_help import IMAGE, RESOURCES, Shop, open_shop, tar

from localcloud import faults
from localcloud.extension import ServiceError
from localcloud.faults import Fault
from localcloud.sagemaker import strategies
from localcloud.sagemaker.tuning_run import Child, Definition, TuningRun

OBJECTIVE = {"Type": "Maximize", "MetricName": "score"}
# A search without scikit-learn: the score is known, so that the best is known.
SEARCH = """
import argparse, os, sys
p = argparse.ArgumentParser()
p.add_argument("--x", type=float, default=0); p.add_argument("--family", default="none")
p.add_argument("-x", dest="x", type=float)
a = p.parse_args()
if a.family == "broken":
    sys.exit(1)
open(os.path.join(os.environ["SM_MODEL_DIR"], "x.txt"), "w").write(str(a.x))
if a.family != "silent":
    print(f"score={(1 if a.family == 'good' else 0) - (a.x - 0.5) ** 2}")
"""


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    return open_shop(cloud.client)


def definition(shop: Shop, family: str, **changes) -> dict:
    return {
        "DefinitionName": family,
        "TuningObjective": OBJECTIVE,
        "HyperParameterRanges": {
            "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]
        },
        "StaticHyperParameters": {
            "family": f'"{family}"',
            "sagemaker_program": '"search.py"',
            "sagemaker_submit_directory": f'"s3://{shop.bucket}/code/search.tar.gz"',
        },
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": "score=([-+0-9.eE]+)"}],
        },
        "RoleArn": shop.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{shop.bucket}/tuned"},
        "ResourceConfig": RESOURCES,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **changes,
    }


def config(strategy: str = "Bayesian", jobs: int = 4, **changes) -> dict:
    limits = {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 2}
    return {"Strategy": strategy, "ResourceLimits": limits, "RandomSeed": 7, **changes}


@pytest.fixture(scope="module")
def tuned(shop) -> dict:
    shop.put("code/search.tar.gz", tar({"search.py": SEARCH}))
    shop.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="two-families",
        HyperParameterTuningJobConfig=config(),
        TrainingJobDefinitions=[definition(shop, "good"), definition(shop, "poor")],
        Tags=[{"Key": "project", "Value": "shop"}],
    )
    return shop.ended("HyperParameterTuning", "two-families")


def test_two_definitions_with_four_jobs(shop, tuned):
    assert tuned["HyperParameterTuningJobStatus"] == "Completed", tuned.get("FailureReason")
    assert tuned["TrainingJobStatusCounters"]["Completed"] == 4
    assert tuned["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    best = tuned["BestTrainingJob"]
    assert best["TrainingJobDefinitionName"] == "good"
    assert best["TrainingJobName"].startswith("two-families-00")
    assert len(best["TrainingJobName"]) <= 63
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
    x = float(best["TunedHyperParameters"]["x"])
    assert metric["Value"] == pytest.approx(1 - (x - 0.5) ** 2)
    assert "OverallBestTrainingJob" not in tuned  # AWS names it for a warm start with identical data only
    assert tuned["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] in range(4)
    assert tuned["ConsumedResources"]["RuntimeInSeconds"] >= 1


def test_its_training_jobs_are_real_training_jobs(shop, tuned):
    listed = shop.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="two-families", SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )["TrainingJobSummaries"]
    values = [j["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for j in listed]
    assert values == sorted(values, reverse=True)
    assert sorted(j["TrainingJobDefinitionName"] for j in listed) == ["good", "good", "poor", "poor"]
    job = shop.sagemaker.describe_training_job(TrainingJobName=listed[0]["TrainingJobName"])
    assert job["TuningJobArn"] == tuned["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["x"] == listed[0]["TunedHyperParameters"]["x"]
    assert shop.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == ["x.txt"]
    tags = shop.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "project", "Value": "shop"}]


def test_same_name_again_is_in_use(shop, tuned):
    with pytest.raises(shop.sagemaker.exceptions.ResourceInUse):
        shop.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="two-families",
            HyperParameterTuningJobConfig=config(),
            TrainingJobDefinitions=[definition(shop, "good")],
        )


@pytest.mark.parametrize(
    ("family", "reason"), [("broken", "All training jobs failed"), ("silent", "No objective metrics found")]
)
def test_a_tuning_job_without_any_objective_fails(shop, tuned, family, reason):
    shop.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=family,
        HyperParameterTuningJobConfig=config("Random", 2),
        TrainingJobDefinitions=[definition(shop, family)],
    )
    job = shop.ended("HyperParameterTuning", family)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert reason in job["FailureReason"]
    assert "BestTrainingJob" not in job


def test_the_reasons_of_failed_training_jobs_are_in_their_list(cloud, shop, tuned):
    faults.lay(cloud.settings.state, faults.TRAINING_JOB, Fault("fail", 2, "no-machines"))
    shop.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="no-machines",
        HyperParameterTuningJobConfig=config("Random", 2),
        TrainingJobDefinitions=[definition(shop, "good")],
    )
    job = shop.ended("HyperParameterTuning", "no-machines")
    assert (job["HyperParameterTuningJobStatus"], "CapacityError" in job["FailureReason"]) == ("Failed", False)
    listed = shop.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="no-machines", StatusEquals="Failed"
    )["TrainingJobSummaries"]
    assert ["CapacityError" in each["FailureReason"] for each in listed] == [True, True]


def test_target_value_ends_a_single_definition_grid_early(shop, tuned):
    single = definition(shop, "good")
    for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
        del single[member]
    limits = {"MaxParallelTrainingJobs": 1}
    shop.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="grid",
        HyperParameterTuningJobConfig={
            "Strategy": "Grid",
            "HyperParameterTuningJobObjective": OBJECTIVE,
            "ResourceLimits": limits,
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.1", "0.5", "0.9"]}]},
            "TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.99},
        },
        TrainingJobDefinition=single,
    )
    job = shop.ended("HyperParameterTuning", "grid")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.5"}


def test_stop(shop, tuned):
    name = "stopped"
    shop.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=config("Random", 50),
        TrainingJobDefinitions=[definition(shop, "good")],
    )
    shop.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert shop.ended("HyperParameterTuning", name)["HyperParameterTuningJobStatus"] == "Stopped"


def test_what_cannot_be_done_is_refused(shop):
    base = {"HyperParameterTuningJobName": "refused"}
    call = shop.sagemaker.create_hyper_parameter_tuning_job
    other = {**definition(shop, "good"), "TuningObjective": {"Type": "Maximize", "MetricName": "else"}}
    with pytest.raises(ClientError, match="else is not among its MetricDefinitions"):
        call(**base, HyperParameterTuningJobConfig=config(), TrainingJobDefinitions=[other])
    with pytest.raises(ClientError, match="Grid strategy supports CategoricalParameterRanges only"):
        call(**base, HyperParameterTuningJobConfig=config("Grid"), TrainingJobDefinitions=[definition(shop, "good")])


@pytest.mark.parametrize("kind", ["Random", "Bayesian"])
def test_a_seed_gives_the_same_proposals(kind):
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.001", "MaxValue": "0.3"},
            {"Name": "momentum", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        "IntegerParameterRanges": [{"Name": "trees", "MinValue": "10", "MaxValue": "300"}],
        "CategoricalParameterRanges": [{"Name": "loss", "Values": ["a", "b"]}],
    }

    def run() -> list[dict[str, str]]:
        strategy = strategies.create(kind, ranges, maximize=True, seed=3, jobs=9, resource=None)
        found = []
        for _ in range(9):
            proposal = strategy.ask()
            strategy.tell(proposal, -float(proposal.values["rate"]))
            found.append(proposal.values)
        return found

    first = run()
    assert first == run()
    assert all(0.001 <= float(p["rate"]) <= 0.3 for p in first)
    assert all(0.5 <= float(p["momentum"]) <= 0.999 for p in first)
    assert all(10 <= int(p["trees"]) <= 300 for p in first)
    assert all(p["loss"] in ("a", "b") for p in first)


def test_bayesian_search_beats_chance_on_a_known_function():
    ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "10", "ScalingType": "Linear"}]}

    def best(kind: str, seed: int) -> float:
        strategy = strategies.create(kind, ranges, maximize=False, seed=seed, jobs=30, resource=None)
        values = []
        for _ in range(30):
            proposal = strategy.ask()
            values.append((float(proposal.values["x"]) - 7.3) ** 2)
            strategy.tell(proposal, values[-1])
        return min(values)

    seeds = range(5)
    assert sum(best("Bayesian", s) for s in seeds) < sum(best("Random", s) for s in seeds)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"MinValue": "2", "MaxValue": "1"}, "greater than its MaxValue"),
        ({"MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}, "greater than 0"),
        ({"MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}, "0 <= value < 1"),
        ({"MinValue": "low", "MaxValue": "1"}, "not numbers"),
    ],
)
def test_ranges_that_cannot_be_searched_are_refused(entry, message):
    with pytest.raises(ServiceError, match=message):
        strategies.check_ranges({"ContinuousParameterRanges": [{"Name": "x", **entry}]})


def test_early_stopping_compares_with_the_median_of_running_averages():
    strategy = strategies.Grid({"CategoricalParameterRanges": [{"Name": "x", "Values": ["1"]}]})
    one = Definition({}, OBJECTIVE, strategy)
    record = {"HyperParameterTuningJobConfig": config(TrainingJobEarlyStoppingType="Auto")}
    run = TuningRun(record, [one], 10, [])

    def child(*objectives: float, final: float | None = None) -> Child:
        made = Child(one, strategies.Proposal({}), {}, list(objectives))
        made.ended, made.final = final is not None, final
        return made

    # Averages of the first two values: 0.2, 0.5, 0.6; the median is 0.5.
    run._children = [child(0.1, 0.3, 0.9, final=0.9), child(0.4, 0.6, final=0.6), child(0.6, 0.6, final=0.6)]
    assert run._below_median(child(0.1, 0.49))
    assert not run._below_median(child(0.1, 0.51))
    assert not run._below_median(child(0.1, 0.2, 0.1))  # only one job came that far


def test_hyperband_ends_a_job_that_falls_behind():
    ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
    resource = {"MinResource": 1, "MaxResource": 9}
    strategy = strategies.create("Hyperband", ranges, maximize=True, seed=1, jobs=30, resource=resource)
    ended = 0
    for number in range(30):
        proposal = strategy.ask()
        for step in range(1, 9):  # at 9 every job ends
            if strategy.should_stop(proposal, step, 1.0 / (number + 1)):
                ended += 1
                break
        strategy.tell(proposal, 1.0 / (number + 1))
    assert 0 < ended < 30
