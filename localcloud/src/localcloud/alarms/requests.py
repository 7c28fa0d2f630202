"""CloudWatch's wire operations that ministack has wrong or not at all, for the JSON and CBOR protocols of the SDKs.

Functions named as ministack's take (params, data, is_cbor, is_json) and replace them. The older Query protocol keeps
ministack's implementation, except that it is refused where it would lose what the caller said.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch

from localcloud.alarms import metrics
from localcloud.alarms.evaluation import COMPARISONS, TREATMENTS
from localcloud.alarms.expressions import UnsupportedExpression

Answer = tuple[int, dict[str, str], bytes]
SETTINGS = (
    *("AlarmDescription", "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period"),
    *("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "Unit"),
    *("EvaluateLowSampleCountPercentile", "Metrics"),
)
STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
ORIGINALS: dict[str, Callable[..., Any]] = {}


class InvalidRequestError(ValueError):
    """The request is refused; the message goes to the caller."""


def alarm_record(request: dict[str, Any]) -> dict[str, Any]:
    """The stored alarm of a PutMetricAlarm request (or CloudFormation properties). Raises InvalidRequestError."""
    name = request.get("AlarmName") or ""
    if not name:
        raise InvalidRequestError("AlarmName is required")
    _check(request)
    before, now = cloudwatch._alarms.get(name), time.time()
    state: dict[str, Any] = {
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": now,
        "StateTransitionedTimestamp": now,
    }
    if before:
        state = {key: before[key] for key in STATE if key in before}
    return {
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}",
        "ActionsEnabled": request.get("ActionsEnabled", True),
        "OKActions": list(request.get("OKActions") or []),
        "AlarmActions": list(request.get("AlarmActions") or []),
        "InsufficientDataActions": list(request.get("InsufficientDataActions") or []),
        "AlarmConfigurationUpdatedTimestamp": now,
        "Dimensions": [],
        **state,
        **{key: request[key] for key in SETTINGS if request.get(key) is not None},
    }


def _check(request: dict[str, Any]) -> None:
    periods, needed = int(request.get("EvaluationPeriods") or 0), request.get("DatapointsToAlarm")
    if periods < 1:
        raise InvalidRequestError("EvaluationPeriods must be at least 1")
    if needed is not None and not 1 <= int(needed) <= periods:
        raise InvalidRequestError(f"DatapointsToAlarm {needed} must be between 1 and EvaluationPeriods {periods}")
    operator, known = request.get("ComparisonOperator"), ", ".join(COMPARISONS)
    if operator not in COMPARISONS or request.get("ThresholdMetricId"):
        raise InvalidRequestError(
            f"ComparisonOperator {operator!r} is not supported by the local cloud (no bands); known: {known}"
        )
    if request.get("Threshold") is None or not math.isfinite(float(request["Threshold"])):
        raise InvalidRequestError("Threshold is required and must be finite")
    if request.get("TreatMissingData", "missing") not in TREATMENTS:
        raise InvalidRequestError(
            f"TreatMissingData {request['TreatMissingData']!r} is unknown; known: {', '.join(TREATMENTS)}"
        )
    if request.get("EvaluateLowSampleCountPercentile") not in (None, "evaluate"):
        raise InvalidRequestError("EvaluateLowSampleCountPercentile 'ignore' is not supported by the local cloud")
    period = _period_of_queries(request) if request.get("Metrics") else _period_of_metric(request)
    check_period(period)
    longest = 7 * 86_400 if period >= 3_600 else 86_400
    if period * periods > longest:
        raise InvalidRequestError(
            f"EvaluationPeriods {periods} times Period {period} must not exceed {longest} seconds (a day; seven days "
            "with a period of an hour or more)"
        )


def _period_of_queries(request: dict[str, Any]) -> int:
    """The period of an alarm on metric queries (metric math), which are checked."""
    queries = request["Metrics"]
    plain = [key for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period") if request.get(key)]
    if plain or request.get("Dimensions"):
        raise InvalidRequestError(f"Metrics cannot be combined with {', '.join(plain) or 'Dimensions'}")
    try:
        period = metrics.validate_queries(queries)
    except UnsupportedExpression as error:
        raise InvalidRequestError(str(error)) from error
    if sum(bool(query.get("ReturnData", True)) for query in queries) != 1:
        raise InvalidRequestError("Exactly one of Metrics must have ReturnData true")
    return period


def _period_of_metric(request: dict[str, Any]) -> int:
    """The period of an alarm on one metric, whose name and statistic are checked."""
    missing = [key for key in ("MetricName", "Namespace", "Period") if not request.get(key)]
    if missing:
        raise InvalidRequestError(f"{', '.join(missing)} is required for a metric alarm without Metrics")
    statistics = [request[key] for key in ("Statistic", "ExtendedStatistic") if request.get(key)]
    if len(statistics) != 1 or not metrics.is_statistic(statistics[0]):
        raise InvalidRequestError(
            f"One of Statistic and ExtendedStatistic (pNN) is required and supported, not {statistics}"
        )
    return int(request["Period"])


def check_period(period: int) -> None:
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        raise InvalidRequestError(f"Period {period} must be 10, 20, 30 or a multiple of 60 seconds")


def _refuse(message: str, is_cbor: bool, is_json: bool) -> Answer:
    return cloudwatch._error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)


def put_metric_alarm(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    if not (is_cbor or is_json):
        if any(name.startswith(("Metrics.member", "InsufficientDataActions.member")) for name in params):
            return _refuse("Metrics over the Query protocol are not supported by the local cloud", is_cbor, is_json)
        return ORIGINALS["_put_metric_alarm"](params, data, is_cbor, is_json)
    tags = data.get("Tags")
    is_new = data.get("AlarmName") not in cloudwatch._alarms
    refused = cloudwatch._alarm_tags_refusal(tags, data.get("DatapointsToAlarm"), is_new, is_cbor, is_json)
    if refused:
        return refused
    try:
        alarm = alarm_record(data)
    except InvalidRequestError as error:
        return _refuse(str(error), is_cbor, is_json)
    if is_new and tags:
        cloudwatch._resource_tags[alarm["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in tags}
    # Stores the alarm, writes its history and evaluates it.
    cloudwatch.cloudformation_put_metric_alarm(alarm)
    return cloudwatch._cbor_ok({}) if is_cbor else cloudwatch._json_ok({})


def put_composite_alarm(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    suppressing = [name for name in (data if is_cbor or is_json else params) if name.startswith("ActionsSuppressor")]
    if suppressing:
        return _refuse(f"{', '.join(suppressing)} is not supported by the local cloud", is_cbor, is_json)
    return ORIGINALS["_put_composite_alarm"](params, data, is_cbor, is_json)


def cloudformation_record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The record of an AWS::CloudWatch::Alarm; template values may be strings."""
    request = {**properties, "AlarmName": name}
    for key, kind in (("Period", int), ("EvaluationPeriods", int), ("DatapointsToAlarm", int), ("Threshold", float)):
        if request.get(key) is not None:
            request[key] = kind(request[key])
    if isinstance(request.get("ActionsEnabled"), str):
        request["ActionsEnabled"] = request["ActionsEnabled"].lower() == "true"
    request["Metrics"] = [_cloudformation_query(query) for query in request.get("Metrics") or []] or None
    return alarm_record(request)


