"""The bandit: Thompson sampling over champion (control) and challenger, and a test that ends it. Pure.

Agent       Beta posteriors of the two reward rates, from Beta(1, 1) priors.
Actions     the share of the requests for each variant.
Rewards     successes of labelled trials, e.g. sessions with a purchase. A trial without a label counts nowhere.
Policy      the challenger's next share is P(it is the better one), kept within [explore, 1 - explore].

Thompson sampling draws both rates from their posteriors at every request and takes the greater one, which is the
challenger with probability P(best). Between two steps the posteriors stand still, so an endpoint that draws each
request by weights P(best) : 1 - P(best) does the same: probability matching.
Sources: Thompson, Biometrika 1933; Scott, Applied Stochastic Models in Business and Industry 2010 (randomised
probability matching, also in batches); Chapelle & Li, NeurIPS 2011 (rewards that come late).

P(best) ends nothing: a rule that stops as soon as it is 95 % errs far more often than in 5 %, because of the looking
and because the share follows the rewards. What ends the release is evidence within each batch of labels. If the two do
not differ, the m successes of a batch fall on its n₁ + n₀ trials blindly: J of them on the challenger's n₁, J
hypergeometric, whatever the reward rate of that hour and whatever share the policy chose. With an odds ratio ψ

    L(ψ) = ψ^J / E[ψ^J]

is the likelihood of J over that. Where the true odds ratio is at most 1 and ψ > 1, its expectation is at most 1 given
all batches before (J grows with the odds ratio); so the product over the batches, averaged over a fixed set of ψ, is
an e-process: P(ever ≥ 1/α) ≤ α (Ville), however often it is checked and however the shares came about. ψ < 1 likewise.
Sources: Hao, Grünwald, Lardy, Long & Adams, Sankhya A 2024, arXiv 2303.00471 (e-values given the sum); Turner &
Grünwald, AISTATS 2023, arXiv 2302.11401 (strata and data blocks); Howard, Ramdas, McAuliffe & Sekhon, Annals of
Statistics 2021 (mixtures, Ville).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.release.evalue import log_mean

# ln ψ of the mixture: from 1 % more odds to 13 times, in steps between which at most 4 % of the evidence is lost
LOG_ODDS = tuple(0.01 * 2 ** (step / 2) for step in range(17))
SHIFT = 0.01  # a smaller change of the share is not worth an update of the endpoint


@dataclass(frozen=True)
class Reward:
    """Labelled trials of one variant, and those of them with the reward."""

    successes: int = 0
    trials: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials:
            raise ValueError(f"{self.successes} of {self.trials} is not a reward")

    def __add__(self, other: Reward) -> Reward:
        return Reward(self.successes + other.successes, self.trials + other.trials)


Batch = tuple[Reward, Reward]
"""(control, challenger)"""


@dataclass(frozen=True)
class BanditMeasurement:
    """What is known at one measurement.

    `history`: the labels of this release in the order in which they came, each in one batch only. One batch per
    measurement, and per share if labels came for requests that were routed by different shares: rates that changed with
    the time of day would otherwise measured like a difference between the variants.
    """

    share: float
    """The challenger's share that is in force."""
    history: Sequence[Batch]
    elapsed: float
    longest: float
    """Seconds since the release began, and after how many it ends without evidence."""
    alarms: Mapping[str, str] = field(default_factory=dict)
    abort_requested: str | None = None


@dataclass(frozen=True)
class Choice:
    """`share`: the challenger's from now on; 1 after a promotion, 0 after an abort."""

    decision: Literal["continue", "shift", "promote", "abort"]
    share: float
    reasons: list[str]
    record: dict[str, Any]
    inconclusive: bool = False


