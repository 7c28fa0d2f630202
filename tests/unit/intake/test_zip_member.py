"""A ZIP archive is read from front to back, in chunks of any size, and refused in words where that is not enough."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator

import pytest

from sluice.errors import UnreadableFileError
from sluice.intake.limits import UNLIMITED
from sluice.intake.packing import packing, unpacked

BODY = "".join(f"{number},{random.Random(number).random()}\n" for number in range(3_000)).encode()


class Unseekable(io.RawIOBase):
    """What zipfile cannot go back in, so that it writes sizes behind the data."""

    def __init__(self) -> None:
        self.body = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.body += bytes(data)
        return len(data)


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, described: bool = False) -> bytes:
    plain, stream = io.BytesIO(), Unseekable()
    with zipfile.ZipFile(stream if described else plain, "w", method) as out:  # type: ignore[type-var]
        for name, body in members:
            out.writestr(name, body)
    return stream.body if described else plain.getvalue()


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def unzip(body: bytes, size: int = 1000) -> bytes:
    return b"".join(unpacked(chunks(body, size), "ZIP", UNLIMITED))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("described", [False, True])
def test_the_only_member_is_unpacked(size: int, described: bool) -> None:
    packed = archive(("day.csv", BODY), described=described)
    assert packing(packed) == "ZIP"
    assert unzip(packed, size) == BODY


def test_a_stored_member_is_copied_and_an_empty_one_is_empty() -> None:
    assert unzip(archive(("day.csv", BODY), method=zipfile.ZIP_STORED)) == BODY
    assert unzip(archive(("day.csv", b""))) == b""


def test_folders_and_what_a_mac_adds_are_passed_over() -> None:
    assert unzip(archive(("data/", b""), ("data/day.csv", BODY), ("__MACOSX/data/._day.csv", b"\0" * 99))) == BODY


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (archive(("a.csv", BODY), ("b.csv", BODY)), "several files"),
        (archive(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")), "workbook"),
        (archive(("folder/", b"")), "no file"),
        (archive(("a.csv", BODY), method=zipfile.ZIP_LZMA), "LZMA"),
        (archive(("a.csv", BODY))[:-1], "cut off"),
        (archive(("a.csv", BODY))[:-30], "cut off"),
        (archive(("a.csv", BODY))[:-70], "cut off"),
        (archive(("a.csv", BODY))[:5_000], "cut off"),
        (archive(("a.csv", BODY), method=zipfile.ZIP_STORED).replace(b"\n1,", b"\n2,"), "checksum"),
        (archive(("a.csv", BODY), method=zipfile.ZIP_STORED, described=True), "how long"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        unzip(body)


def test_a_password_is_named() -> None:
    body = bytearray(archive(("a.csv", BODY)))
    body[6] |= 1
    with pytest.raises(UnreadableFileError, match="password"):
        unzip(bytes(body))
