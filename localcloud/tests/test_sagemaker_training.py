"""Training jobs: script mode for real, failures, stops, and what is refused."""

from __future__ import annotations

import itertools
import time

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from sagemaker_help import IMAGE, RESOURCES, Shop, open_shop

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    return open_shop(cloud.client)


@pytest.fixture(scope="module")
def trained(shop) -> dict:
    shop.sagemaker.create_training_job(**shop.training("trained", parameters={"penalty": "0.5"}))
    return shop.ended("Training", "trained")


def test_script_mode_trains_and_uploads(shop, trained):
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    artefact = f"s3://{shop.bucket}/models/trained/output/model.tar.gz"
    assert trained["ModelArtifacts"] == {"S3ModelArtifacts": artefact}
    assert shop.members(artefact) == ["coef.npy"]
    assert shop.members(f"s3://{shop.bucket}/models/trained/output/output.tar.gz") == ["report.txt"]
    metric = trained["FinalMetricDataList"][0]
    assert metric["MetricName"] == "validation:accuracy"
    assert metric["Value"] > 0.9


def test_status_history_is_real(trained):
    steps = trained["SecondaryStatusTransitions"]
    assert [s["Status"] for s in steps] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(a["EndTime"] == b["StartTime"] for a, b in itertools.pairwise(steps))
    assert trained["TrainingTimeInSeconds"] >= 1
    assert trained["BillableTimeInSeconds"] == trained["TrainingTimeInSeconds"]


def test_output_reaches_cloudwatch_logs(shop, trained):
    group = "/aws/sagemaker/TrainingJobs"
    streams = shop.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="trained/algo-1-")["logStreams"]
    events = shop.logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert any("validation:accuracy=" in e["message"] for e in events)
    found = shop.logs.filter_log_events(logGroupName=group, logStreamNamePrefix="trained/")["events"]
    assert {e["logStreamName"].partition("/")[0] for e in found} == {"trained"}
    assert shop.logs.filter_log_events(logGroupName=group, logStreamNamePrefix="not-yet/")["events"] == []


def test_same_name_again_is_in_use(shop, trained):
    with pytest.raises(shop.sagemaker.exceptions.ResourceInUse, match="already exists"):
        shop.sagemaker.create_training_job(**shop.training("trained"))


def test_a_script_that_raises_fails_the_job(shop):
    shop.sagemaker.create_training_job(**shop.training("raises", parameters={"mode": '"raise"'}))
    shop.sagemaker.create_training_job(**shop.training("reports", parameters={"mode": '"report"'}))
    raised, reported = shop.ended("Training", "raises"), shop.ended("Training", "reports")
    assert raised["TrainingJobStatus"] == reported["TrainingJobStatus"] == "Failed"
    assert raised["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError")
    assert reported["FailureReason"].startswith("AlgorithmError: no rows left after cleaning")
    assert "ModelArtifacts" not in raised or not raised["ModelArtifacts"].get("S3ModelArtifacts")


def test_max_runtime_and_stop_keep_the_model(shop):
    slow = {"parameters": {"mode": '"sleep"'}}
    limit = {"StoppingCondition": {"MaxRuntimeInSeconds": 7}}
    shop.sagemaker.create_training_job(**shop.training("too-long", **slow, **limit))
    shop.sagemaker.create_training_job(**shop.training("halted", **slow))
    too_long = shop.ended("Training", "too-long")
    shop.sagemaker.stop_training_job(TrainingJobName="halted")
    halted = shop.ended("Training", "halted")
    assert (too_long["TrainingJobStatus"], too_long["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert (halted["TrainingJobStatus"], halted["SecondaryStatus"]) == ("Stopped", "Stopped")
    for job in (too_long, halted):
        assert shop.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == ["early.txt"]
        assert job["FinalMetricDataList"][0]["Value"] == 0.5
    with pytest.raises(ClientError, match="is in status Stopped"):
        shop.sagemaker.stop_training_job(TrainingJobName="halted")


def test_a_spot_job_whose_machine_is_taken_away_starts_anew_and_ends_well(shop, cloud):
    taken = cloud.settings.state / "spot" / "inter"
    taken.parent.mkdir(exist_ok=True)
    taken.write_text("1")
    code = shop.put("spot/run.py", "import pathlib, time\nmodel = pathlib.Path('/opt/ml/model')\n"
                    "assert not list(model.iterdir()), 'the lost machine left something'\n"
                    "(model / 'tries.txt').write_text('one')\ntime.sleep(3)\n")  # fmt: skip
    request = shop.training(
        "interrupted",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "/opt/ml/input/data/code/run.py"],
        },
        InputDataConfig=[shop.channel("code", code.removesuffix("run.py"))],
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
    )
    del request["HyperParameters"]
    shop.sagemaker.create_training_job(**request)
    job = shop.ended("Training", "interrupted")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    once = ["Starting", "Downloading", "Training"]
    steps = [*once, "Interrupted", *once, "Uploading", "Completed"]
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == steps
    assert not taken.exists()
    assert job["EnableManagedSpotTraining"] is True
    assert job["BillableTimeInSeconds"] >= 4
    assert shop.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == ["tries.txt"]


