"""A file that arrives before its contract is registered, and events that no function takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from testing.line import Line, contract, wait_for
from tests.e2e.calls import delete_item

LATE = "late"
EMAIL, SECOND = "team@example.org", "boss@example.org"


def contract_overtaken(line: Line) -> dict[str, Any]:
    """A file is there before its contract is registered; people share an address."""
    line.put_contract(LATE, contract(LATE, alerts={"emails": [EMAIL]}))
    line.put_contract(f"{LATE}r", contract(f"{LATE}r", alerts={"emails": [EMAIL]}))
    line.put_contract(LATE, contract(LATE, alerts={"emails": [EMAIL, SECOND]}))
    # as it was before: nothing registered, nobody subscribed to the project
    sns, topic = line.stack.client("sns"), line.stack.outputs["AlertTopicArn"]
    subscriptions = {
        each["Endpoint"]: each["SubscriptionArn"]
        for each in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        if each["Protocol"] == "email"
    }
    if subscriptions[EMAIL].startswith("arn:"):
        policy = json.dumps({"project": [f"{LATE}r"]})
        sns.set_subscription_attributes(
            SubscriptionArn=subscriptions[EMAIL], AttributeName="FilterPolicy", AttributeValue=policy
        )
    if subscriptions[SECOND].startswith("arn:"):
        sns.unsubscribe(SubscriptionArn=subscriptions[SECOND])
    delete_item(line, f"PROJECT#{LATE}", "CONTRACT")
    delete_item(line, "PROJECTS", LATE)
    header = as_csv(Knobs(rows=1, seed=1)).splitlines(keepends=True)[0]
    record = line.record(LATE, "header.csv", line.drop(LATE, "header.csv", header))
    return {"record": record, "contract": line.ledger.contract(LATE)}


@pytest.mark.story.with_args(contract_overtaken)
def test_a_file_that_overtakes_its_contract_finds_it(story: dict[str, Any], line: Line) -> None:
    assert story["record"]["error"] == "EmptyFileError", "not UnknownProjectError"
    assert story["contract"] is not None
    assert line.kinds(LATE).count("Contract Registered") == 3


def undeliverable(line: Line) -> dict[str, Any]:
    """A rule whose function does not let it in, and an alarm of the pipeline itself."""
    events, sqs = line.stack.client("events"), line.stack.client("sqs")
    queue = line.resources["EventDeadLetterQueue"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions = line.aws("lambda")
    function = functions.get_function(FunctionName=line.resources["AwaitEndpointFunction"])["Configuration"]
    name = "sluice-e2e-undeliverable"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["sluice.e2e"]}))
    target = {"Id": "closed", "Arn": function["FunctionArn"], "DeadLetterConfig": {"Arn": arn}}
    events.put_targets(Rule=name, Targets=[target])
    events.put_events(Entries=[{"Source": "sluice.e2e", "DetailType": "Lost", "Detail": "{}"}])
    # as Lambda leaves what a function failed on three times
    key = "batch/undelivered/today.csv"
    arrived = {"bucket": {"name": line.bucket}, "object": {"key": key, "version-id": "v1", "size": 7}}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"detail-type": "Object Created", "detail": arrived}))

    def told(words: str) -> list[Any]:
        return [each for each in line.inbox.alerts() if words in each.subject + each.message]

    lost = wait_for(lambda: told("'Lost'"), "the alert about the undelivered event")
    file = wait_for(lambda: told(key), "the alert about the file that was given up")
    record = line.ledger.arrival(line.bucket, key, "v1")
    alarm = line.resources["RunFailedAlarm"]
    line.aws("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test rings it")
    wait_for(lambda: [a for a in line.inbox.alerts() if alarm in a.subject + a.message], "the alarm to be told")
    return {"lost": lost, "file": file, "record": record}


@pytest.mark.story.with_args(undeliverable)
def test_an_event_that_no_function_takes_is_reported_by_name(story: dict[str, Any]) -> None:
    (lost,) = story["lost"]
    assert lost.kind == "Event Given Up"
    assert "was neither delivered nor handled" in lost.message
    (file,) = story["file"]
    assert (file.kind, file.project) == ("Batch Failed", "undelivered")
    assert "Drop it again" in file.message
    assert story["record"]["status"] == "failed"
