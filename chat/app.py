"""Posts each alert of a Sluice stack to a chat: Slack, Microsoft Teams, or any chat that takes `{"text": …}`.

A stack of its own (template.yaml), so that nothing of it exists where nobody wants it. It needs Python's standard
library and the boto3 of Lambda's runtime. What cannot be posted raises: Lambda tries twice more, then the alert goes
to the dead-letter queue, whose alarm reaches the mail addresses of the topic.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

import boto3

MAX_CHARACTERS, MAX_LINES = 3_000, 60
"""Limits of a message. Slack advises at most 4,000 characters, and Teams refuses a card of more than 28 KB."""
SECONDS = 10
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TEAMS = ("office.com", "logic.azure.com", "powerplatform.com")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class ChatError(Exception):
    """An alert was not posted. The message has no part of the address but its host: the rest is a secret."""


def handler(event: dict[str, Any], context: object) -> None:
    """`event`: of SNS. Raises ChatError."""
    for record in event["Records"]:
        text = alert_text(record["Sns"].get("Subject"), record["Sns"]["Message"])
        try:
            post(address(), text)
        except ChatError:
            address.cache_clear()  # it may have been changed
            raise


@cache
def address() -> str:
    """The webhook, from the SecureString that WEBHOOK_PARAMETER names."""
    found = boto3.client("ssm").get_parameter(Name=os.environ["WEBHOOK_PARAMETER"], WithDecryption=True)
    return str(found["Parameter"]["Value"]).strip()


def alert_text(subject: str | None, message: str) -> str:
    """Subject and text of an alert without its facts, which are for programs; of CloudWatch's alarms, what they say.

    >>> alert_text("shop: r1 serves", 'It serves.\\nWhat was done: all.\\n\\n{"run_id": "r1"}')
    'shop: r1 serves\\nIt serves.\\nWhat was done: all.'
    """
    try:
        alarm = json.loads(message)
    except ValueError:
        alarm = None
    if isinstance(alarm, dict) and "AlarmName" in alarm:
        message = f"{alarm.get('AlarmDescription') or alarm['AlarmName']}\n{alarm.get('NewStateReason') or ''}"
    text = f"{subject or 'Sluice'}\n{message.partition(chr(10) * 2 + '{')[0]}".strip()
    kept = "\n".join(text.splitlines()[:MAX_LINES])[:MAX_CHARACTERS]
    left = len(text) - len(kept)
    return f"{kept}\n… {left} more characters: see the mail of this alert" if left else kept


def post(where: str, text: str) -> None:
    """Raises ChatError unless the chat answers with 2xx. Redirections are not followed: the address is a secret."""
    place = urlsplit(where)
    host = place.hostname or ""
    connection = _connection(place)
    body = json.dumps(_form(host)(text), ensure_ascii=False).encode()
    try:
        target = f"{place.path or '/'}{'?' + place.query if place.query else ''}"
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise ChatError(f"{host} did not answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise ChatError(f"{host} answered {status}")


def _connection(place: SplitResult) -> HTTPConnection:
    if place.scheme == "https" and place.hostname:
        return HTTPSConnection(place.hostname, place.port, timeout=SECONDS)
    if place.scheme == "http" and place.hostname in _LOOPBACK:
        return HTTPConnection(place.hostname, place.port, timeout=SECONDS)
    raise ChatError("the address of the webhook does not begin with https://")


def _form(host: str) -> Callable[[str], dict[str, Any]]:
    return teams if host.endswith(_TEAMS) else slack


def slack(text: str) -> dict[str, Any]:
    """With Slack's three escapes, so that a file's name is no mention, no channel and no link; nothing is unfurled."""
    return {"text": text.translate(_ESCAPES), "unfurl_links": False, "unfurl_media": False}


def teams(text: str) -> dict[str, Any]:
    """An Adaptive Card. A TextRun knows no Markdown, so a file's name is no link; the subject is in bold."""
    first, *others = text.splitlines()
    runs = [{"type": "TextRun", "text": first, "weight": "Bolder"}]
    runs += [{"type": "TextRun", "text": line} for line in others]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": [run]} for run in runs],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }
