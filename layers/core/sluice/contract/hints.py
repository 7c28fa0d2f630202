"""Hints for typos."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sluice.model.same_look import WHY, look_alike


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ` (did you mean 'target'?)`, or an empty string.

    >>> nearest("tagret", ["target", "type"])
    " (did you mean 'target'?)"
    """
    names = [str(each) for each in known]
    if twin := next((each for each in names if look_alike(name, each)), None):
        return f" ({twin!r} is {WHY})"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def a_problem_of(kind: str) -> str:
    """The type with its article.

    >>> a_problem_of("anomaly"), a_problem_of("binary")
    ('an anomaly problem', 'a binary problem')
    """
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind} problem"


def in_own_words(message: str) -> str:
    """A message of pydantic without the class of error that it puts before ours.

    >>> in_own_words("Value error, 'x' is not a date")
    "'x' is not a date"
    """
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
