"""Some hundred generated files whose truth is known, and mutated ones; `make fuzz-intake` runs as many as one likes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.messy import judge, mutated
from tests.messy.generated import GeneratedFile

SEEDS = range(300)
TYPED = range(150)
MUTATED = range(200)
KNOWN: dict[str, Callable[[GeneratedFile, str], bool]] = {
    "a quote after a blank-padded delimiter is taken for a character": lambda file, _: file.style.padded,
    "a repeated header is accepted as a row": lambda file, fault: (
        fault == "invented" and any(row.damage == "repeated header" for row in file.rows)
    ),
    "a NaN becomes a missing value, and the record does not say so": lambda file, fault: (
        fault == "changed" and any(row.damage == "NaN" for row in file.rows)
    ),
    "a checksum of a Parquet page is not verified": lambda file, _: any(
        row.damage == "corrupt page" for row in file.rows
    ),
}
"""Faults that are known today. One that no longer occurs fails the test until it is taken out."""


def test_no_cell_is_changed_and_no_row_is_lost() -> None:
    seen, unknown = set(), []
    for kind, seed in [*(("generated", seed) for seed in SEEDS), *(("typed", seed) for seed in TYPED)]:
        file, found = judge.run(seed, kind)
        for fault, words in found.faults.items():
            known = next((name for name, fits in KNOWN.items() if fits(file, fault)), None)
            if known is None:
                unknown.append((kind, seed, fault, words))
            else:
                seen.add(known)
    assert unknown == []
    assert seen == set(KNOWN), "a known fault no longer occurs: take it out of KNOWN"


@pytest.mark.parametrize("start", MUTATED[::50])
def test_any_bytes_get_an_answer(start: int) -> None:
    assert [found for seed in range(start, start + 50) if (found := mutated.run(seed)).faults] == []
