"""Texts that a person cannot tell apart, and a program can: a message that shows both of them explains nothing."""

from __future__ import annotations

import unicodedata

WHY = "the same to the eye, in another Unicode form; write both in NFC, without invisible characters"


def look_alike(one: str, other: str) -> bool:
    """Whether two texts that differ look the same: in another normal form, or with characters that have no width.

    >>> look_alike("\\u00e9", "e\\u0301"), look_alike("a\\u200bb", "ab"), look_alike("a", "A")
    (True, True, False)
    """
    return one != other and seen(one) == seen(other)


def seen(text: str) -> str:
    """What a person sees of a text."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFKC", text)
    return "".join(each for each in composed if unicodedata.category(each) != "Cf")
