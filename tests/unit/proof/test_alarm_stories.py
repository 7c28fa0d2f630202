"""Each alarm of the template is made to go into ALARM and kept OK, without a cloud."""

from __future__ import annotations

from functools import cache

import pytest

from proofs import alarm_stories
from proofs.alarm_stories import ALARM, OK, STORIES, evaluated
from proofs.project import REMOVED, Project

ALARMS = sorted(STORIES)
USUAL = {"Period": 300, "EvaluationPeriods": 1, "Threshold": 0, "TreatMissingData": "notBreaching"}
FAILURES = {**USUAL, "Statistic": "Sum", "ComparisonOperator": "GreaterThanThreshold"}


@cache
def good() -> Project:
    return Project.load()


def test_the_template_has_these_alarms_and_no_others() -> None:
    assert sorted(good().resources("AWS::CloudWatch::Alarm")) == ALARMS
    assert alarm_stories.findings(good()) == []


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_has_a_story_for_each_of_its_states(alarm: str) -> None:
    states = [story.state for story in STORIES[alarm][1]]
    assert states.count(ALARM) == 1
    assert states.count(OK) >= 3


@pytest.mark.parametrize("alarm", ALARMS)
@pytest.mark.parametrize(
    ("field", "value"),
    [("Statistic", "Minimum"), ("TreatMissingData", "breaching"), ("TreatMissingData", REMOVED), ("Threshold", 1e6)],
)
def test_a_mistake_changes_what_becomes_of_a_story(alarm: str, field: str, value: object) -> None:
    changed = good().changed(("source", "Resources", alarm, "Properties", field), value)
    assert any(each.where == alarm for each in alarm_stories.findings(changed))


def test_an_alarm_without_a_story_is_reported() -> None:
    more = good().source["Resources"]["RunFailedAlarm"]
    changed = good().changed(("source", "Resources", "OneMoreAlarm"), more)
    assert [each.where for each in alarm_stories.findings(changed)] == ["OneMoreAlarm"]


def test_an_alarm_that_was_removed_is_reported() -> None:
    changed = good().changed(("source", "Resources", "RunFailedAlarm"))
    assert [each.where for each in alarm_stories.findings(changed)] == ["RunFailedAlarm"]


@pytest.mark.parametrize(
    ("changes", "samples", "state"),
    [
        ({}, {7: (1.0,)}, ALARM),
        ({}, {}, OK),
        ({"TreatMissingData": "missing"}, {}, "INSUFFICIENT_DATA"),
        ({"TreatMissingData": "breaching"}, {}, ALARM),
        ({"Threshold": 1}, {6: (1.0,), 9: (1.0,)}, ALARM),
        ({"Threshold": 1, "Period": 60}, {6: (1.0,), 9: (1.0,)}, OK),
        ({"EvaluationPeriods": 2}, {7: (1.0,)}, OK),
        ({"EvaluationPeriods": 2, "DatapointsToAlarm": 1}, {7: (1.0,)}, ALARM),
    ],
)
def test_the_state_at_minute_ten(changes: dict[str, object], samples: dict[int, tuple[float, ...]], state: str) -> None:
    assert evaluated({**FAILURES, **changes}, samples, 10) == state
