"""SageMaker's models, endpoints and registry in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sluice.errors import InputError, NotFoundError
from sluice.ports import Answer, EndpointState, Json, Variant, VariantState


@dataclass(frozen=True)
class Config:
    variants: tuple[Variant, ...]
    capture_uri: str
    percent: int


@dataclass(frozen=True)
class Invocation:
    endpoint: str
    body: bytes
    content_type: str
    variant: str | None


class FakeModels:
    """`models`, `configs`, `endpoints` hold what exists; `answer` decides what an endpoint says.

    The state machine changes endpoints, not a step; `put_endpoint` is the test's way to say that it did.
    """

    def __init__(self) -> None:
        self.models: dict[str, Json] = {}
        self.configs: dict[str, Config] = {}
        self.endpoints: dict[str, EndpointState] = {}
        self.invocations: list[Invocation] = []
        self.answer: Callable[[Invocation], Answer] = lambda invocation: Answer(
            200, b'{"predictions": [{"prediction": true, "probability": 0.5}], "model": "fake"}', invocation.variant
        )

    def ensure_model(self, name: str, artifact_uri: str, image: str, environment: Mapping[str, str]) -> None:
        self.models.setdefault(name, {"artifact_uri": artifact_uri, "image": image, "environment": dict(environment)})

    def ensure_endpoint_config(self, name: str, variants: Sequence[Variant], capture_uri: str, percent: int) -> None:
        for variant in variants:
            if variant.model not in self.models:
                raise NotFoundError(f"there is no model {variant.model}")
        self.configs.setdefault(name, Config(tuple(variants), capture_uri, percent))

    def endpoint(self, name: str) -> EndpointState | None:
        return self.endpoints.get(name)

    def create_endpoint(self, name: str, config: str, project: str) -> None:
        if name not in self.endpoints:
            self.put_endpoint(name, config)

    def delete_endpoint(self, name: str) -> None:
        self.endpoints.pop(name, None)

    def put_endpoint(
        self, name: str, config: str, status: str = "InService", weights: Mapping[str, float] | None = None
    ) -> EndpointState:
        """The endpoint as it is once it has `config`; `weights` override the configuration's."""
        chosen = weights or {}
        states = tuple(
            VariantState(
                variant.name,
                chosen.get(variant.name, variant.weight),
                chosen.get(variant.name, variant.weight),
                variant.instance_count,
            )
            for variant in self.configs[config].variants
        )
        self.endpoints[name] = EndpointState(name, status, config, states)
        return self.endpoints[name]

    def invoke(
        self, endpoint: str, body: bytes, content_type: str = "application/json", variant: str | None = None
    ) -> Answer:
        state = self.endpoints.get(endpoint)
        if state is None:
            raise NotFoundError(f"there is no endpoint {endpoint}")
        if variant is not None and variant not in {each.name for each in state.variants}:
            raise NotFoundError(f"endpoint {endpoint} has no variant {variant}")
        invocation = Invocation(endpoint, bytes(body), content_type, variant)
        self.invocations.append(invocation)
        return self.answer(invocation)


class FakeRegistry:
    """`packages`: ARN → {"group", "status", "artifact_uri", "image", "facts", "reason"}."""

    def __init__(self) -> None:
        self.packages: dict[str, Json] = {}

    def register(self, group: str, artifact_uri: str, image: str, facts: Mapping[str, str], approved: bool) -> str:
        if not facts.get("run_id"):
            raise InputError("a model package needs the fact `run_id`")
        siblings = {arn: package for arn, package in self.packages.items() if package["group"] == group}
        for arn, package in siblings.items():
            if package["facts"].get("run_id") == facts["run_id"]:
                return arn
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{len(siblings) + 1}"
        self.packages[arn] = {
            "group": group,
            "status": "Approved" if approved else "PendingManualApproval",
            "artifact_uri": artifact_uri,
            "image": image,
            "facts": dict(facts),
            "reason": None,
        }
        return arn

    def decide(self, package_arn: str, status: str, reason: str) -> None:
        if status not in ("Approved", "Rejected"):
            raise InputError(f"a model package is Approved or Rejected, not {status!r}")
        self._find(package_arn).update(status=status, reason=reason)

    def package(self, package_arn: str) -> Json:
        package = self._find(package_arn)
        return {"status": package["status"], "artifact_uri": package["artifact_uri"], "facts": dict(package["facts"])}

    def _find(self, package_arn: str) -> Json:
        if package_arn not in self.packages:
            raise NotFoundError(f"there is no model package {package_arn}")
        return self.packages[package_arn]
