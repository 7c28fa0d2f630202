"""Replay: captured requests to the new variant, each paired with what the champion answered. Needs no live traffic.

A pair is discordant when one of the two did badly and the other did not. If neither is worse, each is the bad one
with probability ½ (McNemar), and the same sequential test as in the canary watches that share. A challenger that
does badly where the champion did not is moreover held to the contract's error rate, which takes fewer pairs than a
share of ½ does. Different predictions are not a fault in themselves; they count only against a limit in the contract.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.records.evaluation import ExpectedScores
from sluice.release.evalue import log_binomial_cdf, log_evalue
from sluice.release.sample import Sample, lower_error_rate, upper_error_rate
from sluice.release.scores import bin_of, log_evalue_paired

# Shares of α. Errors and malformed answers are one question to the limit: did it answer where the champion did?
ALPHA_SHARES = {"limit": 0.35, "errors": 0.15, "schema": 0.15, "latency": 0.15, "disagreement": 0.1, "scores": 0.1}


@dataclass(frozen=True)
class Answer:
    """`status` 0: none in time. `valid`: it has the form that the contract promises. `label`: what it predicts.

    `score`: the probability, or the number, that it gives to the (first) row.
    """

    status: int
    milliseconds: float
    valid: bool = True
    label: str | None = None
    score: float | None = None

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 300

    @property
    def usable(self) -> bool:
        return not self.failed and self.valid


@dataclass(frozen=True)
class Pair:
    champion: Answer
    challenger: Answer


@dataclass(frozen=True)
class ReplayVerdict:
    decision: Literal["pass", "abort", "inconclusive"]
    reasons: list[str]
    statistic: dict[str, Any]

    def result(self, decision: str) -> str:
        """What people read: a release that goes on to live requests (`pass`) was not always cleared by its replay.

        >>> few = {"broken": {"requests": 2}, "needed": 299}
        >>> ReplayVerdict("inconclusive", [], few).result("pass"), ReplayVerdict("pass", [], few).result("pass")
        ('skipped: too few', 'pass')
        """
        if decision != "pass" or self.decision != "inconclusive":
            return decision
        few = self.statistic["broken"]["requests"] < self.statistic["needed"]
        return "skipped: too few" if few else "undecided"


def judge_replay(
    pairs: Sequence[Pair],
    sample: Sample,
    *,
    max_error_rate: float,
    max_ms: float,
    alpha: float = 0.05,
    max_disagreement: float | None = None,
    expected: ExpectedScores | None = None,
) -> ReplayVerdict:
    """Aborts at any number of pairs; passes with the planned sample only.

    `expected`: what evaluation says about both models' scores; None: they are not looked at.

    Pairs whose captured answer says nothing (the champion failed as well, the capture holds no answer) keep their
    place: they are simply not discordant.
    """
    failed = [(p.challenger.failed, p.champion.failed) for p in pairs]
    malformed = [(not p.challenger.valid, not p.champion.valid) for p in pairs if not _any_failed(p)]
    slow = [(p.challenger.milliseconds > max_ms, p.champion.milliseconds > max_ms) for p in pairs if not _any_failed(p)]
    compared = [p for p in pairs if p.challenger.usable and p.champion.usable and p.champion.label is not None]
    differing = sum(p.challenger.label != p.champion.label for p in compared)
    asked = [p for p in pairs if p.champion.usable]
    broken = sum(not p.challenger.usable for p in asked)

    counts = {"errors": discordant(failed), "schema": discordant(malformed), "latency": discordant(slow)}
    log_e = {name: log_evalue(worse, worse + better, 0.5) for name, (worse, better) in counts.items()}
    log_e["limit"] = log_evalue(broken, len(asked), max_error_rate)
    log_e["disagreement"] = log_evalue(differing, len(compared), max_disagreement) if max_disagreement else 0.0
    log_e["scores"] = _score_evidence(pairs, expected) if expected else 0.0
    statistic: dict[str, Any] = {
        "pairs": len(pairs),
        "needed": sample.requests,
        "discordant": {name: {"worse": worse, "better": better} for name, (worse, better) in counts.items()},
        "mcnemar_p": {name: mcnemar(*both) for name, both in counts.items()},
        "broken": {"failures": broken, "requests": len(asked), "upper_95": upper_error_rate(broken, len(asked))},
        "disagreement": _disagreement(differing, len(compared)),
        "log_e": {name: round(value + math.log(ALPHA_SHARES[name]), 4) for name, value in log_e.items()},
        "log_limit": round(-math.log(alpha), 4),
    }
    proven = [name for name, value in log_e.items() if value >= -math.log(alpha * ALPHA_SHARES[name])]
    if proven:
        return ReplayVerdict("abort", [_sentence(name, statistic, max_ms) for name in proven], statistic)
    if len(asked) < sample.requests:
        few = f"{len(asked)} captured requests could be replayed, {sample.requests} are needed"
        return ReplayVerdict("inconclusive", [few], statistic)
    if upper_error_rate(broken, len(asked)) > max_error_rate:
        shown = f"{broken} of {len(asked)} replayed requests went wrong: not shown to be below {max_error_rate:.2%}"
        return ReplayVerdict("inconclusive", [shown], statistic)
    return ReplayVerdict("pass", [f"{len(asked)} replayed requests, {broken} went wrong"], statistic)


def _score_evidence(pairs: Sequence[Pair], expected: ExpectedScores) -> float:
    both = [
        (bin_of(p.challenger.score, expected.edges), bin_of(p.champion.score, expected.edges))
        for p in pairs
        if p.challenger.usable and p.champion.usable and p.challenger.score is not None and p.champion.score is not None
    ]
    return log_evalue_paired(both, expected)


def discordant(badly: Sequence[tuple[bool, bool]]) -> tuple[int, int]:
    """(only the challenger did badly, only the champion did) from (challenger, champion) of each pair."""
    worse = sum(challenger and not champion for challenger, champion in badly)
    better = sum(champion and not challenger for challenger, champion in badly)
    return worse, better


def mcnemar(worse: int, better: int) -> float:
    """The exact two-sided p-value of McNemar's test: a binomial test of the discordant pairs against ½.

    For people who read the record: it holds for one measurement only; the e-value decides.

    >>> round(mcnemar(1, 8), 4)
    0.0391
    """
    n = worse + better
    return min(1.0, 2 * math.exp(log_binomial_cdf(min(worse, better), n, 0.5))) if n else 1.0


def _any_failed(pair: Pair) -> bool:
    return pair.challenger.failed or pair.champion.failed


def _disagreement(differing: int, compared: int) -> dict[str, Any]:
    if not compared:
        return {"differing": 0, "compared": 0, "share": None, "low_95": None, "high_95": None}
    low, high = lower_error_rate(differing, compared, 0.975), upper_error_rate(differing, compared, 0.975)
    return {
        "differing": differing,
        "compared": compared,
        "share": differing / compared,
        "low_95": low,
        "high_95": high,
    }


def _sentence(name: str, statistic: dict[str, Any], max_ms: float) -> str:
    if name == "limit":
        broken = statistic["broken"]
        return f"{broken['failures']} of {broken['requests']} replayed requests went wrong where the champion answered"
    if name == "scores":
        return "the new model's scores of replayed requests differ from those that evaluation led to expect"
    if name == "disagreement":
        facts = statistic["disagreement"]
        return f"the models predict differently for {facts['differing']} of {facts['compared']} replayed requests"
    what = {"errors": "failed", "schema": "malformed", "latency": f"slower than {max_ms:g} ms"}[name]
    both = statistic["discordant"][name]
    return f"answers {what}: {both['worse']} of the challenger alone, {both['better']} of the champion alone"
