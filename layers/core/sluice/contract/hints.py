"""Hints for typos."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ` (did you mean 'target'?)`, or an empty string.

    >>> nearest("tagret", ["target", "type"])
    " (did you mean 'target'?)"
    """
    close = difflib.get_close_matches(name, [str(k) for k in known], n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
