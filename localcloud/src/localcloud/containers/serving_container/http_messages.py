"""HTTP/1.1 as a serving container speaks it: requests out of bytes, answers into bytes."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from http import HTTPStatus

TEXT_TYPES = ("application/json", "text/csv")
MAX_HEADER = 64 * 1024
KEPT_HEADER = 1024  # longer headers are parsed each time
BLANK_LINES = b"\r\n"  # may come before a request
PHRASES = {status.value: status.phrase for status in HTTPStatus}
Answer = tuple[int, str, bytes, dict[str, str]]  # status, content type, body, further headers


@functools.lru_cache(64)
def media_type(value: str) -> str:
    """`text/csv; charset=utf-8` → `text/csv`."""
    return value.split(";", 1)[0].strip().lower()


@dataclass(slots=True)
class Unfinished:
    """A request that is not whole yet.

    `held` is what came of it, and not worth another look before it is `needed` bytes long; `waits` as in `Head`. Of a
    chunked request `head` and, in `body`, its whole chunks are read, and only what comes after them is held: to begin
    again each time would take minutes for a large body of small chunks.
    """

    held: bytearray
    needed: int = 0
    waits: bool = False
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)


def read_request(data: bytes, pending: Unfinished | None = None) -> tuple[Head, bytes, int] | Unfinished:
    """The first request in `data`: head, body and where the next one begins. Raises ValueError where it is not HTTP.

    `pending` is the request that `data` was held of.
    """
    if pending and pending.head:
        head, start, chunks = pending.head, 0, pending.body
    else:
        start = data.find(b"\r\n\r\n") + 4
        if start < 4:
            if len(data) > MAX_HEADER:
                raise ValueError("the header is too long")
            return Unfinished(bytearray(data))
        head = read_head(data[:start]) if start <= KEPT_HEADER else read_head.__wrapped__(data[:start])
        if head.length is not None:
            end = start + head.length
            if end > len(data):
                return Unfinished(bytearray(data), end, head.waits)
            return head, data[start:end], end
        chunks = bytearray()
    end, needed = read_chunks(data, start, chunks)
    if needed:
        return Unfinished(bytearray(data[end:]), needed - end, head.waits, head, chunks)
    return head, bytes(chunks), end


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before a body.

    `length` of the body, None where it is chunked; `text`: the body is to reach the transform as text; `waits`: for
    "100 Continue" before it sends the body.
    """

    method: str
    path: str
    keep: bool
    length: int | None
    content_type: str
    accept: str
    text: bool
    waits: bool


@functools.lru_cache(256)
def read_head(data: bytes) -> Head:
    """A connection's requests mostly have the same header. Raises ValueError where it is not HTTP."""
    first, *lines = data.decode("latin-1").strip("\r\n").split("\r\n")
    method, target, version = first.split()
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    get = headers.get
    coding, length = get("transfer-encoding"), get("content-length", "0")
    if coding is not None and coding.lower() != "chunked":
        raise ValueError(f"transfer-encoding {coding} is not supported; only chunked is")
    if not (length.isascii() and length.isdigit()):  # neither are two of them
        raise ValueError(f"content-length is not a number: {length}")
    newer = version == "HTTP/1.1"
    accept = get("accept") or "*/*"
    if accept == "*/*":
        accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
    content_type = get("content-type") or "application/json"
    return Head(
        method,
        target.split("?", 1)[0],
        keep=newer and "close" not in get("connection", "").lower().replace(" ", "").split(","),
        length=None if coding else int(length),
        content_type=content_type,
        accept=accept,
        text=content_type in TEXT_TYPES,  # with a parameter it is bytes, as in AWS's server
        waits=newer and get("expect", "").lower() == "100-continue",
    )


def read_chunks(data: bytes, at: int, body: bytearray) -> tuple[int, int]:
    """Adds to `body` the whole chunks that begin at `at`. Raises ValueError.

    Answers where they end, and how long `data` must be to go on: 0 when that was the end of the body.
    """
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return at, len(data) + 1
        size = int(data[at:line].split(b";")[0], 16)
        if size < 0:
            raise ValueError("a chunk's size is negative")
        if size == 0:
            break
        end = line + 2 + size
        if end + 2 > len(data):
            return at, end + 2
        if data[end : end + 2] != b"\r\n":
            raise ValueError("a chunk is longer than it says")
        body += data[line + 2 : end]
        at = end + 2
    trailer = line + 2
    while (end := data.find(b"\r\n", trailer)) != trailer:
        if end < 0:
            return at, len(data) + 1
        trailer = end + 2
    return trailer + 2, 0


def render(status: int, content_type: str, body: bytes, extra: dict[str, str], *, keep: bool) -> bytes:
    more = "".join(f"{name}: {_line(value)}\r\n" for name, value in extra.items()) if extra else ""
    if not keep:
        more += "Connection: close\r\n"
    return b"%b%d\r\n%b\r\n%b" % (
        _first_lines(status, content_type),
        len(body),
        more.encode("latin-1", "replace"),
        body,
    )


@functools.lru_cache(64)
def _first_lines(status: int, content_type: str) -> bytes:
    """Up to the length of the body."""
    lines = f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\nContent-Type: {_line(content_type)}\r\nContent-Length: "
    return lines.encode("latin-1", "replace")


def _line(value: str) -> str:
    """A header value cannot smuggle in a line."""
    return value if value.isprintable() else " ".join(value.splitlines())
