"""The canary judge: continue, advance, promote or abort. Pure; the step judge_canary brings the counts.

Asymmetric: abort at any look, go on only at the planned end of a step. Three sequential tests share α equally:
*failures* (does the canary fail more often than its share of requests?), *error rate* (is its rate above the
contract's limit?) and *latency* (is it slow more often than its share; alone at 100 %, more often than 1 %?).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.contract import Release
from sluice.contract.durations import seconds
from sluice.release.evalue import log_evalue, upper_error_rate, zero_failure_sample

TESTS = ("failures", "error_rate", "latency")
SLOW_SHARE = 0.01  # what "p99 within the limit" allows


@dataclass(frozen=True)
class Counts:
    """Requests of one variant in a window. Slow ones are known only between bounds, from percentiles."""

    requests: int = 0
    failures: int = 0
    slow_at_least: int = 0
    slow_at_most: int = 0

    def __post_init__(self) -> None:
        # metrics of one request need not arrive together
        object.__setattr__(self, "requests", max(self.requests, self.failures, self.slow_at_least))


@dataclass(frozen=True)
class Look:
    """What is known at one look. `step_*` since the step began, `total` since the release began."""

    percent: int
    last: bool
    elapsed: float
    step_control: Counts
    step_canary: Counts
    total: Counts
    tail_ms: float | None
    """The canary's p99 over the release; p95 below 100 requests, where p99 would be the maximum."""
    alarms: Mapping[str, str] = field(default_factory=dict)
    abort_requested: str | None = None
    carried: Mapping[str, float] = field(default_factory=dict)
    """ln E of the closed steps, by test: evidence multiplies when the share changes."""


@dataclass(frozen=True)
class Verdict:
    decision: Literal["continue", "advance", "promote", "abort"]
    reasons: list[str]
    statistic: dict[str, Any]
    step_evidence: dict[str, float]
    inconclusive: bool = False


def judge(look: Look, release: Release) -> Verdict:
    evidence, statistic = _evidence(look, release)
    limit = math.log(len(TESTS) / release.false_abort)

    def verdict(decision: Any, *reasons: str, inconclusive: bool = False) -> Verdict:
        return Verdict(decision, list(reasons), statistic, evidence, inconclusive)

    if look.abort_requested:
        return verdict("abort", f"abort was requested: {look.abort_requested}")
    ringing = sorted(name for name, state in look.alarms.items() if state == "ALARM")
    if ringing:
        return verdict("abort", f"in alarm: {', '.join(ringing)}")
    proven = [test for test in TESTS if statistic["log_e"][test] >= limit]
    if proven:
        return verdict("abort", *(_sentence(test, look, release, statistic) for test in proven))
    bake, longest = seconds(release.bake), release.longest_bake_seconds
    if look.elapsed < bake:
        return verdict("continue", f"{look.elapsed:.0f} of {bake} s of the bake at {look.percent} % are over")
    lacking = _lacking(look, release)
    if not lacking:
        shown = f"{look.total.requests} requests on the canary, {look.total.failures} failed"
        return verdict("promote" if look.last else "advance", f"healthy at {look.percent} %: {shown}")
    if look.elapsed < longest:
        return verdict("continue", *lacking)
    return verdict("abort", f"inconclusive after {look.elapsed:.0f} s at {look.percent} %", *lacking, inconclusive=True)


def _evidence(look: Look, release: Release) -> tuple[dict[str, float], dict[str, Any]]:
    control, canary, total = look.step_control, look.step_canary, look.total
    share = _share(look)
    step = {
        "failures": log_evalue(canary.failures, canary.failures + control.failures, share),
        "latency": log_evalue(canary.slow_at_least, canary.slow_at_least + control.slow_at_most, share),
    }
    log_e = {test: value + look.carried.get(test, 0.0) for test, value in step.items()}
    log_e["error_rate"] = log_evalue(total.failures, total.requests, release.max_error_rate)
    if share >= 1:
        alone = log_evalue(canary.slow_at_least, canary.requests, SLOW_SHARE)
        log_e["latency"] += alone
        step["latency"] = alone
    statistic = {
        "share": round(share, 4),
        "log_e": {test: round(value, 4) for test, value in log_e.items()},
        "log_limit": round(math.log(len(TESTS) / release.false_abort), 4),
        "error_share": total.failures / total.requests if total.requests else None,
        "error_rate_upper_95": upper_error_rate(total.failures, total.requests),
        "zero_failure_sample_95": zero_failure_sample(release.max_error_rate),
        "tail_ms": look.tail_ms,
    }
    return step, statistic


def _share(look: Look) -> float:
    """π: the planned share, or the measured one when that is greater.

    Metrics come in whole periods, so a step's first period holds requests of the step before; the greater share makes
    less of each failure, so that the error is on the side of not aborting.
    """
    planned = look.percent / 100
    if planned >= 1:
        return 1.0
    both = look.step_canary.requests + look.step_control.requests
    # a share from a handful of requests is noise, and 1 would say that there is no control
    measured = look.step_canary.requests / both if both >= 30 else 0.0
    return max(planned, min(measured, 0.99))


def _sentence(test: str, look: Look, release: Release, statistic: Mapping[str, Any]) -> str:
    canary, control, total = look.step_canary, look.step_control, look.total
    e_value = math.exp(min(statistic["log_e"][test], 700.0))
    tail = f"E = {e_value:.3g} ≥ {len(TESTS) / release.false_abort:g}"
    if test == "failures":
        return (
            f"the canary fails more often: {canary.failures} of {canary.failures + control.failures} failures at "
            f"{statistic['share']:.0%} of the requests; {tail}"
        )
    if test == "error_rate":
        return f"{total.failures} of {total.requests} requests failed, more than {release.max_error_rate:.2%}; {tail}"
    return (
        f"the canary is slower than {release.max_p99_ms:g} ms more often: at least {canary.slow_at_least} of "
        f"{canary.requests} requests against at most {control.slow_at_most} of {control.requests}; {tail}"
    )


def _lacking(look: Look, release: Release) -> list[str]:
    """What is still needed for going on, as sentences."""
    needed = release.min_requests if look.last else max(1, math.ceil(release.min_requests * look.percent / 100))
    have = look.total.requests if look.last else look.step_canary.requests
    lacking = []
    if have < needed:
        lacking.append(f"too few requests: {have} on the canary, {needed} are needed")
    if not look.last or not have:
        return lacking
    share = look.total.failures / look.total.requests
    if share > release.max_error_rate:
        lacking.append(f"{share:.2%} of the canary's requests failed; {release.max_error_rate:.2%} is the limit")
    if look.tail_ms is None:
        lacking.append("the canary's latency is not known")
    elif look.tail_ms > release.max_p99_ms:
        lacking.append(f"the canary's tail latency {look.tail_ms:.0f} ms is above {release.max_p99_ms:g} ms")
    return lacking
