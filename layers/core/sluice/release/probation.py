"""Probation: after a promotion, delayed labels compare the new model with the old one on the same rows. Pure.

The new model is taken back on evidence that it is worse, at any number of labels; without evidence it stays, and few
labels are said to show nothing. What "worse" means, by the kind of answer:

class         it errs where the other does not. If neither is worse, each is the one that errs alone in half of the
              cases (McNemar), and the sequential test of the canary watches that share.
probability   of a positive label: a greater Brier score, the mean of (label - probability)².
number        a greater mean of the absolute errors, errors beyond `cap` counted as `cap`.

The last two are means of differences d in [-1, 1]. With a bet λ < 1 the product of 1 + λ·d has an expectation of at
most 1 at every row if the mean difference is at most 0, whatever the differences are distributed like; so has the
average over a fixed set of bets, and P(ever ≥ 1/α) ≤ α. Sources: Waudby-Smith & Ramdas, JRSS B 2024, arXiv 2010.09686
(betting on bounded means); Ville. A product does not depend on the order in which delayed labels arrive.

Labels of one class alone take no model back: those of one class often come first (a purchase is known at once, its
absence after a month), and on them alone the model that expects this class more often is always the better one.

Which of the two is nearer to the label (a sign test) would need no cap but is another question: a model that is a
little farther on nine rows of ten and much nearer on the tenth is the better one, and would be taken back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.model.values import finite
from sluice.release.evalue import log_evalue, log_mean
from sluice.release.replay import discordant, mcnemar

Kind = Literal["class", "probability", "number"]
# The bets of the mixture. The best one is the mean difference over its variance; 1 would lose all at d = -1.
BETS = tuple(0.95 / 2**step for step in range(7))
MEASURES = {"class": "share of wrong answers", "probability": "Brier score", "number": "mean absolute error"}


@dataclass(frozen=True)
class Labelled:
    """A row that both models answered, and what turned out to be true: classes, 0/1 and probabilities, or numbers."""

    truth: Any
    old: Any
    new: Any


@dataclass(frozen=True)
class Probation:
    """`inconclusive`: fewer rows than `min_rows`; a model that is kept then has not been shown to be as good."""

    decision: Literal["keep", "roll_back"]
    reasons: list[str]
    statistic: dict[str, Any]
    inconclusive: bool = False


def judge_probation(
    rows: Sequence[Labelled], kind: Kind, *, alpha: float = 0.05, min_rows: int = 100, cap: float | None = None
) -> Probation:
    """Rolls a model that is not worse back with a probability of at most `alpha`, over any number of measurements.

    `rows` are all labelled rows of the probation so far. `cap` is needed for numbers and fixed before the probation,
    e.g. ten times the mean absolute error of the evaluation. Raises ValueError without it, and for answers that are
    not of their kind.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1; got {alpha:g}")
    losses = [_losses(row, kind, cap) for row in rows]
    worse, better = discordant([(new > old, old > new) for old, new in losses])
    if kind == "class":
        log_e = log_evalue(worse, worse + better, 0.5)
    else:
        log_e = log_evalue_mean([new - old for old, new in losses])
    # losses of numbers are in units of the cap
    unit = cap if kind == "number" and cap else 1.0
    old, new = (unit * math.fsum(pair[i] for pair in losses) / max(1, len(rows)) for i in (0, 1))
    statistic: dict[str, Any] = {
        "rows": len(rows),
        "measure": MEASURES[kind],
        "old": old if rows else None,
        "new": new if rows else None,
        "worse": worse,
        "better": better,
        "mcnemar_p": mcnemar(worse, better) if kind == "class" else None,
        "capped": sum(max(pair) >= 1 for pair in losses) if kind == "number" else None,
        "log_e": round(log_e, 4),
        "log_limit": round(-math.log(alpha), 4),
    }
    shown = f"{MEASURES[kind]} {new:.4g} against {old:.4g}, on {len(rows)} rows" if rows else "no labelled rows"
    tail = f"{shown}; E = {math.exp(min(log_e, 700.0)):.3g}"
    if log_e >= -math.log(alpha):
        if kind != "number" and len({row.truth for row in rows}) == 1:
            told = f"the new model is worse, but on labels of one class alone, which compare no models: {tail}"
            return Probation("keep", [told], statistic, inconclusive=True)
        return Probation("roll_back", [f"the new model is worse: {tail} ≥ {1 / alpha:.3g}"], statistic)
    reasons = [f"no evidence that the new model is worse: {tail} < {1 / alpha:.3g}"]
    if len(rows) < min_rows:
        reasons.append(
            f"nor evidence that it is as good: {len(rows)} labelled rows of {min_rows} that are needed to say so"
        )
    return Probation("keep", reasons, statistic, inconclusive=len(rows) < min_rows)


def log_evalue_mean(differences: Sequence[float]) -> float:
    """ln E that the mean of `differences`, each from -1 to 1, is above 0.

    >>> round(math.exp(log_evalue_mean([0.5] * 10)), 1)
    9.4
    """
    return log_mean([math.fsum(math.log1p(bet * d) for d in differences) for bet in BETS])


def _losses(row: Labelled, kind: Kind, cap: float | None) -> tuple[float, float]:
    """(old, new) from 0 to 1. Errors do not tell values: they may be a person's."""
    if kind == "class":
        return float(row.old != row.truth), float(row.new != row.truth)
    if kind == "probability":
        if row.truth not in (0, 1) or not all(0 <= p <= 1 for p in (row.old, row.new)):
            raise ValueError("a label is 0 or 1 and its probabilities are from 0 to 1; a row has others")
        return (row.truth - row.old) ** 2, (row.truth - row.new) ** 2
    if cap is None or not 0 < cap < math.inf:
        raise ValueError(f"numbers need a cap of their errors, above 0; got {cap}")
    if any(finite(value) is None for value in (row.truth, row.old, row.new)):
        raise ValueError("labels and answers are finite numbers; a row has others")
    return min(abs(row.truth - row.old) / cap, 1.0), min(abs(row.truth - row.new) / cap, 1.0)
