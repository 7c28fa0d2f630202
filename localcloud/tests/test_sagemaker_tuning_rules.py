"""Warm start, early stopping, Hyperband and completion criteria of tuning jobs."""

from __future__ import annotations

import statistics

import pytest
from botocore.exceptions import ClientError
from sagemaker_help import Shop, open_shop, tar
from test_sagemaker_tuning import OBJECTIVE, config, definition

from localcloud.extension import ServiceError
from localcloud.sagemaker import strategies
from localcloud.sagemaker.completion import CONVERGED_AFTER, Completion

# A training in rounds: a job with a larger x is better at every round. The files make the order of the jobs certain.
ROUNDS = """
import argparse, os, sys, time
p = argparse.ArgumentParser()
p.add_argument("-x", dest="x", type=float); p.add_argument("--rounds", type=int, default=9)
p.add_argument("--family"); p.add_argument("--epochs")
a = p.parse_args()
for done in range(1, a.rounds + 1):
    if done > 1 and a.x < 0.5:
        time.sleep(0.2)  # time in which the job can be stopped
    print(f"score={a.x * done / a.rounds}", flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "x.txt"), "w").write(str(a.x))
"""
RANGES = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]}
GRID = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.9", "0.8", "0.7", "0.1"]}]}


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    found = open_shop(cloud.client)
    found.put("code/search.tar.gz", tar({"search.py": ROUNDS}))
    return found


def single(shop: Shop, **static: str) -> dict:
    """A definition of a tuning job with one algorithm."""
    made = definition(shop, "rounds")
    for member in ("TuningObjective", "HyperParameterRanges"):
        del made[member]
    made["StaticHyperParameters"] |= static
    return made


def request(shop: Shop, name: str, strategy: str, jobs: int = 2, *, ranges: dict | None = None, **changes) -> dict:
    given = config(strategy, jobs, HyperParameterTuningJobObjective=OBJECTIVE, ParameterRanges=ranges or RANGES)
    if strategy == "Grid":
        del given["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    given |= {k: changes.pop(k) for k in list(changes) if k in ("TrainingJobEarlyStoppingType", "StrategyConfig")}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": given,
        "TrainingJobDefinition": changes.pop("definition", None) or single(shop),
        **changes,
    }


def parents(*names: str, kind: str = "TransferLearning") -> dict:
    return {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": n} for n in names],
            "WarmStartType": kind}  # fmt: skip


def test_early_stopping_ends_the_job_that_falls_behind(shop):
    wanted = request(shop, "early", "Grid", ranges=GRID, TrainingJobEarlyStoppingType="Auto")
    wanted["HyperParameterTuningJobConfig"]["ResourceLimits"] = {"MaxParallelTrainingJobs": 1}
    shop.sagemaker.create_hyper_parameter_tuning_job(**wanted)
    job = shop.ended("HyperParameterTuning", "early")
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["Stopped"]) == (3, 1)
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 4
    listed = shop.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="early", StatusEquals="Stopped"
    )["TrainingJobSummaries"]
    assert [each["TunedHyperParameters"]["x"] for each in listed] == ["0.1"]
    assert listed[0]["TuningJobName"] == "early"


