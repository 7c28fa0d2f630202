"""How far a search within one training job is: a line of the job's log, which `sluice watch` reads back.

The job has no network; its log is all that leaves it before it ends, on AWS as on the local cloud.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(
    r"auto: (?P<ended>\d+) of (?P<begun>\d+) trials ended"
    r"(?:, best (?P<metric>\w+) (?P<best>\S+))?, (?P<left>\d+) s left"
)


class SearchProgress(NamedTuple):
    """`best`: in the contract's metric, of rows that no fit saw; None before a trial has ended. `left`: seconds."""

    ended: int
    begun: int
    metric: str
    best: float | None
    left: int

    def line(self) -> str:
        """
        >>> SearchProgress(12, 14, "roc_auc", 0.9131, 61).line()
        'auto: 12 of 14 trials ended, best roc_auc 0.9131, 61 s left'
        """
        best = "" if self.best is None else f", best {self.metric} {self.best:.6g}"
        return f"auto: {self.ended} of {self.begun} trials ended{best}, {self.left} s left"


def read(line: str) -> SearchProgress | None:
    """None for any other line.

    >>> read("auto: 12 of 14 trials ended, best roc_auc 0.9131, 61 s left")
    SearchProgress(ended=12, begun=14, metric='roc_auc', best=0.9131, left=61)
    """
    found = _LINE.search(line)
    if found is None:
        return None
    best = float(found["best"]) if found["best"] else None
    return SearchProgress(int(found["ended"]), int(found["begun"]), found["metric"] or "", best, int(found["left"]))
