"""The tuning branch of build_model with the real training code: each strategy, early stopping, warm starts."""

from __future__ import annotations

import io
import json
import tarfile
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cloud_help import Cloud, needs

from cli import machines
from localcloud import environments
from scripts.pack_libraries import packed
from sluice import bundle
from sluice.contract import Contract
from sluice.model.reporting import MAX_REPORTS
from sluice.model.search_spaces import LIBRARIES
from sluice.ports import Settings
from sluice.records.training_plan import TrainingPlan
from sluice.steps.plan_training import run_plan
from tests.jobs.learning_data import make_data

pytestmark = [pytest.mark.cloud, pytest.mark.long]

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ALONE = ["gradient_boosting"]
# slow enough learners that a job reports several times
SLOW = {"gradient_boosting": {"learning-rate": [0.01, 0.1]}}
Json = dict[str, Any]


@dataclass
class Bench:
    """One project's data in the cloud, and the branch as a state machine."""

    cloud: Cloud
    settings: Settings
    contract: Json
    machine: str

    def plan(
        self, run_id: str, last: TrainingPlan | None = None, candidates: Any = None, **tuning: Any
    ) -> TrainingPlan:
        training = {"candidates": candidates or ALONE, "tuning": {"max_jobs": 4, **tuning}}
        contract = Contract.model_validate({**self.contract, "training": training})
        plan = run_plan(self.settings, contract, run_id, ["d1"], None, last=last)
        s3 = self.cloud.client("s3")
        for part in ("train", "validation"):
            source = {"Bucket": self.settings.bucket, "Key": f"data/{part}/data.csv"}
            s3.copy_object(
                Bucket=self.settings.bucket, Key=_key(getattr(plan.uris, part)) + "data.csv", CopySource=source
            )
        body = contract.model_dump_json().encode()
        s3.put_object(Bucket=self.settings.bucket, Key=_key(plan.uris.contract) + "contract.json", Body=body)
        return plan

    def run(self, plan: TrainingPlan) -> Json:
        """The branch's output. Fails the test with the execution's cause."""
        states = self.cloud.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.machine, input=json.dumps(plan.plain()))["executionArn"]
        deadline = time.monotonic() + 300
        while (ended := states.describe_execution(executionArn=started))["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the tuning takes too long"
            time.sleep(0.5)
        assert ended["status"] == "SUCCEEDED", ended.get("cause")
        output: Json = json.loads(ended["output"])
        return output

    def tuning(self, plan: TrainingPlan) -> tuple[Json, list[Json]]:
        """The tuning job, and its training jobs."""
        sagemaker, name = self.cloud.client("sagemaker"), plan.names.tuning_job
        jobs = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, MaxResults=100
        )["TrainingJobSummaries"]
        return sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name), jobs


