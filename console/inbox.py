"""A queue of the console's own that is subscribed to the alert topic while the console runs.

On a local cloud it is made without asking. On AWS it is a resource in an account, so `--listen` asks for it; it is
deleted when the console ends, and has the console's name if that could not be done.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console.source import Source
from sluice.ports import Json

MOST = 500
NOT_ASKED = "SNS keeps no message. Start the console with --listen to hear the alerts from then on."


class Inbox:
    """Alerts as they come, oldest first; the newest MOST of them."""

    def __init__(self, source: Source, *, wanted: bool) -> None:
        self._source = source
        self._heard: list[Json] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._queue = self._subscription = ""
        self._thread: threading.Thread | None = None
        self.why_not = "" if wanted else NOT_ASKED
        if wanted:
            try:
                self._subscribe()
            except (ClientError, BotoCoreError) as error:
                self.why_not = f"the console could not subscribe a queue to the alerts: {error}"
                self.end()

    @property
    def listens(self) -> bool:
        return self._thread is not None and not self._ended.is_set()

    def alerts(self) -> list[Json]:
        with self._lock:
            return list(self._heard)

    def end(self) -> None:
        """Takes subscription and queue away again."""
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=8)
        with contextlib.suppress(ClientError, BotoCoreError):
            if self._subscription:
                self._source.client("sns").unsubscribe(SubscriptionArn=self._subscription)
        with contextlib.suppress(ClientError, BotoCoreError):
            if self._queue:
                self._source.client("sqs").delete_queue(QueueUrl=self._queue)
        self._subscription = self._queue = ""

    def _subscribe(self) -> None:
        sqs, topic = self._source.client("sqs"), self._source.world.settings.topic_arn
        self._queue = sqs.create_queue(QueueName=f"{self._source.stack}-console-{secrets.token_hex(4)}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        answer = self._source.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
        )
        self._subscription = answer["SubscriptionArn"]
        self._thread = threading.Thread(target=self._listen, name="console-inbox", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        sqs = self._source.client("sqs")
        while not self._ended.is_set():
            try:
                got = sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
                for message in got.get("Messages", []):
                    self.take(message["Body"])
                    sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            except (ClientError, BotoCoreError) as error:
                self.why_not = f"the queue cannot be read: {error}"
                self._ended.wait(5)

    def take(self, body: str) -> None:
        """A message of SNS as SQS hands it over; what is none of them is left out and counted as such."""
        try:
            told: Any = json.loads(body)
            attributes = {name: str(item["Value"]) for name, item in (told.get("MessageAttributes") or {}).items()}
            alert = {
                "kind": attributes.get("kind", "CloudWatch alarm"),
                "project": attributes.get("project", ""),
                "subject": str(told.get("Subject") or ""),
                "message": str(told["Message"]),
                "at": str(told.get("Timestamp") or datetime.now(UTC).isoformat()),
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            alert = {
                "kind": "unreadable",
                "project": "",
                "subject": "A message that is not an alert",
                "message": body[:2_000],
                "at": datetime.now(UTC).isoformat(),
            }
        with self._lock:
            self._heard = [*self._heard, alert][-MOST:]
