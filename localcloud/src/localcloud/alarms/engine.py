"""Evaluates every alarm at the compressed clock and tells EventBridge, SNS and Lambda of each change of state."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_region, set_request_account_id, set_request_region
from ministack.services import cloudwatch, eventbridge
from ministack.services.cloudformation import provisioners

from localcloud.alarms import metrics, requests
from localcloud.alarms.evaluation import COMPARISONS, INSUFFICIENT_DATA, evaluation_range, next_state
from localcloud.alarms.events import lambda_payload, state_change
from localcloud.alarms.expressions import Series, UnsupportedExpression
from localcloud.clock import Stop, real_seconds
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.alarms")

EVICTION_SECONDS = 60.0
_wake = threading.Event()
_stop = Stop()
_thread: threading.Thread | None = None
_lock = threading.RLock()
_looked_at: dict[tuple[str, str, str], tuple[Any, ...]] = {}
_previous: dict[str, dict[str, Any]] = {}
_last_eviction = 0.0
_original_actions = cloudwatch._dispatch_alarm_actions


def install(settings: Settings) -> None:
    """Puts our evaluation in the place of ministack's and starts the ticker."""
    global _thread, _stop
    for name, function in requests.REPLACEMENTS.items():
        requests.ORIGINALS.setdefault(name, getattr(cloudwatch, name))
        setattr(cloudwatch, name, function)
    cloudwatch._evaluate_alarm = lambda alarm: _wake.set()
    cloudwatch._evaluate_all_alarms = _wake.set
    cloudwatch._dispatch_alarm_actions = _state_changed
    cloudwatch._evict_old_metrics = _evict_sometimes
    provisioners._cw_metric_alarm_record = requests.cloudformation_record
    _stop = Stop()
    _thread = threading.Thread(target=_loop, args=(_stop,), name="alarms", daemon=True)
    _thread.start()


def shutdown() -> None:
    """Ends the ticker."""
    _stop.set()
    _wake.set()
    if _thread is not None:
        _thread.join(timeout=5)


def _evict_sometimes() -> None:
    # ministack copies every series at every request, and loses points put by other threads meanwhile.
    global _last_eviction
    if time.time() - _last_eviction > EVICTION_SECONDS:
        _last_eviction = time.time()
        cutoff = _last_eviction - cloudwatch.TWO_WEEKS_SECONDS
        for points in list(cloudwatch._metrics._data.values()):
            if points and points[0]["Timestamp"] < cutoff:
                points[:] = [point for point in points if point["Timestamp"] >= cutoff]


def _loop(stop: Stop) -> None:
    while not stop.is_set:
        pause = 1.0
        for (account, region, name), alarm in list(cloudwatch._alarms._data.items()):
            try:
                period = real_seconds(period_of(alarm))
            except UnsupportedExpression:
                continue  # stored by a former version; evaluating the other alarms must go on
            pause = min(pause, max(0.1, period / 4))
            # Each alarm in a context of its own: its account and region must not leak.
            contextvars.Context().run(_tick, account, region, name, alarm, period)
        _wake.wait(pause)
        _wake.clear()
        stop.wait(0.05)


def period_of(alarm: dict[str, Any]) -> int:
    """The alarm's period in cloud seconds."""
    if alarm.get("Metrics"):
        return metrics.validate_queries(alarm["Metrics"])
    return int(alarm.get("Period") or 60)


