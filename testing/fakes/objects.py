"""The data bucket in memory, with versions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sluice.errors import NotFoundError
from sluice.ports import StoredObject


@dataclass(frozen=True)
class Version:
    id: str
    body: bytes
    content_type: str
    modified: datetime


class FakeObjects:
    """`versions`: key → its versions, oldest first."""

    def __init__(self, bucket: str = "data", now: Callable[[], datetime] | None = None) -> None:
        self.bucket = bucket
        self.versions: dict[str, list[Version]] = {}
        self._now = now or (lambda: datetime.now(UTC))
        self._count = 0

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str, version_id: str | None = None) -> bytes:
        return self._find(key, version_id).body

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        path.write_bytes(self.read(key, version_id))

    def chunks(
        self, key: str, version_id: str | None = None, start: int = 0, end: int | None = None
    ) -> Generator[bytes, None, None]:
        body = self.read(key, version_id)[start:end]
        yield from (body[at : at + 7_000] for at in range(0, len(body), 7_000))

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        self._count += 1
        self.versions.setdefault(key, []).append(Version(f"v{self._count}", bytes(body), content_type, self._now()))

    def upload(self, path: Path, key: str, content_type: str = "application/octet-stream") -> None:
        self.write(key, path.read_bytes(), content_type)

    def write_chunks(self, key: str, chunks: Iterable[bytes], content_type: str = "application/octet-stream") -> None:
        self.write(key, b"".join(chunks), content_type)

    def copy(self, key: str, to: str, version_id: str | None = None) -> None:
        found = self._find(key, version_id)
        self.write(to, found.body, found.content_type)

    def exists(self, key: str) -> bool:
        return key in self.versions

    def version(self, key: str) -> str | None:
        return self.versions[key][-1].id if key in self.versions else None

    def list(self, prefix: str) -> list[StoredObject]:
        return [
            StoredObject(key, len(found[-1].body), found[-1].modified, etag=hashlib.sha256(found[-1].body).hexdigest())
            for key, found in sorted(self.versions.items())
            if key.startswith(prefix)
        ]

    def remove(self, key: str) -> None:
        """What a person may do; no port offers it."""
        self.versions.pop(key, None)

    def _find(self, key: str, version_id: str | None) -> Version:
        found = self.versions.get(key, [])
        if version_id is not None:
            found = [version for version in found if version.id == version_id]
        if not found:
            at = f" at version {version_id}" if version_id else ""
            raise NotFoundError(f"there is no s3://{self.bucket}/{key}{at}")
        return found[-1]
