"""Reads the alert topic as a person's inbox would: through a subscription."""

from __future__ import annotations

import json
import threading
from typing import Any

from cli.demo.console import say
from cli.stack import LocalStack


class Inbox:
    """An SQS queue subscribed to the alert topic; prints alerts as they come and keeps them."""

    def __init__(self, stack: LocalStack) -> None:
        sqs, topic = stack.client("sqs"), stack.outputs["AlertTopicArn"]
        self._url = sqs.create_queue(QueueName="demo-inbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ],
        }
        sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._sqs = sqs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.alerts: list[dict[str, Any]] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def has(self, kind: str) -> bool:
        return any(alert["kind"] == kind for alert in self.alerts)

    def _read(self) -> None:
        while not self._stop.is_set():
            messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in messages.get("Messages", []):
                body = json.loads(message["Body"])
                attributes = {name: item["Value"] for name, item in body.get("MessageAttributes", {}).items()}
                kind = attributes.get("kind", "CloudWatch alarm")
                self.alerts.append({"kind": kind, "subject": body.get("Subject", ""), "message": body["Message"]})
                say(f"{kind}: {body.get('Subject', '')}", mark="✉")
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