def test_a_spot_job_ends_when_its_time_of_waiting_is_over(shop):
    limits = {"MaxRuntimeInSeconds": 4, "MaxWaitTimeInSeconds": 4}
    slow = {"parameters": {"mode": '"sleep"'}, "EnableManagedSpotTraining": True, "StoppingCondition": limits}
    shop.sagemaker.create_training_job(**shop.training("waited", **slow))
    job = shop.ended("Training", "waited")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_entry_point_contract_sees_the_job_folder_as_opt_ml(shop):
    code = shop.put("entry/run.py", "import sys\nopen(sys.argv[1], 'w').write(open(sys.argv[2]).read().upper())\n")
    shop.put("entry-data/words.txt", "drop")
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": [
            "-c",
            "python /opt/ml/input/data/code/run.py /opt/ml/model/words.txt $WORDS && echo done",
        ],
    }
    request = shop.training(
        "entry",
        AlgorithmSpecification=algorithm,
        Environment={"WORDS": "/opt/ml/input/data/words/words.txt"},
        InputDataConfig=[
            shop.channel("code", code.removesuffix("run.py")),
            shop.channel("words", f"s3://{shop.bucket}/entry-data"),
        ],
    )
    del request["HyperParameters"]
    shop.sagemaker.create_training_job(**request)
    job = shop.ended("Training", "entry")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert shop.members(job["ModelArtifacts"]["S3ModelArtifacts"]) == ["words.txt"]


def test_missing_and_forbidden_data_fail_with_client_errors(shop, cloud):
    missing = [shop.channel("train", f"s3://{shop.bucket}/nothing/here")]
    shop.sagemaker.create_training_job(**shop.training("no-data", InputDataConfig=missing))
    other = f"other-{shop.bucket}"
    config = {"LocationConstraint": "eu-west-1"}
    cloud.client("s3").create_bucket(Bucket=other, CreateBucketConfiguration=config)
    cloud.client("s3").put_object(Bucket=other, Key="x/data.csv", Body=b"1")
    forbidden = [shop.channel("train", f"s3://{other}/x")]
    shop.sagemaker.create_training_job(**shop.training("no-right", InputDataConfig=forbidden))
    assert "No S3 objects found under S3 URL" in shop.ended("Training", "no-data")["FailureReason"]
    assert "AccessDenied" in shop.ended("Training", "no-right")["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AlgorithmSpecification": {"TrainingImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
                                     "TrainingInputMode": "File"}}, "sagemaker-scikit-learn:1.9-0-cpu-py3"),
        ({"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"}}, "Pipe"),
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": 2}}, "distributed training"),
        ({"EnableManagedSpotTraining": True}, "must be present and be greater"),
        ({"EnableManagedSpotTraining": True,
          "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}}, "greater than or equal"),
        ({"EnableManagedSpotTraining": False,
          "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}}, "only supported when"),
        ({"CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints"}}, "CheckpointConfig"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody-is-here"}, "Could not assume role"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(shop, changes, message):
    with pytest.raises(ClientError, match=message) as refused:
        shop.sagemaker.create_training_job(**shop.training("refused", **changes))
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_unknown_members_are_refused(shop):
    with pytest.raises(ParamValidationError, match="Colour"):
        shop.sagemaker.create_training_job(**shop.training("unknown", Colour="red"))


def test_list_and_missing(shop, trained):
    found = shop.sagemaker.list_training_jobs(NameContains="trained", StatusEquals="Completed")["TrainingJobSummaries"]
    assert [j["TrainingJobName"] for j in found] == ["trained"]
    shop.sagemaker.create_training_job(**shop.training("another"))
    shop.ended("Training", "another")
    first = shop.sagemaker.list_training_jobs(MaxResults=1, SortBy="Name")
    assert len(first["TrainingJobSummaries"]) == 1
    assert first["NextToken"]
    with pytest.raises(ClientError, match="Requested resource not found"):
        shop.sagemaker.describe_training_job(TrainingJobName="never")


def test_state_changes_reach_eventbridge(shop, cloud):
    events, sqs = cloud.client("events"), cloud.client("sqs")
    url, arn = cloud.event_queue(f"training-{shop.bucket}")
    pattern = '{"source": ["aws.sagemaker"], "detail": {"TrainingJobName": ["announced"]}}'
    events.put_rule(Name=f"training-{shop.bucket}", EventPattern=pattern)
    events.put_targets(Rule=f"training-{shop.bucket}", Targets=[{"Id": "q", "Arn": arn}])
    request = shop.training("announced", InputDataConfig=[shop.channel("train", f"s3://{shop.bucket}/none")])
    shop.sagemaker.create_training_job(**request)
    shop.ended("Training", "announced")
    seen, deadline = [], time.monotonic() + 10
    while "Failed" not in " ".join(seen) and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert any('"TrainingJobStatus": "Failed"' in body or '"TrainingJobStatus":"Failed"' in body for body in seen)
    assert all("SageMaker Training Job State Change" in body for body in seen)
