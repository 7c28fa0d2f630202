"""GetObject with a range: also of a version, of which ministack 1.5.33 answers the whole, and of repeated objects.

An object with the metadata `localcloud-repeat: 1000` is its body 1,000 times over, for what is larger than the machine.
The body is kept once. Only GetObject with a range knows of the others; HeadObject, listings and events have the body's
size.
"""

from __future__ import annotations

from typing import Any

from localcloud.settings import Settings

HEADER = "x-amz-meta-localcloud-repeat"


def install(settings: Settings) -> None:
    """The same for every setting."""
    del settings
    from ministack.services import s3

    original = s3._get_object

    def get_object(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Any:
        if "range" not in headers:
            return original(bucket, key, headers, query)
        whole = {name: each for name, each in headers.items() if name != "range"}
        status, found, body = original(bucket, key, whole, query)
        total = int(found.get(HEADER, "1")) * len(body)
        wanted = s3._parse_range(headers["range"], total) if status == 200 else None
        if wanted is None:
            return original(bucket, key, headers, query)
        start, end = wanted
        # a checksum is that of the whole
        found = {name: each for name, each in found.items() if not name.lower().startswith("x-amz-checksum")}
        found |= {"Content-Length": str(end - start + 1), "Content-Range": f"bytes {start}-{end}/{total}"}
        return 206, found, _slice(body, start, end + 1)

    s3._get_object = get_object


def _slice(body: bytes, start: int, end: int) -> bytes:
    """Bytes `start` to `end` of the body repeated without an end.

    >>> _slice(b"abc", 2, 8)
    b'cabcab'
    """
    if end <= len(body):
        return body[start:end]
    first = start // len(body)
    copies = body * (-(-end // len(body)) - first)
    return copies[start - first * len(body) : end - first * len(body)]
