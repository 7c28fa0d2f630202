"""Takes values of rows out of what triage says: a report goes into alerts, and values stay in the data bucket.

A text that a row has is called `value 1f2e3d4c`, after its hash, unless the contract lists it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sluice.contract import Contract
from sluice.names import digest
from sluice.watch.triage.window import Window

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_LONG = 8
"""Texts of this length are looked for also where they are not quoted; shorter ones are words of any sentence."""


class Redaction:
    """What the rows of some windows contain, and what of it may be shown."""

    def __init__(self, contract: Contract, windows: Iterable[Window]) -> None:
        self._shown = {str(value) for column in contract.data.columns.values() for value in column.known or ()}
        self._shown |= set(contract.data.columns)
        self._words = {
            word
            for window in windows
            for name in window.texts
            for word in window.columns[name].tolist()
            if word is not None and word not in self._shown
        }
        self._long = sorted((word for word in self._words if len(word) >= _LONG), key=len, reverse=True)

    def of(self, told: Any) -> Any:
        """`told`, which is plain JSON, without values."""
        if isinstance(told, str):
            return self._sentence(told)
        if isinstance(told, Mapping):
            return {self._sentence(str(name)): self.of(value) for name, value in told.items()}
        if isinstance(told, list | tuple):
            return [self.of(each) for each in told]
        return told

    def _sentence(self, text: str) -> str:
        if text in self._words:
            return _named(text)
        # known texts first: an apostrophe in one of them would end another one's quotes
        for word in self._words if "'" in text or '"' in text else ():
            if (quoted := repr(word)) in text:
                text = text.replace(quoted, _named(word))
        for word in self._long:
            if word in text:
                text = text.replace(word, _named(word))
        return _QUOTED.sub(self._quoted, text)

    def _quoted(self, found: re.Match[str]) -> str:
        try:
            word = str(ast.literal_eval(found[0]))
        except (ValueError, SyntaxError):
            word = found[0][1:-1]
        return found[0] if word in self._shown else _named(word)


def _named(word: str) -> str:
    return f"value {digest(word)[:8]}"
