"""Captured requests that are made while they are read: a million of them need no disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.reference import reference_profile
from sluice.model.schema import Schema
from sluice.ports import StoredObject
from sluice.records.baseline import Baseline

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLACE = "capture/bench/endpoint/v-r1"
IN_A_FILE = 10_000
NUMBERS, INTEGERS, CATEGORIES, BOOLEANS = 10, 5, 3, 2
_MARK = b"@@@@@@"


def contract() -> Contract:
    columns: dict[str, Any] = {"id": {"type": "text"}, "bought": {"type": "boolean"}}
    columns |= {f"number{i}": {"type": "number"} for i in range(NUMBERS)}
    columns |= {f"integer{i}": {"type": "integer"} for i in range(INTEGERS)}
    columns |= {f"category{i}": {"type": "category"} for i in range(CATEGORIES)}
    columns |= {f"boolean{i}": {"type": "boolean"} for i in range(BOOLEANS)}
    return Contract.model_validate(
        {
            "project": "bench",
            "problem": {"type": "binary", "target": "bought", "positive": True},
            "data": {"key": ["id"], "columns": columns},
        }
    )


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of 20 features; one of 50 values is missing."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {}
    for i in range(NUMBERS):
        columns[f"number{i}"] = np.round(random.lognormal(3, 1, count), 3).tolist()
    for i in range(INTEGERS):
        columns[f"integer{i}"] = random.poisson(4 + i, count).tolist()
    for i in range(CATEGORIES):
        columns[f"category{i}"] = [f"value {n}" for n in random.zipf(1.7, count).clip(max=40).tolist()]
    for i in range(BOOLEANS):
        columns[f"boolean{i}"] = (random.random(count) < 0.3).tolist()
    gone = random.random((count, len(columns))) < 0.02
    names = list(columns)
    return [{name: None if gone[at, k] else columns[name][at] for k, name in enumerate(names)} for at in range(count)]


def baseline() -> Baseline:
    shape = contract()
    schema = Schema.from_contract(shape.model_dump(mode="json"))
    typed = [schema.typed_json(row) for row in rows(5_000, 1)]
    return Baseline.of(reference_profile(schema, typed, np.random.default_rng(2).random(5_000)), "the bench")


def file_of_requests(seed: int = 3) -> bytes:
    """A capture file; MARK stands for its number in the ids of its events and requests."""
    random = np.random.default_rng(seed)
    lines = []
    for number, row in enumerate(rows(IN_A_FILE, seed)):
        score = round(float(random.random()), 6)
        answer = {"predictions": [{"prediction": score > 0.5, "probability": score}], "model": "r1"}
        data = {
            "endpointInput": {
                "observedContentType": "application/json",
                "mode": "INPUT",
                "data": json.dumps(row),
                "encoding": "JSON",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": json.dumps(answer),
                "encoding": "JSON",
            },
        }
        meta = {"eventId": f"event-{_MARK.decode()}-{number}", "inferenceId": f"request-{_MARK.decode()}-{number}"}
        meta["inferenceTime"] = f"2026-11-22T12:{number % 60:02}:{number // 60 % 60:02}Z"
        lines.append(json.dumps({"captureData": data, "eventMetadata": meta, "eventVersion": "0"}))
    return "\n".join(lines).encode()


class Files:
    """A bucket with `count` capture files of one hour, each with IN_A_FILE requests, and with what is written to it."""

    bucket = "bench"

    def __init__(self, count: int) -> None:
        self.count, self._body = count, file_of_requests()
        self.written: dict[str, bytes] = {}

    def list(self, prefix: str) -> list[StoredObject]:
        if prefix.startswith("capture/"):
            keys = [f"{PLACE}/2026/11/22/12/{at:06}.jsonl" for at in range(self.count)]
            return [StoredObject(key, len(self._body), START, etag=key[-12:-6]) for key in keys]
        return [StoredObject(key, len(body), START) for key, body in self.written.items() if key.startswith(prefix)]

    def read(self, key: str, version_id: str | None = None) -> bytes:
        if key in self.written:
            return self.written[key]
        return self._body.replace(_MARK, key[-12:-6].encode())

    def write(self, key: str, body: bytes, content_type: str = "") -> None:
        self.written[key] = body
