"""People are told through SNS; subscriptions filter by the attributes `kind` and `project`."""

from __future__ import annotations

import json
import re
import unicodedata

from sluice.aws.clients import Clients, required
from sluice.ports import Json, Settings

_LONGEST = 240_000  # bytes; SNS takes 262,144 with the attributes


class SnsAlerts:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def publish(self, kind: str, project: str, subject: str, message: str, facts: Json | None = None) -> None:
        topic = required(self._settings, "topic_arn")
        text = message
        if facts:
            text += "\n\n" + json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
        encoded = text.encode()
        if len(encoded) > _LONGEST:
            text = encoded[:_LONGEST].decode(errors="ignore") + "\n… cut: longer than SNS allows"
        attributes = {"kind": kind, "project": project}
        self._clients("sns").publish(
            TopicArn=topic,
            Subject=clean_subject(subject),
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
        )


def clean_subject(subject: str) -> str:
    """What SNS accepts: at most 100 printable ASCII characters on one line, the first no space."""
    ascii_only = unicodedata.normalize("NFKD", subject).encode("ascii", "replace").decode()
    one_line = re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e]", " ", ascii_only)).strip()
    if len(one_line) > 100:
        one_line = one_line[:97].rstrip() + "..."
    return one_line or "Sluice"