def choose(
    measured: BanditMeasurement,
    *,
    confidence: float = 0.95,
    min_labels: int = 100,
    explore: float = 0.1,
    prior: tuple[int, int] = (1, 1),
) -> Choice:
    """Aborts on evidence at any number of labels, promotes on evidence with `min_labels` on each variant only.

    The probability to promote a challenger that is not better is at most 1 - confidence over the whole release, and
    so is that to abort one that is not worse. Raises ValueError for numbers that are not a confidence, share or prior.
    """
    _check(confidence, explore, prior)
    control = sum((batch[0] for batch in measured.history), Reward())
    challenger = sum((batch[1] for batch in measured.history), Reward())
    better, worse = log_evalues_odds(measured.history)
    log_limit = -math.log(1 - confidence)
    best = probability_best(control, challenger, prior)
    labelled = min(control.trials, challenger.trials)
    # without a label on both there is nothing to learn from: the prior's 50 % is not a reason to move
    share = round(min(max(best, explore), 1 - explore), 4) if labelled else measured.share
    record: dict[str, Any] = {
        "agent": {"name": "thompson sampling", "prior": {"alpha": prior[0], "beta": prior[1]}},
        "actions": {"control": round(1 - measured.share, 4), "challenger": round(measured.share, 4)},
        "rewards": {
            name: {"successes": reward.successes, "trials": reward.trials}
            for name, reward in (("control", control), ("challenger", challenger))
        },
        "posterior": {
            "control": _posterior(control, prior),
            "challenger": _posterior(challenger, prior),
            "challenger_best": best,
        },
        "policy": {"name": "probability matching", "explore": explore, "share": share},
        "evidence": {
            "log_e": {"better": round(better, 4), "worse": round(worse, 4)},
            "log_limit": round(log_limit, 4),
            "batches": len(measured.history),
        },
    }

    def choice(decision: Any, share: float, *reasons: str, inconclusive: bool = False) -> Choice:
        return Choice(decision, share, list(reasons), record, inconclusive)

    counts = f"{_told(challenger)} on the challenger, {_told(control)} on the champion"
    if measured.abort_requested:
        return choice("abort", 0.0, f"abort was requested: {measured.abort_requested}")
    ringing = sorted(name for name, state in measured.alarms.items() if state == "ALARM")
    if ringing:
        return choice("abort", 0.0, f"in ALARM: {', '.join(ringing)}")
    if worse >= log_limit:
        return choice("abort", 0.0, f"the challenger earns less: {counts}; {_e(worse, log_limit)}")
    lacking = []
    if better < log_limit:
        lacking.append(f"no evidence yet that either earns more: {counts}; {_e(max(better, worse), log_limit)}")
    if labelled < min_labels:
        lacking.append(f"too few labels: {labelled} on the variant with fewer, {min_labels} are needed")
    if not lacking:
        return choice("promote", 1.0, f"the challenger earns more: {counts}; {_e(better, log_limit)}")
    if measured.elapsed >= measured.longest:
        return choice("abort", 0.0, f"inconclusive after {measured.elapsed:.0f} s", *lacking, inconclusive=True)
    if abs(share - measured.share) < SHIFT:
        return choice("continue", measured.share, *lacking)
    matched = (
        f"the challenger is the better one with probability {best:.2%}: its share {measured.share:.0%} → {share:.0%}"
    )
    return choice("shift", share, matched, *lacking)


def log_evalues_odds(history: Sequence[Batch]) -> tuple[float, float]:
    """(ln E that the challenger's odds of a reward are above, ln E that they are below those of the control).

    >>> better, worse = log_evalues_odds([(Reward(10, 100), Reward(30, 100))])
    >>> round(math.exp(better), 1), worse < 0
    (88.6, True)
    """
    # a batch with one variant only, or with one outcome only, says nothing about a difference
    telling = [(old, new) for old, new in history if old.trials and new.trials and _mixed(old + new)]
    if not telling:
        return 0.0, 0.0
    sides = []
    for sign in (1, -1):
        sides.append(
            log_mean([math.fsum(_log_likelihood(batch, sign * value) for batch in telling) for value in LOG_ODDS])
        )
    return sides[0], sides[1]


def probability_best(control: Reward, challenger: Reward, prior: tuple[int, int] = (1, 1)) -> float:
    """P(the challenger's rate is the greater one) under the Beta posteriors; exact, also for millions of trials.

    Beta(a, b) with whole numbers is the a-th smallest of a + b - 1 uniform numbers. The challenger's a₁-th is above the
    control's a₀-th if and only if fewer than a₁ of the a₀ + a₁ - 1 smallest of all are the challenger's, and which ones
    are is a hypergeometric draw (Altham, JRSS B 1969: the tail in Fisher's exact test).

    >>> probability_best(Reward(0, 1), Reward(1, 1))
    0.8333333333333334
    """
    a0, b0 = prior[0] + control.successes, prior[1] + control.trials - control.successes
    a1, b1 = prior[0] + challenger.successes, prior[1] + challenger.trials - challenger.successes
    first, weights = _hypergeometric(a1 + b1 - 1, a0 + b0 - 1, a0 + a1 - 1)
    cut = max(0, a1 - first)
    below, above = math.fsum(weights[:cut]), math.fsum(weights[cut:])
    return below / (below + above)


