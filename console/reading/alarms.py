"""The page of alarms: those of a project, and those of the stack itself, with when they changed last."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from console.reading.executions import moment, resources
from console.source import Source
from sluice import names
from sluice.ports import Json

_WORST = {"ALARM": 0, "INSUFFICIENT_DATA": 1, "OK": 2}


def read(source: Source, project: str) -> Json:
    """`{"alarms": [those in ALARM first], "stack": [the stack's own], "history"}`."""
    prefix = names.alarm(source.stack, project) + "/"
    own = source.kept.get(("alarms", prefix), lambda: _alarms(source, prefix), 0.8)
    stack = source.kept.get("stack alarms", lambda: _of_stack(source), 3.0)
    return {
        "project": project,
        "alarms": own,
        "stack": stack,
        "history": source.kept.get(
            ("alarm history", project), lambda: _history(source, [each["name"] for each in own], prefix), 3.0
        ),
    }


def _of_stack(source: Source) -> list[Json]:
    """Under the names that the template gives them, without the suffix that CloudFormation adds."""
    try:
        logical = {physical: name for name, physical in resources(source).items()}
    except ClientError:
        logical = {}
    return [each | {"short": logical.get(each["name"], each["short"])} for each in _alarms(source, f"{source.stack}-")]


def _alarms(source: Source, prefix: str) -> list[Json]:
    pages = source.client("cloudwatch").get_paginator("describe_alarms")
    found = []
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        found += [_alarm(each, prefix) for each in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))]
    return sorted(found, key=lambda each: (_WORST.get(each["state"], 1), each["name"]))


def _alarm(alarm: Any, prefix: str) -> Json:
    return {
        "name": alarm["AlarmName"],
        "short": alarm["AlarmName"].removeprefix(prefix),
        "state": alarm["StateValue"],
        "reason": str(alarm.get("StateReason") or ""),
        "since": moment(alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")),
        "description": str(alarm.get("AlarmDescription") or ""),
        "rule": alarm.get("AlarmRule") or _rule(alarm),
    }


def _rule(alarm: Any) -> str:
    """What puts it into ALARM, in words."""
    signs = {
        "GreaterThanThreshold": ">",
        "GreaterThanOrEqualToThreshold": "≥",
        "LessThanThreshold": "<",
        "LessThanOrEqualToThreshold": "≤",
    }
    metric = alarm.get("MetricName") or "expression"
    statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic") or ""
    sign = signs.get(alarm.get("ComparisonOperator", ""), alarm.get("ComparisonOperator", ""))
    periods = f"{alarm.get('DatapointsToAlarm') or alarm.get('EvaluationPeriods')} of {alarm.get('EvaluationPeriods')}"
    every = f" of {alarm['Period']} s" if alarm.get("Period") else ""
    return f"{metric} {statistic} {sign} {alarm.get('Threshold', '')} in {periods} periods{every}".replace("  ", " ")


def _history(source: Source, alarm_names: list[str], prefix: str) -> list[Json]:
    """The newest changes of state of these alarms."""
    client, found = source.client("cloudwatch"), []
    for name in alarm_names[:12]:
        answer = client.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate", MaxRecords=10)
        found += [
            {
                "alarm": name.removeprefix(prefix),
                "at": moment(item.get("Timestamp")),
                "what": str(item.get("HistorySummary") or ""),
            }
            for item in answer.get("AlarmHistoryItems", [])
            if _changed(str(item.get("HistorySummary") or ""))
        ]
    return sorted(found, key=lambda each: each["at"], reverse=True)[:30]


def _changed(summary: str) -> bool:
    """CloudWatch also notes when an alarm is made or changed in a state that it keeps."""
    found = re.fullmatch(r"Alarm updated from (\w+) to (\w+)", summary)
    return not found or found[1] != found[2]
