"""`release`: how a model gets its requests, and what takes it back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from sluice.contract import execution
from sluice.contract.durations import seconds
from sluice.contract.part import MACHINE, MACHINE_PATTERN, Duration, Part

UNRELEASABLE = {
    "serverless": "a serverless endpoint has one variant, no weights to shift, no captured requests to replay and no "
    "guardrails, so no release could be judged. To end the costs of an idle endpoint, set `idle_after`",
    "autoscaling": "a policy could change machines while a release shifts weights, and SageMaker refuses to remove "
    "a variant that has one. Set `instances` for the peak",
}
"""Ways to serve that people ask for, and why no release onto them could be judged."""


class Bandit(Part):
    reward: Literal["positive", "correct"] = Field(
        "positive",
        description="when a labelled request is a success. positive: its label is the positive value; correct: the "
        "prediction was right",
    )
    start: int = Field(10, ge=1, le=50, description="percentage of the requests with which the new model begins")
    explore: float = Field(0.1, gt=0, lt=0.5, description="smallest share of the requests for either model")
    min_labels: int = Field(100, ge=1, description="labelled requests of each model before the new one may win")
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="confidence that the new model is the better one, however often this is checked"
    )


class Release(Part):
    strategy: Literal["canary", "blue_green", "shadow", "bandit"] = Field(
        "canary",
        description="canary: two variants, traffic shifted in steps; blue_green: SageMaker swaps the fleet, with "
        "alarms that send it back; shadow: the new model answers copies only, then takes over; bandit: shares follow "
        "the rewards",
    )
    approval: Literal["automatic", "manual"] = Field("automatic", description="manual: a person decides first")
    approval_timeout: Duration = Field("3d", description="without a decision by then the model is not released")
    steps: list[int] = Field(
        default_factory=lambda: [10, 25, 50, 100],
        min_length=1,
        description="rising percentages, ending with 100; for a blue_green release, one step before 100 (up to 50, "
        "default 10) or equal steps (10 to 50)",
    )
    bake: Duration = Field("10m", description="time at each step; for a shadow release, how long requests are copied")
    max_bake: Duration | None = Field(
        None,
        description="longest wait for evidence at each traffic step; for a bandit, in all. Default "
        "3 × bake, for a bandit 30 ×; all steps together may take 13 days",
    )
    max_error_rate: float = Field(0.01, gt=0, lt=1, description="share of failed requests that the canary may have")
    expected_error_rate: float = Field(
        0.0, ge=0, lt=1, description="share of requests that fail on any model: above 0, more requests are planned"
    )
    max_p99_ms: float = Field(250, gt=0, description="a slower request counts as slow, for the judge and for the alarm")
    max_disagreement: float | None = Field(
        None, gt=0, lt=1, description="share of replayed requests that may be predicted differently; absent: no limit"
    )
    replay: int = Field(
        300, ge=0, le=5_000, description="captured requests that a new model answers before it gets live ones; 0: none"
    )
    min_requests: int = Field(
        30,
        ge=1,
        description="live requests and captured answers that a canary needs before its promotion; they are part of "
        "the planned sample",
    )
    no_traffic: Literal["hold", "roll_back", "promote"] = Field(
        "roll_back",
        description="when no live request reaches either model for the longest bake: `hold` waits for traffic for as "
        "long as an execution may last; `roll_back` keeps the champion; `promote` sends held-out test rows to both "
        "models as requests, and goes on if they are answered well",
    )
    false_abort: float = Field(0.05, gt=0, lt=0.5, description="the judge's α: chance to abort an equal model")
    bandit: Bandit | None = Field(None, description="settings of the strategy `bandit`")
    probation: Duration = Field(
        "1d",
        description="how long after a promotion an alarm rolls back: for errors, for quality, or for labels that "
        "show the predecessor to be better",
    )
    instance: str = Field(MACHINE, pattern=MACHINE_PATTERN, description="machine of each variant")
    instances: int = Field(1, ge=1, le=50, description="machines of each variant")
    idle_after: Duration | None = Field(
        None, description="an endpoint without a request for this long is deleted until `sluice wake`; absent: never"
    )
    capture_percent: int = Field(100, ge=0, le=100, description="share of requests that are kept for monitoring")

    @model_validator(mode="before")
    @classmethod
    def _what_the_strategy_means(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name, why in UNRELEASABLE.items():
            if name in values:
                raise ValueError(f"`{name}` is not supported: {why}")
        strategy = values.get("strategy")
        given: dict[str, Any] = {}
        if strategy in ("shadow", "bandit"):
            if values.get("steps") not in (None, [100]):
                raise ValueError(f"`steps` are for canary and blue_green; a {strategy} release has none")
            given = {"steps": [100]}
        if strategy == "blue_green" and not values.get("steps"):
            given = {"steps": [10, 100]}
        if strategy == "bandit":
            given |= {"bandit": values.get("bandit") or {}}
        elif values.get("bandit"):
            raise ValueError("`bandit` is for the strategy bandit")
        return {**values, **given}

    @model_validator(mode="after")
    def _consistent(self) -> Release:
        if sorted(set(self.steps)) != self.steps or self.steps[0] < 1 or self.steps[-1] != 100:
            raise ValueError(f"`steps` are rising percentages that end with 100; got {self.steps}")
        if self.strategy == "blue_green":
            if self.routing is None:
                raise ValueError(
                    f"SageMaker swaps a fleet at once ([100]), by one step of at most 50 % ([10, 100]) or by equal "
                    f"steps of 10 to 50 % ([25, 50, 75, 100]); got {self.steps}. Other steps need `strategy: canary`"
                )
            if seconds(self.bake) > 3_600:
                raise ValueError(f"SageMaker waits at most an hour at a step of a blue_green release; got {self.bake}")
        if self.strategy in ("shadow", "bandit") and not self.capture_percent:
            raise ValueError(f"a {self.strategy} release reads captured requests: set `capture_percent` above 0")
        if self.strategy == "shadow" and not self.replay:
            raise ValueError("a shadow release uses only replayed requests: set `replay` above 0")
        if self.no_traffic == "promote" and self.strategy not in ("canary", "shadow"):
            raise ValueError(
                f"`no_traffic: promote` sends held-out rows to the new model beside the champion, which a "
                f"{self.strategy} release cannot: use `strategy: canary` or `shadow`, or `no_traffic: hold`"
            )
        if self.no_traffic == "promote" and not self.replay:
            raise ValueError("`no_traffic: promote` replays held-out rows: set `replay` above 0")
        if self.expected_error_rate >= self.max_error_rate:
            raise ValueError(
                f"`expected_error_rate` {self.expected_error_rate:g} must be below `max_error_rate` "
                f"{self.max_error_rate:g}: no number of requests could show the one below the other"
            )
        if violation := self._too_long_for_an_execution():
            raise ValueError(violation)
        return self

    def _too_long_for_an_execution(self) -> str | None:
        bake = seconds(self.bake)
        longest = max(bake, self.longest_bake_seconds)
        if self.strategy == "blue_green":
            return execution.limit_violation(1, longest, self.slice_seconds, 1, swap=len(self.steps) * bake)
        if self.strategy == "bandit":
            # the last of its bakes may begin just before max_bake is over, and wait for evidence as long again
            return execution.limit_violation(2, longest, self.slice_seconds, most_steps=1 + longest // max(1, bake))
        return execution.limit_violation(len(self.steps), longest, self.slice_seconds, len(self.steps))

    @property
    def routing(self) -> tuple[Literal["ALL_AT_ONCE", "CANARY", "LINEAR"], int] | None:
        """How SageMaker's guardrails move traffic by `steps`, and the size of a step; None: they cannot."""
        first, equal = self.steps[0], len({b - a for a, b in zip([0, *self.steps], self.steps)}) == 1
        if self.steps == [100]:
            return "ALL_AT_ONCE", 100
        if len(self.steps) == 2 and first <= 50:
            return "CANARY", first
        if equal and 10 <= first <= 50:
            return "LINEAR", first
        return None

    @property
    def slice_seconds(self) -> int:
        """The time between two measurements."""
        return max(1, seconds(self.bake) // 5)

    @property
    def longest_hold_seconds(self) -> int:
        """How long `no_traffic: hold` waits for the first live request."""
        return execution.longest_hold(len(self.steps), self.longest_bake_seconds, self.slice_seconds)

    @property
    def longest_bake_seconds(self) -> int:
        return seconds(self.max_bake) if self.max_bake else (30 if self.bandit else 3) * seconds(self.bake)
