"""How out-of-fold predictions are made: k folds where rows are few, the contract's validation rows where they are many.

Every row is held out of exactly one fold (of each repeat), so that all rows judge a trial. With a split by time the
folds would look into the future: there, as with many rows, validation is the only part that is held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# Up to this many rows: (folds, repeats). Beyond the last: the validation rows.
ROWS_A_SECOND = 200
"""With more rows for each second of the budget there are 3 folds: twice as many trials weigh more than exact ones."""
_PLAN = ((1_000, 8, 2), (4_000, 8, 1), (60_000, 5, 1), (150_000, 3, 1))


class Fold(NamedTuple):
    """Places among all rows: train first, then validation."""

    train: np.ndarray
    held_out: np.ndarray


@dataclass(frozen=True)
class Folds:
    """`text` says how they were made; `rows` are the places of those that any fold holds out, ascending."""

    folds: list[Fold]
    text: str

    @property
    def rows(self) -> np.ndarray:
        return np.unique(np.concatenate([fold.held_out for fold in self.folds]))

    def __len__(self) -> int:
        return len(self.folds)


def make(
    y: np.ndarray,
    validation: int,
    *,
    classes: int,
    seed: int,
    by_time: bool,
    groups: np.ndarray | None = None,
    seconds: float = float("inf"),
) -> Folds:
    """`validation`: how many of the rows, the last ones, are the contract's validation rows.

    `groups`: rows with the same number are held out together. `seconds`: the budget.
    """
    rows = len(y)
    kept = np.arange(rows - validation)
    whole = Fold(kept, np.arange(rows - validation, rows))
    if by_time:
        return Folds([whole], "the validation rows, which are later than those of train")
    plan = next(((k, repeats) for most, k, repeats in _PLAN if rows <= most), None)
    if plan is None:
        return Folds([whole], f"the validation rows, as {rows:,} rows are many")
    k, repeats = plan
    if rows > ROWS_A_SECOND * seconds:
        k = min(k, 3)
    found = []
    chance = np.random.default_rng(seed)
    for _ in range(repeats):
        dealt = _grouped(groups, k, chance) if groups is not None else _dealt(y, k, classes, chance)
        found += [Fold(np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(k)]
    times = f", {repeats} times" if repeats > 1 else ""
    kind = "grouped" if groups is not None else "stratified" if classes else "random"
    return Folds([fold for fold in found if len(fold.held_out)], f"{k} {kind} folds{times}")


def _dealt(y: np.ndarray, k: int, classes: int, chance: np.random.Generator) -> np.ndarray:
    """The fold of each row, dealt within each class; -1 (never held out) for a class that has one row."""
    order = chance.permutation(len(y))
    if classes:
        order = order[np.argsort(y[order], kind="stable")]
    dealt = np.empty(len(y), dtype=np.int64)
    dealt[order] = np.arange(len(y)) % k
    if classes:
        dealt[np.bincount(y, minlength=classes)[y] < 2] = -1
    return dealt


def _grouped(groups: np.ndarray, k: int, chance: np.random.Generator) -> np.ndarray:
    """Whole groups, the largest first into the fold with the fewest rows."""
    names, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member)
    load, fold_of = np.zeros(k), np.empty(len(names), dtype=np.int64)
    order = chance.permutation(len(names))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[group] = int(np.argmin(load))
        load[fold_of[group]] += sizes[group]
    return fold_of[member]


def mean_by_row(folds: Folds, answers: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """The answers of all folds by place of row: the mean where repeats hold a row out more than once.

    Shape (rows, ...) with zeros where no fold holds the row out.
    """
    total = np.zeros((rows, *answers[0].shape[1:]))
    count = np.zeros(rows)
    for fold, answer in zip(folds.folds, answers, strict=True):
        total[fold.held_out] += answer
        count[fold.held_out] += 1
    shape = (-1,) + (1,) * (total.ndim - 1)
    mean: np.ndarray = total / np.maximum(count, 1).reshape(shape)
    return mean
