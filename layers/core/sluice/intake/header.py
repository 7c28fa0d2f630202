"""Does the file have the columns that the contract needs?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from sluice.contract.hints import nearest
from sluice.contract.models import Contract
from sluice.errors import HeaderMismatchError
from sluice.model.same_look import WHY, look_alike
from sluice.model.shortening import listed, shortened


def check_header(found: Sequence[str], contract: Contract, has_names: bool = False) -> list[str]:
    """The extra columns, which are ignored. Raises HeaderMismatchError for missing ones, and doubled ones among these.

    Every column of the contract must be there, also nullable ones and the target: a column that is missing as a
    whole is a mistake far more often than it is meant. Names are compared without surrounding blanks.
    """
    return check_columns(found, list(contract.data.columns), contract, has_names)


def check_columns(
    found: Sequence[str], needed: Sequence[str], contract: Contract, has_names: bool = False
) -> list[str]:
    """The columns that are not `needed`. Raises HeaderMismatchError for needed ones that are missing or there twice.

    `contract` tells a header with other columns from a first line of values; not needed where the file `has_names`.
    """
    missing = [name for name in needed if name not in found]
    known = {*contract.data.columns, *needed}
    if missing and not has_names and not known & set(found) and not any(_alike(name, found) for name in known):
        # then it may be a row: its fields are values, and values stay out of alerts and logs
        way_out = " If the files have none, set data.file.header: 0 in the contract." if known == {*needed} else ""
        raise HeaderMismatchError(
            f"the first line has {len(found)} fields, and none is a column of the contract. Is the header missing?"
            f"{way_out} The columns needed are: {_names(needed)}"
        )
    doubled = [name for name, count in Counter(found).items() if count > 1 and name in needed]
    if doubled:
        raise HeaderMismatchError(f"the header has {_names(doubled)} more than once; give each column its own name")
    if missing:
        free = [name for name in found if name not in needed]
        told = "; ".join(
            f"{name!r} is missing{_hint(name, free) or _in_its_place(name, needed, found)}" for name in missing
        )
        raise HeaderMismatchError(f"{told}. The header found is: {_names(found)}")
    return [name for name in found if name not in needed]


def _alike(name: str, found: Sequence[str]) -> bool:
    return bool(get_close_matches(name.casefold(), [other.casefold() for other in found], n=1, cutoff=0.8))


def _hint(name: str, free: Sequence[str]) -> str:
    folded = [other for other in free if other.casefold() == name.casefold()]
    if folded:
        return f" (nearest header: {folded[0]!r}; upper and lower case count)"
    if twin := next((other for other in free if look_alike(name, other)), None):
        return f" (the header {twin!r} is {WHY})"
    hint = nearest(name, free).removeprefix(" (did you mean ").removesuffix("?)")
    return f" (nearest header: {hint})" if hint else ""


def _in_its_place(name: str, needed: Sequence[str], found: Sequence[str]) -> str:
    """The column that stands where this one was, between the same neighbours, under a name that is not like it."""
    at = needed.index(name)
    before = needed[at - 1] if at else None
    after = needed[at + 1] if at + 1 < len(needed) else None
    names = [None, *found, None]
    for left, other, right in zip(names, names[1:], names[2:], strict=False):
        if other is not None and other not in needed and (left, right) == (before, after):
            return f" (in its place: {shortened(other, 80)!r}; was it renamed?)"
    return ""


def _names(names: Iterable[str]) -> str:
    return listed([repr(shortened(name, 80)) for name in names], 30, "the header and the contract")
