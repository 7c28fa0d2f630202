"""CloudWatch metric alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code
from sluice.model.shortening import shortened
from sluice.names import tags
from sluice.ports import Alarm, Json, Settings

_BATCH = 100  # names that DeleteAlarms and DescribeAlarms take


class CloudWatchAlarms:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def put(self, alarm: Alarm) -> None:
        stack, _, rest = alarm.name.partition("/")
        self._cloudwatch.put_metric_alarm(
            AlarmName=alarm.name,
            AlarmDescription=shortened(alarm.description, 1_024),
            ComparisonOperator=alarm.comparison,
            Threshold=float(alarm.threshold),
            EvaluationPeriods=alarm.evaluation_periods,
            DatapointsToAlarm=alarm.datapoints,
            TreatMissingData=alarm.missing,
            # no action: respond_to_alarm listens to the state-change event, which a muted alarm sends too
            ActionsEnabled=False,
            Tags=tags(self._settings.stack or stack, rest.partition("/")[0] or "none"),
            **(_share(alarm) if alarm.share_of else _plain(alarm)),
        )

    def put_any(self, name: str, description: str, children: Sequence[str]) -> None:
        stack, _, rest = name.partition("/")
        self._cloudwatch.put_composite_alarm(
            AlarmName=name,
            AlarmDescription=shortened(description, 1_024),
            AlarmRule=" OR ".join(f'ALARM("{child}")' for child in children),
            ActionsEnabled=False,
            Tags=tags(self._settings.stack or stack, rest.partition("/")[0] or "none"),
        )

    def delete(self, names: Iterable[str]) -> None:
        for batch in _batches(dict.fromkeys(names)):
            if not self._deleted(batch):
                # DeleteAlarms deletes none of a batch that names an absent alarm
                for name in batch:
                    self._deleted([name])

    def _deleted(self, names: list[str]) -> bool:
        try:
            self._cloudwatch.delete_alarms(AlarmNames=names)
        except ClientError as error:
            if code(error) not in ("ResourceNotFound", "ResourceNotFoundException"):
                raise
            return False
        return True

    def states(self, names: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        paginator = self._cloudwatch.get_paginator("describe_alarms")
        for batch in _batches(dict.fromkeys(names)):
            for page in paginator.paginate(AlarmNames=batch, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
                alarms = [*page["MetricAlarms"], *page["CompositeAlarms"]]
                found |= {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
        return found

    @property
    def _cloudwatch(self) -> Any:
        return self._clients("cloudwatch")


def _metric(alarm: Alarm, name: str) -> Json:
    dimensions = [{"Name": dimension, "Value": value} for dimension, value in sorted(alarm.dimensions.items())]
    return {"Namespace": alarm.namespace, "MetricName": name, "Dimensions": dimensions}


def _plain(alarm: Alarm) -> Json:
    percentile = alarm.statistic.startswith("p")
    statistic: Json = {"ExtendedStatistic" if percentile else "Statistic": alarm.statistic}
    if percentile:
        # otherwise a percentile over few requests keeps the alarm in its old state
        statistic["EvaluateLowSampleCountPercentile"] = "evaluate"
    return {**_metric(alarm, alarm.metric), "Period": alarm.period, **statistic}


def _share(alarm: Alarm) -> Json:
    read = {"part": alarm.metric, "whole": str(alarm.share_of)}
    queries: list[Json] = [
        {
            "Id": name,
            "MetricStat": {"Metric": _metric(alarm, metric), "Period": alarm.period, "Stat": alarm.statistic},
            "ReturnData": False,
        }
        for name, metric in read.items()
    ]
    expression = f"IF(part >= {alarm.at_least:g}, part / whole, 0)"
    return {"Metrics": [*queries, {"Id": "share", "Expression": expression, "Label": "share", "ReturnData": True}]}


def _batches(names: Iterable[str]) -> list[list[str]]:
    everything = list(names)
    return [everything[first : first + _BATCH] for first in range(0, len(everything), _BATCH)]