def _key(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[2]


@pytest.fixture(scope="module")
def bench(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    needs(environments.SKLEARN)
    s3, bucket = cloud.client("s3"), "tuning-data"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    data = make_data(tmp_path_factory.mktemp("data") / "binary", "binary", rows=300)
    for part in ("train", "validation"):
        s3.put_object(Bucket=bucket, Key=f"data/{part}/data.csv", Body=(data / part / "data.csv").read_bytes())
    code = bundle.archive(bundle.learn_files())
    s3.put_object(Bucket=bucket, Key="code/0/sourcedir.tar.gz", Body=code)
    anything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]  # permissions are the end-to-end tests' affair
    jobs = cloud.role("tuning-jobs", "sagemaker.amazonaws.com", anything)
    settings = Settings(
        bucket=bucket,
        execution_role_arn=jobs,
        data_key_arn=key,
        image=IMAGE,
        source_uri=f"s3://{bucket}/code/0/sourcedir.tar.gz",
        learn_uri=f"s3://{bucket}/code/0/learn/",
        glue_script_uri=f"s3://{bucket}/code/0/glue/clean_dataset.py",
    )
    contract = json.loads((data / "contract" / "contract.json").read_text())
    contract = {"project": "shop", **{k: v for k, v in contract.items() if k in ("problem", "data", "features")}}
    contract["problem"] = {k: v for k, v in contract["problem"].items() if v is not None}
    return Bench(cloud, settings, contract, _machine(cloud, cloud.role("tuning", "states.amazonaws.com", anything)))


def _machine(cloud: Cloud, role: str) -> str:
    source = next(path for path in machines.sources() if path.name.startswith("build_model"))
    branch = machines.definition(source)["States"]["Train Models"]["Branches"][1]
    opening = {"Type": "Pass", "Assign": {"plan": "{% $states.input %}"}, "Next": branch["StartAt"]}
    states = {"Open": opening, **branch["States"]}
    text = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Open", "States": states})
    text = text.replace("${Partition}", "aws")
    made = cloud.client("stepfunctions").create_state_machine(name="tuning", definition=text, roleArn=role)
    return str(made["stateMachineArn"])


def test_hyperband_ends_jobs_and_the_model_is_of_one_that_was_not_ended(bench: Bench) -> None:
    plan = bench.plan("r1", strategy="hyperband", max_jobs=8, ranges=SLOW)
    output = bench.run(plan)
    tuning, jobs = bench.tuning(plan)
    assert len(jobs) == 8
    ended = {job["TrainingJobStatus"] for job in jobs}
    assert "Completed" in ended
    assert tuning["TrainingJobStatusCounters"]["Stopped"] > 0, "no job has fallen behind"
    best = next(job for job in jobs if job["TrainingJobArn"] == output["training_job"])
    assert best["TrainingJobStatus"] == "Completed"
    assert output["definition"] == "gradient_boosting"
    assert output["artifact_uri"].endswith("model.tar.gz")
    described = bench.cloud.client("sagemaker").describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert described["HyperParameters"]["report-progress"] == '"true"'
    resource = tuning["HyperParameterTuningJobConfig"]["StrategyConfig"]["HyperbandStrategyConfig"]
    assert resource["MaxResource"] == MAX_REPORTS + 1


def test_a_search_starts_from_the_last_one_and_without_it_when_it_is_gone(bench: Bench) -> None:
    first = bench.plan("r2", max_jobs=3)
    assert bench.run(first)["warm_start_refused"] == ""
    second = bench.plan("r3", first, warm_start=True, max_jobs=2)
    output = bench.run(second)
    tuning, _ = bench.tuning(second)
    parents = [{"HyperParameterTuningJobName": first.names.tuning_job}]
    assert tuning["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == parents
    assert output["warm_start_refused"] == ""
    gone = second.model_copy(update={"names": second.names.model_copy(update={"tuning_job": "sluice-gone-t"})})
    third = bench.plan("r4", gone, warm_start=True, max_jobs=2)
    output = bench.run(third)
    tuning, jobs = bench.tuning(third)
    assert "WarmStartConfig" not in tuning
    assert len(jobs) == 2
    assert "Could not find the parent tuning job sluice-gone-t" in output["warm_start_refused"]


def test_several_families_a_grid_of_own_values_and_early_stopping(bench: Bench) -> None:
    several = bench.plan("r5", candidates=["gradient_boosting", "logistic_regression"], strategy="random", max_jobs=4)
    assert bench.run(several)["definition"] in ("gradient-boosting", "logistic-regression")
    _, jobs = bench.tuning(several)
    assert {job["TrainingJobDefinitionName"] for job in jobs} == {"gradient-boosting", "logistic-regression"}
    own = {"logistic_regression": {"c": [0.01, 1.0], "spread": ["standard"]}}
    grid = bench.plan("r6", candidates=["logistic_regression"], strategy="grid", max_jobs=2, ranges=own)
    bench.run(grid)
    _, jobs = bench.tuning(grid)
    assert sorted(job["TunedHyperParameters"]["c"] for job in jobs) == ["0.01", "1.0"]
    # the first job reaches it: a target that any model reaches ends the search
    early = bench.plan("r7", strategy="bayesian", max_jobs=6, parallel_jobs=1, early_stopping=True, target=0.1)
    bench.run(early)
    tuning, jobs = bench.tuning(early)
    assert len(jobs) == 1
    assert tuning["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Auto"


def test_auto_is_one_training_job_with_the_shipped_libraries_and_names_its_trials(bench: Bench) -> None:
    made = {name: path.read_bytes() for name, path in packed().items()}
    names = sorted(set(LIBRARIES.values()))
    archives = {f"{name}.tar.gz": made[name] if name in made else bundle.library_archive(name) for name in names}
    code = bundle.archive({**bundle.learn_files(), "libraries.json": bundle.library_list(archives)})
    s3, bucket = bench.cloud.client("s3"), bench.settings.bucket
    for name, content in {"sourcedir.tar.gz": code, **{f"libraries/{k}": v for k, v in archives.items()}}.items():
        s3.put_object(Bucket=bucket, Key=f"code/1/{name}", Body=content)
    settings = replace(bench.settings, source_uri=f"s3://{bucket}/code/1/sourcedir.tar.gz")
    own = replace(bench, settings=settings)
    plan = own.plan("r8", candidates=["auto"], max_minutes=2)
    output = own.run(plan)
    assert output["definition"] == "auto"
    _, jobs = own.tuning(plan)
    assert len(jobs) == 1
    artefact = s3.get_object(Bucket=bucket, Key=_key(output["artifact_uri"]))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(artefact)) as tar:
        model = json.load(tar.extractfile("model.json") or io.BytesIO())
    training = model["training"]
    assert model["family"] == "auto"
    assert training["budget_seconds"] == 120
    assert training["families_left_out"] == [], "the channel brings what the container lacks"
    assert {trial["family"] for trial in training["trials"]} >= {"lightgbm", "logistic_regression"}
    assert sum(trial["weight"] for trial in training["trials"]) == pytest.approx(1.0, abs=1e-4)
