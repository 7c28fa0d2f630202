"""EventBridge Scheduler and scheduled rules at the compressed clock; a schedule's target is called as its role.

Each schedule has a clock of its own that reads real time when it was made (or changed) and then runs `speed` times as
fast; `rate`, `cron`, `at` and the start and end dates are read against it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region, new_uuid, set_request_account_id, set_request_region
from ministack.services import eventbridge, scheduler

from localcloud import identity, lambda_runtime
from localcloud.clock import Stop, cloud_seconds
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.schedules")

TICK_SECONDS = 0.2
RETRIES = 2
MAX_AT_ONCE = 3
SESSION = "Scheduler"
TARGETS = ("lambda", "sqs", "sns", "states")
Key = tuple[str, str, str]

_stop = Stop()
_thread: threading.Thread | None = None
_workers: ThreadPoolExecutor | None = None
_clocks: dict[tuple[str, Key], tuple[tuple[Any, ...], float, float]] = {}
_create_schedule = scheduler._create_schedule
_update_schedule = scheduler._update_schedule


def install(settings: Settings) -> None:
    """Takes over the firing of schedules and scheduled rules."""
    global _stop, _thread, _workers
    scheduler._tick_schedules = lambda: None
    eventbridge._tick_scheduled_rules = lambda: None
    scheduler._create_schedule = lambda name, body: _refusal(body) or _create_schedule(name, body)
    scheduler._update_schedule = lambda name, body: _refusal(body) or _update_schedule(name, body)
    _stop = Stop()
    _workers = ThreadPoolExecutor(4, thread_name_prefix="schedule-target")
    _thread = threading.Thread(target=_loop, args=(_stop,), name="schedules", daemon=True)
    _thread.start()


def shutdown() -> None:
    """Ends the ticker; targets that are being called are not waited for."""
    _stop.set()
    if _thread is not None:
        _thread.join(timeout=5)
    if _workers is not None:
        _workers.shutdown(wait=False, cancel_futures=True)


def _refusal(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
    """The answer to a schedule that would never fire here, or None."""
    expression, target = str(body.get("ScheduleExpression", "")), body.get("Target") or {}
    if expression and not _is_expression(expression):
        return scheduler._error(400, "ValidationException", f"Invalid Schedule Expression {expression}.")
    zone = body.get("ScheduleExpressionTimezone") or "UTC"
    if zone not in ("UTC", "Etc/UTC"):
        return _unsupported(f"ScheduleExpressionTimezone {zone!r}")
    if (body.get("FlexibleTimeWindow") or {}).get("Mode", "OFF") != "OFF":
        return _unsupported("FlexibleTimeWindow.Mode FLEXIBLE")
    parts = str(target.get("Arn", "")).split(":")
    if target.get("Arn") and (len(parts) < 6 or parts[2] not in TARGETS):
        return _unsupported(f"Target.Arn {target['Arn']!r} (known: {', '.join(TARGETS)})")
    return None


def _unsupported(what: str) -> tuple[int, dict[str, str], bytes]:
    return scheduler._error(400, "ValidationException", f"{what} is not supported by the local cloud")


def _is_expression(expression: str) -> bool:
    parsers = (scheduler._at_time_epoch, eventbridge._parse_rate_seconds, eventbridge._parse_cron_fields)
    return any(parser(expression) is not None for parser in parsers)


def next_time(expression: str, anchor: float, last: float) -> float | None:
    """When, on the schedule's clock (epoch seconds), it is due after `last`; `anchor` is when the clock began.

    None: never again, or not an expression.
    """
    at = scheduler._at_time_epoch(expression)
    if at is not None:
        return at if last < at or last == anchor else None
    interval = eventbridge._parse_rate_seconds(expression)
    if interval:
        return anchor + interval * (int((last - anchor) // interval) + 1)
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return None
    due = eventbridge._cron_next_fire(fields, datetime.fromtimestamp(last, UTC))
    return due.timestamp() if due else None


def _loop(stop: Stop) -> None:
    while not stop.wait(TICK_SECONDS):
        for kind, store, fire in (("schedule", scheduler._schedules, _fire), ("rule", eventbridge._rules, _fire_rule)):
            for key, item in list(store._data.items()):
                try:
                    _tick(kind, key, item, fire)
                except Exception:
                    logger.exception("%s %s cannot be fired", kind, key[2])


def _tick(kind: str, key: Key, item: dict[str, Any], fire: Any) -> None:
    expression = item.get("ScheduleExpression") or ""
    if not expression or item.get("State") != "ENABLED":
        _clocks.pop((kind, key), None)
        return
    made = float(item.get("LastModificationDate") or item.get("CreationTime") or time.time())
    version = (expression, item.get("LastModificationDate"), item.get("Arn"))
    known = _clocks.get((kind, key))
    if known is None or known[0] != version:
        known = (version, made, made)
        _clocks[(kind, key)] = known
    _, anchor, last = known
    now = anchor + cloud_seconds(time.time() - anchor)
    start, end = scheduler._to_epoch(item.get("StartDate")), scheduler._to_epoch(item.get("EndDate"))
    if start is not None and now < start:
        return
    due = next_time(expression, anchor, last)
    over = end is not None and now > end
    if due is None or over:
        if item.get("ActionAfterCompletion") == "DELETE" and (over or last > anchor):
            scheduler._schedules._data.pop(key, None)
        return
    if now < due:
        return
    _clocks[(kind, key)] = (version, anchor, now)
    fire(key, item, due)


@contextmanager
def _scope(account: str, region: str) -> Iterator[None]:
    before = get_account_id(), get_region()
    set_request_account_id(account)
    set_request_region(region)
    try:
        yield
    finally:
        set_request_account_id(before[0])
        set_request_region(before[1])


def _fire_rule(key: Key, rule: dict[str, Any], due: float) -> None:
    account, region, _ = key
    with _scope(account, region):
        event = {
            "EventId": new_uuid(),
            "Source": "aws.events",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "EventBusName": rule.get("EventBusName", "default"),
            "Time": int(due),
            "Resources": [rule.get("Arn", "")],
            "Account": account,
            "Region": region,
        }
        for target in list(eventbridge._targets._data.get(key, [])):
            eventbridge._invoke_target(target, event, rule)


def _fire(key: Key, schedule: dict[str, Any], due: float) -> None:
    arn = str(schedule["Target"]["Arn"])
    if ":function:" in arn and lambda_runtime.running(arn.split(":")[6]) >= MAX_AT_ONCE:
        logger.warning(
            "schedule %s skips a call: %s executions of its function are running", schedule["Name"], MAX_AT_ONCE
        )
        return
    if _workers is not None and not _stop.is_set:
        _workers.submit(_call_target, key[0], key[1], dict(schedule), due)


def payload_of(schedule: dict[str, Any], account: str, region: str, due: float, execution: str) -> str:
    """What the target gets: the schedule's Input with its context attributes, or AWS's default event."""
    moment = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = schedule["Target"].get("Input")
    if text is None:
        event = {
            "version": "0",
            "id": execution,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account,
            "time": moment,
            "region": region,
            "resources": [schedule["Arn"]],
            "detail": "{}",
        }
        return json.dumps(event)
    values = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": moment,
        "execution-id": execution,
        "attempt-number": "1",
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return str(text)


def _call_target(account: str, region: str, schedule: dict[str, Any], due: float) -> None:
    execution = new_uuid()
    target = schedule["Target"]
    text = payload_of(schedule, account, region, due, execution)
    allowed = min(int((target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185)), RETRIES)
    for attempt in range(allowed + 1):
        try:
            _send(target, text)
            return
        except (ClientError, BotoCoreError) as error:
            response = getattr(error, "response", {})
            code = response.get("Error", {}).get("Code", type(error).__name__)
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            logger.warning("schedule %s: %s: %s", schedule["Name"], code, error)
            if attempt == allowed or (400 <= status < 500 and status != 429) or _stop.wait(0.5 * 2**attempt):
                _bury(schedule, text, code, str(error), execution, attempt)
                return


def _send(target: dict[str, Any], text: str) -> None:
    """Calls the target with the schedule's role, so that IAM decides. Raises ClientError."""
    arn, role = target["Arn"], target["RoleArn"]
    service = arn.split(":")[2]
    if service == "lambda":
        identity.client("lambda", role, SESSION).invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
    elif service == "states":
        identity.client("stepfunctions", role, SESSION).start_execution(stateMachineArn=arn, input=text)
    elif service == "sns":
        identity.client("sns", role, SESSION).publish(TopicArn=arn, Message=text)
    else:
        group = (target.get("SqsParameters") or {}).get("MessageGroupId")
        extra = {"MessageGroupId": group} if group else {}
        identity.client("sqs", role, SESSION).send_message(QueueUrl=_queue_url(arn), MessageBody=text, **extra)


def _queue_url(arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return f"{Settings.current().endpoint}/{account}/{name}"


def _bury(schedule: dict[str, Any], text: str, code: str, message: str, execution: str, retries: int) -> None:
    """Sends what could not be delivered to the dead-letter queue, with the schedule's role, as AWS does."""
    target = schedule["Target"]
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        logger.error(
            "schedule %s: %s could not be called (%s), and it has no dead-letter queue",
            schedule["Name"],
            target["Arn"],
            code,
        )
        return
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "EXECUTION_ID": execution,
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    try:
        identity.client("sqs", target["RoleArn"], SESSION).send_message(
            QueueUrl=_queue_url(queue),
            MessageBody=text,
            MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        )
    except (ClientError, BotoCoreError) as error:
        logger.error("schedule %s: its dead-letter queue %s refuses: %s", schedule["Name"], queue, error)