def _tick(account: str, region: str, name: str, alarm: dict[str, Any], period: float) -> None:
    set_request_account_id(account)
    set_request_region(region)
    now = time.time()
    # An alarm is looked at when a period ended, when its data or its configuration changed: a state set by
    # SetAlarmState thus lasts until the next of these, as on AWS.
    seen = (int(now // period), alarm.get("AlarmConfigurationUpdatedTimestamp"), *_sizes(alarm))
    if _looked_at.get((account, region, name)) == seen:
        return
    _looked_at[(account, region, name)] = seen
    try:
        evaluate(alarm, now)
    except UnsupportedExpression as error:
        logger.error("alarm %s cannot be evaluated: %s", name, error)
    except Exception:
        logger.exception("alarm %s cannot be evaluated", name)


def _sizes(alarm: dict[str, Any]) -> list[int]:
    if alarm.get("Metrics"):
        found = [q["MetricStat"]["Metric"] for q in alarm["Metrics"] if q.get("MetricStat")]
    else:
        found = [alarm]
    keys = [metrics.metric_key(m["Namespace"], m["MetricName"], m.get("Dimensions") or []) for m in found]
    return [len(cloudwatch._metrics.get(key) or ()) for key in keys]


def evaluate(alarm: dict[str, Any], now: float) -> None:
    """Looks at the ended periods before `now` and changes the alarm's state where they say so."""
    cloud_period = period_of(alarm)
    period = real_seconds(cloud_period)
    wanted = int(alarm["EvaluationPeriods"])
    current = int(now // period)
    grid = range(current - evaluation_range(wanted), current)
    found = _series(alarm, period, grid, cloud_period)
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    points = [breaches(found[at], threshold) if at in found else None for at in grid]
    needed = int(alarm.get("DatapointsToAlarm") or wanted)
    treatment = alarm.get("TreatMissingData") or "missing"
    with _lock:
        state = next_state(points, wanted, needed, treatment, alarm["StateValue"])
        if state != alarm["StateValue"]:
            real = {at: found[at] for at in sorted(found)[-wanted:]}
            reason = _reason(alarm, state, real, period, needed, wanted)
            _transition(alarm, state, reason, _reason_data(alarm, real, now, period, grid, cloud_period))


def _series(alarm: dict[str, Any], period: float, grid: range, cloud_period: float) -> Series:
    if alarm.get("Metrics"):
        returned = next(query["Id"] for query in alarm["Metrics"] if query.get("ReturnData", True))
        found = metrics.query_series(alarm["Metrics"], period, grid, cloud_period)[returned]
        return {at: value for at, value in found.items() if at in grid}
    key = metrics.metric_key(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions") or [])
    return metrics.series(key, _statistic(alarm), period, grid, alarm.get("Unit"))


def _statistic(alarm: dict[str, Any]) -> str:
    return str(alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average")


def _reason(alarm: dict[str, Any], state: str, real: Series, period: float, needed: int, wanted: int) -> str:
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {wanted} datapoints were unknown."
    breaches, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    shown = {at: value for at, value in real.items() if breaches(value, threshold) == (state == "ALARM")}
    if not shown:
        filled = "breaching" if state == "ALARM" else "not breaching"
        return f"Threshold Crossed: {wanted} missing datapoints were treated as [{filled}]."
    listed = ", ".join(
        f"{value} ({datetime.fromtimestamp(at * period, UTC):%d/%m/%y %H:%M:%S})"
        for at, value in sorted(shown.items(), reverse=True)
    )
    verb = "were" if len(shown) > 1 else "was"
    text = {
        "GreaterThanOrEqualToThreshold": "greater than or equal to",
        "GreaterThanThreshold": "greater than",
        "LessThanThreshold": "less than",
        "LessThanOrEqualToThreshold": "less than or equal to",
    }[alarm["ComparisonOperator"]]
    least = needed if state == "ALARM" else wanted - needed + 1
    way = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(shown)} out of the last {wanted} datapoints [{listed}] {verb} "
        f"{'' if state == 'ALARM' else 'not '}{text} the threshold ({threshold}) "
        f"(minimum {least} datapoint{'s' if least > 1 else ''} for {way} transition)."
    )


def _reason_data(
    alarm: dict[str, Any], real: Series, now: float, period: float, grid: range, cloud_period: int
) -> dict[str, Any]:
    data: dict[str, Any] = {"version": "1.0", "queryDate": _stamp(now)}
    if real:
        data["startDate"] = _stamp(min(real) * period)
    if not alarm.get("Metrics"):
        data["statistic"] = _statistic(alarm)
        if alarm.get("Unit"):
            data["unit"] = alarm["Unit"]
    return data | {
        "period": cloud_period,
        "recentDatapoints": list(real.values()),
        "threshold": float(alarm["Threshold"]),
        "evaluatedDatapoints": [
            {"timestamp": _stamp(at * period), **({"value": real[at]} if at in real else {})} for at in reversed(grid)
        ],
    }


def _stamp(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _transition(alarm: dict[str, Any], state: str, reason: str, data: dict[str, Any]) -> None:
    before, now = alarm["StateValue"], time.time()
    _remember(alarm)
    alarm.update(
        StateValue=state,
        StateReason=reason,
        StateReasonData=json.dumps(data, separators=(",", ":")),
        StateUpdatedTimestamp=now,
        StateTransitionedTimestamp=now,
    )
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason, "MetricAlarm", data)
    _state_changed(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _remember(alarm: dict[str, Any]) -> None:
    _previous[alarm["AlarmArn"]] = _state_of(alarm)


def _state_of(alarm: dict[str, Any]) -> dict[str, Any]:
    state = {
        "value": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "timestamp": _stamp(float(alarm.get("StateUpdatedTimestamp") or time.time())),
    }
    if alarm.get("StateReasonData"):
        state["reasonData"] = alarm["StateReasonData"]
    return state


def _state_changed(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
    """Called after every change of state: ours, composite alarms' and SetAlarmState's."""
    arn = alarm["AlarmArn"]
    state = _state_of(alarm)
    previous = _previous.get(arn)
    if previous is None or previous["value"] != old_state:
        previous = {"value": old_state, "reason": "Unchecked: Initial alarm creation", "timestamp": state["timestamp"]}
    _previous[arn] = state
    detail = state_change(alarm, state, previous)
    # Actions and rules may take their time, and this may be the event loop's thread.
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(_tell, dict(alarm), detail, old_state, new_state, reason), daemon=True
    ).start()


def _tell(alarm: dict[str, Any], detail: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
    arn = alarm["AlarmArn"]
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [arn],
        "Detail": json.dumps(detail),
    }
    try:
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        _original_actions(alarm, old_state, new_state, reason)
        if not alarm.get("ActionsEnabled", True):
            return
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
        for action in alarm.get(field) or []:
            if action.startswith("arn:aws:lambda:"):
                eventbridge._dispatch_to_lambda(action, json.dumps(lambda_payload(arn, detail, get_region())))
            elif not action.startswith("arn:aws:sns:"):
                logger.error("alarm %s: action %s is not supported by the local cloud", alarm["AlarmName"], action)
    except Exception:
        logger.exception("alarm %s: its change to %s could not be reported", alarm["AlarmName"], new_state)
