"""Every alarm of the template goes into ALARM when it should, stays OK when it should, and goes back to OK.

A story is what a service publishes minute by minute. The alarm, as SAM deploys it, looks at it through its statistic,
period, dimensions and treatment of missing data, by the rules with which the local cloud evaluates alarms
(localcloud/src/localcloud/alarms/evaluation.py).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from proofs.project import ROOT, Finding, Project, TranslationError
from proofs.stack_values import StackValues, UnresolvedError

CHECK = "alarm stories"
OK, ALARM = "OK", "ALARM"
Samples = Mapping[int, tuple[float, ...]]
_HOUR = 60
_EVALUATION = ROOT / "localcloud" / "src" / "localcloud" / "alarms" / "evaluation.py"
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Average": lambda samples: sum(samples) / len(samples),
}


@dataclass(frozen=True)
class Subject:
    """The metric that an alarm is about: of the resource `of`, which is named by the dimension `named_by`."""

    namespace: str
    metric: str
    named_by: str
    of: str
    others: tuple[str, ...] = ()
    """Resources of the same kind, whose trouble must leave this alarm alone."""


@dataclass(frozen=True)
class Story:
    """`samples`: minute → what is published in it; the hour before the trouble at minute 60 is a usual one."""

    title: str
    samples: Samples
    look: int
    """The minute at which the state is looked at."""
    state: str


_USUAL: Samples = dict.fromkeys(range(_HOUR), (0.0,))
_QUIET: Samples = {}


def _stories(usual: Samples, trouble: Samples, fine: Samples) -> tuple[Story, ...]:
    """`trouble` begins at minute 60 and raises the alarm within ten minutes; `fine` is the most that is usual."""
    return (
        Story("nothing is published", _QUIET, 120, OK),
        Story("as usual", usual, 59, OK),
        Story("the most that is usual", {**usual, **fine}, 70, OK),
        Story("the trouble", {**usual, **trouble}, 70, ALARM),
        Story("the trouble is over, and nothing more is published", {**usual, **trouble}, 120, OK),
    )


# One message in one minute is enough. SQS goes on publishing zeros.
_A_MESSAGE = _stories(_USUAL, {60: (0.0,), 61: (0.0,), 62: (1.0,), 63: (0.0,), 64: (0.0,)}, {60: (0.0,), 62: (0.0,)})
# A file that waits for 15 minutes and one second; ten minutes are a usual wait.
_A_WAIT = _stories(_USUAL, {60: (0.0,), 61: (840.0,), 62: (901.0,), 63: (0.0,)}, dict.fromkeys(range(60, 75), (600.0,)))
# Executions that succeed publish a zero.
_A_FAILURE = _stories(_USUAL, {60: (0.0, 1.0, 0.0)}, {60: (0.0, 0.0)})
# One error is tried again by Lambda; two within five minutes are none that went away.
_TWO_ERRORS = _stories(_USUAL, {60: (0.0, 1.0), 63: (1.0, 0.0)}, {60: (0.0, 1.0), 63: (0.0,)})

_QUEUES = ("IntakeDeadLetterQueue", "EventDeadLetterQueue", "IntakeQueue")
_MACHINES = ("MlLifecycle", "PrepareData", "BuildModel", "ReleaseModel", "RollBack", "BatchPredict", "JudgeParts")
_FUNCTIONS = ("MonitorModelFunction", "RespondToAlarmFunction", "FinishRunFunction")


def _messages(of: str) -> Subject:
    return Subject("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", of, _QUEUES)


def _failures(of: str) -> Subject:
    return Subject("AWS/States", "ExecutionsFailed", "StateMachineArn", of, _MACHINES)


STORIES: dict[str, tuple[Subject, tuple[Story, ...]]] = {
    "IntakeDeadLetterAlarm": (_messages("IntakeDeadLetterQueue"), _A_MESSAGE),
    "EventDeadLetterAlarm": (_messages("EventDeadLetterQueue"), _A_MESSAGE),
    "IntakeDelayAlarm": (
        Subject("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "IntakeQueue", _QUEUES),
        _A_WAIT,
    ),
    "RunFailedAlarm": (_failures("MlLifecycle"), _A_FAILURE),
    "ReleaseFailedAlarm": (_failures("ReleaseModel"), _A_FAILURE),
    "PartsFailedAlarm": (_failures("JudgeParts"), _A_FAILURE),
    "RollbackFailedAlarm": (_failures("RollBack"), _A_FAILURE),
    "MonitorFailedAlarm": (
        Subject("AWS/Lambda", "Errors", "FunctionName", "MonitorModelFunction", _FUNCTIONS),
        _TWO_ERRORS,
    ),
}


def findings(project: Project) -> list[Finding]:
    try:
        found = [*_findings(project)]
    except (TranslationError, UnresolvedError, KeyError, TypeError, ValueError, AttributeError) as error:
        return [Finding(CHECK, "template.yaml", repr(error))]
    return [Finding(CHECK, where, what) for where, what in found]


def _findings(project: Project) -> Iterator[tuple[str, str]]:
    values = StackValues(project.translated)
    alarms = project.resources("AWS::CloudWatch::Alarm", translated=True)
    for name in sorted(alarms.keys() - STORIES.keys()):
        yield name, "has no story that makes it go into ALARM (proofs/alarm_stories.py)"
    for name in sorted(STORIES.keys() - alarms.keys()):
        yield name, "its stories are left, but there is no such alarm"
    for name in STORIES.keys() & alarms.keys():
        given = values.resolve({key: each for key, each in alarms[name].items() if not key.endswith("Actions")})
        subject, stories = STORIES[name]
        for story in stories:
            state = _state(given, subject, subject.of, story, values)
            if state != story.state:
                yield name, f"{story.title}: is {state}, not {story.state}"
        (trouble,) = (each for each in stories if each.state == ALARM)
        for other in subject.others:
            if other != subject.of and _state(given, subject, other, trouble, values) != OK:
                yield name, f"the trouble of {other} must leave it OK"
        if given.get("ActionsEnabled", True) is not True or not alarms[name].get("AlarmActions"):
            yield name, "goes into ALARM without notifying anybody"


def _state(given: dict[str, Any], subject: Subject, of: str, story: Story, values: StackValues) -> str:
    """The alarm's state at the story's minute, when the resource `of` publishes the story and no other anything."""
    name = values.arn(of) if subject.named_by.endswith("Arn") else values.name(of)
    published = (subject.namespace, subject.metric, {subject.named_by: name})
    dimensions = {each["Name"]: each["Value"] for each in given.get("Dimensions", [])}
    seen = story.samples if (given.get("Namespace"), given.get("MetricName"), dimensions) == published else {}
    return evaluated(given, seen, story.look)


def evaluated(alarm: dict[str, Any], samples: Samples, until: int) -> str:
    """The state of an alarm (its CloudFormation properties) that has looked at every minute of the samples."""
    rules, minutes = _rules(), max(1, alarm["Period"] // 60)
    periods = alarm["EvaluationPeriods"]
    compare = rules.COMPARISONS[alarm["ComparisonOperator"]]
    statistic = _STATISTICS[alarm["Statistic"]]
    state = str(rules.INSUFFICIENT_DATA)
    for now in range(minutes, until + 1):
        # CloudWatch looks every minute, at whole periods
        edge = now - now % minutes
        points: list[bool | None] = []
        for back in range(rules.evaluation_range(periods), 0, -1):
            begin = edge - back * minutes
            values = _within(samples, range(begin, begin + minutes))
            points.append(compare(statistic(values), alarm["Threshold"]) if values else None)
        needed = alarm.get("DatapointsToAlarm", periods)
        state = rules.next_state(points, periods, needed, alarm.get("TreatMissingData", "missing"), state)
    return state


def _within(samples: Samples, minutes: Sequence[int]) -> list[float]:
    return [value for minute in minutes for value in samples.get(minute, ())]


@functools.cache
def _rules() -> ModuleType:
    """The local cloud's rules. Its package need not be installed here: the rules need nothing else of it."""
    spec = importlib.util.spec_from_file_location("alarm_evaluation", _EVALUATION)
    if spec is None or spec.loader is None:
        raise ImportError(str(_EVALUATION))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
