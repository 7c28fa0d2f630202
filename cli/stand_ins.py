"""Numbers that stand in for a missing value, such as -999: spelled as usual, and far from all others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from cli.formats import count_texts

_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]+)?$"
_USUAL = r"^(-?99+|-1)(\.0+)?$"
_SHARE = 0.005
_LEAST = 3


@dataclass
class StandIns:
    """How often each usual spelling occurs in one column, and the range of the column's other numbers."""

    counts: Counter[str] = field(default_factory=Counter)
    low: float | None = None
    high: float | None = None

    def add(self, trimmed: pa.Array) -> None:
        """`trimmed`: the texts of a batch that are not blank."""
        usual = pc.match_substring_regex(trimmed, _USUAL)
        count_texts(trimmed.filter(usual), self.counts)
        others = trimmed.filter(pc.and_(pc.invert(usual), pc.match_substring_regex(trimmed, _NUMBER)))
        bounds = pc.min_max(pc.cast(others, pa.float64())).as_py()
        if bounds["min"] is not None:
            self.low = bounds["min"] if self.low is None else min(self.low, bounds["min"])
            self.high = bounds["max"] if self.high is None else max(self.high, bounds["max"])

    def found(self, rows: int) -> list[tuple[str, int]]:
        """Those that are frequent and lie apart, with their counts. A negative one has no negative neighbours."""
        return [
            (text, count)
            for text, count in self.counts.most_common()
            if count >= max(_LEAST, _SHARE * rows) and self._apart(float(text))
        ]

    def _apart(self, value: float) -> bool:
        if self.low is None or self.high is None:
            return False
        if value < 0:
            return self.low >= 0
        # farther off than half the range of the others: 99 is an age, 999 is none
        return value > self.high + (self.high - self.low) / 2
