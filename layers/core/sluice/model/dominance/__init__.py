"""Columns that come near a whole model alone. The leakage alarm's thresholds, and the same search without scikit-learn.

The alarm measures what all columns explain with scikit-learn's trees. `search` is for `sluice init` and `sluice check`,
which have numpy alone: the better of columns added up and of small trees. Either explains at most what can be known, so
a column is found here if neither model comes far beyond it, and neither replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sluice.model.dominance import added, boosted
from sluice.model.dominance.sampled import Sampled, codes, sampled, words_of
from sluice.model.dominance.skill import alone, skill
from sluice.model.identities.arrays import MIN_ROWS as FEW_ROWS

NEAR_PERFECT = 0.8
SHARE = 0.7
LOSS = 0.25
MIN_ROWS = 500
"""With fewer rows a share or a loss is known to no better than about 0.1, and the thresholds decide on that much."""
MIN_OF_A_CLASS = 30
LEAST_SKILL = 0.02
"""What explains less is noise."""
LEAST_DOMINATED = 0.1
"""All columns together must explain this much before one of them is said to dominate: a column that gives a target away
explains a good part of it, and of a target that hardly follows from anything, one honest column often says most."""
SURE_ROWS, SURE_OF_A_CLASS, FEWEST = 1_000, 100, 5
"""What `search` asks for, since its finds are dropped by default: rows, rows of a class, columns. Of few columns one is
often most of what there is to know."""
ADDED, IN_TREES = 20, 40
"""Columns that are added up, and that trees see: the strongest."""


class Strong(NamedTuple):
    """Columns that say the same. `is_near_perfect`: alone, else compared with all."""

    columns: list[str]
    is_near_perfect: bool


def search(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str], y: np.ndarray, classes: int) -> list[Strong]:
    """`columns`: typed values of the features, times as numbers; `y`: numbers, or indices of `classes`."""
    if len(y) < FEW_ROWS:
        return []
    sample = sampled(y, classes, seed=0)
    coded = {name: codes(values, types[name]) for name, values in columns.items() if types[name] != "text"}
    answers = {name: alone(sample, code) for name, code in coded.items()}
    everywhere = np.ones(sample.rows, dtype=bool)
    skills = {name: skill(sample, answer, everywhere) for name, answer in answers.items()}
    found = [Strong([name], True) for name, value in skills.items() if value >= NEAR_PERFECT]
    left = sorted((name for name in skills if skills[name] < NEAR_PERFECT), key=lambda name: -skills[name])
    texts = [words_of(values).astype(np.int64) for name, values in columns.items() if types[name] == "text"]
    if len(left) + len(texts) < FEWEST or too_few(sample, SURE_ROWS, SURE_OF_A_CLASS):
        return found

    def explained(names: list[str], *, by_trees: bool = True) -> float:
        best = max((skills[name] for name in names), default=0.0)
        told = [best, added.together(sample, answers, names[:ADDED])]
        if by_trees:
            shown = [*(coded[name] for name in names[:IN_TREES]), *texts]
            told.append(boosted.together(sample, np.column_stack(shown)) if shown else 0.0)
        return max(0.0, *told)

    # columns added up are enough to see that nothing comes near, which is so in most data
    best = max(skills[name] for name in left) if left else 0.0
    if best < SHARE * max(LEAST_DOMINATED, explained(left, by_trees=False)):
        return found
    everything = explained(left)
    same = [name for name in left if alike(coded[left[0]], coded[name])]
    lost = 1.0 - explained([name for name in left if name not in same]) / everything
    if best >= SHARE * everything >= SHARE * LEAST_DOMINATED and lost >= LOSS:
        found.append(Strong(same, is_near_perfect=False))
    return found


def too_few(sample: Sampled, rows: int = MIN_ROWS, of_a_class: int = MIN_OF_A_CLASS) -> str | None:
    """Why no column is compared with all together."""
    smallest = sample.rows if sample.is_number else int(np.min(sample.target.sum(axis=0)))
    if sample.rows >= rows and (sample.is_number or smallest >= of_a_class):
        return None
    return (
        f"no column was compared with all together: it takes {rows} training rows, and {of_a_class} of each class; "
        f"there are {sample.rows}" + ("" if sample.is_number else f", and {smallest} of the rarest class")
    )


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether each of two columns' bins determines the other's: both say the same."""
    if one is other:
        return True
    pairs = one * (int(other.max()) + 1) + other
    found, counts = np.unique(pairs, return_counts=True)
    of_one, of_other = found // (int(other.max()) + 1), found % (int(other.max()) + 1)
    told = [np.zeros(int(side.max()) + 1, dtype=np.int64) for side in (one, other)]
    np.maximum.at(told[0], of_one, counts)
    np.maximum.at(told[1], of_other, counts)
    return min(int(told[0].sum()), int(told[1].sum())) >= 0.98 * len(one)