def _cloudformation_query(query: dict[str, Any]) -> dict[str, Any]:
    query = dict(query)
    if isinstance(query.get("ReturnData"), str):
        query["ReturnData"] = query["ReturnData"].lower() == "true"
    if query.get("MetricStat"):
        query["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return query


def set_alarm_state(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    value = data.get("StateValue") if is_cbor or is_json else cloudwatch._p(params, "StateValue")
    if value not in ("OK", "ALARM", "INSUFFICIENT_DATA"):
        return _refuse(f"StateValue {value!r} must be OK, ALARM or INSUFFICIENT_DATA", is_cbor, is_json)
    name = data.get("AlarmName") if is_cbor or is_json else cloudwatch._p(params, "AlarmName")
    if alarm := cloudwatch._alarms.get(name):
        alarm.pop("StateReasonData", None)  # the evaluation's data would belong to another reason
    return ORIGINALS["_set_alarm_state"](params, data, is_cbor, is_json)


def get_metric_data(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    """GetMetricData with exact dimensions, expressions, ScanBy (newest first by default) and labels."""
    if not (is_cbor or is_json):
        return ORIGINALS["_get_metric_data"](params, data, is_cbor, is_json)
    queries = data.get("MetricDataQueries") or []
    try:
        period = metrics.validate_queries(queries)
    except UnsupportedExpression as error:
        return _refuse(str(error), is_cbor, is_json)
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    if start is None or end is None or start >= end:
        return _refuse("StartTime must be before EndTime", is_cbor, is_json)
    grid = range(int(start // period), math.ceil(end / period))
    try:
        found = metrics.query_series(queries, period, grid, period)
    except UnsupportedExpression as error:
        return _refuse(str(error), is_cbor, is_json)
    newest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        ordered = sorted(found[query["Id"]].items(), reverse=newest_first)
        default = query["MetricStat"]["Metric"]["MetricName"] if query.get("MetricStat") else query["Id"]
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or default,
                "Timestamps": [cloudwatch._ts_iso(at * period) for at, _ in ordered],
                "Values": [value for _, value in ordered],
                "StatusCode": "Complete",
            }
        )
    if is_cbor:
        return cloudwatch._cbor_ok({"MetricDataResults": [cloudwatch._cbor_metric_data_result(r) for r in results]})
    return cloudwatch._json_ok({"MetricDataResults": results})


def get_metric_statistics(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Answer:
    """GetMetricStatistics; without Dimensions it means the metric that has none, as on AWS."""
    if not (is_cbor or is_json):
        return ORIGINALS["_get_metric_statistics"](params, data, is_cbor, is_json)
    wanted, percentiles = data.get("Statistics") or [], data.get("ExtendedStatistics") or []
    if bool(wanted) == bool(percentiles) or not all(map(metrics.is_statistic, [*wanted, *percentiles])):
        return _refuse("Either Statistics or ExtendedStatistics (pNN) must be given", is_cbor, is_json)
    period = int(data.get("Period") or 0)
    try:
        check_period(period)
    except InvalidRequestError as error:
        return _refuse(str(error), is_cbor, is_json)
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    key = metrics.metric_key(data.get("Namespace", ""), data.get("MetricName", ""), data.get("Dimensions") or [])
    points = metrics.points_between(key, start or 0.0, end or time.time(), data.get("Unit"))
    answer = []
    for at in sorted({int(point["Timestamp"] // period) for point in points}):
        inside = [point for point in points if int(point["Timestamp"] // period) == at]
        entry: dict[str, Any] = {"Timestamp": cloudwatch._ts_iso(at * period), "Unit": inside[0].get("Unit", "None")}
        entry |= {name: metrics.statistic(inside, name) for name in wanted}
        extended = {name: metrics.statistic(inside, name) for name in percentiles}
        if extended:
            entry["ExtendedStatistics"] = {name: value for name, value in extended.items() if value is not None}
        answer.append(entry)
    body = {"Datapoints": answer, "Label": data.get("MetricName")}
    if is_cbor:
        return cloudwatch._cbor_ok({**body, "Datapoints": [cloudwatch._cbor_datapoint(each) for each in answer]})
    return cloudwatch._json_ok(body)


REPLACEMENTS = {
    "_put_metric_alarm": put_metric_alarm,
    "_put_composite_alarm": put_composite_alarm,
    "_set_alarm_state": set_alarm_state,
    "_get_metric_data": get_metric_data,
    "_get_metric_statistics": get_metric_statistics,
}
