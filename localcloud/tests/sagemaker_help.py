"""What the SageMaker tests share: a role, a bucket, requests, waiting."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cloud_help import needs

from localcloud import environments

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
# what every container needs of its role: its image, its logs, its metrics
CONTAINER = (
    {
        "Effect": "Allow",
        "Action": [
            *("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability"),
            *("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
            *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
            "cloudwatch:PutMetricData",
        ],
        "Resource": "*",
    },
)
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}

TRAIN = """
import argparse, os, time

p = argparse.ArgumentParser()
p.add_argument("--penalty", type=float, default=1.0)
p.add_argument("--mode", default="train")
args = p.parse_args()
if args.mode == "raise":
    raise ValueError("the data is not usable")
if args.mode == "report":
    open(os.path.join(os.environ["SM_OUTPUT_DIR"], "failure"), "w").write("no rows left after cleaning")
    raise SystemExit(3)
if args.mode == "sleep":
    open(os.path.join(os.environ["SM_MODEL_DIR"], "early.txt"), "w").write("kept")
    print("validation:accuracy=0.5", flush=True)
    time.sleep(60)
import numpy as np
from sklearn.linear_model import LogisticRegression

data = np.genfromtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "data.csv"), delimiter=",", skip_header=1)
model = LogisticRegression(C=args.penalty).fit(data[:, :-1], data[:, -1])
score = model.score(data[:, :-1], data[:, -1])
np.save(os.path.join(os.environ["SM_MODEL_DIR"], "coef.npy"), model.coef_)
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt"), "w").write("fine")
print(f"validation:accuracy={score}")
"""

INFERENCE = """
def model_fn(model_dir):
    return float(open(model_dir + "/offset.txt").read())

def input_fn(body, content_type):
    if "bad" in str(body):
        raise ValueError("bad row")
    return [float(line) for line in body.splitlines()]

def predict_fn(rows, model):
    return [r + model for r in rows]

def output_fn(prediction, accept):
    return "\\n".join(str(p) for p in prediction)
"""


@dataclass
class Shop:
    """One test module's bucket and role, with clients."""

    s3: Any
    sagemaker: Any
    logs: Any
    bucket: str
    role: str

    def put(self, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def members(self, uri: str) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(self.get(uri))) as tar:
            return tar.getnames()

    def training(self, name: str, **changes: Any) -> dict[str, Any]:
        """A CreateTrainingJob request in script mode, as the classic SDK sends it."""
        parameters = {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{self.bucket}/code/sourcedir.tar.gz"',
            "sagemaker_container_log_level": "20",
            "sagemaker_job_name": f'"{name}"',
            "sagemaker_region": '"eu-west-1"',
            **changes.pop("parameters", {}),
        }
        return {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "HyperParameters": parameters,
            "AlgorithmSpecification": self.algorithm(),
            "InputDataConfig": [self.channel("train", f"s3://{self.bucket}/data/train")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/models/"},
            "ResourceConfig": RESOURCES,
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **changes,
        }

    @staticmethod
    def algorithm() -> dict[str, Any]:
        metric = {"Name": "validation:accuracy", "Regex": "validation:accuracy=([-+0-9.eE]+)"}
        return {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [metric]}

    @staticmethod
    def channel(name: str, uri: str) -> dict[str, Any]:
        return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}

    def ended(self, kind: str, name: str, seconds: float = 60) -> dict[str, Any]:
        """The description of a job once it has ended. `kind`: Training, Processing, Transform, HyperParameterTuning."""
        snake = {"HyperParameterTuning": "hyper_parameter_tuning"}.get(kind, kind.lower())
        describe = getattr(self.sagemaker, f"describe_{snake}_job")
        deadline = time.monotonic() + seconds
        while True:
            job = describe(**{f"{kind}JobName": name})
            if job[f"{kind}JobStatus"] in ("Completed", "Failed", "Stopped"):
                return job
            assert time.monotonic() < deadline, f"{name} is still {job[f'{kind}JobStatus']}"
            time.sleep(0.1)


def tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def open_shop(client: Any) -> Shop:
    """`client(service)` gives a boto3 client; makes the bucket, the role and the training data."""
    needs(environments.SKLEARN)
    mark = uuid.uuid4().hex[:8]
    iam, s3 = client("iam"), client("s3")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    bucket = f"sm-{mark}"
    role = iam.create_role(RoleName=f"sm-{mark}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            },
            *CONTAINER,
        ],
    }
    iam.put_role_policy(RoleName=f"sm-{mark}", PolicyName="data", PolicyDocument=json.dumps(allowed))
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    shop = Shop(s3, client("sagemaker"), client("logs"), bucket, role)
    rows = "".join(f"{i % 10},{(i * 7) % 5},{int(i % 10 > 4)}\n" for i in range(100))
    shop.put("data/train/data.csv", "a,b,target\n" + rows)
    shop.put("code/sourcedir.tar.gz", tar({"train.py": TRAIN}))
    return shop
