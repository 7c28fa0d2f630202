"""What a refused row looks like for people: its columns beside those of the contract, and its values as text."""

from __future__ import annotations

import json
from typing import Any

ROW = "_row"
"""The column with a row's number, as `sluice quarantine` writes it."""
OWN = (ROW, "_reasons", "_line", "_dataset")
"""All columns that `sluice quarantine` adds to those of the contract."""


def shown(value: Any) -> str:
    """A refused value as text for people; nothing for a missing one."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # broken JSON text may hold lone surrogates, which no file can
    return text.encode("utf-8", "backslashreplace").decode()
