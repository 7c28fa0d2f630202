"""Makes the shared libraries of a built layer smaller: without symbol tables, and without libraries that are trimmed.

    python scripts/slim_libraries.py FOLDER

A loader reads a library's segments only, so what lies behind the last one is cut off: the section headers, and the
tables of symbols and lines for debuggers. pyarrow's libraries are also linked to some of which they use no symbol;
those that FOLDER/trimmed.txt removes are no longer asked for. The format is that of the ELF-64 Object File Format 1.5
and of the System V ABI, chapter 5.
"""

from __future__ import annotations

import argparse
import fnmatch
import struct
from collections.abc import Callable
from pathlib import Path

MAGIC = b"\x7fELF\x02\x01"
"""64 bits, the least significant byte first."""
_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _STRINGS = 0, 1, 5
_SEGMENT, _ENTRY = struct.Struct("<IIQQQQQQ"), struct.Struct("<qQ")


def slim(content: bytes, without: Callable[[str], bool] = lambda library: False) -> bytes:
    """The library without sections, and without the needs of which `without` is true; any other file unchanged."""
    if not content.startswith(MAGIC):
        return content
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    segments = [_SEGMENT.unpack_from(content, headers + size * at) for at in range(count)]
    end = max([headers + size * count, *(offset + length for _, _, offset, _, _, length, _, _ in segments)])
    slimmed = bytearray(content[:end])
    struct.pack_into("<Q", slimmed, 40, 0)  # no section headers: neither their place,
    struct.pack_into("<HH", slimmed, 60, 0, 0)  # their number, nor the one with their names

    def place(address: int) -> int:
        for kind, _, offset, start, _, length, _, _ in segments:
            if kind == _LOAD and start <= address < start + length:
                return int(offset + address - start)
        raise ValueError(f"no segment has the address {address:#x}")

    for kind, _, offset, _, _, length, _, _ in segments:
        if kind == _DYNAMIC:
            entries = list(_ENTRY.iter_unpack(content[offset : offset + length]))
            strings = next(place(value) for tag, value in entries if tag == _STRINGS)

            def name(value: int, strings: int = strings) -> str:
                return content[strings + value : content.index(b"\0", strings + value)].decode()

            kept = [(tag, value) for tag, value in entries if not (tag == _NEEDED and without(name(value)))]
            kept += [(_NULL, 0)] * (len(entries) - len(kept))
            slimmed[offset : offset + length] = b"".join(_ENTRY.pack(*entry) for entry in kept)
    return bytes(slimmed)


def slim_file(path: str, content: bytes, patterns: list[str]) -> bytes:
    """What the build makes of a file of a layer. `path`: within the layer; `patterns`: what trimmed.txt removes."""
    folder = path.rpartition("/")[0]
    return slim(content, lambda library: is_trimmed(f"{folder}/{library}", patterns))


def is_trimmed(path: str, patterns: list[str]) -> bool:
    """Whether a file of a layer is left out. `path`: within the layer."""
    return any(fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(path, f"{pattern}/*") for pattern in patterns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    layer = parser.parse_args().folder
    listed = layer / "trimmed.txt"
    patterns = listed.read_text().split() if listed.exists() else []
    for file in sorted(layer.rglob("*.so*")):
        content = file.read_bytes()
        slimmed = slim_file(file.relative_to(layer).as_posix(), content, patterns)
        if slimmed != content:
            file.write_bytes(slimmed)


if __name__ == "__main__":
    main()
