"""The plans that the machines release_model and roll_back follow, which read them in JSONata as `$plan`.

`plan_release` and `plan_rollback` answer them, and the machines hand them to later steps. An execution may outlive a
deployment by days: a member that is added needs a default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sluice.errors import ReleaseError
from sluice.records.record import Record

Mode = Literal["create", "replace", "canary", "shadow", "bandit", "blue_green"]
FIRST_MODEL_MODES: tuple[Mode, ...] = ("create", "replace")
"""Where no champion serves."""


class ReleaseRequest(Record):
    """What release_model is started with: by the lifecycle, by a person, or for a drill."""

    project: str
    run_id: str
    package_arn: str
    artifact_uri: str | None
    drill: bool = False


class TrafficWeights(Record):
    """One step of traffic: the new variant's share in percent, and both variants' weights, which add up to 1."""

    percent: int
    champion_weight: float
    variant_weight: float


class ReleasePlan(Record):
    mode: Mode
    decision: Mode
    strategy: Literal["canary", "shadow", "bandit", "blue_green"]
    drill: bool
    endpoint: str
    model: str
    package_arn: str
    artifact_uri: str | None
    """None for a drill on a champion whose record does not name its archive."""
    only_config: str
    """The endpoint configuration with the new variant alone."""
    canary_config: str | None
    """With both variants; None where they do not serve side by side."""
    champion_config: str | None
    champion_variant: str | None
    champion_run: str | None
    variant: str
    machines: int
    weights: list[TrafficWeights]
    routing: dict[str, Any] | None
    """SageMaker's TrafficRoutingConfiguration of a blue_green release."""
    replay: bool
    alarms: list[str]
    started_at: str
    """ISO time."""
    tags: list[dict[str, str]]
    bake_seconds: int
    slice_seconds: int
    """The wait between two measurements."""
    max_bake_seconds: int

    @property
    def is_first_model(self) -> bool:
        """Whether no champion serves, so that there is nothing to compare with: no replay, no canary, no bake."""
        return self.mode in FIRST_MODEL_MODES

    @property
    def control(self) -> str:
        """The champion's variant. Raises ReleaseError when no champion serves beside the new model."""
        if self.champion_variant is None:
            raise ReleaseError(f"{self.variant} is released without a champion to compare it with")
        return self.champion_variant


class RollbackPlan(Record):
    decision: Literal["possible"]
    reasons: list[str]
    endpoint: str
    target_config: str
    target_variant: str
    from_run: str
    to_run: str
    package_arn: str
    """The package of the model that is replaced."""


class NoRollback(Record):
    """There is nothing to go back to, or another model serves already."""

    decision: Literal["impossible", "done"]
    reasons: list[str]


Rollback = Annotated[RollbackPlan | NoRollback, Field(discriminator="decision")]
