"""`make bench-bandit`: simulated bandits, many at once: false decisions, power, regret. And simulated probations.

Prints JSON lines {"name", "value", "goal", "ok"}; exits 1 when a goal is missed. `--plot FILE` writes the curves.
scipy computes here what `sluice.release.bandit` computes one number at a time; a test compares the two.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special, stats

from benchmarks import canaries
from benchmarks.chart import Panel, svg
from benchmarks.release import Report
from sluice.release import bandit
from sluice.release.bandit import LOG_ODDS, Reward
from sluice.release.probation import BETS

ALPHA = 0.05
EXPLORE = 0.1
SEED = 20261125
RUNS = 4_000
NEVER = np.iinfo(np.int64).max
LOG_FACTORIALS = special.gammaln(np.arange(20_001) + 1.0)
SIGNED = np.concatenate([np.array(LOG_ODDS), -np.array(LOG_ODDS)])

Season = Callable[[int], float]
"""Batch → factor of both rates: what changes for both variants alike, such as the time of day."""


def log_likelihoods(n0: np.ndarray, s0: np.ndarray, n1: np.ndarray, s1: np.ndarray) -> np.ndarray:
    """ln L(ψ) of one batch of each run: (runs, 2 × len(LOG_ODDS)), ψ above 1 first. Batches below 250 successes."""
    drawn = s0 + s1
    j = np.arange(drawn.max(initial=0) + 1)
    other = drawn[:, None] - j
    possible = (j <= n1[:, None]) & (other >= 0) & (other <= n0[:, None])
    here, there = np.where(possible, j, 0), np.where(possible, other, 0)
    log_p = _log_choose(n1[:, None], here) + _log_choose(n0[:, None], there) - _log_choose(n0 + n1, drawn)[:, None]
    p = np.where(possible, np.exp(log_p), 0.0)
    expected = p @ np.exp(np.outer(j, SIGNED))
    return np.outer(s1, SIGNED) - np.log(expected)


def log_evalues(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ln E better, ln E worse) from the sums of `log_likelihoods` over the batches."""
    half = len(LOG_ODDS)
    mean = special.logsumexp(sums.reshape(-1, 2, half), axis=2) - np.log(half)
    return mean[:, 0], mean[:, 1]


def probability_best(s0: np.ndarray, n0: np.ndarray, s1: np.ndarray, n1: np.ndarray) -> np.ndarray:
    return stats.hypergeom.cdf(s1, n0 + n1 + 2, n1 + 1, s0 + s1 + 1)


@dataclass(frozen=True)
class Outcome:
    """One entry a run. `*_at`: trials served before that decision, NEVER without one."""

    promoted_at: np.ndarray
    aborted_at: np.ndarray
    regret: np.ndarray
    """Rewards missed, in expectation, against the better variant for every trial."""
    lucky: np.ndarray
    """P(best) was at least 1 - α at a look, with `min_labels`: who stops there promotes. Thompson sampling only."""
    totals: np.ndarray
    """The one-sided z of the totals at the decision or the end: a test that knows no batches, looked at once."""

    @property
    def promoted(self) -> np.ndarray:
        return self.promoted_at < NEVER

    @property
    def aborted(self) -> np.ndarray:
        return self.aborted_at < NEVER


