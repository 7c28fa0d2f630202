"""The canary judge: continue, advance, promote or abort. Pure; the step judge_canary brings the counts.

Asymmetric: abort at any measurement, go on only at a step's planned end, promote at one planned measurement. The
sequential tests share α by ALPHA_SHARES, which leave REPLAY_SHARE to the replay that comes before:

failures    does the canary fail, or refuse (4XX), more often than its share of the requests? What callers send wrongly
            falls on both alike
error_rate  is its rate above the contract's limit? Asked where no control is left: while both serve, what fails on
            both alike is not a reason to remove one of them (nor to promote it, which `_lacking` sees to)
latency     is it slower than the limit more often than its share; alone at 100 %, more often than 1 %?
scores      do its scores leave what was expected of them? (`sluice.release.scores`)
split       do the requests fall on it as the weights say? Not its fault, but then the comparison does not hold:
            inconclusive, not an abort
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal

from sluice.contract import Release
from sluice.contract.durations import seconds
from sluice.release.evalue import log_evalue, log_evalue_apart
from sluice.release.sample import Sample, planned_sample, upper_error_rate
from sluice.release.scores import Scores, log_evalue_scores

# Failures get the greatest share: it keeps two failures at 10 % without one on the control enough to abort.
ALPHA_SHARES = {"failures": 0.55, "error_rate": 0.1, "latency": 0.12, "scores": 0.08, "split": 0.05}
REPLAY_SHARE = 0.1
TESTS = tuple(ALPHA_SHARES)
MAX_READ = 5_000
"""Captured requests of each variant that a measurement reads, its step's first ones: they are far more than a test
needs."""
SLOW_SHARE = 0.01  # what "p99 within the limit" allows


@dataclass(frozen=True)
class Counts:
    """Requests of one variant in a window. Slow ones are known only between bounds, from percentiles.

    `refused`: answered with 4XX, which alone is not a failure of the model.
    """

    requests: int = 0
    failures: int = 0
    slow_at_least: int = 0
    slow_at_most: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        # metrics of one request need not arrive together
        object.__setattr__(self, "requests", max(self.requests, self.failures + self.refused, self.slow_at_least))


@dataclass(frozen=True)
class Measurement:
    """What is known at one measurement. `step_*` since the step began, `total` since the release began."""

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
    scores: Scores | None = None
    """Live scores of this step; None: not looked at."""
    split: tuple[int, int] | None = None
    """Requests on the canary and on both while the weights were those of this step; None: not looked at."""
    planned: Sample | None = None
    """The sample that promotes; None: the contract's."""
    replayed: Counts = field(default_factory=Counts)
    """Requests of the replay; they count for the sample, not for the tests."""
    answers_read: int | None = None
    """The canary's captured answers that were read, since the release began; None: nothing is captured."""
    malformed: int = 0
    """Those of them that break the contract; `total.failures` has them too."""
    live: int | None = None
    """Live requests on both models since the release began; None: not looked at."""
    held_out: bool = False
    """The replayed requests were rows of the test set, because nobody had asked anything."""
    control_ends: bool = False
    """Going on would leave the canary alone, whose scores can be compared with nobody's then."""


@dataclass(frozen=True)
class Verdict:
    decision: Literal["continue", "advance", "promote", "abort"]
    reasons: list[str]
    statistic: dict[str, Any]
    step_evidence: dict[str, float]
    inconclusive: bool = False
    no_traffic: str | None = None
    """`hold` or `promote`: what was decided because no live request came."""


def judge(measured: Measurement, release: Release) -> Verdict:
    evidence, log_e, statistic = _evidence(measured, release)

    def verdict(decision: Any, *reasons: str, inconclusive: bool = False) -> Verdict:
        return Verdict(decision, list(reasons), statistic, evidence, inconclusive)

    if measured.abort_requested:
        return verdict("abort", f"abort was requested: {measured.abort_requested}")
    ringing = sorted(name for name, state in measured.alarms.items() if state == "ALARM")
    if ringing:
        return verdict("abort", f"in ALARM: {', '.join(ringing)}")
    proven = [test for test in TESTS if log_e[test] >= _log_limit(test, release)]
    if faults := [test for test in proven if test != "split"]:
        return verdict("abort", *(_sentence(test, measured, release, log_e[test]) for test in faults))
    bake, longest = seconds(release.bake), release.longest_bake_seconds
    if measured.elapsed < bake:
        return verdict("continue", f"{measured.elapsed:.0f} of {bake} s of the bake at {measured.percent} % are over")
    if measured.live == 0:
        decision, reasons, policy = without_traffic(measured, release)
        return Verdict(decision, reasons, statistic, evidence, decision == "abort", policy)
    lacking = _lacking(measured, release)
    if "split" in proven:
        lacking.append(_sentence("split", measured, release, log_e["split"]))
    if not lacking:
        against = _against(measured, release) if measured.last else []
        if against:  # one planned measurement: repeating it until chance helps would promote models above the limit
            return verdict("abort", "inconclusive at the planned measurement", *against, inconclusive=True)
        requests, failures = _sampled(measured)
        shown = f"{requests} requests on the canary, replayed and live, {failures} failed"
        return verdict("promote" if measured.last else "advance", f"healthy at {measured.percent} %: {shown}")
    if measured.elapsed < longest:
        return verdict("continue", *_waits(lacking, longest))
    return verdict(
        "abort", f"inconclusive after {measured.elapsed:.0f} s at {measured.percent} %", *lacking, inconclusive=True
    )


