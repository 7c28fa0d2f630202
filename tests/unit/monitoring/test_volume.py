"""The usual number of rows: of the same hours, in earlier weeks where they are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.monitoring.volume import usual_rows, volume_of

START = datetime(2026, 11, 2, tzinfo=UTC)


def history(days: int, rows: Any) -> dict[str, int]:
    hours = (START + timedelta(hours=h) for h in range(days * 24))
    return {f"{at:%Y-%m-%dT%H}": rows(at) for at in hours}


def looked(hours: dict[str, int], at: datetime, window: timedelta) -> dict[str, Any]:
    return {"since": (at - window).isoformat(), "at": at.isoformat(), "volume": {"run_id": "r1", "hours": hours}}


def test_weekends_are_compared_with_weekends_and_parts_of_hours_with_parts() -> None:
    hours = history(21, lambda at: 100 if at.weekday() >= 5 else 1000)
    saturday = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    assert usual_rows(looked(hours, saturday, timedelta(hours=4, minutes=30))) == 450
    assert usual_rows(looked(hours, saturday - timedelta(days=1), timedelta(hours=4))) == 4500
    first_days = history(3, lambda at: 7)
    assert usual_rows(looked(first_days, START + timedelta(days=3), timedelta(days=1))) == 168
    assert usual_rows(looked(first_days, START + timedelta(days=1), timedelta(days=1))) is None
    assert usual_rows(looked({}, saturday, timedelta(days=1))) is None


def test_the_history_is_of_one_model_and_ends() -> None:
    at = START + timedelta(days=40)
    before = {"volume": {"run_id": "r1", "hours": {"2026-11-02T00": 5, "2026-12-11T05": 7, "2026-12-11T06": "x"}}}
    now = {"2026-12-11T05": 3, "2026-12-11T23": 4}
    assert volume_of(before, now, "r1", at) == {"run_id": "r1", "hours": {"2026-12-11T05": 7, "2026-12-11T23": 4}}
    assert volume_of(before, now, "r2", at)["hours"] == now
    for damaged in ({}, {"volume": 3}, {"volume": {"run_id": "r1", "hours": []}}):
        assert volume_of(damaged, now, "r1", at)["hours"] == now


def test_what_was_counted_before_of_an_hour_that_is_measured_whole_does_not_matter() -> None:
    at = datetime(2026, 12, 12, tzinfo=UTC)
    before = {"volume": {"run_id": "r1", "hours": {"2026-12-11T05": 7, "2026-12-11T06": 9, "2026-12-11T07": 5}}}
    found = volume_of(before, {"2026-12-11T06": 2}, "r1", at, whole={"2026-12-11T05", "2026-12-11T06"})
    assert found["hours"] == {"2026-12-11T06": 2, "2026-12-11T07": 5}