def simulate(
    runs: int,
    control_rate: float,
    challenger_rate: float,
    seed: int,
    *,
    policy: str = "thompson",
    batches: int = 30,
    size: int = 200,
    late: int = 1,
    labelled: float = 0.9,
    min_labels: int = 100,
    explore: float = EXPLORE,
    season: Season = lambda batch: 1.0,
    decide: bool = True,
) -> Outcome:
    """Runs of `batches` × `size` trials, looked at with each batch of labels, which come `late` batches afterwards.

    `policy`: "thompson", "even" (50/50) or "steps" (10, 25 and 50 %, a third of the time each). `decide=False` lets
    the policy go on to the end whatever the evidence is.
    """
    generator = np.random.default_rng(seed)
    s, n = np.zeros((2, runs), np.int64), np.zeros((2, runs), np.int64)
    share = np.full(runs, 0.5 if policy == "even" else 0.1)
    sums = np.zeros((runs, len(SIGNED)))
    promoted_at, aborted_at = np.full(runs, NEVER), np.full(runs, NEVER)
    best = np.full(runs, 0.5)
    regret, lucky = np.zeros(runs), np.zeros(runs, bool)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for batch in range(batches):
        rates = np.array([control_rate, challenger_rate]) * season(batch)
        running = (promoted_at == NEVER) & (aborted_at == NEVER)
        own = generator.binomial(size, share)
        served = np.stack([size - own, own])
        regret += ((rates.max() - rates)[:, None] * served).sum(axis=0)
        known = generator.binomial(served, labelled)
        waiting.append((generator.binomial(known, rates[:, None]), known))
        if len(waiting) <= late:
            continue
        new_s, new_n = waiting.pop(0)
        new_s, new_n = np.where(running, new_s, 0), np.where(running, new_n, 0)
        s, n = s + new_s, n + new_n
        sums[running] += log_likelihoods(new_n[0, running], new_s[0, running], new_n[1, running], new_s[1, running])
        enough = n.min(axis=0) >= min_labels
        if decide:
            better, worse = log_evalues(sums)
            worse_now = running & (worse >= -np.log(ALPHA))
            better_now = running & ~worse_now & (better >= -np.log(ALPHA)) & enough
            aborted_at[worse_now], promoted_at[better_now] = (batch + 1) * size, (batch + 1) * size
        if policy == "thompson":
            best[running] = probability_best(s[0, running], n[0, running], s[1, running], n[1, running])
            lucky |= running & enough & (best >= 1 - ALPHA)
            share = np.where(n.min(axis=0) > 0, np.clip(best, explore, 1 - explore), share)
        elif policy == "steps":
            share = np.full(runs, (0.1, 0.25, 0.5)[min(2, 3 * (batch + 1) // batches)])
        share = np.where(promoted_at < NEVER, 1.0, np.where(aborted_at < NEVER, 0.0, share))
    pooled = s.sum(axis=0) / np.maximum(1, n.sum(axis=0))
    spread = np.sqrt(np.maximum(1e-12, pooled * (1 - pooled) * (1 / np.maximum(1, n[0]) + 1 / np.maximum(1, n[1]))))
    totals = (s[1] / np.maximum(1, n[1]) - s[0] / np.maximum(1, n[0])) / spread
    return Outcome(promoted_at, aborted_at, regret, lucky, totals)


def false_decisions(report: Report, runs: int) -> None:
    """Challengers that are not better, at every base rate; a look with each batch of labels."""
    for rate in (0.02, 0.1, 0.5):
        equal, worse = simulate(runs, rate, rate, SEED), simulate(runs, rate, 0.9 * rate, SEED + 1)
        promoted, aborted = equal.promoted.mean(), equal.aborted.mean()
        name = f"base rate {rate:.0%}, {runs} runs of 6,000 trials"
        report.say(f"equal challengers promoted; {name}", promoted, "<= 0.05", promoted <= ALPHA)
        report.say(f"equal challengers aborted as worse; {name}", aborted, "<= 0.05", aborted <= ALPHA)
        promoted = worse.promoted.mean()
        report.say(f"challengers worse by a tenth promoted; {name}", promoted, "<= 0.05", promoted <= ALPHA)
        lucky = equal.lucky.mean()
        report.say(f"equal challengers promoted if P(best) >= 95 % ended it; {name}", lucky, "> 0.15", lucky > 0.15)
    seen = simulate(runs, 0.1, 0.1, SEED + 2, season=rising)
    undecided = simulate(runs, 0.1, 0.1, SEED + 2, season=rising, decide=False)
    name = f"both rates rise ninefold alike, {runs} runs"
    promoted, totals = seen.promoted.mean(), (undecided.totals > 1.645).mean()
    report.say(f"equal challengers promoted; {name}", promoted, "<= 0.05", promoted <= ALPHA)
    report.say(f"the same by the totals, one look at the end at 5 %; {name}", totals, "> 0.25", totals > 0.25)


def rising(batch: int) -> float:
    """From a fifth of the rate to nearly twice of it in 30 batches."""
    return 0.2 + 1.6 * batch / 30


def power_and_regret(report: Report, runs: int) -> None:
    # a difference that is found at once leaves the bandit nothing to save over an even split
    cases = ((0.02, 0.04, 0.4, 0.75), (0.1, 0.15, 0.65, 0.9), (0.1, 0.2, 0.99, 1.3), (0.5, 0.6, 0.9, 1.1))
    for control, challenger, goal, even in cases:
        seen = simulate(runs, control, challenger, SEED + 3)
        name = f"{control:.0%} against {challenger:.0%}, {runs} runs of 6,000 trials"
        report.say(f"promoted; {name}", seen.promoted.mean(), f">= {goal:g}", seen.promoted.mean() >= goal)
        for policy, share in (("even", even), ("steps", 0.5)):
            other = simulate(runs, control, challenger, SEED + 3, policy=policy)
            ratio = seen.regret.mean() / other.regret.mean()
            named = "an even split" if policy == "even" else "canary steps"
            report.say(f"rewards missed, against {named}; {name}", ratio, f"<= {share:g}", ratio <= share)
            report.say(f"promoted by {named}; {name}", other.promoted.mean(), "for comparison", ok=True)
    seen = simulate(runs, 0.1, 0.05, SEED + 4)
    report.say("aborted; 10 % against 5 %", seen.aborted.mean(), ">= 0.8", seen.aborted.mean() >= 0.8)
    for explore in (0.05, 0.2):
        seen = simulate(runs, 0.1, 0.15, SEED + 3, explore=explore)
        name = f"explore {explore:g}; 10 % against 15 %"
        report.say(f"promoted, {name}", seen.promoted.mean(), "for comparison", ok=True)
        report.say(f"rewards missed, {name}", seen.regret.mean(), "for comparison", ok=True)


def speed(report: Report) -> None:
    million = 1_000_000
    control, challenger = Reward(500_000, million), Reward(501_000, million)
    best_of: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        bandit.probability_best(control, challenger)
        best_of.append(1_000 * (time.perf_counter() - began))
    report.say("P(best) of two million trials, ms", min(best_of), "<= 10", min(best_of) <= 10)
    history = [(Reward(9, 180), Reward(1, 20))] * 300
    began = time.perf_counter()
    bandit.choose(bandit.BanditMeasurement(0.1, history, 0.0, 1.0))
    took = 1_000 * (time.perf_counter() - began)
    report.say("a choice from 300 batches of 200 labels, ms", took, "<= 500", took <= 500)


def curves(runs: int) -> str:
    """Over the challenger's rate: what is promoted, and what is kept of the better one's rewards."""
    rates = [0.04, 0.06, 0.08, 0.09, 0.11, 0.12, 0.14, 0.16, 0.18, 0.2]
    promoted: dict[str, list[tuple[float, float]]] = {}
    kept: dict[str, list[tuple[float, float]]] = {}
    for policy, name in (("thompson", "bandit"), ("even", "even split"), ("steps", "steps 10, 25, 50 %")):
        promoted[name], kept[name] = [], []
        for rate in rates:
            seen = simulate(runs, 0.1, rate, SEED + 5, policy=policy)
            promoted[name].append((rate, float(seen.promoted.mean())))
            kept[name].append((rate, 1 - float(seen.regret.mean() / (6_000 * abs(rate - 0.1)))))
    ticks = (0.05, 0.1, 0.15, 0.2)
    label = "reward rate of the challenger; the champion's is 10 %"
    panels = [
        Panel("Promoted within 6,000 trials", label, promoted, (0.04, 0.2), ticks),
        Panel("Rewards kept, of those that the better one earns more", label, kept, (0.04, 0.2), ticks),
    ]
    caption = (
        f"make bench-bandit, seed {SEED}, {runs} runs a point; α = 0.05, explore {EXPLORE}, a tenth never labelled"
    )
    return svg(panels, caption)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--plot", type=Path, help="write the curves there")
    options = parser.parse_args()
    report = Report()
    speed(report)
    false_decisions(report, options.runs)
    power_and_regret(report, max(200, options.runs // 4))
    taken_back(report, options.runs)
    if options.plot:
        options.plot.write_text(curves(500))
    return 1 if report.missed else 0


PROBATIONS = ("class", "probability", "number", "skewed")


def probation(case: str, runs: int, rows: int, seed: int, worse: float = 0.0, rule: str = "mean") -> np.ndarray:
    """Rows until the new model is taken back, looked at with every row; infinite: it stays. `worse` 0: as good.

    class        wrong in 10 % of the rows, and by `worse` more; half of the old one's errors are shared
    probability  the label's own log-odds with normal noise of 0.6, of 0.6 + 2 `worse` for the new one
    number       errors by Student's t with 2 degrees of freedom, which have no variance; 1 + `worse` times as great
    skewed       a little farther on nine rows of ten, so much nearer on the tenth that the Brier scores are equal
    """
    generator = np.random.default_rng(seed)
    if case == "class":
        shared = generator.random((runs, rows)) < 0.05
        old = shared | (generator.random((runs, rows)) < 0.05 / 0.95)
        new = shared | (generator.random((runs, rows)) < (0.05 + worse) / 0.95)
        differences = new.astype(float) - old
        return _first(_log_evalues_half((differences > 0).cumsum(axis=1), (differences != 0).cumsum(axis=1)))
    if case == "probability":
        odds = generator.normal(-1.5, 1.5, (runs, rows))
        label = generator.random((runs, rows)) < special.expit(odds)
        old = special.expit(odds + generator.normal(0, 0.6, (runs, rows)))
        new = special.expit(odds + generator.normal(0, 0.6 + 2 * worse, (runs, rows)))
        differences = (label - new) ** 2 - (label - old) ** 2
    elif case == "number":
        old, new = np.abs(generator.standard_t(2, (2, runs, rows)))
        # the cap: ten times the mean absolute error, which is √2
        differences = np.minimum((1 + worse) * new / 14.1, 1.0) - np.minimum(old / 14.1, 1.0)
    else:
        differences = np.where(generator.random((runs, rows)) < 0.1, -0.36, 0.04)
    if rule == "sign":
        return _first(_log_evalues_half((differences > 0).cumsum(axis=1), (differences != 0).cumsum(axis=1)))
    return _first(log_evalues_mean(differences))


def log_evalues_mean(differences: np.ndarray) -> np.ndarray:
    """ln E after each row."""
    paths = [np.log1p(bet * differences).cumsum(axis=1) for bet in BETS]
    return special.logsumexp(paths, axis=0) - np.log(len(BETS))


def taken_back(report: Report, runs: int) -> None:
    for case in PROBATIONS:
        seen = np.isfinite(probation(case, runs, 1_000, SEED + 6))
        name = f"probation, {case}: {runs} models as good, looked at with each of 1,000 rows"
        report.say(f"taken back; {name}", seen.mean(), "<= 0.05", seen.mean() <= ALPHA)
    sign = np.isfinite(probation("skewed", runs, 1_000, SEED + 6, rule="sign")).mean()
    report.say("the same by a sign test, skewed", sign, "> 0.5", sign > 0.5)
    told = {
        "class": "wrong in 20 % instead of 10 %",
        "probability": "noise 1.6 instead of 0.6",
        "number": "errors 1.5 ×",
    }
    for (case, text), worse in zip(told.items(), (0.1, 0.5, 0.5), strict=True):
        rows = probation(case, runs // 4, 1_000, SEED + 7, worse=worse)
        found, median = np.isfinite(rows).mean(), float(np.median(rows))
        report.say(f"worse models taken back within 1,000 rows; {text}", found, ">= 0.95", found >= 0.95)
        report.say(f"median of the rows until then; {text}", median, "<= 400", median <= 400)


def _log_evalues_half(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    return canaries.log_evalues(k, n, 0.5)


def _first(log_e: np.ndarray) -> np.ndarray:
    proof = log_e >= -np.log(ALPHA)
    return np.where(proof.any(axis=1), proof.argmax(axis=1) + 1.0, np.inf)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    return LOG_FACTORIALS[n] - LOG_FACTORIALS[k] - LOG_FACTORIALS[n - k]


if __name__ == "__main__":
    sys.exit(main())
