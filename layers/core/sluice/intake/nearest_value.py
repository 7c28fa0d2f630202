"""Which of the allowed values a refused one is most like."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cached_property

from sluice.model.same_look import WHY, seen
from sluice.model.values import FALSE, TRUE

COMPARISONS = 20_000
"""Comparisons of refused values with allowed ones in a block: about 0.2 s. Values beyond them get no hint."""


class NearestValue:
    """Compares without regard to upper and lower case, and each text once.

    >>> near = NearestValue({"ads", "email"})
    >>> near("E-Mail"), near("42")
    ("; the nearest is 'email'", '')
    >>> NearestValue({"Yes", "No"})("true")
    "; the nearest is 'Yes'"
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = {value.casefold(): value for value in sorted(allowed)}
        self._left = COMPARISONS
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        folded = text.strip().casefold()
        if (known := self._known.get(folded)) is not None:
            return known
        if self._left < len(self._allowed):
            return ""
        self._left -= len(self._allowed)
        if twin := self._by_look.get(seen(text.strip())):
            return self._known.setdefault(folded, f"; {twin!r} is {WHY}")
        close = self._same_answer(folded) or get_close_matches(folded[:200], self._allowed, n=1, cutoff=0.5)
        hint = f"; the nearest is {self._allowed[close[0]]!r}" if close else ""
        return self._known.setdefault(folded, hint)

    @cached_property
    def _by_look(self) -> dict[str, str]:
        return {seen(value): value for value in self._allowed.values()}

    def _same_answer(self, folded: str) -> list[str]:
        """The column's own word for it, where the column is yes and no, and the text is another spelling of one."""
        if len(self._allowed) == 2 and self._allowed.keys() <= TRUE | FALSE:
            return [word for words in (TRUE, FALSE) if folded in words for word in self._allowed if word in words]
        return []
