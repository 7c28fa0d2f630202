"""Models, model packages and batch transforms."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from sagemaker_help import IMAGE, INFERENCE, Shop, open_shop, tar

from localcloud.sagemaker.containers import ClientError as JobError
from localcloud.sagemaker.transform_container import assemble, batches


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    shop = open_shop(cloud.client)
    shop.put("models/offset/model.tar.gz", tar({"offset.txt": "0.5", "code/inference.py": INFERENCE}))
    return shop


def container(shop: Shop) -> dict:
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    return {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{shop.bucket}/models/offset/model.tar.gz",
        "Environment": environment,
    }


@pytest.fixture(scope="module")
def model(shop) -> str:
    shop.sagemaker.create_model(ModelName="offset", ExecutionRoleArn=shop.role, PrimaryContainer=container(shop))
    return "offset"


def test_model_life(shop, model):
    described = shop.sagemaker.describe_model(ModelName=model)
    assert described["PrimaryContainer"] == container(shop)
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        shop.sagemaker.create_model(ModelName=model, ExecutionRoleArn=shop.role, PrimaryContainer=container(shop))
    lost = {**container(shop), "ModelDataUrl": f"s3://{shop.bucket}/models/none/model.tar.gz"}
    with pytest.raises(ClientError, match="Could not find model data at"):
        shop.sagemaker.create_model(ModelName="lost", ExecutionRoleArn=shop.role, PrimaryContainer=lost)
    shop.sagemaker.create_model(ModelName="brief", ExecutionRoleArn=shop.role, Containers=[container(shop)])
    assert {m["ModelName"] for m in shop.sagemaker.list_models(MaxResults=50)["Models"]} >= {"brief", "offset"}
    shop.sagemaker.delete_model(ModelName="brief")
    with pytest.raises(ClientError, match="Could not find model"):
        shop.sagemaker.describe_model(ModelName="brief")


def test_model_package_life(shop):
    sagemaker = shop.sagemaker
    group = sagemaker.create_model_package_group(
        ModelPackageGroupName="shop-models", Tags=[{"Key": "project", "Value": "shop"}]
    )["ModelPackageGroupArn"]
    specification = {
        "Containers": [container(shop)],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    arns = [
        sagemaker.create_model_package(
            ModelPackageGroupName="shop-models",
            InferenceSpecification=specification,
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties={"run": f"r{i}"},
        )["ModelPackageArn"]
        for i in (1, 2)
    ]
    assert [a.split(":model-package/")[1] for a in arns] == ["shop-models/1", "shop-models/2"]
    with pytest.raises(ClientError, match="must be Approved"):
        sagemaker.create_model(
            ModelName="too-early", ExecutionRoleArn=shop.role, PrimaryContainer={"ModelPackageName": arns[0]}
        )
    sagemaker.update_model_package(
        ModelPackageArn=arns[0],
        ModelApprovalStatus="Approved",
        ApprovalDescription="all gates passed",
        CustomerMetadataProperties={"decision": "promote"},
    )
    package = sagemaker.describe_model_package(ModelPackageName=arns[0])
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "all gates passed"
    assert package["CustomerMetadataProperties"] == {"run": "r1", "decision": "promote"}
    assert package["ModelPackageVersion"] == 1
    sagemaker.create_model(
        ModelName="packaged", ExecutionRoleArn=shop.role, PrimaryContainer={"ModelPackageName": arns[0]}
    )
    listed = sagemaker.list_model_packages(ModelPackageGroupName="shop-models")["ModelPackageSummaryList"]
    assert [p["ModelPackageVersion"] for p in listed] == [2, 1]
    approved = sagemaker.list_model_packages(ModelPackageGroupName="shop-models", ModelApprovalStatus="Approved")
    assert [p["ModelPackageArn"] for p in approved["ModelPackageSummaryList"]] == [arns[0]]
    with pytest.raises(ClientError, match="is not empty"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="shop-models")
    sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": "owner", "Value": "team"}])
    sagemaker.delete_tags(ResourceArn=group, TagKeys=["project"])
    assert sagemaker.list_tags(ResourceArn=group)["Tags"] == [{"Key": "owner", "Value": "team"}]
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package(ModelPackageName=arns[0])
    sagemaker.delete_model_package_group(ModelPackageGroupName="shop-models")


def transform(shop: Shop, name: str, prefix: str, **changes) -> dict:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{shop.bucket}/{prefix}"}}
    return {
        "TransformJobName": name,
        "ModelName": "offset",
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 1,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{shop.bucket}/predictions", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }


def test_transform_answers_each_file(shop, model):
    shop.put("batch/one.csv", "1\n2\n3\n")
    shop.put("batch/more/two.csv", "10\n20")
    shop.sagemaker.create_transform_job(**transform(shop, "many", "batch/"))
    job = shop.ended("Transform", "many")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert shop.get(f"s3://{shop.bucket}/predictions/one.csv.out") == b"1.5\n2.5\n3.5\n"
    assert shop.get(f"s3://{shop.bucket}/predictions/more/two.csv.out") == b"10.5\n20.5\n"
    single = transform(shop, "single", "batch/one.csv", BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    shop.sagemaker.create_transform_job(**single)
    assert shop.ended("Transform", "single")["TransformJobStatus"] == "Completed"
    assert shop.get(f"s3://{shop.bucket}/predictions/one.csv.out") == b"1.5\n2.5\n3.5\n"


def test_transform_of_bad_rows_fails(shop, model):
    shop.put("bad/rows.csv", "1\nbad\n")
    config = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 10}
    shop.sagemaker.create_transform_job(**transform(shop, "bad", "bad/", ModelClientConfig=config))
    job = shop.ended("Transform", "bad")
    assert job["TransformJobStatus"] == "Failed"
    assert "Bad HTTP status received from algorithm: 500" in job["FailureReason"]


def test_transform_refusals(shop, model):
    with pytest.raises(ClientError, match="Could not find model"):
        shop.sagemaker.create_transform_job(**{**transform(shop, "none", "batch/"), "ModelName": "nobody"})
    with pytest.raises(ClientError, match="JoinSource"):
        shop.sagemaker.create_transform_job(**transform(shop, "join", "batch/", DataProcessing={"JoinSource": "Input"}))


def test_lines_are_batched_blindly():
    data = b"header\n1\n22\n333"
    assert list(batches(data, "Line", "MultiRecord", 9)) == [b"header\n1\n", b"22\n333"]
    assert list(batches(data, "Line", "SingleRecord", 9)) == [b"header\n", b"1\n", b"22\n", b"333"]
    assert list(batches(data, "None", "MultiRecord", 99)) == [data]
    with pytest.raises(JobError, match="larger than MaxPayloadInMB"):
        list(batches(b"0123456789\n", "Line", "MultiRecord", 5))
    assert assemble([b"1", b"2\n"], "Line") == b"1\n2\n"
    assert assemble([b"1", b"2"], "None") == b"12"
