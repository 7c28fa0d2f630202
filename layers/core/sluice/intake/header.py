"""Does the file have the columns that the contract needs?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sluice.contract.hints import nearest
from sluice.contract.models import Contract
from sluice.errors import HeaderMismatchError


def check_header(found: Sequence[str], contract: Contract) -> list[str]:
    """The extra columns, which are ignored. Raises HeaderMismatchError for missing or doubled ones.

    Every column of the contract must be there, also nullable ones and the target: a column that is missing as a
    whole is a mistake far more often than it is meant. Names are compared without surrounding blanks.
    """
    doubled = [name for name, count in Counter(name for name in found if name).items() if count > 1]
    if doubled:
        raise HeaderMismatchError(f"the header has {_names(doubled)} more than once; give each column its own name")
    missing = [name for name in contract.data.columns if name not in found]
    if missing:
        free = [name for name in found if name not in contract.data.columns]
        told = "; ".join(f"{name!r} is missing{_hint(name, free)}" for name in missing)
        raise HeaderMismatchError(f"{told}. The header found is: {_names(found)}")
    return [name for name in found if name not in contract.data.columns]


def _hint(name: str, free: Sequence[str]) -> str:
    folded = [other for other in free if other.casefold() == name.casefold()]
    if folded:
        return f" (nearest header: {folded[0]!r}; upper and lower case count)"
    hint = nearest(name, free).removeprefix("; did you mean ").removesuffix("?")
    return f" (nearest header: {hint})" if hint else ""


def _names(names: Iterable[str]) -> str:
    shown = [repr(name[:80]) for name in names]
    more = f" and {len(shown) - 30} more" if len(shown) > 30 else ""
    return ", ".join(shown[:30]) + more
