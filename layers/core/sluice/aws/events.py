"""The stack's own event bus."""

from __future__ import annotations

import json

from sluice.aws.clients import Clients, required
from sluice.errors import SluiceError
from sluice.ports import Json, Settings


class BusEvents:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def put(self, detail_type: str, detail: Json) -> None:
        """Raises SluiceError when the bus refuses the entry: PutEvents answers 200 even then."""
        bus = required(self._settings, "bus")
        entry = {
            "Source": "sluice",
            "DetailType": detail_type,
            "Detail": json.dumps(detail, allow_nan=False),
            "EventBusName": bus,
        }
        answer = self._clients("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            refusal = answer["Entries"][0]
            raise SluiceError(
                f"event {detail_type!r} was refused by bus {bus}: "
                f"{refusal.get('ErrorCode')}: {refusal.get('ErrorMessage')}"
            )
