"""arrays.npz looked at before numpy sees it: a zip of stored .npy files of plain numbers (standard library only).

numpy allocates what an array's header says, and zipfile what a directory says. Both are checked here against the
bytes of the file, so that a small file cannot ask for much memory, and nothing that needs pickle gets further.
"""

from __future__ import annotations

import ast
import math
import re
import struct
import zipfile
from pathlib import Path

from sluice.model.errors import ArtifactError

MAX_ARRAYS = 512
_MAX_DIRECTORY = 64 << 10
_MAX_HEADER = 4096
_END = struct.Struct("<4s4H2LH")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\.npy")
# booleans, integers and floats; not objects ("|O": pickle), texts, dates or records
_DTYPE = re.compile(r"(?:\|b1|\|[iu]1|<[iu][248]|<f[248])")


def check(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name → (dtype, shape) of the arrays. Raises ArtifactError naming array and reason; reads headers only."""
    try:
        size = path.stat().st_size
        _check_directory(path, size)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            stored = sum(entry.compress_size for entry in entries)
            if stored > size or len({entry.header_offset for entry in entries}) < len(entries):
                raise ArtifactError("its arrays overlap")
            found: dict[str, tuple[str, tuple[int, ...]]] = {}
            for entry in entries:
                if not _NAME.fullmatch(entry.filename):
                    raise ArtifactError(f"{entry.filename[:80]!r} is not the name of an array")
                name = entry.filename.removesuffix(".npy")
                if name.casefold() in (known.casefold() for known in found):
                    raise ArtifactError(f"array {name} occurs twice")
                found[name] = _array(archive, entry, name)
    except ArtifactError as error:
        raise ArtifactError(f"{path.name}: {error}") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise ArtifactError(f"{path.name} is not an .npz file of arrays: {error}") from error
    if not found:
        raise ArtifactError(f"{path.name}: there is no array in it")
    return found


def _check_directory(path: Path, size: int) -> None:
    """zipfile reads the directory into memory whole: look at its length first."""
    with path.open("rb") as file:
        file.seek(max(0, size - _END.size))
        tail = file.read(_END.size)
    if len(tail) < _END.size or tail[:4] != b"PK\5\6":
        raise ArtifactError("not an .npz file: it does not end with a zip's directory")
    _, disk, start_disk, here, total, length, start, comment = _END.unpack(tail)
    if disk or start_disk or here != total or comment:
        raise ArtifactError("not an .npz file: a zip of several parts or with a comment")
    if total > MAX_ARRAYS:
        raise ArtifactError(f"{total} arrays are more than {MAX_ARRAYS}")
    if length > _MAX_DIRECTORY or start + length + _END.size != size:
        raise ArtifactError("not an .npz file: its directory is not where a zip has it")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> tuple[str, tuple[int, ...]]:
    if entry.flag_bits & 0x1:
        raise ArtifactError(f"array {name} is encrypted")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ArtifactError(f"array {name} is compressed; models store their arrays uncompressed")
    with archive.open(entry) as file:
        magic = file.read(8)
        if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
            raise ArtifactError(f"array {name} is not an .npy file")
        wide = magic[6] > 1
        length = struct.unpack("<I" if wide else "<H", file.read(4 if wide else 2))[0]
        if length > _MAX_HEADER:
            raise ArtifactError(f"array {name}: a header of {length} bytes")
        text = file.read(length)
    dtype, shape = _described(text, name)
    before = 8 + (4 if wide else 2) + length
    needed = before + math.prod(shape) * int(dtype[2:])
    if needed != entry.file_size:
        raise ArtifactError(f"array {name}: {dtype} of shape {shape} takes {needed} bytes, there are {entry.file_size}")
    return dtype, shape


def _described(text: bytes, name: str) -> tuple[str, tuple[int, ...]]:
    try:
        header = ast.literal_eval(text.decode("latin-1").strip())
        dtype, shape = header["descr"], header["shape"]
        keys = set(header)
    except (ValueError, SyntaxError, MemoryError, RecursionError, KeyError, TypeError) as error:
        raise ArtifactError(f"array {name}: its header cannot be read") from error
    if keys != {"descr", "fortran_order", "shape"} or not isinstance(header["fortran_order"], bool):
        raise ArtifactError(f"array {name}: its header is not that of an .npy file")
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise ArtifactError(f"array {name}: dtype {str(dtype)[:60]!r} is not a plain number")
    plain = isinstance(shape, tuple) and len(shape) <= 4
    if not plain or not all(type(side) is int and 0 <= side < 1 << 40 for side in shape):
        raise ArtifactError(f"array {name}: a shape that no array has")
    return dtype, shape
