"""Builds the wheel of a model's code with the standard library (PEP 517): see pyproject.toml beside it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

NAME, VERSION = "sluice_serving", "1.0.0"
_INFO = f"{NAME}-{VERSION}.dist-info"
_FIRST = (1980, 1, 1, 0, 0, 0)


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return []


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """inference.py and the package `sluice` of the current folder; the wheel's file name."""
    here = Path()
    sources = [Path("inference.py"), *sorted(Path("sluice").rglob("*.py"))]
    content = {path.as_posix(): (here / path).read_bytes() for path in sources}
    content[f"{_INFO}/METADATA"] = f"Metadata-Version: 2.1\nName: sluice-serving\nVersion: {VERSION}\n".encode()
    content[f"{_INFO}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: wheel_backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},sha256={_digest(body)},{len(body)}" for name, body in content.items()]
    content[f"{_INFO}/RECORD"] = "\n".join([*record, f"{_INFO}/RECORD,,", ""]).encode()
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, body in content.items():
            wheel.writestr(zipfile.ZipInfo(path, _FIRST), body)
    return name


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
