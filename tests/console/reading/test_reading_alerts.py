"""The read model of alerts: what the console's own queue has heard, beside what is recorded."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta

from console.inbox import Inbox
from console.reading import alerts
from console.source import Source
from tests.console import recorded


def test_the_inbox_has_what_was_heard_and_what_is_recorded(source: Source):
    inbox = Inbox(source, wanted=False)
    sns = {"Subject": "shop: hello", "Message": "text", "Timestamp": "2026-11-29T12:00:00Z",
           "MessageAttributes": {"kind": {"Value": "Model Promoted"}, "project": {"Value": "shop"}}}  # fmt: skip
    inbox.take(json.dumps(sns))
    inbox.take("not JSON")
    found = alerts.read(source, inbox, "shop")
    assert [each["subject"] for each in found["heard"]] == ["shop: hello"]
    assert [each["kind"] for each in alerts.read(source, inbox)["heard"]] == ["unreadable", "Model Promoted"]
    assert not found["listens"]
    assert "--listen" in found["why_not"]
    kinds = {each["kind"] for each in found["records"]}
    assert kinds >= {"Model Promoted", "Model Rolled Back", "Dataset Accepted", "Retraining Started"}
    assert [each["at"] for each in found["records"]] == sorted((each["at"] for each in found["records"]), reverse=True)


def test_what_was_heard_is_not_shown_among_the_records_again(source: Source):
    before = [each for each in alerts.read(source, None, "shop")["records"] if each["kind"] == "Model Promoted"]
    inbox = Inbox(source, wanted=False)
    at = (datetime.fromisoformat(before[0]["at"]) + timedelta(seconds=2)).isoformat()
    named = {"kind": {"Value": "Model Promoted"}, "project": {"Value": "shop"}}
    inbox.take(json.dumps({"Subject": "s", "Message": "m", "Timestamp": at, "MessageAttributes": named}))
    found = alerts.read(source, inbox, "shop")["records"]
    assert [each for each in found if each["kind"] == "Model Promoted"] == before[1:]


def test_the_console_s_queue_hears_alerts_and_goes_with_it():
    stack = recorded.stack()
    own = Source(stack)
    stack.clients.messages = [json.dumps({"Subject": f"{n}", "Message": "m"}) for n in range(3)]
    inbox = Inbox(own, wanted=True)
    deadline = time.monotonic() + 10
    while len(inbox.alerts()) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [each["subject"] for each in inbox.alerts()] == ["0", "1", "2"]
    assert inbox.listens
    inbox.end()
    asked = [name for name, _ in stack.clients.asked]
    assert asked.count("delete_message") == 3
    assert asked[-2:] == ["unsubscribe", "delete_queue"]
    assert not inbox.listens
    policy = next(told for name, told in stack.clients.asked if name == "set_queue_attributes")["Attributes"]["Policy"]
    assert own.world.settings.topic_arn in policy


def test_without_the_right_to_make_a_queue_the_pages_work_and_say_so():
    stack = recorded.stack()
    stack.clients.denied = {"create_queue"}
    inbox = Inbox(Source(stack), wanted=True)
    assert not inbox.listens
    assert "AccessDenied" in alerts.read(Source(stack), inbox)["why_not"]
