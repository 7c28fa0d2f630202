"""`sluice watch` reads from the job's log how far the search of `auto` is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.watching import search_log
from cli.watching.search_log import SearchLog
from cli.watching.states import Evidence
from sluice.model.search_progress import SearchProgress, read


class Logs:
    """CloudWatch Logs with one event in each answer. `asked`: the arguments of the calls."""

    def __init__(self, *lines: str, stream: str = "t-001-0a1b/algo-1-1") -> None:
        now = int(time.time() * 1000)
        self.events = [
            {"timestamp": now - 1000 + place, "message": line, "logStreamName": stream}
            for place, line in enumerate(lines)
        ]
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        found = [event for event in self.events if event["timestamp"] >= asked["startTime"]]
        place = int(asked.get("nextToken", 0))
        more = {"nextToken": str(place + 1)} if place + 1 < len(found) else {}
        return {"events": found[place : place + 1], **more}


def test_the_newest_line_counts_and_what_was_read_is_not_read_again(monkeypatch: pytest.MonkeyPatch):
    logs = Logs(
        "auto: 1600 rows, 23 columns, 3 folds, 120 s",
        SearchProgress(3, 5, "roc_auc", 0.9, 100).line(),
        SearchProgress(12, 14, "roc_auc", 0.91314, 61).line(),
        stream="sluice-r0-t-001-0a1b/algo-1-1",
    )
    log = SearchLog(logs, "sluice-r0-t")
    found = log.evidence()
    assert found.lines == ("auto: about 60 s left, 12 of 14 trials ended, best roc_auc 0.9131",)
    assert found.facts["search"]["ended"] == 12
    assert 58 <= found.facts["search"]["left"] <= 61
    assert logs.asked[0]["logStreamNamePrefix"] == "sluice-r0-t-"
    count = len(logs.asked)
    log.evidence()
    assert len(logs.asked) == count  # asked a moment ago
    monkeypatch.setattr(search_log, "ASKED_EVERY", 0.0)
    assert log.evidence().lines == found.lines
    assert logs.asked[-1]["startTime"] == logs.events[-1]["timestamp"] + 1


def test_of_two_lines_at_the_same_time_the_later_one_counts():
    logs = Logs(SearchProgress(0, 2, "rmse", None, 90).line(), SearchProgress(1, 2, "rmse", 3.0, 90).line())
    logs.events[1]["timestamp"] = logs.events[0]["timestamp"]
    assert SearchLog(logs, "t").evidence().facts["search"]["best"] == 3.0


def test_the_search_of_another_run_is_not_shown():
    """Even where the service does not filter by the name of the stream."""
    earlier = Logs(SearchProgress(57, 59, "roc_auc", 0.7985, 0).line(), stream="sluice-r1-t-001-0a1b/algo-1-1")
    assert SearchLog(earlier, "sluice-r0-t").evidence() == Evidence()
    own = SearchProgress(1, 2, "rmse", 3.0, 90).line()
    earlier.events.append({**earlier.events[0], "message": own, "logStreamName": "sluice-r0-t-001-0a1b/algo-1-1"})
    assert SearchLog(earlier, "sluice-r0-t").evidence().facts["search"]["metric"] == "rmse"


def test_without_a_line_or_without_the_right_to_read_it_nothing_is_said():
    assert SearchLog(Logs("auto: 1600 rows"), "t").evidence() == Evidence()
    logs = Logs()

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "FilterLogEvents")

    logs.filter_log_events = refuse  # type: ignore[method-assign,assignment]
    assert SearchLog(logs, "t").evidence() == Evidence()


@pytest.mark.parametrize(("left", "words"), [(600, "about 10 min"), (64, "about 60 s"), (3, "about 10 s")])
def test_the_rest_of_the_budget_is_told_in_round_figures(left: int, words: str):
    found = SearchLog(Logs(SearchProgress(0, 2, "rmse", None, left).line()), "t").evidence()
    assert found.lines[0] == f"auto: {words} left, 0 of 2 trials ended"


@pytest.mark.parametrize("best", [None, 0.9131, -3.5e-07, 123456.0])
def test_a_line_is_read_as_it_was_written(best: float | None):
    written = SearchProgress(12, 14, "r2" if best is not None else "", best, 61)
    assert read(f"2026-11-30 {written.line()}") == written
    assert read("trial 3 lightgbm roc_auc 0.9") is None
