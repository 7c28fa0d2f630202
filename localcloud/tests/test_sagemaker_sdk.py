"""SageMaker's own SDK as a client of the local cloud: what it sends is what AWS gets."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sagemaker_help import IMAGE, Shop, open_shop

from localcloud.sagemaker import mounts

PYTHON = os.environ.get("LOCALCLOUD_SDK_PYTHON", "")
CLIENT = Path(__file__).with_name("sdk_client.py")

# the drivers pass hyperparameters as arguments, and set SM_MODEL_DIR and SM_CHANNEL_* to paths below /opt/ml
TRAIN = """
import argparse, os, pathlib, shutil, sys
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

p = argparse.ArgumentParser()
p.add_argument("--penalty", type=float)
penalty = p.parse_args().penalty
data = np.genfromtxt("/opt/ml/input/data/train/data.csv", delimiter=",", skip_header=1)
assert os.environ["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train", os.environ["SM_CHANNEL_TRAIN"]
model = LogisticRegression(C=penalty).fit(data[:, :-1], data[:, -1])
out = pathlib.Path(os.environ["SM_MODEL_DIR"])
np.savez(out / "model.npz", coef=model.coef_, intercept=model.intercept_)
(out / "code").mkdir()
shutil.copy("inference.py", out / "code")
(out / "versions.txt").write_text(f"{sklearn.__version__} C={penalty} {out}")
"""
INFERENCE = """
import numpy as np

def model_fn(model_dir):
    return dict(np.load(model_dir + "/model.npz"))

def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return np.array([[float(v) for v in line.split(",")] for line in text.split()])

def predict_fn(rows, model):
    return (rows @ model["coef"].T + model["intercept"] > 0).astype(int).ravel()

def output_fn(prediction, accept):
    return "\\n".join(map(str, prediction))
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.cloud,
    pytest.mark.skipif(not PYTHON, reason="LOCALCLOUD_SDK_PYTHON names no interpreter that has sagemaker (README.md)"),
    pytest.mark.skipif(not mounts.possible(), reason="this machine lets nobody mount /opt/ml, which the drivers need"),
]


@pytest.fixture(scope="module")
def shop(cloud) -> Shop:
    return open_shop(cloud.client)


def test_model_trainer_trains_deploys_and_invokes(cloud, shop, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(TRAIN)
    (source / "inference.py").write_text(INFERENCE)
    before = sorted(entry.name for entry in Path("/opt").iterdir())
    done = subprocess.run(
        [PYTHON, CLIENT, shop.role, shop.bucket, IMAGE, source, f"s3://{shop.bucket}/data/train"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            **cloud.environment(),
            "SAGEMAKER_VALIDATE_ROLE": "false",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    result = json.loads(results[-1].removeprefix("RESULT "))
    assert result["status"] == "Completed"
    assert sorted(shop.members(result["artefact"])) == ["code", "code/inference.py", "model.npz", "versions.txt"]
    job = shop.sagemaker.describe_training_job(TrainingJobName=result["job"])
    assert {channel["ChannelName"] for channel in job["InputDataConfig"]} == {"code", "sm_drivers", "train"}
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]
    assert result["endpoint"] == "InService"
    # what was trained is what answers: 9 is above the step at 4.5, 0 below
    assert np.array_equal([int(line) for line in result["answer"].split()], [1, 0])
    # as root, a careless mount would have left /opt/ml on the machine
    assert sorted(entry.name for entry in Path("/opt").iterdir()) == before
