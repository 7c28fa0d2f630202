"""Names and values as YAML, in a contract that is written as text."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml


def scalar(name: str) -> str:
    """A name: plain where YAML reads it as this very text, else in quotes.

    >>> scalar("device"), scalar("no"), scalar("page views")
    ('device', '"no"', '"page views"')
    """
    plain: Any = None
    if re.fullmatch(r"[A-Za-z_][\w.\-]*", name):
        plain = yaml.safe_load(name)
    return name if plain == name else quoted(name)


def quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
