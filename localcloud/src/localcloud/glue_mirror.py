"""A folder that stands for the S3 locations of one Glue run.

No hadoop-aws jar can be had offline, so Spark sees `s3://bucket/key` as a file below this folder (a Hadoop view file
system mounts it). What the job's arguments name is copied in before the run, and what the job wrote, changed or
removed is copied back after it, all with the job's role. Locations that no argument names are not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def uris_in(values: Iterable[str]) -> list[str]:
    """The s3:// addresses in job arguments, lists with commas included."""
    return [part.strip() for value in values for part in value.split(",") if part.strip().startswith("s3://")]


class Mirror:
    """`fetch` each location, `remember` what is there, run, `publish` the difference."""

    def __init__(self, s3: Any, root: Path) -> None:
        self._s3 = s3
        self._root = root
        self._before: dict[Path, tuple[int, int]] = {}
        self.buckets: dict[str, Path] = {}

    def fetch(self, uri: str) -> None:
        """Copies an object, or everything below a prefix, from S3; a location that holds nothing yet is fine."""
        bucket, key = parse_uri(uri)
        base = self.buckets.setdefault(bucket, self._root / bucket)
        base.mkdir(parents=True, exist_ok=True)
        if key and not key.endswith("/"):
            if self._fetch_object(bucket, key):
                return
            key += "/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        for page in pages:
            for found in page.get("Contents", []):
                if not found["Key"].endswith("/"):
                    self._fetch_object(bucket, found["Key"])

    def _fetch_object(self, bucket: str, key: str) -> bool:
        target = self.buckets[bucket] / key
        if not target.resolve().is_relative_to(self.buckets[bucket].resolve()):
            raise ValueError(f"s3://{bucket}/{key} cannot be mirrored into a folder")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return False
            raise
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
        return True

    def remember(self) -> None:
        self._before = self._look()

    def written(self) -> list[str]:
        """ARNs of the folders with new or changed files."""
        changed = [path for path, stamp in self._look().items() if self._before.get(path) != stamp]
        folders = {self._address(path)[0] + "/" + self._address(path)[1].rpartition("/")[0] for path in changed}
        return [f"arn:aws:s3:::{folder}" for folder in sorted(folders)]

    def publish(self) -> None:
        """Uploads new and changed files, and deletes the objects of files that are gone."""
        after = self._look()
        for path, stamp in sorted(after.items()):
            if self._before.get(path) != stamp:
                bucket, key = self._address(path)
                self._s3.upload_file(str(path), bucket, key)
        for path in sorted(self._before.keys() - after.keys()):
            bucket, key = self._address(path)
            self._s3.delete_object(Bucket=bucket, Key=key)

    def _look(self) -> dict[Path, tuple[int, int]]:
        found: dict[Path, tuple[int, int]] = {}
        for base in self.buckets.values():
            for path in base.rglob("*"):
                if path.is_file() and not (path.name.startswith(".") and path.name.endswith(".crc")):
                    status = path.stat()
                    found[path] = (status.st_mtime_ns, status.st_size)
        return found

    def _address(self, path: Path) -> tuple[str, str]:
        bucket, *rest = path.relative_to(self._root).parts
        return bucket, "/".join(rest)
