"""Lists and texts that are cut: what is left out is always counted, and where the rest is, is said.

One place for the words, so that no list ends as if it were complete. Below `model`, since the containers use it too.
"""

from __future__ import annotations

from collections.abc import Sequence


def more(count: int, where: str = "", before: str = " and ") -> str:
    """What stands behind a list that was cut; nothing where nothing is left out.

    >>> more(37, "summary.json"), more(2), more(0, "the manifest")
    (' and 37 more in summary.json', ' and 2 more', '')
    """
    if count <= 0:
        return ""
    return f"{before}{count:,} more" + (f" in {where}" if where else "")


def listed(items: Sequence[str], most: int, where: str = "", between: str = ", ") -> str:
    """The first `most` items in one line, and how many others there are in `where`.

    >>> listed(["a", "b", "c"], 2, "the report"), listed(["a"], 2)
    ('a, b and 1 more in the report', 'a')
    """
    return between.join(items[:most]) + more(len(items) - most, where)


def first(items: Sequence[str], most: int, where: str = "") -> list[str]:
    """The first `most` items; the last line then counts the others.

    >>> first(["a", "b", "c"], 1, "the record"), first(["a"], 1)
    (['a', 'and 2 more in the record'], ['a'])
    """
    rest = more(len(items) - most, where, before="and ")
    return [*items[:most], *([rest] if rest else [])]


def shortened(text: str, limit: int, where: str = "") -> str:
    """Text of at most `limit` characters; what is cut off is counted in them.

    >>> shortened("abcdefghij" * 10, 60, "the log")
    'abcdefghijabcdefghijabcde … (75 more characters in the log)'
    >>> shortened("short", 60)
    'short'
    """
    if len(text) <= limit:
        return text
    at = f" in {where}" if where else ""
    kept = max(0, limit - len(f" … ({len(text):,} more characters{at})"))
    return f"{text[:kept]} … ({len(text) - kept:,} more characters{at})"
