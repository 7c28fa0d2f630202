"""A client as people write it: SageMaker's SDK v3 trains with its ModelTrainer, deploys and invokes.

Run by test_sagemaker_sdk.py with an interpreter that has the SDK, and neither pytest nor localcloud.
Arguments: role ARN, bucket, training image, folder with the source code, S3 address of the training data. Prints one
line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

import boto3
from sagemaker.core.helper import session_helper
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, OutputDataConfig, ProductionVariant, StoppingCondition
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train import ModelTrainer


def main(role: str, bucket: str, image: str, source: str, data: str) -> dict[str, Any]:
    # the SDK asks STS at an address of its own making, whatever AWS_ENDPOINT_URL says
    session_helper.sts_regional_endpoint = lambda region: os.environ["AWS_ENDPOINT_URL"]
    session = session_helper.Session(boto_session=boto3.Session(), default_bucket=bucket)
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=role,
        base_job_name="sdk",
        training_image=image,
        source_code=SourceCode(source_dir=source, entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/sdk-models"),
        hyperparameters={"penalty": 0.5},
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)], wait=True, logs=False)
    job = trainer._latest_training_job
    artefact = job.model_artifacts.s3_model_artifacts
    return {
        "job": job.training_job_name,
        "status": job.training_job_status,
        "artefact": artefact,
        **serve(role, image, artefact),
    }


def serve(role: str, image: str, artefact: str) -> dict[str, Any]:
    """Model, configuration, endpoint and a request, through the SDK's resource classes."""
    name = f"sdk-{uuid.uuid4().hex[:6]}"
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = ContainerDefinition(image=image, model_data_url=artefact, environment=environment)
    Model.create(model_name=name, primary_container=container, execution_role_arn=role)
    variant = ProductionVariant(
        variant_name="only", model_name=name, initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1, timeout=120)
    answer = endpoint.invoke(body=b"9,3\n0,0\n", content_type="text/csv", accept="text/csv")
    body = answer.body
    text = (body.read() if hasattr(body, "read") else body).decode()
    endpoint.refresh()
    seen = {"endpoint": endpoint.endpoint_status, "answer": text}
    endpoint.delete()
    return seen


if __name__ == "__main__":
    print("RESULT " + json.dumps(main(*sys.argv[1:])))
