"""Archives byte by byte, as no honest packer makes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

END = bytes(1024)


def header(name: bytes | str, size: int = 0, kind: bytes = b"0", link: bytes = b"", **fields: bytes) -> bytes:
    """A ustar header; `size_field` and `magic` replace what would be written, `checksum` the right one."""
    raw = name.encode() if isinstance(name, str) else name
    block = bytearray(512)
    block[:100] = raw[:100].ljust(100, b"\0")
    block[100:108] = b"0000644\0"
    block[124:136] = fields.get("size_field", b"%011o\0" % size)
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[157:257] = link.ljust(100, b"\0")
    block[257:265] = fields.get("magic", b"ustar\x0000")
    block[345:500] = fields.get("prefix", b"").ljust(155, b"\0")
    block[148:156] = fields.get("checksum", b"%06o\0 " % sum(block))
    return bytes(block)


def member(name: bytes | str, content: bytes = b"", **fields: bytes) -> bytes:
    return header(name, len(content), **fields) + content + bytes(-len(content) % 512)


def pax(records: Mapping[str, str]) -> bytes:
    body = b""
    for key, value in records.items():
        line = f" {key}={value}\n".encode()
        length = len(line) + 1
        length = len(line) + len(str(length + (len(line) + len(str(length)) > 99 > length)))
        body += str(length).encode() + line
    return member("PaxHeaders/x", body, kind=b"x")


def packed(*parts: bytes, end: bytes = END, after: bytes = b"", trailer: bytes = b"") -> bytes:
    """The .tar.gz of the parts; `after` follows the end mark, `trailer` the gzip stream."""
    return gzip.compress(b"".join(parts) + end + after, mtime=0) + trailer


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(descr: str = "'<f8'", shape: str = "(3,)", data: bytes = bytes(24), header_length: int | None = None) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = len(text) if header_length is None else header_length
    return b"\x93NUMPY\1\0" + struct.pack("<H", length) + text + data


def zipped(entries: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, body in entries.items():
            archive.writestr(zipfile.ZipInfo(name), body, compression)
    return out.getvalue()


MODEL = json.dumps({"format": 1, "run_id": "r1"}).encode()
GOOD_ARRAYS = npz(coef=np.zeros(3))


def files(**replaced: bytes) -> dict[str, bytes]:
    """A good model's files but the manifest; keys are `model`, `arrays`, `code`, or names with `__` for `/`."""
    found = {"model.json": MODEL, "arrays.npz": GOOD_ARRAYS, "code/inference.py": b"x = 1\n"}
    short = {"model": "model.json", "arrays": "arrays.npz", "code": "code/inference.py"}
    return found | {short.get(name, name): body for name, body in replaced.items()}


def manifest(content: Mapping[str, bytes]) -> bytes:
    sums = {name: hashlib.sha256(body).hexdigest() for name, body in content.items()}
    total = hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()
    return json.dumps({"files": sums, "artifact_sha256": total}).encode()


def good(content: Mapping[str, bytes] | None = None) -> bytes:
    """The archive of a model whose manifest is right about whatever its files hold."""
    chosen = files() if content is None else content
    return packed(*(member(name, body) for name, body in {**chosen, "manifest.json": manifest(chosen)}.items()))


def by_tarfile(content: Mapping[str, bytes], style: int) -> bytes:
    """As Python's tarfile packs it, with folders and times."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=style) as tar:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(body), 1234567890.123  # type: ignore[assignment]
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()
