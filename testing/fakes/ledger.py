"""State and history in memory. Records are copied on the way in and out, as a table would."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sluice.errors import ConflictError, NotFoundError
from sluice.ports import ENDPOINT, RUN, Champion, Json


def _copy(facts: Json) -> Json:
    """Proves on the way that the facts are JSON, which the table demands."""
    return json.loads(json.dumps(facts, allow_nan=False))


class FakeLedger:
    def __init__(self) -> None:
        self.contracts: dict[str, tuple[Json, str]] = {}
        self.arrivals: dict[tuple[str, str, str], Json] = {}
        self.claims: dict[tuple[str, str, str], datetime] = {}
        self.dataset_records: dict[str, dict[str, Json]] = {}
        self.judged_records: dict[tuple[str, str], Json] = {}
        self.contents: dict[tuple[str, str], Json] = {}
        self.corrections: dict[tuple[str, str], int] = {}
        self.ignored_records: dict[str, dict[str, Json]] = {}
        self.locks: dict[str, Json] = {}
        self.endpoint_locks: dict[str, Json] = {}
        self.champions: dict[str, Champion] = {}
        self.run_records: dict[str, dict[str, Json]] = {}
        self.response_records: dict[str, list[Json]] = {}

    def save_contract(self, project: str, contract: Json, version_id: str) -> None:
        self.contracts[project] = (_copy(contract), version_id)

    def contract(self, project: str) -> tuple[Json, str] | None:
        return copy.deepcopy(self.contracts.get(project))

    def projects(self) -> list[str]:
        return sorted(self.contracts)

    def claim_arrival(self, bucket: str, key: str, version_id: str, now: datetime, lease: timedelta) -> bool:
        name = (bucket, key, version_id)
        if name in self.claims and stamp(self.claims[name]) > stamp(now - lease):
            return False
        self.claims[name] = now
        return True

    def record_arrival(self, bucket: str, key: str, version_id: str, record: Json) -> bool:
        name = (bucket, key, version_id)
        if name in self.arrivals:
            return False
        self.arrivals[name] = _copy(record)
        return True

    def arrival(self, bucket: str, key: str, version_id: str) -> Json | None:
        return copy.deepcopy(self.arrivals.get((bucket, key, version_id)))

    def add_dataset(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json | None = None
    ) -> None:
        if record is not None:
            self.judged_records.setdefault((project, dataset_id), _copy(record))
        listed = {**_copy(facts), "dataset_id": dataset_id, "accepted_at": stamp(accepted_at)}
        self.dataset_records.setdefault(project, {}).setdefault(dataset_id, listed)

    def add_correction(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json, lines_of: str, after: int
    ) -> bool:
        listed = self.dataset_records.setdefault(project, {})
        if dataset_id in listed or self.corrections.get((project, lines_of), 0) != after:
            return False
        self.judged_records[project, dataset_id] = _copy(record)
        listed[dataset_id] = {**_copy(facts), "dataset_id": dataset_id, "accepted_at": stamp(accepted_at)}
        self.corrections[project, lines_of] = after + 1
        return True

    def judged(self, project: str, dataset_id: str) -> Json | None:
        listed = self.dataset_records.get(project, {}).get(dataset_id)
        return None if listed is None else copy.deepcopy(self.judged_records.get((project, dataset_id)) or listed)

    def first_with_content(self, project: str, sha256: str, dataset_id: str, key: str) -> Json:
        return dict(self.contents.setdefault((project, sha256), {"dataset_id": dataset_id, "key": key}))

    def same_content(self, project: str, sha256: str) -> Json | None:
        return copy.deepcopy(self.contents.get((project, sha256)))

    def datasets(self, project: str) -> list[Json]:
        records = self.dataset_records.get(project, {}).values()
        return copy.deepcopy(sorted(records, key=lambda record: (record["accepted_at"], record["dataset_id"])))

    def withdraw_dataset(self, project: str, dataset_id: str, at: datetime, reason: str) -> bool:
        record = self.dataset_records.get(project, {}).get(dataset_id)
        if record is None:
            raise NotFoundError(f"{project} has no dataset {dataset_id}")
        if "withdrawn_at" in record:
            return False
        record.update(withdrawn_at=stamp(at), withdrawn_because=reason)
        return True

    def add_ignored(self, project: str, at: datetime, facts: Json) -> None:
        record = {**_copy(facts), "at": stamp(at)}
        self.ignored_records.setdefault(project, {}).setdefault(facts["key"], record)

    def ignored(self, project: str) -> list[Json]:
        records = self.ignored_records.get(project, {}).values()
        return copy.deepcopy(sorted(records, key=lambda record: (record["at"], record["key"])))

    def acquire_lock(self, project: str, run_id: str, now: datetime, of: str = RUN) -> bool:
        held = self._locks(of).get(project)
        if held:
            return held["run_id"] == run_id
        fresh: Json = {"run_id": run_id, "acquired_at": stamp(now), "pending": [], "pending_reason": None}
        self._locks(of)[project] = fresh
        return True

    def lock(self, project: str, of: str = RUN) -> Json | None:
        return copy.deepcopy(self._locks(of).get(project))

    def add_pending(self, project: str, dataset_id: str, reason: str) -> bool:
        held = self.locks.get(project)
        if held is None:
            return False
        if dataset_id not in held["pending"]:
            held["pending"] = sorted([*held["pending"], dataset_id])
        held["pending_reason"] = reason
        return True

    def release_lock(self, project: str, run_id: str, of: str = RUN) -> Json | None:
        held = self._locks(of).get(project)
        if held is None or held["run_id"] != run_id:
            return None
        return self._locks(of).pop(project)

    def _locks(self, of: str) -> dict[str, Json]:
        return {RUN: self.locks, ENDPOINT: self.endpoint_locks}[of]

    def champion(self, project: str) -> Champion | None:
        return copy.deepcopy(self.champions.get(project))

    def set_champion(self, project: str, champion: Champion, expected_run_id: str | None) -> None:
        present = self.champions.get(project)
        if (present.run_id if present else None) != expected_run_id:
            raise ConflictError(
                f"{project}: the champion is {present.run_id if present else None}, not {expected_run_id}"
            )
        self.champions[project] = replace(
            champion,
            metrics=_copy(champion.metrics),
            previous=None if champion.previous is None else _copy(champion.previous),
        )

    def start_run(self, project: str, run_id: str, started_at: datetime, facts: Json) -> bool:
        records = self.run_records.setdefault(project, {})
        if run_id in records:
            return False
        records[run_id] = {**_copy(facts), "run_id": run_id, "started_at": stamp(started_at)}
        return True

    def update_run(self, project: str, run_id: str, facts: Json) -> None:
        record = self.run_records.get(project, {}).get(run_id)
        if record is None:
            raise NotFoundError(f"{project} has no run {run_id}")
        record.update(_copy(facts))

    def run(self, project: str, run_id: str) -> Json | None:
        return copy.deepcopy(self.run_records.get(project, {}).get(run_id))

    def runs(self, project: str) -> list[Json]:
        records = self.run_records.get(project, {}).values()
        newest_first = sorted(records, key=lambda record: (record["started_at"], record["run_id"]), reverse=True)
        return copy.deepcopy(newest_first)

    def add_response(self, project: str, at: datetime, facts: Json) -> None:
        record = {**_copy(facts), "at": stamp(at)}
        records = self.response_records.setdefault(project, [])
        if record not in records:
            records.append(record)

    def responses(self, project: str, since: datetime) -> list[Json]:
        found = [record for record in self.response_records.get(project, []) if record["at"] >= stamp(since)]
        return copy.deepcopy(sorted(found, key=lambda record: record["at"]))


def stamp(moment: datetime) -> str:
    """As the table writes a time: fixed width, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
