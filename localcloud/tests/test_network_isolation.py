"""EnableNetworkIsolation: a container with it reaches nothing and holds no credentials; one without it does both."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from sagemaker_help import IMAGE, RESOURCES, Shop, open_shop, tar

from localcloud.sagemaker import isolation, transfer
from localcloud.sagemaker.containers import ClientError

# what the container can see of the network and of the cloud, as JSON
LOOK = """
import json, os, socket

def reached(address):
    try:
        socket.create_connection(address, 3).close()
        return True
    except OSError as error:
        return False

def look():
    port = int(os.environ["CLOUD_PORT"])
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return {
        "cloud": reached(("127.0.0.1", port)),
        "itself": reached(server.getsockname()),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "credentials": sorted(name for name in os.environ if name.startswith("AWS_") and "REGION" not in name),
    }
"""
TRAIN = LOOK + "open(os.environ['SM_MODEL_DIR'] + '/seen.json', 'w').write(json.dumps(look()))\n"
PROCESS = LOOK + "open('/opt/ml/processing/out/seen.json', 'w').write(json.dumps(look()))\n"
SERVE = LOOK + (
    "def model_fn(folder):\n    return None\n"
    "def input_fn(body, kind):\n    return body\n"
    "def predict_fn(data, model):\n    return look()\n"
    "def output_fn(seen, accept):\n    return json.dumps(seen)\n"
)

enforced = pytest.mark.skipif(
    not isolation.possible(), reason="this machine does not let users create network namespaces"
)
pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(cloud: Any) -> Shop:
    shop = open_shop(cloud.client)
    shop.put("code/sourcedir.tar.gz", tar({"train.py": TRAIN}))
    shop.put("process/look.py", PROCESS)
    return shop


def port(cloud: Any) -> dict[str, str]:
    return {"CLOUD_PORT": cloud.endpoint.rsplit(":", 1)[-1]}


def alone(seen: dict[str, Any]) -> None:
    assert seen == {
        "cloud": False,
        "itself": True,
        "interfaces": ["lo"],
        "credentials": ["AWS_EC2_METADATA_DISABLED"],
    }


def trained(shop: Shop, name: str, **changes: Any) -> dict[str, Any]:
    """The job's code comes by a channel: an isolated container cannot fetch it."""
    code = shop.channel("code", f"s3://{shop.bucket}/code/sourcedir.tar.gz")
    data = shop.channel("train", f"s3://{shop.bucket}/data/train")
    parameters = {"sagemaker_submit_directory": '"/opt/ml/input/data/code/sourcedir.tar.gz"'}
    request = shop.training(name, parameters=parameters, InputDataConfig=[data, code], **changes)
    shop.sagemaker.create_training_job(**request)
    job = shop.ended("Training", name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    with tarfile.open(fileobj=io.BytesIO(shop.get(job["ModelArtifacts"]["S3ModelArtifacts"]))) as archive:
        member = archive.extractfile("seen.json")
        assert member
        return json.loads(member.read())


@enforced
def test_an_isolated_training_job_is_alone_and_another_is_not(cloud: Any, shop: Shop) -> None:
    alone(trained(shop, "isolated", EnableNetworkIsolation=True, Environment=port(cloud)))
    open_ = trained(shop, "open", Environment=port(cloud))
    assert open_["cloud"]
    assert "AWS_SESSION_TOKEN" in open_["credentials"]


@enforced
def test_an_isolated_job_cannot_fetch_its_code_from_s3(shop: Shop) -> None:
    shop.sagemaker.create_training_job(**shop.training("fetches", EnableNetworkIsolation=True))
    assert shop.ended("Training", "fetches", 120)["TrainingJobStatus"] == "Failed"


@enforced
def test_an_isolated_processing_job_is_alone(cloud: Any, shop: Shop) -> None:
    code = {"S3Uri": f"s3://{shop.bucket}/process", "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix"}
    output = {"S3Uri": f"s3://{shop.bucket}/seen", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    shop.sagemaker.create_processing_job(
        ProcessingJobName="isolated",
        RoleArn=shop.role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/look.py"]},
        Environment=port(cloud),
        ProcessingInputs=[{"InputName": "code", "S3Input": {**code, "S3InputMode": "File"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "seen", "S3Output": output}]},
        ProcessingResources={"ClusterConfig": RESOURCES},
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    job = shop.ended("Processing", "isolated")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    alone(json.loads(shop.get(f"s3://{shop.bucket}/seen/seen.json")))


@enforced
def test_isolated_endpoints_and_transforms_serve_and_are_alone(cloud: Any, shop: Shop) -> None:
    shop.put("model.tar.gz", tar({"code/inference.py": SERVE}))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{shop.bucket}/model.tar.gz", "Environment": port(cloud)}
    made = shop.sagemaker
    made.create_model(
        ModelName="isolated", ExecutionRoleArn=shop.role, PrimaryContainer=container, EnableNetworkIsolation=True
    )
    variant = {"VariantName": "a", "ModelName": "isolated", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    made.create_endpoint_config(EndpointConfigName="isolated", ProductionVariants=[variant])
    made.create_endpoint(EndpointName="isolated", EndpointConfigName="isolated")
    shop.put("score/one.csv", "1\n")
    made.create_transform_job(
        TransformJobName="isolated",
        ModelName="isolated",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{shop.bucket}/score"}},
            "ContentType": "text/csv",
        },
        TransformOutput={"S3OutputPath": f"s3://{shop.bucket}/scored"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    end = time.monotonic() + 60
    while (state := made.describe_endpoint(EndpointName="isolated"))["EndpointStatus"] == "Creating":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert state["EndpointStatus"] == "InService", state.get("FailureReason")
    answer = cloud.client("sagemaker-runtime").invoke_endpoint(EndpointName="isolated", Body=b"{}")
    alone(json.loads(answer["Body"].read()))
    made.delete_endpoint(EndpointName="isolated")
    job = shop.ended("Transform", "isolated")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    alone(json.loads(shop.get(f"s3://{shop.bucket}/scored/one.csv.out")))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


HOSTILE = {
    "outside": member("../x"),
    "absolute link": member("x", tarfile.SYMTYPE, "/etc/passwd"),
    "link inside": member("x", tarfile.SYMTYPE, "y"),
    "hard link": member("x", tarfile.LNKTYPE, "y"),
    "fifo": member("x", tarfile.FIFOTYPE),
    "device": member("x", tarfile.CHRTYPE),
    "larger than all that may be": member("x", size=9 << 30),
    "a header of a gigabyte": member("x", tarfile.XHDTYPE, size=1 << 30),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_not_unpacked(name: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar_:
        tar_.fileobj.write(HOSTILE[name].tobuf())  # type: ignore[union-attr]
    with pytest.raises(ClientError, match=r"model\.tar\.gz is not a usable"):
        transfer.extract(tmp_path / "model.tar.gz", tmp_path / "deep" / "out")
    assert sorted(each.name for each in tmp_path.rglob("*")) in (["deep", "model.tar.gz", "out"],)
