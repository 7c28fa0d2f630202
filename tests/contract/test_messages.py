"""Alerts, events, executions, schedules."""

from __future__ import annotations

import json
import re
import unicodedata

import boto3
import pytest

from sluice.aws.alerts import clean_subject
from sluice.aws.closing_lines import closing_lines
from sluice.bootstrap import World
from tests.browser import hostile


def test_alerts_and_events_are_sent(world: World) -> None:
    world.alerts.publish("Model Promoted", "shop", "Größe: r1 → production\n" + "x" * 200, "text", {"rows": 3})
    world.alerts.publish("Dataset Failed", "", "no project", "text")
    world.events.put("Dataset Accepted", {"project": "shop", "rows": 3})


def test_an_alert_arrives_with_text_facts_and_attributes(aws: World) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(
        TopicArn=aws.settings.topic_arn,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"kind": ["Model Promoted"], "project": ["shop"]})},
    )
    aws.alerts.publish("Model Promoted", "shop", "r1 → production", "It serves.", {"rows": 3})
    aws.alerts.publish("Model Promoted", "bank", "other", "Not for this listener.")
    [message] = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    notification = json.loads(message["Body"])
    text, _, facts = notification["Message"].partition("\n\n")
    assert (notification["Subject"], json.loads(facts)) == ("r1 ? production", {"rows": 3})
    assert text == f"It serves.\n{closing_lines('Model Promoted', 'shop')}"
    assert "`sluice rollback shop --reason TEXT`" in text.splitlines()[-1]


def test_addresses_are_subscribed_once_however_often_it_is_asked(world: World) -> None:
    for project in ("shop", "shop", "bank"):
        world.alerts.subscribe(project, ["anna@example.com", "anna@example.com"])
    world.alerts.subscribe("shop", [])


def test_an_address_gets_the_alerts_of_its_projects_and_keeps_what_it_had(aws: World) -> None:
    sns, topic = boto3.client("sns"), aws.settings.topic_arn
    everything = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="boss@example.com")["SubscriptionArn"]
    aws.alerts.subscribe("shop", ["boss@example.com", "anna@example.com"])
    aws.alerts.subscribe("bank", ["anna@example.com"])
    aws.alerts.subscribe("bank", ["anna@example.com"])
    found = {item["Endpoint"]: item for item in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]}
    assert found.keys() == {"boss@example.com", "anna@example.com"}
    assert {item["Protocol"] for item in found.values()} == {"email"}
    anna = sns.get_subscription_attributes(SubscriptionArn=found["anna@example.com"]["SubscriptionArn"])["Attributes"]
    assert json.loads(anna["FilterPolicy"]) == {"project": ["bank", "shop"]}
    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=everything)["Attributes"]


@pytest.mark.parametrize(
    ("subject", "clean"),
    [
        ("drop\n→\tx", "drop ? x"),
        ("  a  b ", "a b"),
        ("x" * 101, "x" * 97 + "..."),
        ("\n", "Sluice"),
    ],
)
def test_a_subject_is_what_sns_takes(subject: str, clean: str) -> None:
    cleaned = clean_subject(subject)
    assert len(cleaned) <= 100
    assert cleaned.isascii()
    assert cleaned == clean


def test_an_execution_is_started_once(world: World) -> None:
    machine = world.settings.lifecycle_arn
    first = world.executions.start(machine, "shop-r1", {"project": "shop"})
    assert first == f"{machine.replace(':stateMachine:', ':execution:')}:shop-r1"
    assert world.executions.start(machine, "shop-r1", {"project": "other"}) == first
    assert world.executions.start(machine, "shop-r2", {}) != first


def test_schedules_are_made_changed_and_deleted(world: World) -> None:
    target = world.settings.monitor_function_arn
    world.schedules.ensure("sluice-shop-monitor", "rate(60 minutes)", target, {"project": "shop"})
    world.schedules.ensure("sluice-shop-monitor", "rate(5 minutes)", target, {"project": "shop"})
    world.schedules.delete("sluice-shop-monitor")
    world.schedules.delete("sluice-shop-monitor")


def test_a_schedule_calls_its_function_with_its_payload(aws: World) -> None:
    target = aws.settings.monitor_function_arn
    for every in (60, 5):
        aws.schedules.ensure("sluice-shop-monitor", f"rate({every} minutes)", target, {"project": "shop"})
    found = boto3.client("scheduler").get_schedule(Name="sluice-shop-monitor")
    assert (found["ScheduleExpression"], found["State"]) == ("rate(5 minutes)", "ENABLED")
    assert found["Target"]["RoleArn"] == aws.settings.scheduler_role_arn
    assert json.loads(found["Target"]["Input"]) == {"project": "shop"}


def test_hostile_names_arrive_as_text_that_does_nothing(aws: World) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="hostile")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=aws.settings.topic_arn, Protocol="sqs", Endpoint=arn)
    strings = hostile.strings("stranger.example")
    for text in strings:
        aws.alerts.publish("Dataset Failed", text, f"{text}: refused", f"{text}: refused", {"key": text})
    seen = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            seen.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert len(seen) == len(strings)
    for notification in seen:
        assert re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{0,99}", notification["Subject"])
        shown = notification["Message"] + notification["MessageAttributes"]["project"]["Value"]
        assert [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"] == []
        text, _, facts = notification["Message"].rpartition("\n\n{")
        assert json.loads("{" + facts)["key"] in strings
