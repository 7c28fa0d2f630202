"""SQS queues that remember what a topic or a rule sent, as the tests' ears."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from cli.stack import LocalStack


@dataclass(frozen=True)
class Alert:
    kind: str
    project: str
    subject: str
    message: str


class Ear:
    """A queue that is emptied into a list in the background. `policy_service` may send to it, from `source` only."""

    def __init__(self, stack: LocalStack, name: str, policy_service: str, source: str) -> None:
        # a client of its own: long polls must not take connections from the tests
        self._sqs = stack.client("sqs")
        self.url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = attributes["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": policy_service},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self._heard: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"ear-{name}", daemon=True)
        self._thread.start()

    def heard(self) -> list[dict[str, Any]]:
        """Message bodies so far, in order of arrival."""
        return list(self._heard)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _listen(self) -> None:
        while not self._stop.is_set():
            got = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                self._heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


class Inbox(Ear):
    """What a person who subscribed to the alert topic reads."""

    def __init__(self, stack: LocalStack) -> None:
        topic = stack.outputs["AlertTopicArn"]
        super().__init__(stack, "e2e-inbox", "sns.amazonaws.com", topic)
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn)

    def alerts(self) -> list[Alert]:
        return [_alert(body) for body in self.heard()]


class Arrivals(Ear):
    """S3's own events of raw/, as EventBridge hands them to the intake queue."""

    def __init__(self, stack: LocalStack) -> None:
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [stack.outputs["DataBucketName"]]}, "object": {"key": [{"prefix": "raw/"}]}},
        }
        events = stack.client("events")
        rule = events.put_rule(Name="e2e-arrivals", EventPattern=json.dumps(pattern))["RuleArn"]
        super().__init__(stack, "e2e-arrivals", "events.amazonaws.com", rule)
        events.put_targets(Rule="e2e-arrivals", Targets=[{"Id": "ear", "Arn": self.arn}])

    def of(self, key: str, version: str) -> list[dict[str, Any]]:
        wanted = (key, version)
        details = [(body, body["detail"]["object"]) for body in self.heard()]
        return [body for body, item in details if (item["key"], item.get("version-id")) == wanted]


def _alert(body: dict[str, Any]) -> Alert:
    attributes = {name: item["Value"] for name, item in body.get("MessageAttributes", {}).items()}
    # the pipeline's own health alarms reach the topic from CloudWatch, without our attributes
    kind, project = attributes.get("kind", "CloudWatch alarm"), attributes.get("project", "")
    return Alert(kind, project, body.get("Subject", ""), body["Message"])
