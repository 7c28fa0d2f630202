"""One spelling for categories that are spelled alike: `features.categories.similar: fold`.

Case, accents of Latin letters, and separators beside a letter count for nothing; digits and all other signs count.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

FOLD = "fold"
_SEPARATORS = r"[\s\-_.,'’·/]+"
# Between two digits a separator may be a point, a sign or a range, and behind the last letter a mark: A- is not A.
_BESIDE_A_LETTER = re.compile(rf"(?<=[^\W\d_]){_SEPARATORS}(?=[^\W_])|(?<=\d){_SEPARATORS}(?=[^\W\d_])")
_LAST_POINT = re.compile(r"(?<=[^\W\d_])\.$")
_BLANKS = re.compile(r"\s+")
_LATIN = "\u0250"
"""Latin letters come before it. In other scripts a mark may make another letter, as in и and й."""


def fold(value: str) -> str:
    """The spelling that stands for all that are alike; `fold(fold(x)) == fold(x)`.

    >>> {fold(text) for text in ("New York", "new york ", "NewYork", "NEW-YORK", "Néw  York")}
    {'newyork'}
    >>> fold("A-"), fold("1.5 kg"), fold("C++"), fold("1-2"), fold("U.S."), fold("-1")
    ('a-', '1.5kg', 'c++', '1-2', 'us', '-1')
    """
    if value.isascii():
        text = value.lower()
        if text.isalpha():
            return text
    else:
        text = _without_accents(unicodedata.normalize("NFKD", value)).casefold()
        # what casefold makes of a letter may have an accent again
        text = unicodedata.normalize("NFC", _without_accents(unicodedata.normalize("NFKD", text)))
    text = _BESIDE_A_LETTER.sub("", _BLANKS.sub(" ", text.strip()))
    return _LAST_POINT.sub("", text) or value


def _without_accents(text: str) -> str:
    kept, latin = [], False
    for sign in text:
        if unicodedata.combining(sign):
            if latin:
                continue
        else:
            latin = sign < _LATIN
        kept.append(sign)
    return "".join(kept)


class Folded(NamedTuple):
    """`shown`: folded spelling → its most frequent spelling. The rest is what the evaluation reports: how many
    `categories` have several `spellings`, and the training `rows` whose spelling is not the shown one."""

    shown: dict[str, str]
    categories: int
    spellings: int
    rows: int


def folded(values: Iterable[str]) -> Folded:
    counts = Counter(values)
    groups: dict[str, list[str]] = {}
    # most frequent first, then by name: the order must not depend on the order of rows
    for spelling in sorted(counts, key=lambda value: (-counts[value], value)):
        groups.setdefault(fold(spelling), []).append(spelling)
    several = [group for group in groups.values() if len(group) > 1]
    return Folded(
        {key: group[0] for key, group in groups.items()},
        len(several),
        sum(map(len, several)),
        sum(counts[spelling] for group in several for spelling in group[1:]),
    )


class FoldedKeys(dict[Any, Any]):
    """Finds a text by its folded spelling. Only `get` folds."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(fold(key) if isinstance(key, str) else key, default)


def keys(values: Sequence[Any]) -> list[Any]:
    """Texts folded; None and others as they are."""
    known: dict[Any, Any] = {value: fold(value) if isinstance(value, str) else value for value in set(values)}
    return [known[value] for value in values]
