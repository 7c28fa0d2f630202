"""Processing jobs: inputs, an entry point, outputs."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from sagemaker_help import IMAGE, RESOURCES, Shop, open_shop

from localcloud.sagemaker import mounts

pytestmark = pytest.mark.cloud

SCRIPT = """
import os, pathlib, sys
source, target, mode = sys.argv[1:4]
if mode == "fail":
    base = pathlib.Path(target).parent.parent
    (base / "output").mkdir(exist_ok=True)
    (base / "output" / "message").write_text("no baseline to compare with")
    sys.exit(7)
import sklearn
out = pathlib.Path(target)
(out / "deep").mkdir(exist_ok=True)
(out / "deep" / "evaluation.txt").write_text(pathlib.Path(source, "a/rows.txt").read_text() + sklearn.__version__)
(out / "where.txt").write_text(os.environ["DATA"])
"""


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    shop = open_shop(cloud.client)
    shop.put("processing/code/evaluate.py", SCRIPT)
    shop.put("processing/data/a/rows.txt", "12 rows ")
    return shop


def request(shop: Shop, name: str, mode: str, **changes) -> dict:
    def given(label: str) -> dict:
        s3 = {"S3Uri": f"s3://{shop.bucket}/processing/{label}", "LocalPath": f"/opt/ml/processing/input/{label}"}
        return {"InputName": label, "S3Input": {**s3, "S3DataType": "S3Prefix", "S3InputMode": "File"}}

    output = {
        "S3Uri": f"s3://{shop.bucket}/results/{name}",
        "LocalPath": "/opt/ml/processing/evaluation",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "ProcessingJobName": name,
        "RoleArn": shop.role,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/evaluate.py"],
            "ContainerArguments": ["/opt/ml/processing/input/data", "/opt/ml/processing/evaluation", mode],
        },
        "Environment": {"DATA": "/opt/ml/processing/input/data"},
        "ProcessingInputs": [given("code"), given("data")],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "evaluation", "S3Output": output}]},
        "ProcessingResources": {"ClusterConfig": RESOURCES},
        **changes,
    }


def test_inputs_entry_point_outputs(shop):
    shop.sagemaker.create_processing_job(**request(shop, "evaluates", "good"))
    job = shop.ended("Processing", "evaluates")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert shop.get(f"s3://{shop.bucket}/results/evaluates/deep/evaluation.txt") == b"12 rows 1.9.0"
    where = shop.get(f"s3://{shop.bucket}/results/evaluates/where.txt").decode()
    # the very path of the request where this machine can mount, else the folder that stands for it
    own = "" if mounts.possible() else "/sagemaker/processing/evaluates"
    assert where.endswith(f"{own or '/opt/ml'}/processing/input/data")
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    with pytest.raises(shop.sagemaker.exceptions.ResourceInUse):
        shop.sagemaker.create_processing_job(**request(shop, "evaluates", "good"))


def test_a_failing_entry_point_tells_why(shop):
    shop.sagemaker.create_processing_job(**request(shop, "fails", "fail"))
    job = shop.ended("Processing", "fails")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"] == "no baseline to compare with"
    assert job["FailureReason"] == "AlgorithmError: no baseline to compare with, exit code: 7"


def test_stop_and_max_runtime(shop):
    sleep = {"ImageUri": IMAGE, "ContainerEntrypoint": ["sleep", "60"]}
    shop.sagemaker.create_processing_job(**request(shop, "halted", "good", AppSpecification=sleep))
    limit = {"MaxRuntimeInSeconds": 1}
    long = request(shop, "too-long", "good", AppSpecification=sleep, StoppingCondition=limit)
    shop.sagemaker.create_processing_job(**long)
    shop.sagemaker.stop_processing_job(ProcessingJobName="halted")
    assert shop.ended("Processing", "halted")["ProcessingJobStatus"] == "Stopped"
    too_long = shop.ended("Processing", "too-long")
    assert too_long["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in too_long["FailureReason"]


def test_what_cannot_be_done_is_refused(shop):
    good = request(shop, "refused", "good")
    outside = {**good["ProcessingInputs"][0]}
    outside["S3Input"] = {**outside["S3Input"], "LocalPath": "/etc/input"}
    with pytest.raises(ClientError, match="below /opt/ml/processing"):
        shop.sagemaker.create_processing_job(**{**good, "ProcessingInputs": [outside]})
    app = {**good["AppSpecification"], "ImageUri": "busybox:1"}
    with pytest.raises(ClientError, match="is not supported by the local cloud"):
        shop.sagemaker.create_processing_job(**{**good, "AppSpecification": app})
    with pytest.raises(ClientError, match="Could not find requested job"):
        shop.sagemaker.describe_processing_job(ProcessingJobName="never")
