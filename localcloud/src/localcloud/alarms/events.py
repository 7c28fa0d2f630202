"""The documents that CloudWatch sends when an alarm changes its state, in AWS's exact shape.

Source: Amazon CloudWatch User Guide, "Alarm events and EventBridge" and "Alarm actions: Lambda".
"""

from __future__ import annotations

import uuid
from typing import Any


def state_change(alarm: dict[str, Any], state: dict[str, Any], previous: dict[str, Any]) -> dict[str, Any]:
    """The `detail` of a `CloudWatch Alarm State Change` event; states hold value, reason, reasonData, timestamp."""
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": _configuration(alarm),
        "previousState": previous,
        "state": state,
    }


def lambda_payload(arn: str, detail: dict[str, Any], region: str) -> dict[str, Any]:
    """What a Lambda function gets as an alarm action."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": arn,
        "accountId": arn.split(":")[4],
        "time": detail["state"]["timestamp"],
        "region": region,
        "alarmData": detail,
    }


def _configuration(alarm: dict[str, Any]) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if alarm.get("AlarmDescription"):
        configuration["description"] = alarm["AlarmDescription"]
    if "AlarmRule" in alarm:
        return {"alarmRule": alarm["AlarmRule"], **configuration}
    if alarm.get("Metrics"):
        configuration["metrics"] = [_query(query) for query in alarm["Metrics"]]
        return configuration
    stat = {
        "Metric": {key: alarm.get(key) for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": alarm["Period"],
        "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
        "Unit": alarm.get("Unit"),
    }
    identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["AlarmArn"]))
    configuration["metrics"] = [_query({"Id": identifier, "MetricStat": stat, "ReturnData": True})]
    return configuration


def _query(query: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"id": query["Id"]}
    if query.get("Expression"):
        result["expression"] = query["Expression"]
    if query.get("Label"):
        result["label"] = query["Label"]
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        result["metricStat"] = {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []},
            },
            "period": int(stat["Period"]),
            "stat": stat["Stat"],
        }
        if stat.get("Unit"):
            result["metricStat"]["unit"] = stat["Unit"]
    result["returnData"] = bool(query.get("ReturnData", True))
    return result
