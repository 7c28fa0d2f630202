"""What a fit in rounds shows while it goes on, so that a tuning job can end a training job that falls behind.

SageMaker takes one value of the objective metric for one resource of Hyperband and one epoch of early stopping, and the
last value for the result. So every family that reports does so after the same numbers of rounds, and the job prints
all metrics at its end (`train.py`). 26 reports and the end make 27 = 3³ values: Hyperband's rungs are 1, 3 and 9
values, that is 20, 60 and 180 rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

EVERY = 20
REPORTS = 26


@dataclass(frozen=True)
class Progress:
    """`show` is given the answer for the watched rows (`Family.answer`); without it nothing is shown."""

    show: Callable[[np.ndarray], None] | None = None

    def __bool__(self) -> bool:
        return self.show is not None

    @property
    def rounds(self) -> range:
        """The numbers of rounds after which a fit reports, in their order."""
        return range(EVERY, EVERY * REPORTS + 1, EVERY) if self else range(0)

    def after(self, rounds: int, answer: Callable[[], np.ndarray]) -> None:
        """Shows the answer of a model of this many rounds if it is time for a report; `answer` is called only then."""
        if self.show is not None and rounds in self.rounds:
            self.show(answer())


SILENT = Progress()