def test_a_warm_start_knows_the_jobs_of_its_parent(shop):
    shop.sagemaker.create_hyper_parameter_tuning_job(**request(shop, "parent", "Bayesian", 3))
    parent = shop.ended("HyperParameterTuning", "parent")
    create = shop.sagemaker.create_hyper_parameter_tuning_job
    create(**request(shop, "child", "Bayesian", 2, WarmStartConfig=parents("parent", kind="IdenticalDataAndAlgorithm")))
    child = shop.ended("HyperParameterTuning", "child")
    assert child["HyperParameterTuningJobStatus"] == "Completed", child.get("FailureReason")
    assert child["WarmStartConfig"] == parents("parent", kind="IdenticalDataAndAlgorithm")
    assert child["TrainingJobStatusCounters"]["Completed"] == 2
    member = "FinalHyperParameterTuningJobObjectiveMetric"
    both = [job["BestTrainingJob"] for job in (parent, child)]
    assert child["OverallBestTrainingJob"] == max(both, key=lambda each: each[member]["Value"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"WarmStartConfig": parents("nobody")}, "Could not find the parent tuning job nobody"),
        ({"definition_static": {"more": "1"}}, "The set of tunable plus static HyperParameter names is not the same"),
        ({"strategy": "Hyperband"}, "Warm start is available for Bayesian and Random only"),
        ({"objective": "Minimize"}, "must be that of the parent"),
        ({"jobs": 499}, "exceed the limit of 500"),
        ({"ranges": {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.1"]}]}}, "type of hyperparameter x"),
    ],
)
def test_what_a_warm_start_refuses(shop, changes, message):
    if "warm-parent" not in _names(shop):
        shop.sagemaker.create_hyper_parameter_tuning_job(**request(shop, "warm-parent", "Random", 2))
        shop.ended("HyperParameterTuning", "warm-parent")
    strategy = changes.get("strategy", "Bayesian")
    wanted = request(
        shop, "refused", strategy, changes.get("jobs", 2), ranges=changes.get("ranges"),
        WarmStartConfig=changes.get("WarmStartConfig", parents("warm-parent")),
        definition=single(shop, **changes.get("definition_static", {})),
    )  # fmt: skip
    if strategy == "Hyperband":
        limits = {"MinResource": 1, "MaxResource": 9}
        wanted["HyperParameterTuningJobConfig"]["StrategyConfig"] = {"HyperbandStrategyConfig": limits}
    if "objective" in changes:
        objective = {**OBJECTIVE, "Type": changes["objective"]}
        wanted["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"] = objective
    with pytest.raises(ClientError, match=message):
        shop.sagemaker.create_hyper_parameter_tuning_job(**wanted)


def _names(shop: Shop) -> list[str]:
    found = shop.sagemaker.list_hyper_parameter_tuning_jobs(MaxResults=100)["HyperParameterTuningJobSummaries"]
    return [each["HyperParameterTuningJobName"] for each in found]


def test_several_algorithms_allow_neither_warm_start_nor_early_stopping(shop):
    several = [definition(shop, "good"), definition(shop, "poor")]
    call = shop.sagemaker.create_hyper_parameter_tuning_job
    with pytest.raises(ClientError, match="Early stopping is available only for a single algorithm"):
        call(HyperParameterTuningJobName="refused", TrainingJobDefinitions=several,
             HyperParameterTuningJobConfig=config(TrainingJobEarlyStoppingType="Auto"))  # fmt: skip
    with pytest.raises(ClientError, match="Warm start is available only for a single algorithm"):
        call(HyperParameterTuningJobName="refused", TrainingJobDefinitions=several,
             HyperParameterTuningJobConfig=config(), WarmStartConfig=parents("early"))  # fmt: skip


def test_hyperband_needs_to_know_the_greatest_resource(shop):
    call = shop.sagemaker.create_hyper_parameter_tuning_job
    with pytest.raises(ClientError, match=r"MaxResource is required"):
        call(**request(shop, "refused", "Hyperband"))
    resource = {"HyperbandStrategyConfig": {"MinResource": 3, "MaxResource": 2}}
    with pytest.raises(ClientError, match=r"from MinResource \(3\)"):
        call(**request(shop, "refused", "Hyperband", StrategyConfig=resource))
    with pytest.raises(ClientError, match="with the Hyperband strategy only"):
        call(**request(shop, "refused", "Random", StrategyConfig=resource))
    with pytest.raises(ClientError, match="must be Off with the Hyperband"):
        call(**request(shop, "refused", "Hyperband", TrainingJobEarlyStoppingType="Auto", StrategyConfig=resource))


def test_hyperband_runs_and_stops_jobs_at_the_greatest_resource(shop):
    # from a static hyperparameter; a job prints 9 values
    shop.sagemaker.create_hyper_parameter_tuning_job(
        **request(shop, "band", "Hyperband", 4, definition=single(shop, epochs='"20"'))
    )
    job = shop.ended("HyperParameterTuning", "band")
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    counters = job["TrainingJobStatusCounters"]
    assert counters["Completed"] + counters["Stopped"] == 4
    strategy = strategies.create("Hyperband", RANGES, maximize=True, seed=1, jobs=4, resource={"MaxResource": 9})
    assert strategy.should_stop(strategy.ask(), 9, 1.0)


def test_hyperband_spends_less_and_finds_nearly_as_much_as_chance():
    """36 jobs of 27 rounds on a known function: the bad ones end early, the best one goes through."""
    spent, gaps = [], []
    for seed in range(6):
        resource = {"MinResource": 1, "MaxResource": 28}
        band = strategies.create("Hyperband", RANGES, maximize=True, seed=seed, jobs=36, resource=resource)
        chance = strategies.create("Random", RANGES, maximize=True, seed=seed, jobs=36, resource=None)
        best, rounds = 0.0, 0
        for _ in range(36):
            proposal = band.ask()
            x = float(proposal.values["x"])
            for step in range(1, 28):
                value = x * (1 - 0.5**step)
                rounds += 1
                if band.should_stop(proposal, step, value):
                    break
            else:
                best = max(best, value)
            band.tell(proposal, value)
        spent.append(rounds / (36 * 27))
        gaps.append(max(float(chance.ask().values["x"]) for _ in range(36)) - best)
    assert statistics.mean(spent) < 0.7
    assert statistics.mean(gaps) < 0.01


def test_bayesian_search_uses_what_its_parents_found():
    def first(known: bool, seed: int) -> float:
        strategy = strategies.create("Bayesian", RANGES, maximize=True, seed=seed, jobs=30, resource=None)
        if known:
            for i in range(30):
                assert strategy.learn({"x": str(i / 30), "family": "rounds"}, -((i / 30 - 0.3) ** 2))
        return abs(float(strategy.ask().values["x"]) - 0.3)

    assert statistics.mean(first(True, s) for s in range(5)) < statistics.mean(first(False, s) for s in range(5)) / 2


def test_observations_out_of_range_and_strategies_that_do_not_learn():
    strategy = strategies.create("Bayesian", RANGES, maximize=True, seed=1, jobs=9, resource=None)
    assert not strategy.learn({"x": "1.5"}, 0.1)
    assert not strategy.learn({"x": "0.5"}, float("nan"))
    for kind in ("Random", "Grid"):
        other = strategies.create(kind, RANGES if kind == "Random" else GRID, maximize=True, seed=1, jobs=9,
                                  resource=None)  # fmt: skip
        assert not other.learn({"x": "0.9"}, 0.1)
    reverse = {"ContinuousParameterRanges": [{"Name": "m", "MinValue": "0.5", "MaxValue": "0.99",
                                              "ScalingType": "ReverseLogarithmic"}]}  # fmt: skip
    strategy = strategies.create("Bayesian", reverse, maximize=True, seed=1, jobs=9, resource=None)
    assert strategy.learn({"m": "0.99"}, 0.1)
    assert not strategy.learn({"m": "0.4"}, 0.1)


@pytest.mark.parametrize("maximize", [True, False])
def test_completion_criteria(maximize):
    sign = 1 if maximize else -1
    values = [sign * v for v in (1.0, 1.5, 1.501, 1.505, 1.4)]  # less than 1 % better counts as not better
    patience = Completion({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, maximize)
    assert patience.not_improving(values) == 3
    assert [patience.met(values[:n]) for n in range(6)] == [False, False, False, False, False, True]
    target = Completion({"TargetObjectiveMetricValue": sign * 1.5}, maximize)
    assert [target.met(values[:n]) for n in range(3)] == [False, False, True]
    converging = Completion({"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}, maximize)
    flat = [sign * 1.0] * (CONVERGED_AFTER + 1)
    assert not converging.met(flat[:-1])
    assert converging.met(flat)
    assert not Completion({}, maximize).met(flat)


def test_unknown_strategies_are_refused():
    with pytest.raises(ServiceError, match="tuning strategy Magic"):
        strategies.create("Magic", RANGES, maximize=True, seed=1, jobs=2, resource=None)
