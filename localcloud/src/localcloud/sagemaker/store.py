"""What the control plane knows: records by kind and name, and tags by ARN. In memory; a restart forgets them."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from localcloud.extension import ServiceError
from localcloud.settings import Settings

Record = dict[str, Any]

_lock = threading.RLock()
_tags: dict[str, dict[str, str]] = {}
_tables: list[Table] = []


def now() -> float:
    """Seconds since the epoch, to the millisecond, as AWS's JSON protocol carries times."""
    return round(time.time(), 3)


def arn(kind: str, name: str) -> str:
    """`arn:aws:sagemaker:<region>:<account>:<kind>/<name>`."""
    settings = Settings.current()
    return f"arn:aws:sagemaker:{settings.region}:{settings.account}:{kind}/{name}"


class Table:
    """Records of one kind. `missing` and `exists` make AWS's own message from a name or an ARN."""

    def __init__(self, missing: Callable[[str], ServiceError], exists: Callable[[str, Record], ServiceError]) -> None:
        self._records: dict[str, Record] = {}
        self._missing = missing
        self._exists = exists
        _tables.append(self)

    def add(self, name: str, record: Record) -> Record:
        with _lock:
            if name in self._records:
                raise self._exists(name, self._records[name])
            self._records[name] = record
            return record

    def get(self, name: str) -> Record:
        with _lock:
            if name not in self._records:
                raise self._missing(name)
            return self._records[name]

    def find(self, name: str) -> Record | None:
        with _lock:
            return self._records.get(name)

    def free(self, name: str) -> None:
        """Raises as `add` would when `name` is taken."""
        with _lock:
            if name in self._records:
                raise self._exists(name, self._records[name])

    def remove(self, name: str) -> Record:
        with _lock:
            self.get(name)
            return self._records.pop(name)

    def all(self) -> list[Record]:
        with _lock:
            return list(self._records.values())

    def clear(self) -> None:
        with _lock:
            self._records.clear()


def lock() -> threading.RLock:
    """The lock of every table: hold it while a record changes in more than one field."""
    return _lock


def clear() -> None:
    """Forgets everything, for a new cloud in the same process."""
    with _lock:
        for table in _tables:
            table.clear()
        _tags.clear()


def page(
    records: Iterable[Record], request: Record, *, name: str, status: str | None = None
) -> tuple[list[Record], Record]:
    """The filters, order and pagination that SageMaker's List operations share.

    Returns the records of this page and `{"NextToken": ...}` or `{}`.
    """
    chosen = list(records)
    if (part := request.get("NameContains")) is not None:
        chosen = [r for r in chosen if part.lower() in r[name].lower()]
    if status and (wanted := request.get("StatusEquals")):
        chosen = [r for r in chosen if r[status] == wanted]
    for field, stamp in (("Creation", "CreationTime"), ("LastModified", "LastModifiedTime")):
        if (after := request.get(f"{field}TimeAfter")) is not None:
            chosen = [r for r in chosen if _stamped(r, stamp) > _seconds(after)]
        if (before := request.get(f"{field}TimeBefore")) is not None:
            chosen = [r for r in chosen if _stamped(r, stamp) < _seconds(before)]
    by = {"Name": name, "Status": status or name}.get(request.get("SortBy", "CreationTime"), "CreationTime")
    descending = request.get("SortOrder", "Ascending" if by == name else "Descending") == "Descending"
    chosen.sort(key=lambda r: r[by], reverse=descending)
    start = _offset(request.get("NextToken"))
    size = int(request.get("MaxResults", 10))
    more = {"NextToken": base64.b64encode(str(start + size).encode()).decode()} if start + size < len(chosen) else {}
    return chosen[start : start + size], more


def _stamped(record: Record, stamp: str) -> float:
    return float(record.get(stamp) or record["CreationTime"])


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error):
        raise ServiceError("ValidationException", f"Invalid NextToken: {token}") from None


def _seconds(value: Any) -> float:
    return value.timestamp() if hasattr(value, "timestamp") else float(value)


def pick(record: Record, *members: str) -> Record:
    """The members of `record` that are present and not None."""
    return {m: record[m] for m in members if record.get(m) is not None}


def public(record: Record) -> Record:
    """`record` without its own bookkeeping: members that begin with `_` never leave the process."""
    return {k: v for k, v in record.items() if not k.startswith("_") and v is not None}


def tag(resource: str, tags: Iterable[dict[str, str]] | None) -> None:
    with _lock:
        for item in tags or []:
            _tags.setdefault(resource, {})[item["Key"]] = item["Value"]
        if len(_tags.get(resource, {})) > 50:
            raise ServiceError("ResourceLimitExceeded", f"{resource} has more than 50 tags.")


def untag(resource: str, keys: Iterable[str] | None = None) -> None:
    """Removes `keys`, or every tag when the resource itself goes."""
    with _lock:
        if keys is None:
            _tags.pop(resource, None)
        else:
            for key in keys:
                _tags.get(resource, {}).pop(key, None)


def tags_of(resource: str) -> dict[str, str]:
    with _lock:
        return dict(_tags.get(resource, {}))
