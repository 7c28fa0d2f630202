"""Alerts reach people through SNS; subscriptions filter by the attributes `kind` and `project`.

The text says what happened and why, on which evidence; then what Sluice did, what to do with its command, and the
facts as JSON.

Names of strangers' files and columns come along: what would act or hide in a mail client or a terminal is written as
an escape, in the body, in the facts and in the attributes. SNS refuses control characters anyway.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code, required
from sluice.aws.closing_lines import closing_lines
from sluice.errors import InputError
from sluice.escaping import visible, visible_json, visible_lines
from sluice.ports import Json, Settings

_MAX_MESSAGE_BYTES = 240_000  # bytes; SNS takes 262,144 with the attributes


class SnsAlerts:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def publish(self, kind: str, project: str, subject: str, message: str, facts: Json | None = None) -> None:
        topic = required(self._settings, "topic_arn")
        text = visible_lines(f"{message}\n{closing_lines(kind, project, facts)}")
        if facts:
            text += "\n\n" + visible_json(facts)
        encoded = text.encode()
        if len(encoded) > _MAX_MESSAGE_BYTES:
            text = encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "\n… truncated: SNS allows no longer messages"
        attributes = {"kind": kind, "project": project}
        self._sns.publish(
            TopicArn=topic,
            Subject=clean_subject(subject),
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": visible(value)}
                for name, value in attributes.items()
                if value
            },
        )

    def subscribe(self, project: str, addresses: Sequence[str]) -> None:
        wanted = list(dict.fromkeys(addresses))
        if not wanted:
            return
        topic = required(self._settings, "topic_arn")
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        known = {
            item["Endpoint"]: item["SubscriptionArn"]
            for page in pages
            for item in page["Subscriptions"]
            if item["Protocol"] == "email" and item["SubscriptionArn"] != "Deleted"
        }
        for address in wanted:
            if address in known:
                self._add_project(topic, address, known[address], project)
            else:
                self._subscribe(topic, address, FilterPolicy=json.dumps({"project": [project]}))

    def _add_project(self, topic: str, address: str, arn: str, project: str) -> None:
        """An address has one subscription to a topic, so the projects of several contracts share its filter."""
        if not arn.startswith("arn:"):
            # the list hides the ARN until the address confirms; subscribing again returns it (and reminds by mail)
            arn = self._subscribe(topic, address)
        attributes = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        policy = json.loads(attributes.get("FilterPolicy") or "{}")
        projects = policy.get("project")
        if projects is None or project in projects:
            return  # without a filter by project it gets these alerts already
        policy["project"] = sorted([*projects, project], key=str)
        self._sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=json.dumps(policy)
        )

    def _subscribe(self, topic: str, address: str, **attributes: str) -> str:
        try:
            answer = self._sns.subscribe(
                TopicArn=topic,
                Protocol="email",
                Endpoint=address,
                ReturnSubscriptionArn=True,
                **({"Attributes": attributes} if attributes else {}),
            )
        except ClientError as error:
            if code(error) in ("InvalidParameter", "InvalidParameterException"):
                raise InputError(
                    f"alerts.emails: SNS refuses {address!r}: {error.response['Error']['Message']}"
                ) from error
            raise
        return str(answer["SubscriptionArn"])

    @property
    def _sns(self) -> Any:
        return self._clients("sns")


def clean_subject(subject: str) -> str:
    """What SNS accepts: at most 100 printable ASCII characters on one line, the first no space."""
    ascii_only = unicodedata.normalize("NFKD", subject).encode("ascii", "replace").decode()
    one_line = re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e]", " ", ascii_only)).strip()
    if len(one_line) > 100:
        one_line = one_line[:97].rstrip() + "..."
    return one_line or "Sluice"
