"""Answers as JSON that a browser can read: no NaN, no infinity, times as text."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import datetime
from typing import Any


def plain(value: Any) -> Any:
    """The same with None for a number that JSON has not, ISO text for times, and text for everything unknown.

    >>> plain({"a": float("nan"), 1: (1, float("inf"))})
    {'a': None, '1': [1, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else str(value)


def body_of(value: Any) -> tuple[bytes, str]:
    """The answer's body, and its ETag."""
    # lone surrogates (a broken file name) have no UTF-8: JSON's own escapes carry them
    body = json.dumps(plain(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"'