def credible_interval(alpha: int, beta: int, level: float = 0.95) -> tuple[float, float]:
    """The interval that leaves out equally much of Beta(alpha, beta) on both sides, to six digits."""
    return _beta_quantile((1 - level) / 2, alpha, beta), _beta_quantile((1 + level) / 2, alpha, beta)


def _check(confidence: float, explore: float, prior: tuple[int, int]) -> None:
    if not 0.5 < confidence < 1:
        raise ValueError(f"the confidence must be between 0.5 and 1; got {confidence:g}")
    if not 0 < explore <= 0.5:
        raise ValueError(f"explore is a share above 0 and up to 0.5; got {explore:g}")
    if any(value < 1 or value != int(value) for value in prior):
        raise ValueError(f"the prior's alpha and beta are whole numbers from 1; got {prior}")


def _posterior(reward: Reward, prior: tuple[int, int]) -> dict[str, float]:
    alpha, beta = prior[0] + reward.successes, prior[1] + reward.trials - reward.successes
    low, high = credible_interval(alpha, beta)
    return {"alpha": alpha, "beta": beta, "mean": alpha / (alpha + beta), "low_95": low, "high_95": high}


def _told(reward: Reward) -> str:
    return f"{reward.successes} of {reward.trials}"


def _e(log_e: float, log_limit: float) -> str:
    sign = "≥" if log_e >= log_limit else "<"
    return f"E = {math.exp(min(log_e, 700.0)):.3g} {sign} {math.exp(log_limit):.3g}"


def _mixed(reward: Reward) -> bool:
    return 0 < reward.successes < reward.trials


def _log_likelihood(batch: Batch, log_odds: float) -> float:
    """ln L(ψ) of one batch, ψ = e^log_odds."""
    old, new = batch
    drawn = old.successes + new.successes
    first, weights = _hypergeometric(new.trials, old.trials, drawn, math.exp(log_odds))
    # the weights are relative to the greatest; its own size joins them to the whole, C(n, m)
    mode = first + weights.index(1.0)
    size = _log_choose(new.trials, mode) + _log_choose(old.trials, drawn - mode) + mode * log_odds
    log_expected = size + math.log(math.fsum(weights)) - _log_choose(new.trials + old.trials, drawn)
    return new.successes * log_odds - log_expected


def _hypergeometric(own: int, other: int, drawn: int, odds: float = 1.0) -> tuple[int, list[float]]:
    """(j of the first, relative probabilities) that j of `drawn` are among `own`; Fisher's noncentral for odds ≠ 1."""

    def ratio(j: int) -> float:
        return odds * (own - j) * (drawn - j) / ((j + 1) * (other - drawn + j + 1))

    return _around_mode(max(0, drawn - other), min(own, drawn), ratio)


def _binomial(n: int, odds: float) -> tuple[int, list[float]]:
    """(k of the first, relative probabilities) of k successes in n."""

    def ratio(k: int) -> float:
        return odds * (n - k) / (k + 1)

    return _around_mode(0, n, ratio)


def _around_mode(low: int, high: int, ratio: Callable[[int], float]) -> tuple[int, list[float]]:
    """(first, weights) from ratio(j) = w(j + 1) / w(j), which falls. The greatest is 1; negligible ones are left out.

    Without that a million trials would be a million terms; these are some ten standard deviations.
    """
    bottom, top = low, high
    while bottom < top:
        middle = (bottom + top) // 2
        if ratio(middle) > 1:
            bottom = middle + 1
        else:
            top = middle
    mode = bottom
    up, weight = [1.0], 1.0
    for j in range(mode, high):
        weight *= ratio(j)
        if weight < 1e-19:
            break
        up.append(weight)
    down, weight = [], 1.0
    for j in range(mode - 1, low - 1, -1):
        weight /= ratio(j)
        if weight < 1e-19:
            break
        down.append(weight)
    return mode - len(down), down[::-1] + up


def _beta_quantile(level: float, alpha: int, beta: int) -> float:
    """By halving: P(Beta(alpha, beta) ≤ x) = P(Binomial(alpha + beta - 1, x) ≥ alpha)."""
    n, mean = alpha + beta - 1, alpha / (alpha + beta)
    spread = math.sqrt(mean * (1 - mean) / (n + 2))
    low, high = max(0.0, mean - 8 * spread), min(1.0, mean + 8 * spread)
    while high - low > 1e-8:
        middle = (low + high) / 2
        first, weights = _binomial(n, middle / (1 - middle))
        at_least = math.fsum(weights[max(0, alpha - first) :]) / math.fsum(weights)
        low, high = (low, middle) if at_least > level else (middle, high)
    return round(high, 6)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
