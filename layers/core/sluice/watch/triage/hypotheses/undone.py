"""How a spelling is undone: each function gives the word as it was, or the word itself where it does not apply."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

from sluice.watch.triage.window import Reason


def bare(word: str) -> str:
    """A word without case, accents, punctuation and blanks: spellings of one word have the same."""
    folded = unicodedata.normalize("NFKD", word).casefold()
    return "".join(each for each in folded if each.isalnum())


def mojibake(word: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return typographic(word.encode(encoding).decode("utf-8"))
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return word


PLAIN = str.maketrans(
    {
        "\u00a0": " ",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2039": "<",
        "\u203a": ">",
        "\u2026": "...",
    }
)


def typographic(word: str) -> str:
    return word.translate(PLAIN)


def quoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'`" else word


SPELLINGS: tuple[tuple[Reason, str, Callable[[str], str]], ...] = (
    (Reason.RENAMED, "has blanks around its values", str.strip),
    (Reason.ENCODING, "has quotation marks around its values", quoted),
    (Reason.ENCODING, "is percent-encoded", unquote),
    (Reason.ENCODING, "has characters of HTML for its own", html.unescape),
    (Reason.ENCODING, "is UTF-8 read in another encoding", mojibake),
    (Reason.ENCODING, "has look-alike characters for its own", typographic),
)
"""(reason, what happened, how it is undone)."""
