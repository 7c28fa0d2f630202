"""The data bucket on S3."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

from sluice.aws.clients import Clients, code, required
from sluice.errors import NotFoundError
from sluice.ports import Settings, StoredObject

# HeadObject has no body and so answers with the bare status; a version id of a wrong form is InvalidArgument
_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_NOTHING_THERE = {"InvalidRange", "416"}
"""The answer to a range of an empty object."""
_CHANGED = {"PreconditionFailed", "412"}
_FIRST_RANGE, _RANGE = 2**20, 4 * 2**20
"""The first is small: what a file is shows at its start, which is read several times."""


class S3Objects:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    @property
    def bucket(self) -> str:
        return required(self._settings, "bucket")

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str, version_id: str | None = None) -> bytes:
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key, **_version(version_id))
        except ClientError as error:
            raise self._translated(error, key, version_id) from error
        body: bytes = answer["Body"].read()
        return body

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        try:
            self._s3.download_file(self.bucket, key, str(path), ExtraArgs=_version(version_id))
        except ClientError as error:
            raise self._translated(error, key, version_id) from error

    def chunks(
        self, key: str, version_id: str | None = None, start: int = 0, end: int | None = None
    ) -> Generator[bytes, None, None]:
        at, length, pinned = start, _RANGE if start else _FIRST_RANGE, _version(version_id)
        while end is None or at < end:
            try:
                answer = self._range(key, at, length if end is None else min(length, end - at), pinned)
            except ClientError as error:
                if code(error) in _NOTHING_THERE and at == start:
                    return
                if code(error) in _CHANGED:
                    raise NotFoundError(f"s3://{self.bucket}/{key} was replaced while it was read") from error
                raise self._translated(error, key, version_id) from error
            body, total = answer
            at += len(body)
            yield body
            if at >= total:
                return
            length = _RANGE

    def _range(self, key: str, at: int, length: int, pinned: dict[str, str]) -> tuple[bytes, int]:
        """Bytes from `at` on, and the object's size; `pinned` then names the version that was read."""
        for last in (False, False, True):
            answer = self._s3.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={at}-{at + length - 1}", **pinned)
            try:
                body: bytes = answer["Body"].read()
            except (HTTPClientError, ResponseStreamingError, IncompleteReadError):
                # the connection broke; botocore repeats requests, but not the reading of an answer
                if last:
                    raise
                continue
            pinned.setdefault("IfMatch", answer["ETag"])
            return body, int(answer.get("ContentRange", f"/{at + len(body)}").rpartition("/")[2])
        raise AssertionError("the last try returns or raises")

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def upload(self, path: Path, key: str, content_type: str = "application/octet-stream") -> None:
        self._s3.upload_file(str(path), self.bucket, key, ExtraArgs={"ContentType": content_type})

    def write_chunks(self, key: str, chunks: Iterable[bytes], content_type: str = "application/octet-stream") -> None:
        self._s3.upload_fileobj(_Stream(chunks), self.bucket, key, ExtraArgs={"ContentType": content_type})

    def copy(self, key: str, to: str, version_id: str | None = None) -> None:
        source = {"Bucket": self.bucket, "Key": key, **_version(version_id)}
        try:
            # tags are replaced by none: to copy them would take two more permissions
            self._s3.copy(source, self.bucket, to, ExtraArgs={"TaggingDirective": "REPLACE"})
        except ClientError as error:
            raise self._translated(error, key, version_id) from error

    def exists(self, key: str) -> bool:
        # not HeadObject: a role that may list only below a prefix gets 403 from it for what is absent
        found = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        return any(item["Key"] == key for item in found.get("Contents", []))

    def version(self, key: str) -> str | None:
        if not self.exists(key):
            return None
        version: str = self._s3.head_object(Bucket=self.bucket, Key=key).get("VersionId", "null")
        return version

    def list(self, prefix: str) -> list[StoredObject]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [
            StoredObject(item["Key"], item["Size"], item["LastModified"], etag=item["ETag"])
            for page in pages
            for item in page.get("Contents", [])
        ]

    def _translated(self, error: ClientError, key: str, version_id: str | None) -> Exception:
        malformed_version = version_id is not None and code(error) in ("InvalidArgument", "400")
        hidden = version_id is None and code(error) in ("AccessDenied", "403") and not self.exists(key)
        if code(error) not in _ABSENT and not malformed_version and not hidden:
            return error
        at = f" at version {version_id}" if version_id else ""
        return NotFoundError(f"there is no s3://{self.bucket}/{key}{at}")

    @property
    def _s3(self) -> Any:
        return self._clients("s3")


class _Stream(io.RawIOBase):
    """Chunks as a file that is read from the front."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        have = len(self._rest)
        while (size < 0 or have < size) and (chunk := next(self._chunks, None)) is not None:
            found.append(chunk)
            have += len(chunk)
        whole = b"".join(found)
        cut = len(whole) if size < 0 else size
        self._rest = whole[cut:]
        return whole[:cut]


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}