def without_traffic(measured: Measurement, release: Release) -> tuple[Any, list[str], str | None]:
    """(decision, reasons, `hold` or `promote` where that decided) after a bake without any live request.

    Nobody met either model, so nobody is harmed by waiting. Held-out rows may stand for requests where the contract
    says so: fewer than the planned sample, because they are what there is, but then none of them may fail.
    """
    nobody = f"no live request reached either model in {measured.elapsed:.0f} s at {measured.percent} %"
    on = "advance" if not measured.last else "promote"
    if release.no_traffic == "promote":
        asked, failed = measured.replayed.requests, measured.replayed.failures
        upper = upper_error_rate(failed, asked)
        what = "held-out rows were sent as requests" if measured.held_out else "captured requests were replayed"
        shown = f"{asked} {what}, {failed} failed (error rate below {upper:.2%})"
        enough = asked >= _planned(measured, release).requests or failed == 0
        if asked >= release.min_requests and enough and (failed == 0 or upper <= release.max_error_rate):
            return on, [f"{nobody}; release.no_traffic is `promote`: {shown}"], "promote"
        needed = f"{release.min_requests} of them without a failure are needed (release.min_requests)"
        why = [f"{nobody}; release.no_traffic is `promote`, but {shown}; {needed}"]
    elif release.no_traffic == "hold":
        if measured.elapsed < release.longest_hold_seconds:
            return "continue", [f"{nobody}; release.no_traffic is `hold`: the release waits for traffic"], "hold"
        why = [f"{nobody}; release.no_traffic is `hold`, but an execution cannot wait longer"]
    else:
        why = [
            f"{nobody}; release.no_traffic is `roll_back`. `promote` would send held-out rows, `hold` would wait "
            f"for traffic"
        ]
    if measured.elapsed < release.longest_bake_seconds:
        return "continue", _waits(why, release.longest_bake_seconds), None
    return "abort", ["inconclusive", *why], None


def _waits(lacking: list[str], longest: float) -> list[str]:
    """With the end of the wait at the first of what is lacking, since people are shown few of them."""
    return [f"{lacking[0]}; decided after {longest:.0f} s at the latest", *lacking[1:]]


def _log_limit(test: str, release: Release) -> float:
    return -math.log(ALPHA_SHARES[test] * release.false_abort)


def _evidence(measured: Measurement, release: Release) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """(ln E of this step, ln E with the steps before, what the record keeps)."""
    control, canary, total = measured.step_control, measured.step_canary, measured.total
    share = _share(measured)
    step = dict.fromkeys(TESTS, 0.0)
    if share < 1:
        k, others = canary.failures + canary.refused, control.failures + control.refused
        step["failures"] = log_evalue(k, k + others, share)
        step["latency"] = log_evalue(canary.slow_at_least, canary.slow_at_least + control.slow_at_most, share)
        # captures are of this step's share alone; a greater one would find fault with too few of a score
        step["scores"] = log_evalue_scores(measured.scores, measured.percent / 100) if measured.scores else 0.0
        step["split"] = log_evalue_apart(*measured.split, measured.percent / 100) if measured.split else 0.0
    else:
        step["error_rate"] = log_evalue(canary.failures, canary.requests, release.max_error_rate)
        step["latency"] = log_evalue(canary.slow_at_least, canary.requests, SLOW_SHARE)
    log_e = {test: value + measured.carried.get(test, 0.0) for test, value in step.items()}
    statistic = {
        "share": round(share, 4),
        # E times its test's share of α, so that every one of them is compared with 1 / α
        "log_e": {test: round(value + math.log(ALPHA_SHARES[test]), 4) for test, value in log_e.items()},
        "log_limit": round(-math.log(release.false_abort), 4),
        "error_share": total.failures / total.requests if total.requests else None,
        "error_rate_upper_95": upper_error_rate(*reversed(_sampled(measured))),
        "planned": asdict(_planned(measured, release)),
        "sampled": dict(zip(("requests", "failures"), _sampled(measured))),
        "tail_ms": measured.tail_ms,
        # what a promotion now would lack, and what would speak against it: a bandit promotes by its rewards
        "lacking": _lacking(replace(measured, last=True), release),
        "against": _against(measured, release),
    }
    return step, log_e, statistic


