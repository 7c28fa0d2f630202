"""How a whole file writes numbers and dates: a column that can be read in one way alone speaks for the others.

`1,932` is 1932 or 1.932, and `04/05/2026` is in April or in May. Programs write a file in one convention, so another
column's `2,327,218`, `12,5` or `31/12/2025` says which is meant. Where columns contradict each other nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Written(Protocol):
    """What a column alone says; None: nothing, or both."""

    @property
    def says_decimal_comma(self) -> bool | None: ...

    @property
    def says_day_first(self) -> bool | None: ...


@dataclass(frozen=True)
class Conventions:
    """None: the file does not say. `delimiter`: of its fields; None of a file without."""

    decimal_comma: bool | None = None
    day_first: bool | None = None
    delimiter: str | None = None


def conventions(columns: Iterable[Written], delimiter: str | None) -> Conventions:
    """What the columns that say something agree on."""
    found = list(columns)
    return Conventions(
        _agreed(column.says_decimal_comma for column in found),
        _agreed(column.says_day_first for column in found),
        delimiter,
    )


def _agreed(said: Iterable[bool | None]) -> bool | None:
    votes = {vote for vote in said if vote is not None}
    return votes.pop() if len(votes) == 1 else None
