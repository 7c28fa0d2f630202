"""How many of the labels that will come have come: the curve of a project's delays. Pure Python.

Each answered row is observed from its request on. Its label comes after a delay, or has not come yet when the
measurement is made: then all that is known is that the delay is greater than the row's age. From both the product-limit
estimator makes the share of rows that have a label by an age t, also where the young rows are many:

    F(t) = 1 - Π_{t_i ≤ t} (1 - d_i / n_i)

with d_i labels that came after exactly t_i, and n_i rows whose delay or age is at least t_i. Source: Kaplan & Meier,
Journal of the American Statistical Association 53, 1958. Many rows never get a label, so the *maturity* of an age is
F(t) / F(∞), with F(∞) the curve's last value: the share of the labels that come within the horizon at all. The curve
ends where fewer than FEW rows are observed, because there a single label moves it by a tenth and more.

Labels often come by the file. Right after one, the rows that it is about have their labels, although such rows mostly
have not at that age. So a time is mature as well if the labels are there: see `mature_until`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MATURE = 0.9
"""From this share of its labels on, the quality of a time is what it will be, but for a tenth of its labels."""
FEW = 10
_POINTS = (0, 60, 600, 3600, 6 * 3600, 86400, 2 * 86400, 3 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400)
"""Ages, in seconds, at which reports show the curve."""


@dataclass(frozen=True)
class MaturityCurve:
    """`shares[i]` of the rows have a label by the age `ages[i]`, in seconds; both ascend."""

    ages: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    known_until: float = 0.0
    """The greatest age that was observed: what comes later is not known yet."""

    def labelled(self, age: float) -> float:
        """The share of rows that have a label by this age."""
        place = bisect_right(self.ages, age)
        return self.shares[place - 1] if place else 0.0

    def maturity(self, age: float) -> float | None:
        """The share of its labels that a row of this age has; None without any label."""
        return self.labelled(age) / self.shares[-1] if self.shares else None

    def mature_age(self, share: float = MATURE) -> float | None:
        """The age from which a row has this share of its labels; None without any label."""
        if not self.shares:
            return None
        # the last step reaches 1 but for rounding
        return next(age for age, here in zip(self.ages, self.shares) if here >= share * self.shares[-1] * (1 - 1e-12))

    def to_json(self) -> dict[str, object]:
        # the last age that is known, too: where labels come within a minute, the others say nothing
        shown = [*(age for age in _POINTS if age < self.known_until), self.known_until]
        return {
            "labelled_share": self.shares[-1] if self.shares else None,
            "mature_age_seconds": self.mature_age(),
            "known_until_seconds": self.known_until,
            "curve": [{"age_seconds": age, "share": self.maturity(age)} for age in shown] if self.shares else [],
        }


def maturity_curve(delays: Iterable[float], ages: Iterable[float]) -> MaturityCurve:
    """`delays`: of rows that have a label; `ages`: of rows that have none, now. Seconds, from 0.

    >>> maturity_curve([1, 1, 5], [3, 9]).labelled(2)
    0.4
    """
    events, waiting = sorted(delays), sorted(ages)
    steps: list[float] = []
    shares: list[float] = []
    left, start = 1.0, 0
    while start < len(events):
        age = events[start]
        end = bisect_right(events, age, start)
        # a row whose age is the delay itself was still observed then
        at_risk = len(events) - start + len(waiting) - bisect_left(waiting, age)
        if at_risk < FEW <= len(events) + len(waiting) - FEW:
            break
        left *= 1 - (end - start) / at_risk
        steps.append(age)
        shares.append(1 - left)
        start = end
    last = max([*events[-1:], *waiting[-1:]], default=0.0)
    return MaturityCurve(tuple(steps), tuple(shares), last)


def maturity_of(times: Sequence[float], labelled: int, now: float, curve: MaturityCurve) -> float | None:
    """The share of their labels that rows answered at these times have; None without any label.

    That is what the curve expects, or more where more labels are there.
    """
    if not times or not curve.shares:
        return None
    expected = sum(curve.labelled(now - at) for at in times) / len(times)
    return min(1.0, max(expected, labelled / len(times)) / curve.shares[-1])


def mature_until(rows: Iterable[tuple[float, bool]], now: float, curve: MaturityCurve) -> float:
    """The time up to which requests have nine tenths of their labels. `rows`: time, and whether there is a label.

    By the curve, requests are mature `mature_age` after they were made. Younger ones are, too, if the labels of all of
    them together are there: one standard error below their share is above MATURE of the curve's last value (Wilson).
    """
    wait = curve.mature_age()
    if not wait:
        return now
    border = now - wait
    young = sorted(row for row in rows if row[0] > border)
    until, labelled = border, 0
    for number, (at, has) in enumerate(young, 1):
        labelled += has
        last = number == len(young)
        if (last or young[number][0] > at) and _lower(labelled, number) >= MATURE * curve.shares[-1]:
            until = max(now, at) if last else at
    return until


def _lower(hits: int, rows: int) -> float:
    """Wilson's lower bound of a share, one standard error wide."""
    share = hits / rows
    return (share + 1 / (2 * rows) - math.sqrt(share * (1 - share) / rows + 1 / (4 * rows * rows))) / (1 + 1 / rows)
