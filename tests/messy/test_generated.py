"""Some hundred generated files whose truth is known, and mutated ones; `make fuzz-intake` runs as many as one likes."""

from __future__ import annotations

import pytest

from tests.messy import judge, mutated
from tests.messy.known import KNOWN, known_as

SEEDS = (*range(300), 67_962)
"""The last one: a quote that is never closed ends at a field that begins with a line end, and has a row in it."""
TYPED = range(150)
MUTATED = range(200)


def test_no_cell_is_changed_and_no_row_is_lost() -> None:
    seen, unknown = set(), []
    for kind, seed in [*(("generated", seed) for seed in SEEDS), *(("typed", seed) for seed in TYPED)]:
        file, found = judge.run(seed, kind)
        for fault, words in found.faults.items():
            known = known_as(file, fault)
            if known is None:
                unknown.append((kind, seed, fault, words))
            else:
                seen.add(known)
    assert unknown == []
    assert seen == set(KNOWN), "a known fault no longer occurs: take it out of KNOWN"


@pytest.mark.parametrize("start", MUTATED[::50])
def test_any_bytes_get_an_answer(start: int) -> None:
    assert [found for seed in range(start, start + 50) if (found := mutated.run(seed)).faults] == []
