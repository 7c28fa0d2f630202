"""What records say in one word, for people."""

from __future__ import annotations


def in_words(name: str) -> str:
    """A name or a value of a record.

    >>> in_words("rolled_back"), in_words("no_traffic")
    ('rolled back', 'no traffic')
    """
    return name.replace("_", " ")
