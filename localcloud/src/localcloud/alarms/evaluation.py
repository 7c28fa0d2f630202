"""How an alarm's state follows from its recent data points, as AWS documents it.

Source: Amazon CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data" and "Avoiding premature
transitions to alarm state"; its two tables are the test cases. CloudWatch looks at more periods than EvaluationPeriods
(the evaluation range), so that points which came late or not at all matter as little as possible.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")

EXTRA_PERIODS = 2
"""AWS leaves the length of the evaluation range open; its examples retrieve five periods for three."""


def evaluation_range(evaluation_periods: int) -> int:
    """How many of the latest periods are looked at."""
    return evaluation_periods + EXTRA_PERIODS


def next_state(
    points: Sequence[bool | None], evaluation_periods: int, datapoints_to_alarm: int, treatment: str, current: str
) -> str:
    """The state after looking at `points`: the evaluation range, oldest first; True breaches, None is missing."""
    real = [point for point in points if point is not None]
    if len(real) >= evaluation_periods:
        return ALARM if sum(real[-evaluation_periods:]) >= datapoints_to_alarm else OK
    breaching = sum(real)
    if treatment == "breaching":
        return ALARM if breaching + evaluation_periods - len(real) >= datapoints_to_alarm else OK
    if breaching >= datapoints_to_alarm:
        return ALARM
    if treatment == "notBreaching":
        return OK
    if treatment == "ignore":
        return OK if breaching < len(real) else current
    if not real:
        return INSUFFICIENT_DATA
    # Nothing but breaching points and gaps since a point at least as old as M periods: no later point can clear it.
    oldest_age = len(points) - next(i for i, point in enumerate(points) if point is not None)
    return ALARM if breaching == len(real) and oldest_age >= datapoints_to_alarm else OK
