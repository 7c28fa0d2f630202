"""Sends a file through Sluice as its function would: a contract is registered, the file arrives, a record results."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow.parquet as pq
import yaml

from sluice import keys
from sluice.steps.register_project import register_project
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import world

PROJECT = "messy"
FILE_KEYS = {
    name: name for name in ("encoding", "delimiter", "quote", "escape", "header", "skip", "line_end", "flatten")
}
"""How the contract names each setting of a dialect, under `data.file`; what it cannot name is missing here."""


class NoSuchSettingError(Exception):
    """The contract has no key for this setting."""


@dataclass(frozen=True)
class Answer:
    record: dict[str, Any]
    rows: dict[int, dict[str, Any]]
    """Accepted rows by the line on which each begins."""
    refused: list[int]
    """The lines of quarantined rows."""
    seconds: float

    @property
    def accepted(self) -> bool:
        return self.record["status"] == "accepted"

    @property
    def message(self) -> str:
        return " ".join([str(self.record.get("message", "")), json.dumps(self.record.get("reasons", []))])


def contract(columns: dict[str, Any], settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every column may be missing, and a file may have any share of bad rows. Raises NoSuchSettingError."""
    data: dict[str, Any] = {"columns": columns, "expectations": {"max_invalid_rows": 1.0}}
    for name, value in (settings or {}).items():
        if name not in FILE_KEYS:
            raise NoSuchSettingError(name)
        data.setdefault("file", {})[FILE_KEYS[name]] = value
    return {"project": PROJECT, "problem": {"type": "clustering"}, "data": data}


@lru_cache(maxsize=64)
def _registered(text: str) -> tuple[dict[str, Any], str]:
    """The contract as the ledger keeps it, and its version. Raises NoSuchSettingError."""
    at = world()
    key = f"projects/{PROJECT}/project.yaml"
    at.objects.write(key, text.encode())
    answer = at.call(register_project, key, at.objects.version(key))
    if answer["status"] == "refused":
        raise NoSuchSettingError(answer["message"])
    registered = at.ledger.contract(PROJECT)
    assert registered is not None
    return registered


def deliver(body: bytes, name: str, rules: dict[str, Any]) -> Answer:
    """Raises what the function would raise: nothing, if Sluice is right."""
    at = world()
    at.ledger.save_contract(PROJECT, *_registered(yaml.safe_dump(rules, allow_unicode=True, sort_keys=False)))
    key = f"raw/{PROJECT}/{name}"
    at.objects.write(key, body)
    started = time.process_time()
    record = at.call(validate_dataset, "data", key, at.objects.version(key), len(body))
    seconds = time.process_time() - started
    dataset, rows, refused = record["dataset_id"], {}, []
    for part in sorted(stored.key for stored in at.objects.list(keys.accepted(PROJECT, dataset))):
        for row in pq.read_table(io.BytesIO(at.objects.read(part)), use_threads=False, pre_buffer=False).to_pylist():
            rows[row["_row"]] = row
    if at.objects.exists(keys.quarantined_rows(PROJECT, dataset)):
        lines = at.objects.read(keys.quarantined_rows(PROJECT, dataset)).decode().splitlines()
        refused = [json.loads(line)["row"] for line in lines]
    return Answer(record, rows, refused, seconds)
