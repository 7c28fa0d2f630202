"""Schedules fire at the compressed clock (ten times, here) and with their role's permissions only."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud, wait_for

from localcloud import lambda_runtime, schedules
from localcloud.schedules import next_time, payload_of

ANCHOR = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC).timestamp()
OFF = {"Mode": "OFF"}


def at(hour: int, minute: int, second: int = 0) -> float:
    return datetime(2026, 1, 1, hour, minute, second, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "last", "expected"),
    [
        ("rate(1 minute)", ANCHOR, at(12, 1, 30)),
        ("rate(1 minute)", at(12, 1, 45), at(12, 2, 30)),
        ("rate(5 minutes)", at(12, 31, 0), at(12, 35, 30)),
        ("rate(1 hour)", ANCHOR, at(13, 0, 30)),
        ("cron(0/15 * * * ? *)", ANCHOR, at(12, 15)),
        ("at(2026-01-01T14:00:00)", ANCHOR, at(14, 0)),
        ("at(2026-01-01T14:00:00)", at(14, 0), None),
        ("often", ANCHOR, None),
    ],
)
def test_when_a_schedule_is_due(expression: str, last: float, expected: float | None) -> None:
    assert next_time(expression, ANCHOR, last) == expected


def test_context_attributes_are_put_into_the_input() -> None:
    schedule = {"Arn": "arn:s", "Target": {"Input": '{"at": "<aws.scheduler.scheduled-time>", "n": 1}'}}
    assert payload_of(schedule, "0", "r", ANCHOR, "e") == '{"at": "2026-01-01T12:00:30Z", "n": 1}'
    default = json.loads(payload_of({"Arn": "arn:s", "Target": {}}, "0", "r", ANCHOR, "e"))
    assert (default["source"], default["resources"]) == ("aws.scheduler", ["arn:s"])


def queue(cloud: Cloud, name: str) -> tuple[str, str]:
    url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, attributes["Attributes"]["QueueArn"]


def receive(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    sqs = cloud.client("sqs")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.cloud
def test_a_schedule_calls_its_function_as_its_role(cloud: Cloud) -> None:
    out, out_arn = queue(cloud, "schedule-out")
    dead, dead_arn = queue(cloud, "schedule-dead")
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": out_arn}
    code = (
        "import boto3, json\ndef handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={out!r}, MessageBody=json.dumps(event))\n"
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", code)
    function = cloud.client("lambda").create_function(
        FunctionName="scheduled",
        Runtime="python3.13",
        Role=cloud.role("scheduled-function", "lambda.amazonaws.com", [send]),
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
    )["FunctionArn"]
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
    bury = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead_arn}
    may = cloud.role("schedule-may", "scheduler.amazonaws.com", [invoke])
    may_not = cloud.role("schedule-may-not", "scheduler.amazonaws.com", [bury])
    scheduler = cloud.client("scheduler")
    made = time.monotonic()
    for name, role, text in (("stopped", may, "stopped"), ("may", may, "shop"), ("may-not", may_not, "shop")):
        more = {"Input": json.dumps({"project": text}), "DeadLetterConfig": {"Arn": dead_arn}}
        target = {"Arn": function, "RoleArn": role, **more}
        scheduler.create_schedule(Name=name, ScheduleExpression="rate(1 minute)", FlexibleTimeWindow=OFF, Target=target)
    described = scheduler.get_schedule(Name="stopped")
    assert (described["State"], described["Target"]["RoleArn"]) == ("ENABLED", may)
    settings = {key: described[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(Name="stopped", State="DISABLED", **settings)
    (first,) = wait_for(lambda: receive(cloud, out), 15)
    assert time.monotonic() - made > 5.5, "the schedule fired before its first minute (six real seconds) was over"
    assert json.loads(first["Body"]) == {"project": "shop"}
    (buried,) = wait_for(lambda: receive(cloud, dead), 10)
    attributes = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "AccessDeniedException"
    assert attributes["TARGET_ARN"] == function
    scheduler.delete_schedule(Name="may-not")
    seen = wait_for(lambda: receive(cloud, out), 10)
    assert time.monotonic() - made < 20
    assert [json.loads(each["Body"]) for each in seen] == [{"project": "shop"}], "a disabled schedule fired"
    for name in ("may", "stopped"):
        scheduler.delete_schedule(Name=name)


@pytest.mark.cloud
def test_a_scheduled_rule_fires(cloud: Cloud) -> None:
    url, arn = cloud.event_queue("scheduled-rule")
    events = cloud.client("events")
    events.put_rule(Name="every-minute", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="every-minute", Targets=[{"Id": "queue", "Arn": arn, "Input": '{"tick": 1}'}])
    messages = wait_for(lambda: receive(cloud, url), 12)
    assert [json.loads(message["Body"]) for message in messages] == [{"tick": 1}]
    events.remove_targets(Rule="every-minute", Ids=["queue"])
    events.delete_rule(Name="every-minute")


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ScheduleExpression": "rate(1 fortnight)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Europe/Paris"}, "not supported by the local cloud"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "not supported by the local cloud"),
    ],
)
def test_a_schedule_that_would_never_fire_is_refused(cloud: Cloud, changes: dict[str, Any], words: str) -> None:
    target = {"Arn": "arn:aws:lambda:eu-west-1:000000000000:function:f", "RoleArn": "arn:aws:iam::000000000000:role/r"}
    request = {"Name": "bad", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": OFF, "Target": target}
    with pytest.raises(ClientError, match=words):
        cloud.client("scheduler").create_schedule(**{**request, **changes})


@pytest.mark.parametrize(("running", "fired"), [(2, 1), (3, 0)])
def test_a_function_that_cannot_keep_up_misses_a_time(
    monkeypatch: pytest.MonkeyPatch, running: int, fired: int
) -> None:
    submitted: list[Any] = []

    class Workers:
        def submit(self, *arguments: Any) -> None:
            submitted.append(arguments)

    monkeypatch.setattr(schedules, "_workers", Workers())
    monkeypatch.setitem(lambda_runtime._running, "watch", running)
    target = {"Arn": "arn:aws:lambda:eu-west-1:000000000000:function:watch"}
    schedules._fire(("000000000000", "eu-west-1", "s"), {"Name": "s", "Target": target}, 0.0)
    assert len(submitted) == fired
