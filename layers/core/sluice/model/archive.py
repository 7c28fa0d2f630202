"""The one walk over a model archive, for jobs and Lambdas alike (standard library only).

A model.tar.gz comes from a job and is not trusted. It is read as a stream by a reader of our own, small enough to be
read completely: Python's tarfile follows what headers say (PAX records that rename, resize or make sparse, long names,
any of six kinds of member) and holds some of it in memory whole. Here a member is a plain file or a folder with an
expected name, or the archive is refused; sizes are counted while bytes come, never taken from a header.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sluice.model.errors import ArtifactError
from sluice.model.manifest import ARRAYS, MANIFEST, MODEL

_BLOCK = 512
_CHUNK = 1 << 18
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CODE_SUFFIXES = (".py", ".toml")
_PAX_LIMIT = 16 << 10
# what would change which bytes a file has, or where it goes; writers add much else (times, owners, attributes), which
# is skipped
_REFUSED_PAX = ("path", "linkpath", "size", "charset", "hdrcharset", "GNU.sparse.")
_REFUSED_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"7": "a contiguous file",
    b"S": "a sparse file",
    b"L": "a long name of GNU tar",
    b"K": "a long link name of GNU tar",
    b"g": "a global PAX header",
}


@dataclass(frozen=True)
class Limits:
    """In bytes, but `members`. Up to `free` bytes may come of anything; then `ratio` times what was read, at most."""

    archive: int = 256 << 20
    total: int = 1 << 30
    file: int = 512 << 20
    members: int = 300
    free: int = 64 << 20
    ratio: int = 100


LIMITS = Limits()


def unpack(archive: Path, folder: Path, limits: Limits = LIMITS) -> list[str]:
    """Writes the archive's files below `folder`, which must be new or empty; answers their names, sorted.

    Memory stays below a few MiB whatever the archive is. Raises ArtifactError naming archive, member and reason; what
    was written until then stays, so `folder` should be a scratch folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, str] = {}
    folders: set[str] = set()
    try:
        if any(folder.iterdir()):
            raise ArtifactError("the folder that it is unpacked to is not empty")
        size = archive.stat().st_size
        if size > limits.archive:
            raise ArtifactError(f"{size} bytes are more than the {limits.archive} that an archive may have")
        with archive.open("rb") as source:
            tar = _Tar(_Gunzip(source, limits), limits)
            for name in tar:
                if name is None:
                    continue
                key = name.casefold()
                if key in names:
                    same = "occurs twice" if names[key] == name else f"differs from {names[key]} by case only"
                    raise ArtifactError(f"member {name} {same}")
                parents = [key[:end] for end, letter in enumerate(key) if letter == "/"]
                if key in folders or not names.keys().isdisjoint(parents):
                    raise ArtifactError(f"member {name} is a file where another member needs a folder")
                folders.update(parents)
                names[key] = name
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    for block in tar.content():
                        file.write(block)
    except ArtifactError as error:
        raise ArtifactError(f"{archive.name}: {error}") from None
    except (OSError, zlib.error) as error:
        raise ArtifactError(f"{archive.name}: not a readable archive: {error}") from error
    return sorted(names.values())


def safe_name(name: str) -> str:
    """The name of a file that a model archive may hold, without a leading `./`. Raises ArtifactError."""
    shown = repr(name[:200])
    if "\0" in name or "\\" in name or name.startswith("/") or ".." in name.split("/"):
        raise ArtifactError(f"member {shown} points outside of the archive")
    parts = name.removeprefix("./").split("/")
    if len(name) > 200 or len(parts) > 8 or not all(_PART.fullmatch(part) for part in parts):
        raise ArtifactError(f"member {shown} has a name that no model file has")
    clean = "/".join(parts)
    code = parts[0] == "code" and len(parts) > 1 and clean.endswith(_CODE_SUFFIXES)
    if clean not in (MODEL, ARRAYS, MANIFEST) and not code:
        raise ArtifactError(
            f"member {shown} is not expected: a model has {MODEL}, {ARRAYS}, {MANIFEST} and code/ of "
            f"{' and '.join(_CODE_SUFFIXES)} files"
        )
    return clean


