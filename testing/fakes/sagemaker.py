"""SageMaker's models, endpoints and registry in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sluice.errors import EndpointBusyError, InputError, NotFoundError
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
    inference_id: str | None = None


class ClientError(Exception):
    """What SageMaker refuses, under the name by which a Lambda reports botocore's error. `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"An error occurred ({code}): {message}")
        self.code, self.message = code, message


class FakeModels:
    """`models`, `configs`, `endpoints` hold what exists; `answer` decides what an endpoint says.

    The state machine changes endpoints, not a step: `create`, `update` and `reweigh` are its calls. Each takes `settle`
    seconds of `now`'s clock, in which the endpoint refuses the next one; a configuration with a model in `unloadable`
    fails as on AWS. While `throttled`, SageMaker refuses every call. `scaled`: endpoint → its variants with a policy.
    `put_endpoint` is the test's way to say what is.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.models: dict[str, Json] = {}
        self.configs: dict[str, Config] = {}
        self.endpoints: dict[str, EndpointState] = {}
        self.invocations: list[Invocation] = []
        self.settle: float = 0.0
        self.unloadable: set[str] = set()
        self.throttled = False
        self.scaled: dict[str, set[str]] = {}
        self._now = now or (lambda: datetime.now(UTC))
        self._changes: dict[str, tuple[datetime, EndpointState]] = {}
        self._guards: dict[str, frozenset[str]] = {}
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
        if self.throttled:
            raise EndpointBusyError(f"SageMaker did not return the state of endpoint {name}")
        return self.seen(name)

    def scaled_variants(self, endpoint: str) -> list[str]:
        return sorted(self.scaled.get(endpoint, ()))

    def create_endpoint(self, name: str, config: str, project: str) -> None:
        if self.seen(name) is None:
            self.create(name, config)

    def delete_endpoint(self, name: str) -> None:
        self._throttle("DeleteEndpoint")
        self.endpoints.pop(name, None)
        self._changes.pop(name, None)

    def seen(self, name: str) -> EndpointState | None:
        """The endpoint as it is now, without asking SageMaker."""
        ready, after = self._changes.get(name, (None, None))
        if ready is not None and after is not None and self._now() >= ready:
            self.endpoints[name] = after
            del self._changes[name]
        return self.endpoints.get(name)

    def create(self, name: str, config: str) -> None:
        """CreateEndpoint. Raises ClientError."""
        self._throttle("CreateEndpoint")
        if self.seen(name) is not None:
            raise _invalid(f'Cannot create already existing endpoint "{name}".')
        states = self._variants(self._config(config))
        now = EndpointState(name, "Creating", config, created=self._now())
        broken = self._unloadable(config)
        after = replace(now, status="Failed", failure=broken) if broken else replace(now, status="InService")
        self._change(now, replace(after, variants=() if broken else states))

    def update(
        self, name: str, config: str, alarms: Collection[str] = (), bake: float = 0.0, keep: Collection[str] = ()
    ) -> None:
        """UpdateEndpoint: weights become the configuration's, unless its instances do not come up. Raises ClientError.

        Whoever asks meanwhile is told of the old configuration. With guardrails (`alarms`) it takes `bake` seconds
        more, and `rings` of one of them takes everything back without a word. Variants of the same name keep the
        VariantProperties of `keep`.
        """
        self._throttle("UpdateEndpoint")
        present = self._changeable(name)
        states, broken = self._variants(self._config(config)), self._unloadable(config)
        states = tuple(_kept(each, present.variants, keep) for each in states)
        if alarms and {each.name for each in states} != {each.name for each in present.variants}:
            raise _invalid("A deployment with guardrails needs the same variant names in both configurations.")
        after = replace(present, failure=broken) if broken else replace(present, config=config, variants=states)
        self._change(replace(present, status="Updating"), after, 0.0 if broken else bake)
        if name in self._changes and not broken:
            self._guards[name] = frozenset(alarms)

    def rings(self, alarm: str) -> None:
        """An alarm goes into ALARM: deployments that it guards are rolled back."""
        for name in [name for name, alarms in self._guards.items() if alarm in alarms]:
            del self._guards[name]
            if self.seen(name) is not None and name in self._changes:
                old = replace(self.endpoints[name], status="InService", failure=f"Alarm {alarm} was in ALARM.")
                self._change(replace(old, status="RollingBack", failure=None), old)

    def coming(self, name: str) -> str | None:
        """The configuration that the endpoint is changing to."""
        self.seen(name)
        return self._changes[name][1].config if name in self._changes else None

    def reweigh(self, name: str, weights: Mapping[str, float]) -> None:
        """UpdateEndpointWeightsAndCapacities: variants that are not named keep theirs. Raises ClientError."""
        self._throttle("UpdateEndpointWeightsAndCapacities")
        present = self._changeable(name)
        if unknown := set(weights) - {variant.name for variant in present.variants}:
            raise _invalid(f'{sorted(unknown)} is/are not present within endpoint configuration "{present.config}".')
        desired = tuple(
            replace(variant, desired_weight=weights.get(variant.name, variant.weight)) for variant in present.variants
        )
        if any(weight < 0 for weight in weights.values()) or sum(each.desired_weight for each in desired) <= 0:
            raise _invalid(f"weights {dict(weights)}: at least one variant needs a positive one.")
        after = tuple(replace(variant, weight=variant.desired_weight) for variant in desired)
        self._change(replace(present, status="Updating", variants=desired), replace(present, variants=after))

    def _throttle(self, operation: str) -> None:
        if self.throttled:
            raise ClientError("ThrottlingException", f"{operation}: Rate exceeded")

    def _config(self, name: str) -> Config:
        if name not in self.configs:
            raise _invalid(f'Could not find endpoint configuration "{name}".')
        return self.configs[name]

    def _changeable(self, name: str) -> EndpointState:
        present = self.seen(name)
        if present is None:
            raise _invalid(f'Could not find endpoint "{name}".')
        if present.status == "Failed":
            raise _invalid(f'Cannot update failed endpoint "{name}".')
        if present.status != "InService":
            raise _invalid(f'Cannot update in-progress endpoint "{name}".')
        return replace(present, failure=None)

    def _unloadable(self, config: str) -> str | None:
        broken = [each.name for each in self.configs[config].variants if each.model in self.unloadable]
        return f"The container of {broken[0]} did not pass the ping health check." if broken else None

    def _change(self, now: EndpointState, after: EndpointState, bake: float = 0.0) -> None:
        self.endpoints[now.name] = now
        self._guards.pop(now.name, None)
        self._changes[now.name] = (self._now() + timedelta(seconds=self.settle + bake), after)
        self.seen(now.name)

    def put_endpoint(
        self, name: str, config: str, status: str = "InService", weights: Mapping[str, float] | None = None
    ) -> EndpointState:
        """The endpoint as it is once it has `config`; `weights` override the configuration's."""
        self._changes.pop(name, None)
        self.endpoints[name] = EndpointState(name, status, config, self._variants(self.configs[config], weights))
        return self.endpoints[name]

    @staticmethod
    def _variants(config: Config, weights: Mapping[str, float] | None = None) -> tuple[VariantState, ...]:
        chosen = weights or {}
        return tuple(
            VariantState(
                variant.name,
                chosen.get(variant.name, variant.weight),
                chosen.get(variant.name, variant.weight),
                variant.instance_count,
            )
            for variant in config.variants
        )

    def invoke(
        self,
        endpoint: str,
        body: bytes,
        content_type: str = "application/json",
        variant: str | None = None,
        inference_id: str | None = None,
    ) -> Answer:
        state = self.seen(endpoint)
        if state is None:
            raise NotFoundError(f"there is no endpoint {endpoint}")
        if variant is not None and variant not in {each.name for each in state.variants}:
            raise NotFoundError(f"endpoint {endpoint} has no variant {variant}")
        invocation = Invocation(endpoint, bytes(body), content_type, variant, inference_id)
        self.invocations.append(invocation)
        return self.answer(invocation)


def _kept(coming: VariantState, present: Collection[VariantState], keep: Collection[str]) -> VariantState:
    """`coming` with what the variant of its name has, of the properties that are to be kept."""
    for variant in present:
        if variant.name == coming.name and "DesiredInstanceCount" in keep:
            coming = replace(coming, instances=variant.instances)
        if variant.name == coming.name and "DesiredWeight" in keep:
            coming = replace(coming, weight=variant.weight, desired_weight=variant.weight)
    return coming


def _invalid(message: str) -> ClientError:
    return ClientError("ValidationException", message)


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
