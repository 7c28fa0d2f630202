"""State and history in one DynamoDB table. The keys are in docs/architecture.md.

Every change is one conditional write, and every read is consistent: two Lambdas that race see one winner.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code, required
from sluice.aws.items import from_item, stamp, to_item
from sluice.errors import ConflictError, NotFoundError
from sluice.names import digest
from sluice.ports import ENDPOINT, RUN, Champion, Json, Settings

_LOCKS = {RUN: "LOCK", ENDPOINT: "LOCK#ENDPOINT"}
_MAX_PENDING = 1_000
"""Datasets: an item has 400 KB at most, and each write of it is billed and throttled by its size."""
_MAX_LISTED = 10_000
"""Ids of datasets in one item: 180 KB."""


class DynamoLedger:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def save_contract(self, project: str, contract: Json, version_id: str) -> None:
        # as text, because a map would turn 12.0 into 12 and so change what the contract hashes to
        facts = {"contract": json.dumps(contract, allow_nan=False), "version_id": version_id}
        items = (
            {"pk": _project(project), "sk": "CONTRACT", **facts},
            {"pk": "PROJECTS", "sk": project, "version_id": version_id},
        )
        puts = [{"Put": {"TableName": self._table, "Item": to_item(item)}} for item in items]
        self._db.transact_write_items(TransactItems=puts)

    def contract(self, project: str) -> tuple[Json, str] | None:
        item = self._get(_project(project), "CONTRACT")
        return None if item is None else (json.loads(item["contract"]), item["version_id"])

    def projects(self) -> list[str]:
        return [item["sk"]["S"] for item in self._query("PROJECTS")]

    def claim_arrival(self, bucket: str, key: str, version_id: str, now: datetime, lease: timedelta) -> bool:
        # a separate item: a reader of the arrival finds its terminal record or nothing
        return self._update(
            f"OBJECT#{bucket}/{key}",
            f"CLAIM#{version_id}",
            "SET claimed_at = :now",
            "attribute_not_exists(pk) OR claimed_at <= :expired",
            {":now": stamp(now), ":expired": stamp(now - lease)},
        )

    def record_arrival(self, bucket: str, key: str, version_id: str, record: Json) -> bool:
        return self._put_new(f"OBJECT#{bucket}/{key}", f"VERSION#{version_id}", record)

    def arrival(self, bucket: str, key: str, version_id: str) -> Json | None:
        return self._get(f"OBJECT#{bucket}/{key}", f"VERSION#{version_id}")

    def add_dataset(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json | None = None
    ) -> None:
        # apart from the dataset, since all datasets of a project are read together
        if record is not None:
            self._put_new(_project(project), f"JUDGED#{dataset_id}", record)
        # the time is not part of the key: a repeated event must not list its dataset twice
        listed = {**facts, "dataset_id": dataset_id, "accepted_at": stamp(accepted_at)}
        self._put_new(_project(project), f"DATASET#{dataset_id}", listed)

    def add_correction(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json, lines_of: str, after: int
    ) -> bool:
        listed = {**facts, "dataset_id": dataset_id, "accepted_at": stamp(accepted_at)}
        counted: Json = {"ConditionExpression": "attribute_not_exists(pk)"}
        if after:
            counted = {
                "ConditionExpression": "corrections = :after",
                "ExpressionAttributeValues": to_item({":after": after}),
            }
        puts: list[tuple[str, Json, Json]] = [
            (f"JUDGED#{dataset_id}", record, {}),
            (f"DATASET#{dataset_id}", listed, {"ConditionExpression": "attribute_not_exists(pk)"}),
            (f"CORRECTED#{lines_of}", {"corrections": after + 1}, counted),
        ]
        items = [
            {"Put": {"TableName": self._table, "Item": to_item({**item, "pk": _project(project), "sk": sk}), **only}}
            for sk, item, only in puts
        ]
        try:
            self._db.transact_write_items(TransactItems=items)
        except ClientError as error:
            if code(error) == "TransactionCanceledException":
                return False
            raise
        return True

    def judged(self, project: str, dataset_id: str) -> Json | None:
        listed = self._get(_project(project), f"DATASET#{dataset_id}")
        # one that an older version listed has no record
        return None if listed is None else self._get(_project(project), f"JUDGED#{dataset_id}") or listed

    def first_with_content(self, project: str, sha256: str, dataset_id: str, key: str) -> Json:
        mine = {"dataset_id": dataset_id, "key": key}
        if self._put_new(_project(project), f"CONTENT#{sha256}", mine):
            return mine
        return self.same_content(project, sha256) or mine

    def same_content(self, project: str, sha256: str) -> Json | None:
        return self._get(_project(project), f"CONTENT#{sha256}")

    def datasets(self, project: str) -> list[Json]:
        found = [from_item(item) for item in self._query(_project(project), "DATASET#")]
        return sorted(found, key=lambda record: (record["accepted_at"], record["dataset_id"]))

    def withdraw_dataset(self, project: str, dataset_id: str, at: datetime, reason: str) -> bool:
        sort_key = f"DATASET#{dataset_id}"
        if self._update(
            _project(project),
            sort_key,
            "SET withdrawn_at = :at, withdrawn_because = :reason",
            "attribute_exists(pk) AND attribute_not_exists(withdrawn_at)",
            {":at": stamp(at), ":reason": reason},
        ):
            return True
        if self._get(_project(project), sort_key) is None:
            raise NotFoundError(f"{project} has no dataset {dataset_id}")
        return False

    def add_ignored(self, project: str, at: datetime, facts: Json) -> None:
        self._put_new(_project(project), f"IGNORED#{digest(facts['key'])}", {**facts, "at": stamp(at)})

    def ignored(self, project: str) -> list[Json]:
        found = [from_item(item) for item in self._query(_project(project), "IGNORED#")]
        return sorted(found, key=lambda record: (record["at"], record["key"]))

    def acquire_lock(self, project: str, run_id: str, now: datetime, of: str = RUN) -> bool:
        return self._update(
            _project(project),
            _LOCKS[of],
            "SET run_id = :run, acquired_at = if_not_exists(acquired_at, :now)",
            "attribute_not_exists(pk) OR run_id = :run",
            {":run": run_id, ":now": stamp(now)},
        )

    def lock(self, project: str, of: str = RUN) -> Json | None:
        item = self._get(_project(project), _LOCKS[of])
        return None if item is None else _lock(item)

    def add_pending(self, project: str, dataset_id: str, reason: str) -> bool:
        # one write, so that no arrival falls between "is a run on?" and "note it"
        held, values = "attribute_exists(pk)", {":dataset": {dataset_id}, ":reason": reason}
        lock, note = (_project(project), _LOCKS[RUN]), "ADD pending :dataset SET pending_reason = :reason"
        if dataset_id.startswith("("):  # no dataset, but the trigger of a retraining
            return self._update(*lock, note, held, values)
        room = f"{held} AND (attribute_not_exists(pending) OR size(pending) < :most)"
        return self._update(*lock, note, room, {**values, ":most": _MAX_PENDING}) or self._update(
            *lock, "SET pending_reason = :reason", held, {":reason": reason}
        )

    def release_lock(self, project: str, run_id: str, of: str = RUN) -> Json | None:
        # the content comes back from the very delete: what was noted a moment before is not lost
        try:
            answer = self._db.delete_item(
                TableName=self._table,
                Key=to_item({"pk": _project(project), "sk": _LOCKS[of]}),
                ConditionExpression="run_id = :run",
                ExpressionAttributeValues=to_item({":run": run_id}),
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if _lost(error):
                return None
            raise
        return _lock(from_item(answer["Attributes"]))

    def champion(self, project: str) -> Champion | None:
        item = self._get(_project(project), "CHAMPION")
        if item is None:
            return None
        times = {name: datetime.fromisoformat(item[name]) for name in ("promoted_at", "probation_until")}
        return Champion(**{**item, **times})

    def set_champion(self, project: str, champion: Champion, expected_run_id: str | None) -> None:
        times = {"promoted_at": stamp(champion.promoted_at), "probation_until": stamp(champion.probation_until)}
        item = {"pk": _project(project), "sk": "CHAMPION", **asdict(champion), **times}
        condition: Json = {"ConditionExpression": "attribute_not_exists(pk)"}
        if expected_run_id is not None:
            condition = {
                "ConditionExpression": "run_id = :expected",
                "ExpressionAttributeValues": to_item({":expected": expected_run_id}),
            }
        try:
            self._db.put_item(TableName=self._table, Item=to_item(item), **condition)
        except ClientError as error:
            if _lost(error):
                raise ConflictError(f"{project}: the champion is no longer {expected_run_id}") from error
            raise

    def start_run(self, project: str, run_id: str, started_at: datetime, facts: Json) -> bool:
        record = {**facts, "run_id": run_id, "started_at": stamp(started_at)}
        learned = record.get("datasets") or []
        if len(learned) > _MAX_LISTED:
            pieces = [learned[at : at + _MAX_LISTED] for at in range(0, len(learned), _MAX_LISTED)]
            for number, piece in enumerate(pieces):  # before the run, whose record says how many there are
                self._put_new(_project(project), _listed(run_id, number), {"datasets": piece})
            record = {**record, "datasets": [], "datasets_items": len(pieces)}
        return self._put_new(_project(project), f"RUN#{run_id}", record)

    def update_run(self, project: str, run_id: str, facts: Json) -> None:
        if not facts:
            if self.run(project, run_id) is None:
                raise NotFoundError(f"{project} has no run {run_id}")
            return
        # names go through placeholders: `status` and many more are reserved words
        names = {f"#{number}": name for number, name in enumerate(facts)}
        values = {f":{number}": value for number, value in enumerate(facts.values())}
        assignments = ", ".join(f"#{number} = :{number}" for number in range(len(facts)))
        sort_key = f"RUN#{run_id}"
        if not self._update(_project(project), sort_key, f"SET {assignments}", "attribute_exists(pk)", values, names):
            raise NotFoundError(f"{project} has no run {run_id}")

    def run(self, project: str, run_id: str) -> Json | None:
        record = self._get(_project(project), f"RUN#{run_id}")
        return None if record is None else self._with_datasets(project, record)

    def runs(self, project: str) -> list[Json]:
        found = [self._with_datasets(project, from_item(item)) for item in self._query(_project(project), "RUN#")]
        return sorted(found, key=lambda record: (record["started_at"], record["run_id"]), reverse=True)

    def add_response(self, project: str, at: datetime, facts: Json) -> None:
        content = digest(json.dumps(facts, sort_keys=True))
        self._put_new(_project(project), f"RESPONSE#{stamp(at)}#{content}", {**facts, "at": stamp(at)})

    def responses(self, project: str, since: datetime) -> list[Json]:
        found = [from_item(item) for item in self._query(_project(project), "RESPONSE#")]
        return [record for record in found if record["at"] >= stamp(since)]

    def _with_datasets(self, project: str, record: Json) -> Json:
        """A run's record with the ids that its own item has no room for."""
        items = record.pop("datasets_items", 0)
        pieces = [self._get(_project(project), _listed(record["run_id"], number)) or {} for number in range(items)]
        return {**record, "datasets": [each for piece in pieces for each in piece["datasets"]]} if items else record

    def _get(self, pk: str, sk: str) -> Json | None:
        answer = self._db.get_item(TableName=self._table, Key=to_item({"pk": pk, "sk": sk}), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def _query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        condition, values = "pk = :pk", {":pk": pk}
        if prefix:
            condition, values = "pk = :pk AND begins_with(sk, :prefix)", {**values, ":prefix": prefix}
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def _put_new(self, pk: str, sk: str, record: Json) -> bool:
        try:
            self._db.put_item(
                TableName=self._table,
                Item=to_item({**record, "pk": pk, "sk": sk}),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if _lost(error):
                return False
            raise
        return True

    def _update(
        self, pk: str, sk: str, expression: str, condition: str, values: Json, names: Json | None = None
    ) -> bool:
        try:
            self._db.update_item(
                TableName=self._table,
                Key=to_item({"pk": pk, "sk": sk}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                **({"ExpressionAttributeNames": names} if names else {}),
            )
        except ClientError as error:
            if _lost(error):
                return False
            raise
        return True

    @property
    def _db(self) -> Any:
        return self._clients("dynamodb")

    @property
    def _table(self) -> str:
        return required(self._settings, "table")


def _project(project: str) -> str:
    return f"PROJECT#{project}"


def _listed(run_id: str, number: int) -> str:
    return f"LEARNED#{run_id}#{number:04}"


def _lock(item: Json) -> Json:
    return {"pending": [], "pending_reason": None, **item}


def _lost(error: ClientError) -> bool:
    return code(error) == "ConditionalCheckFailedException"
