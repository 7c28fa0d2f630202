"""SageMaker models, endpoint configurations, endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sluice.aws.clients import Clients, absent, code, exists_already, project_of, required
from sluice.errors import EndpointBusyError, NotFoundError
from sluice.names import tags
from sluice.ports import Answer, EndpointState, Json, Settings, Variant, VariantState

_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_NO_ANSWER = frozenset(
    {"ServiceUnavailable", "InternalFailure", "InternalDependencyException", "ModelNotReadyException"}
)
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class SageMakerModels:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def ensure_model(self, name: str, artifact_uri: str, image: str, environment: Mapping[str, str]) -> None:
        if self._described("describe_model", ModelName=name) is not None:
            return
        self._create(
            "create_model",
            ModelName=name,
            PrimaryContainer={"Image": image, "ModelDataUrl": artifact_uri, "Environment": dict(environment)},
            ExecutionRoleArn=required(self._settings, "execution_role_arn"),
            # the code is in the archive, and a server of numbers has nothing to ask of the network
            EnableNetworkIsolation=True,
            Tags=tags(self._settings.stack, project_of(artifact_uri)),
        )

    def ensure_endpoint_config(self, name: str, variants: Sequence[Variant], capture_uri: str, percent: int) -> None:
        if self._described("describe_endpoint_config", EndpointConfigName=name) is not None:
            return
        self._create(
            "create_endpoint_config",
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant.name,
                    "ModelName": variant.model,
                    "InitialInstanceCount": variant.instance_count,
                    "InstanceType": variant.instance_type,
                    "InitialVariantWeight": float(variant.weight),
                }
                for variant in variants
            ],
            DataCaptureConfig={
                "EnableCapture": percent > 0,
                "InitialSamplingPercentage": percent,
                "DestinationS3Uri": capture_uri,
                # without it SageMaker asks S3 for the account's own key, not for the bucket's
                "KmsKeyId": required(self._settings, "data_key_arn"),
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                # what is not named here is captured as base64
                "CaptureContentTypeHeader": {
                    "CsvContentTypes": ["text/csv"],
                    "JsonContentTypes": ["application/json", "application/jsonlines"],
                },
            },
            Tags=tags(self._settings.stack, project_of(capture_uri)),
        )

    def endpoint(self, name: str) -> EndpointState | None:
        try:
            found = self._described("describe_endpoint", EndpointName=name)
        except ClientError as error:
            if code(error) in _THROTTLED:
                raise EndpointBusyError(f"SageMaker did not return the state of endpoint {name}:  {error}") from error
            raise
        if found is None:
            return None
        return EndpointState(
            name=found["EndpointName"],
            status=found["EndpointStatus"],
            config=found.get("EndpointConfigName", ""),
            variants=tuple(
                VariantState(
                    name=variant["VariantName"],
                    weight=variant.get("CurrentWeight", 0.0),
                    desired_weight=variant.get("DesiredWeight", variant.get("CurrentWeight", 0.0)),
                    instances=variant.get("CurrentInstanceCount", 0),
                )
                # absent while the endpoint is created
                for variant in found.get("ProductionVariants", [])
            ),
            failure=found.get("FailureReason"),
            created=found.get("CreationTime"),
        )

    def create_endpoint(self, name: str, config: str, project: str) -> None:
        wanted = tags(self._settings.stack, project)
        self._create("create_endpoint", EndpointName=name, EndpointConfigName=config, Tags=wanted)

    def delete_endpoint(self, name: str) -> None:
        try:
            self._sagemaker.delete_endpoint(EndpointName=name)
        except ClientError as error:
            if not absent(error):
                raise

    def scaled_variants(self, endpoint: str) -> list[str]:
        prefix = f"endpoint/{endpoint}/variant/"
        pages = self._clients("application-autoscaling").get_paginator("describe_scalable_targets")
        targets = [t for p in pages.paginate(ServiceNamespace="sagemaker") for t in p["ScalableTargets"]]
        mine = (t["ResourceId"] for t in targets if t["ScalableDimension"] == _DIMENSION)
        return sorted(resource.removeprefix(prefix) for resource in mine if resource.startswith(prefix))

    def invoke(
        self,
        endpoint: str,
        body: bytes,
        content_type: str = "application/json",
        variant: str | None = None,
        inference_id: str | None = None,
    ) -> Answer:
        """Raises NotFoundError when there is no such endpoint or variant."""
        optional = {"TargetVariant": variant, "InferenceId": inference_id}
        try:
            answer = self._clients("sagemaker-runtime").invoke_endpoint(
                EndpointName=endpoint,
                Body=body,
                ContentType=content_type,
                Accept=content_type,
                **{name: value for name, value in optional.items() if value},
            )
            content = answer["Body"].read()
        except (ReadTimeoutError, ConnectionClosedError) as error:
            return Answer(0, str(error).encode(), variant)
        except ClientError as error:
            if code(error) == "ModelError":
                response: Json = dict(error.response)
                message = str(response.get("OriginalMessage") or response["Error"].get("Message", ""))
                return Answer(int(response.get("OriginalStatusCode") or 500), message.encode(), variant)
            if code(error) in _NO_ANSWER:
                return Answer(503, str(error).encode(), variant)
            if absent(error):
                raise NotFoundError(f"endpoint {endpoint}: {error.response['Error'].get('Message')}") from error
            raise
        return Answer(
            200, content, answer.get("InvokedProductionVariant", variant), answer.get("ContentType", content_type)
        )

    def _described(self, operation: str, **request: str) -> Json | None:
        try:
            found: Json = getattr(self._sagemaker, operation)(**request)
        except ClientError as error:
            if absent(error):
                return None
            raise
        return found

    def _create(self, operation: str, **request: Any) -> None:
        try:
            getattr(self._sagemaker, operation)(**request)
        except ClientError as error:
            # a twin of this step was faster
            if not exists_already(error):
                raise

    @property
    def _sagemaker(self) -> Any:
        return self._clients("sagemaker")
