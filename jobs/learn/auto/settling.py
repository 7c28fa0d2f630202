"""What a fit settles while it watches, such as rounds, the folds of a trial settle together.

A fold that stops by itself stops where its own few rows happen to be answered best. Its answers are then a little too
good, and those of one fold are not comparable with another's: after 5 rounds all are near the prior, after 50 they are
not, which spoils a metric over the rows of all folds. All rows choose one number with far less chance in it, and it is
the number that the fit on all rows gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auto.fitting import Held
from auto.folds import Folds, mean_by_row
from auto.guide import Loss
from families import Family


def settle(
    held: Mapping[int, Held], given: Mapping[str, Any], family: Family, folds: Folds, y: np.ndarray, loss: Loss
) -> dict[int, Held]:
    """The folds with the answers of one number of rounds, or of the mean of what is settled besides; as they are
    where a fold has no `path` and no `raw`. `given` are the trial's hyperparameters.
    """
    every = [held[fold] for fold in range(len(folds))]
    if len(every) > 1 and all(each.path for each in every):
        every = _with_common_rounds(every, family.rounds, folds, y, loss)
    raw = [each.raw for each in every if each.raw is not None]
    if 1 < len(every) == len(raw):
        mean = mean_settled(given, [each.settled for each in every])
        answers = [family.linked(one, mean) for one in raw]
        every = [each._replace(answer=answer, settled=mean) for each, answer in zip(every, answers, strict=True)]
    return {fold: each._replace(path={}, raw=None) for fold, each in enumerate(every)}


def mean_settled(given: Mapping[str, Any], settled: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The hyperparameters with the mean of each number in which the folds differ."""
    result = dict(given)
    for name, value in given.items():
        found = [each.get(name, value) for each in settled]
        if all(each == found[0] for each in found):
            result[name] = found[0]
        else:
            mean = float(np.mean([float(each) for each in found]))
            result[name] = max(1, round(mean)) if isinstance(value, int) else mean
    return result


def _with_common_rounds(every: list[Held], name: str, folds: Folds, y: np.ndarray, loss: Loss) -> list[Held]:
    """Only numbers between those of the folds are considered; a fold that ended earlier has its last answers."""
    found = [int(each.settled[name]) for each in every]
    looks = sorted({rounds for each in every for rounds in each.path})
    # the ends themselves are rarely among the numbers after which a fit was looked at
    low = max((rounds for rounds in looks if rounds <= min(found)), default=looks[0])
    high = min((rounds for rounds in looks if rounds >= max(found)), default=looks[-1])
    rows = folds.rows

    def answers(rounds: int) -> list[np.ndarray]:
        return [each.path[max((r for r in each.path if r <= rounds), default=min(each.path))] for each in every]

    best = min(
        (rounds for rounds in looks if low <= rounds <= high),
        key=lambda rounds: loss(y[rows], mean_by_row(folds, answers(rounds), len(y))[rows]),
    )
    return [
        each._replace(answer=answer.astype(np.float64), settled={**each.settled, name: best})
        for each, answer in zip(every, answers(best), strict=True)
    ]
