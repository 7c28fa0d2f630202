"""How one of several windows of `retrain.window` was chosen; see `jobs/learn/windows.py`."""

from __future__ import annotations

from pydantic import Field

from sluice.records.evidence import Evidence
from sluice.records.record import Record


class Gain(Record):
    """Over the first window that was compared, positive where the metric is better."""

    difference: Evidence = None
    low: Evidence = None
    high: Evidence = None


class MeasuredWindow(Record):
    """A quick model of the window's older rows, measured on the newest ones."""

    window: str
    rows: int
    value: Evidence = None
    low: Evidence = None
    high: Evidence = None
    gain: Gain | None = None

    @property
    def words(self) -> str:
        return f"{self.window} {_number(self.value)} ({_number(self.low)} to {_number(self.high)})"


class WindowChoice(Record):
    chosen: str
    metric: str
    rows: int
    """The newest rows."""
    learned: int
    """Rows of the chosen window, for training."""
    windows: list[MeasuredWindow] = Field(default_factory=list)
    why_not: dict[str, str] = Field(default_factory=dict)
    """Window → why it was not compared."""

    @property
    def sentence(self) -> str:
        told = [f"retrain.window: {self.chosen} is learned from, {self.learned:,} rows"]
        if len(self.windows) > 1:
            best = next((each.gain for each in self.windows if each.window == self.chosen), None)
            told.append(
                f"{self.metric} of quick models on the {self.rows:,} newest rows: "
                + ", ".join(each.words for each in self.windows)
            )
            told.append(
                f"it is surely better than {self.windows[0].window}, by {_number(best.difference)} "
                f"({_number(best.low)} to {_number(best.high)})"
                if best
                else f"no other window is surely better than {self.chosen}"
            )
        told += [f"{window} was not compared: {why}" for window, why in self.why_not.items()]
        return "; ".join(told)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