def _share(measured: Measurement) -> float:
    """π: the planned share, or the observed one when that is greater.

    Metrics come in whole periods, so a step's first period holds requests of the step before; the greater share makes
    less of each failure, so that the error is on the side of not aborting.
    """
    planned = measured.percent / 100
    if planned >= 1:
        return 1.0
    both = measured.step_canary.requests + measured.step_control.requests
    # a share from a handful of requests is noise, and 1 would say that there is no control
    observed = measured.step_canary.requests / both if both >= 30 else 0.0
    return max(planned, min(observed, 0.99))


def _sentence(test: str, measured: Measurement, release: Release, log_e: float) -> str:
    canary, control = measured.step_canary, measured.step_control
    tail = f"E = {math.exp(min(log_e, 700.0)):.3g} ≥ {math.exp(_log_limit(test, release)):.3g}"
    if test == "failures":
        own, others = canary.failures + canary.refused, control.failures + control.refused
        refused = f", {canary.refused} of them refused" if canary.refused else ""
        return (
            f"the canary fails more often: {own} of {own + others} failures{refused} at "
            f"{_share(measured):.0%} of the requests; {tail}"
        )
    if test == "error_rate":
        return f"{canary.failures} of {canary.requests} requests failed, more than {release.max_error_rate:.2%}; {tail}"
    if test == "scores":
        return f"the canary's scores differ from those that evaluation led to expect; {tail}"
    if test == "split":
        own, both = measured.split or (0, 0)
        return (
            f"the requests are not split as the weights say: {own} of {both} on the canary, whose weight "
            f"is {measured.percent} % (requests with a TargetVariant ignore the weights); {tail}"
        )
    return (
        f"the canary is slower than {release.max_p99_ms:g} ms more often: at least {canary.slow_at_least} of "
        f"{canary.requests} requests against at most {control.slow_at_most} of {control.requests}; {tail}"
    )


def _sampled(measured: Measurement) -> tuple[int, int]:
    """(requests, failures) that count for the promotion."""
    return measured.total.requests + measured.replayed.requests, measured.total.failures + measured.replayed.failures


@cache
def contract_sample(limit: float, expected: float) -> Sample:
    """What the contract's `max_error_rate` and `expected_error_rate` ask for; some milliseconds, so only once."""
    return planned_sample(limit, expected)


def _planned(measured: Measurement, release: Release) -> Sample:
    return measured.planned or contract_sample(release.max_error_rate, release.expected_error_rate)


def _lacking(measured: Measurement, release: Release) -> list[str]:
    """Evidence that is still missing for going on, as sentences."""
    if not measured.last:
        needed, have = max(1, math.ceil(release.min_requests * measured.percent / 100)), measured.step_canary.requests
    else:
        needed, have = _planned(measured, release).requests, _sampled(measured)[0]
    lacking = []
    if have < needed:
        lacking.append(f"too few requests: {have} on the canary, {needed} are needed")
    elif measured.last and measured.total.requests < release.min_requests:
        lacking.append(
            f"too few live requests: {measured.total.requests} on the canary, {release.min_requests} are needed"
        )
    if measured.answers_read is not None and measured.answers_read < (needed := _answers_needed(measured, release)):
        lacking.append(
            f"too few captured answers: {measured.answers_read} of the canary were read, {needed} are needed"
        )
    if measured.last and have and measured.tail_ms is None:
        lacking.append("the canary's latency is not known")
    return lacking


def _answers_needed(measured: Measurement, release: Release) -> int:
    """Scores before the control is given up; at the end the planned sample, for a form that nobody saw is not good."""
    needed = release.min_requests if measured.control_ends else 0
    if measured.last:
        needed = max(needed, _planned(measured, release).requests - measured.replayed.requests)
    return min(needed, MAX_READ)


def _against(measured: Measurement, release: Release) -> list[str]:
    """What speaks against a promotion although the sample is complete, as sentences."""
    requests, failures = _sampled(measured)
    against = []
    upper = upper_error_rate(failures, requests)
    if upper > release.max_error_rate:
        shown = f"it may be {upper:.2%}, and {release.max_error_rate:.2%} is the limit"
        against.append(f"{failures} of {requests} requests failed: {shown}")
    elif measured.answers_read is not None:
        # captures may be a part of the requests: among all of them, what is malformed would seem rarer than it is
        read, wrong = (
            measured.answers_read + measured.replayed.requests,
            measured.malformed + measured.replayed.failures,
        )
        if (upper := upper_error_rate(wrong, read)) > release.max_error_rate:
            shown = f"it may be {upper:.2%}, and {release.max_error_rate:.2%} is the limit"
            against.append(f"{wrong} of {read} answers that were read are not what the contract promises: {shown}")
    if measured.tail_ms is not None and measured.tail_ms > release.max_p99_ms:
        against.append(f"the canary's tail latency {measured.tail_ms:.0f} ms is above {release.max_p99_ms:g} ms")
    return against