class _Gunzip:
    """One gzip stream and nothing after it, unpacked on demand."""

    def __init__(self, source: IO[bytes], limits: Limits) -> None:
        self._source, self._limits = source, limits
        self._engine = zlib.decompressobj(wbits=31)
        self._pending = b""
        self._packed = self._unpacked = 0

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the stream."""
        parts = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        while not self._engine.eof:
            more = b""
            if not self._pending:
                more = self._pending = self._source.read(_CHUNK)
                self._packed += len(more)
            part = self._engine.decompress(self._pending, most)
            self._pending = self._engine.unconsumed_tail
            if part:
                self._count(len(part))
                return part
            if not more and not self._pending and not self._engine.eof:
                raise ArtifactError("not a readable archive: its gzip stream is cut off or empty")
        if self._engine.unused_data or self._source.read(1):
            raise ArtifactError("there are data after the end of its gzip stream")
        return b""

    def _count(self, size: int) -> None:
        self._unpacked += size
        limits = self._limits
        # room for the headers and the padding of the members beside their content
        if self._unpacked > limits.total + (limits.members + 40) * 4 * _BLOCK:
            raise ArtifactError(f"more than {limits.total} bytes unpacked")
        if self._unpacked > limits.free + limits.ratio * self._packed:
            raise ArtifactError(
                f"{self._unpacked} bytes out of {self._packed}: more than {limits.ratio} times what was read, a bomb"
            )


class _Tar:
    """Iterates over the members' names (None for a folder); `content` gives the bytes of the present one."""

    def __init__(self, stream: _Gunzip, limits: Limits) -> None:
        self._stream, self._limits = stream, limits
        self._left = self._padding = self._total = 0
        self._name = ""

    def __iter__(self) -> Iterator[str | None]:
        count = 0
        described = False  # whether the last member was a PAX header
        while True:
            block = self._stream.read(_BLOCK)
            if len(block) < _BLOCK:
                raise ArtifactError("cut off: the archive has no end mark")
            if not any(block):
                if described:
                    raise ArtifactError("a PAX header describes no member")
                return self._end()
            count += 1
            if count > self._limits.members:
                raise ArtifactError(f"more than {self._limits.members} members")
            kind, name, size = _header(block)
            if kind == b"x":
                if described:
                    raise ArtifactError(f"member {name!r}: two PAX headers for one member")
                self._pax(name, size)
                described = True
                continue
            described = False
            if kind in _REFUSED_KINDS:
                raise ArtifactError(f"member {name!r} is {_REFUSED_KINDS[kind]}, not a plain file")
            if kind == b"5":
                _safe_folder(name, size)
                yield None
                continue
            if kind not in (b"0", b"\0"):
                raise ArtifactError(f"member {name!r} is of an unknown kind {kind!r}, not a plain file")
            self._name = safe_name(name)
            self._left, self._padding = size, -size % _BLOCK
            yield self._name
            if self._left or self._padding:
                raise AssertionError("content() was not read to its end")

    def content(self) -> Iterator[bytes]:
        size = self._left
        if size > self._limits.file:
            raise ArtifactError(f"member {self._name}: {size} bytes are more than the {self._limits.file} of one file")
        self._total += size
        if self._total > self._limits.total:
            raise ArtifactError(f"member {self._name}: more than {self._limits.total} bytes unpacked")
        while self._left:
            block = self._stream.read(min(_CHUNK, self._left))
            if not block:
                raise ArtifactError(f"member {self._name}: cut off")
            self._left -= len(block)
            yield block
        if len(self._stream.read(self._padding)) < self._padding:
            raise ArtifactError(f"member {self._name}: cut off")
        self._padding = 0

    def _pax(self, name: str, size: int) -> None:
        if size > _PAX_LIMIT:
            raise ArtifactError(f"member {name!r}: a PAX header of {size} bytes")
        whole = size + -size % _BLOCK
        data = self._stream.read(whole)
        if len(data) < whole:
            raise ArtifactError(f"member {name!r}: cut off")
        data = data[:size]
        while data:
            length, separator, _ = data.partition(b" ")
            if not separator or not length.isdigit() or len(length) > 6 or not 5 <= int(length) <= len(data):
                raise ArtifactError(f"member {name!r}: a PAX header that cannot be read")
            record, data = data[len(length) + 1 : int(length)], data[int(length) :]
            key, separator, _ = record.partition(b"=")
            if not separator or not record.endswith(b"\n"):
                raise ArtifactError(f"member {name!r}: a PAX header that cannot be read")
            if key.decode("latin-1").startswith(_REFUSED_PAX):
                raise ArtifactError(f"member {name!r}: a PAX header sets {key[:40].decode('latin-1')!r}")

    def _end(self) -> None:
        if len(second := self._stream.read(_BLOCK)) < _BLOCK or any(second):
            raise ArtifactError("cut off: half an end mark")
        while rest := self._stream.read(_CHUNK):
            if any(rest):
                raise ArtifactError("there are data after the end mark")


def _header(block: bytes) -> tuple[bytes, str, int]:
    """(kind, name, size) of a POSIX or GNU tar header. Raises ArtifactError."""
    if block[257:265] not in (b"ustar\x0000", b"ustar  \0"):
        raise ArtifactError("not a readable archive: a member's header is not that of a tar file")
    if _octal(block[148:156]) != sum(block[:148]) + 8 * ord(" ") + sum(block[156:]):
        raise ArtifactError("not a readable archive: the checksum of a member's header is wrong")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = f"{prefix}/{name}"
    size = _octal(block[124:136])
    if size is None:
        raise ArtifactError(f"member {name!r}: its size is not an octal number")
    return block[156:157], name, size


def _octal(field: bytes) -> int | None:
    digits = field.rstrip(b"\0 ").lstrip(b" ")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,12}", digits) else None


def _text(field: bytes) -> str:
    """Up to the first NUL; Sluice's own names are ASCII; other bytes show as escapes in the message."""
    return field.split(b"\0", 1)[0].decode("ascii", "backslashreplace")


def _safe_folder(name: str, size: int) -> None:
    if size:
        raise ArtifactError(f"member {name!r} is a folder with content")
    if name not in (".", "./"):
        # a folder is where code lies: it has to be one that a code file could lie in
        safe_name(f"{name.rstrip('/')}/any.py")
