"""CloudWatch keeps old data points in coarser periods, and returns none for a finer one."""

from __future__ import annotations

import pytest

from sluice.aws.metrics import period_of

NOW, DAY = 1_800_000_000, 86_400


@pytest.mark.parametrize(
    ("days", "multiple"),
    [(0.01, 60), (1, 60), (14.9, 60), (15.1, 300), (17.5, 300), (62, 300), (64, 3_600), (400, 3_600)],
)
def test_a_window_has_periods_that_cloudwatch_still_has_and_at_most_as_many_as_it_returns(
    days: float, multiple: int
) -> None:
    first = NOW - int(days * DAY)
    period = period_of(first, NOW, NOW)
    assert period % multiple == 0
    assert (NOW - first) / period <= 1_440
    # no coarser than need be: what is counted lies in the window but for one period
    assert period == multiple or (NOW - first) / (period - multiple) > 1_440
