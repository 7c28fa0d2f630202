"""How a data fault is registered: a pure function of a window, and the truth that is computed from what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.triage.truth import Decision, NotApplicableError, Reason, Source, Truth, chance_of
from benchmarks.triage.window import Window, differs

ENOUGH = 0.05
"""A column is preferred on which the fault changes at least this share of the rows."""

Changed = tuple[Window, tuple[str, ...]]
"""The window after a fault, and the columns that it touched (none: whole rows)."""
Change = Callable[[Window, np.random.Generator, float], Changed]


@dataclass(frozen=True)
class Fault:
    """A kind of data fault. `text` is the row of docs/triage-bench.md; `harmless`: to do nothing is right, too."""

    name: str
    reason: Reason
    source: Source
    text: str
    change: Change
    also: tuple[Reason, ...] = ()
    harmless: bool = False

    def apply(self, window: Window, seed: int, severity: float = 0.6) -> tuple[Window, Truth]:
        """Return the window with the fault, and its truth. The given window keeps its values.

        Raises NotApplicableError if no column of the window can have this fault, or if nothing would change.
        """
        if not 0 < severity <= 1:
            raise ValueError(f"severity {severity} is not in (0, 1]")
        faulty, columns = self.change(window, chance_of(seed, self.name), severity)
        first, rows = extent(window, faulty)
        if first is None:
            raise NotApplicableError(f"{self.name} changes nothing in {len(window)} rows of {window.target}")
        right = {Decision.HELD, Decision.NOTHING} if self.harmless else {Decision.HELD}
        return faulty, Truth(self.name, self.reason, columns, first, rows, frozenset(right), self.also, self.text)


FAULTS: dict[str, Fault] = {}


def fault(
    reason: Reason, source: Source, text: str, *also: Reason, harmless: bool = False
) -> Callable[[Change], Change]:
    """Register a function of window, chance and severity."""

    def register(change: Change) -> Change:
        name = change.__name__
        if name in FAULTS:
            raise ValueError(f"{name} is registered twice")
        FAULTS[name] = Fault(name, reason, source, text, change, also, harmless)
        return change

    return register


def extent(before: Window, after: Window) -> tuple[int | None, int]:
    """The first row that differs, and how many rows differ, are gone or have been added."""
    common = min(len(before), len(after))
    different = before.origin[:common] != after.origin[:common]
    for old, new in (
        (before.arrived, after.arrived), (before.labelled, after.labelled),
        (before.client, after.client), (before.host, after.host),
    ):  # fmt: skip
        different |= old[:common] != new[:common]
    for name in before.rows.columns:
        if before.rows[name] is not after.rows[name]:
            different |= differs(before.rows[name][:common], after.rows[name][:common])
    different |= differs(before.labels[:common], after.labels[:common])
    if len(before) != len(after):
        first = int(np.argmax(different)) if different.any() else common
        old, new = (np.bincount(each.origin, minlength=_top(before, after)) for each in (before, after))
        return first, int(np.abs(old - new).sum())
    return (int(np.argmax(different)) if different.any() else None), int(different.sum())


def _top(*windows: Window) -> int:
    return max(int(each.origin.max(initial=0)) for each in windows) + 1


def since(window: Window, chance: np.random.Generator, severity: float) -> np.ndarray:
    """The places from the instant on at which the fault begins: the greater the severity, the earlier (1: all rows)."""
    del chance
    return np.arange(round((1 - severity) * len(window)), len(window))


def some(places: np.ndarray, chance: np.random.Generator, share: float) -> np.ndarray:
    """Each of the places with the probability `share`."""
    return places[chance.random(len(places)) < share]


def role(window: Window, name: str) -> tuple[str, ...]:
    """The columns that have a role. Raises NotApplicableError if none has it."""
    if found := getattr(window.roles, name):
        return tuple(found)
    raise NotApplicableError(f"no column among {name}")


def best(window: Window, candidates: Iterable[Changed]) -> Changed:
    """The first candidate that changes enough rows, else the one that changes the most."""
    most: tuple[int, Changed | None] = (0, None)
    for candidate in candidates:
        rows = extent(window, candidate[0])[1]
        if rows >= ENOUGH * len(window):
            return candidate
        if rows > most[0]:
            most = rows, candidate
    if most[1] is None:
        raise NotApplicableError("no column would change")
    return most[1]


Values = Callable[[np.ndarray, np.random.Generator, float], np.ndarray]
"""New values of the affected rows of one column, from the old ones."""
Places = Callable[[Window, np.random.Generator, float], np.ndarray]


def column(
    roles: str, reason: Reason, source: Source, text: str, *also: Reason, places: Places = since, harmless: bool = False
) -> Callable[[Values], Values]:
    """Register a function of the values of one column; the column is chosen by the seed among those with the role."""

    def register(new_values: Values) -> Values:
        def change(window: Window, chance: np.random.Generator, severity: float) -> Changed:
            names = role(window, roles)
            where = places(window, chance, severity)
            seed = int(chance.integers(2**32))

            def changed(name: str) -> Changed:
                values = window.rows[name].to_numpy()[where]
                new = new_values(values, np.random.default_rng(seed), severity)
                return window.with_values(name, where, new), (name,)

            return best(window, (changed(names[k]) for k in chance.permutation(len(names))))

        change.__name__ = new_values.__name__
        fault(reason, source, text, *also, harmless=harmless)(change)
        return new_values

    return register


def in_part(share: float) -> Places:
    """Rows by chance after the instant: more of them, and earlier, with greater severity."""

    def places(window: Window, chance: np.random.Generator, severity: float) -> np.ndarray:
        later = since(window, chance, min(1.0, severity + 0.2))
        return some(later, chance, share * (0.4 + 0.6 * severity))

    return places
