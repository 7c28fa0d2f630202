"""Text columns as dense columns: measures of each text, or the token counts of models of before."""

from __future__ import annotations

import re
import zlib

from sluice.model.preparation.base import Form, Part
from sluice.model.preparation.text import MEASURES, measures

BUCKETS = 32
_TOKEN = re.compile(r"\w+")


class Measures(Form):
    """The MEASURES of each text; its terms are beside the matrix."""

    kind = "terms"

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:{measure}" for measure in MEASURES]

    @property
    def width(self) -> int:
        return len(MEASURES)

    def write(self, value: str | None, out: list[float], at: int) -> None:
        out[at : at + len(MEASURES)] = measures(value)


class Buckets(Form):
    """Counts of tokens hashed into 32 buckets (CRC-32), then "missing": only models of before 2026-11-29 have it."""

    kind = "text"

    def __init__(self, part: Part) -> None:
        super().__init__(part)

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:token{i}" for i in range(BUCKETS)] + [f"{self.column}:missing"]

    @property
    def width(self) -> int:
        return BUCKETS + 1

    def write(self, value: str | None, out: list[float], at: int) -> None:
        if value is None:
            out[at + BUCKETS] = 1.0
            return
        for token in _TOKEN.findall(value.lower()):
            # CRC-32, because Python's own hash of text differs from process to process
            out[at + zlib.crc32(token.encode("utf-8", "surrogatepass")) % BUCKETS] += 1.0
