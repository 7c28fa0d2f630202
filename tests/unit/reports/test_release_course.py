"""The figures about a release: each in the unit of time that suits its span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.reports import release_course as course

BEGUN = datetime(2026, 11, 30, 12, tzinfo=UTC)


def looks(span: timedelta) -> list[dict[str, Any]]:
    statistic = {"log_e": {"failures": 0.5, "error_rate": -2.0}, "log_limit": 3.0}
    return [
        {"at": (BEGUN + span * part).isoformat(), "inputs": {"percent": 10}, "statistic": statistic}
        for part in (0, 0.5, 1)
    ]


@pytest.mark.parametrize(
    ("span", "unit"),
    [
        (timedelta(seconds=6), "seconds"),
        (timedelta(minutes=30), "minutes"),
        (timedelta(hours=20), "hours"),
        (timedelta(days=9), "days"),
    ],
)
def test_times_are_in_the_unit_that_suits_the_span(span: timedelta, unit: str):
    for drawn in (course.evidence(looks(span)), course.traffic(looks(span))):
        assert f">{unit}<" in str(drawn)


def test_tests_are_named_in_words():
    drawn = str(course.evidence(looks(timedelta(minutes=30))))
    assert "error rate" in drawn
    assert "error_rate" not in drawn


def test_without_times_there_is_no_figure():
    undated = [look | {"at": None} for look in looks(timedelta(minutes=30))]
    assert course.evidence(undated) is None
    assert course.traffic(undated) is None
