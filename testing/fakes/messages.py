"""SNS and the event bus: what was sent can be read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.errors import InputError
from sluice.ports import Json


@dataclass(frozen=True)
class Published:
    kind: str
    project: str
    subject: str
    message: str
    facts: Json


class FakeAlerts:
    """`subscribed`: email address → the projects whose alerts it gets."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.subscribed: dict[str, set[str]] = {}

    def publish(self, kind: str, project: str, subject: str, message: str, facts: Json | None = None) -> None:
        self.published.append(Published(kind, project, subject, message, json.loads(json.dumps(facts or {}))))

    def subscribe(self, project: str, addresses: Sequence[str]) -> None:
        for address in addresses:
            if "@" not in address:
                raise InputError(f"alerts.emails: SNS refuses {address!r}")
            self.subscribed.setdefault(address, set()).add(project)

    @property
    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.published]


class FakeEvents:
    """`put_events`: (detail type, detail) in the order of sending."""

    def __init__(self) -> None:
        self.put_events: list[tuple[str, Json]] = []

    def put(self, detail_type: str, detail: Json) -> None:
        self.put_events.append((detail_type, json.loads(json.dumps(detail))))
