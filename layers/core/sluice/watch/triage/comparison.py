"""A window beside its reference: what every hypothesis looks at, computed once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sluice.watch.triage import calendar, neighbours, signals
from sluice.watch.triage.clock_columns import agreeing
from sluice.watch.triage.distance import by_chance, chi_square, kolmogorov, two_sided
from sluice.watch.triage.onset import Stretch, stretches
from sluice.watch.triage.profile import Numbers, Profile, Words, counts_of, strange_to, words_of
from sluice.watch.triage.row_hashes import hashes, total
from sluice.watch.triage.window import Window, absent

CHANCE = 1e-3
"""The probability that any column of a window seems to have changed when none did; shared among the columns."""
Z_CHANGED = 6.0
"""Standard score of a stretch beyond chance: two-sided 2e-9, for 800 stretches × 10 signals × 50 columns."""
LONG = 8.0
"""Rows that count as one, in a column whose values follow the calendar or the weather."""
Z_UNPRECEDENTED = 10.0
"""Standard score of a change that the reference can show at most once: in a part of the year that it has once, or in a
column whose values last where its rows have no times."""
FEWEST_RUNS = 2.5
"""Rows of a stretch that count as one each, at least: one cold day or one holiday is a single observation."""
Z_LIKELY = 4.5
"""What a stretch must have besides, where the reference's own stretches differ from each other."""
SMALLEST_SIZE = 0.04
"""A distance below this does not count as a change, however certain."""
UNUSUAL = 1.4
"""A column must differ this many times more than a stretch of the reference differs from the rest of it."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column of the window beside the reference.

    size     distance in the stretch where it differs most, 0 to 1 (Kolmogorov–Smirnov, or total variation)
    chance   probability of the difference of the whole window by chance
    together how many rows count as one, since neighbours in time resemble each other
    z        standard score of the signal that moved most, `signal`, in its `stretch`; `scores` has those of all signals
    """

    name: str
    size: float
    chance: float
    z: float
    signal: str
    stretch: Stretch
    scores: dict[str, float]
    together: float


class Comparison:
    """`reference` is the profile of all reference rows; rows of other seasons are left out where it matters."""

    def __init__(self, reference: Profile, window: Window, with_precedents: bool = True) -> None:
        self.reference = reference
        self.window = window
        self.places = reference.season.places(window.arrived) if self.covered else None
        # a part of a window of many days has all hours, and other hours of a part are a change
        self.hours = None if calendar.has_days(window) else reference.day.places(window.arrived)
        self._with_precedents = with_precedents
        self._overall: set[str] = set()
        """Columns that are compared with all reference rows, since the window is nearer to them than to its season."""
        self.found: dict[Any, list[Any]] = {}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Every column of numbers, categories, texts and booleans."""
        usual = self.usual
        found = {name: self._number(column, usual.get(name, {})) for name, column in self.reference.numbers.items()}
        return found | {name: self._words(column, usual.get(name, {})) for name, column in self.reference.words.items()}

    @cached_property
    def row_hashes(self) -> dict[str, np.ndarray]:
        """The hashes of every column of the window, as `hashes` gives them."""
        return hashes(self.window, self.window.columns)

    @cached_property
    def _whole_rows(self) -> np.ndarray:
        return total(self.row_hashes)

    def different_rows(self, places: np.ndarray) -> int:
        """How many different rows stand there: one that is sent again and again is one look at each of its columns."""
        return len(np.unique(self._whole_rows[places]))

    @cached_property
    def changed(self) -> dict[str, Column]:
        """Columns that differ by more than chance, and by more than the reference differs from itself."""
        found = {name: column for name, column in self.columns.items() if self._differs(column)}
        return dict(sorted(found.items(), key=lambda each: -each[1].size))

    @cached_property
    def precedents(self) -> list[Comparison]:
        """Stretches of the reference beside the rest of it, kept with the reference."""
        if not self._with_precedents:
            return []
        base, at = self.reference.window, self.window.arrived
        if at is None or not self.reference.season.known:
            return []
        # windows that last nearly as long have the same precedents
        key = round(2 * math.log2(max(60.0, float(np.ptp(at)))))
        kept = self.reference.precedents
        if key not in kept:
            kept[key] = [
                Comparison(Profile(base.take(rest), self.reference.clock), base.take(stretch), with_precedents=False)
                for stretch, rest in calendar.precedents(base, 2.0 ** (key / 2))
            ]
        # a stretch whose time of the year the rest does not have cannot be a precedent for a window whose time it has
        return [each for each in kept[key] if each.covered or not self.covered]

    @property
    def unprecedented(self) -> bool:
        """Whether the window is of a part of a year that the reference has once, so that it has no precedent."""
        at = self.window.arrived
        if at is None or not self.reference.season.known or not self._with_precedents or self.precedents:
            return False
        return float(np.ptp(at)) < calendar.YEAR / 2

    @cached_property
    def covered(self) -> bool:
        """Whether the reference has rows of the window's time of the year, or does not know the seasons at all."""
        return self.reference.season.covers(self.window.arrived)

    @cached_property
    def usual(self) -> dict[str, dict[str, float]]:
        """Column → signal → the greatest |z| that a stretch of the reference has against the rest."""
        found: dict[str, dict[str, float]] = {}
        for each in self.precedents:
            for name, column in each.columns.items():
                mine = found.setdefault(name, {})
                for signal, z in column.scores.items():
                    mine[signal] = max(mine.get(signal, 0.0), abs(z))
                mine["size"] = max(mine.get("size", 0.0), column.size)
        return found

    def follows_season(self, name: str) -> bool:
        """Whether values of a column last for long, or stretches of the reference differ from the rest of it."""
        column = self.columns.get(name)  # a column of times has no distribution
        return column is not None and (
            column.together > LONG
            or max((z for signal, z in self.usual.get(name, {}).items() if signal != "size"), default=0.0) > Z_CHANGED
        )

    @property
    def unordered(self) -> bool:
        """Whether the reference's rows have no times, so that it does not say how long values last, nor which rows
        usually follow each other."""
        return self.reference.window.arrived is None

    @cached_property
    def lasts(self) -> dict[str, float]:
        """Column → how many rows count as one, by the window's own rows."""
        dependence = self.reference.dependence
        found = neighbours.lasting(self.features, 1.0)
        return {name: max(found[[each == name for each in dependence.owners]]) for name in dependence.columns}

    def beside(self, *names: str) -> float:
        """How many rows count as one in the other column whose values last longest."""
        return max((rows for name, rows in self.lasts.items() if name not in names), default=1.0)

    def as_one(self, signal: np.ndarray) -> float:
        """How many rows count as one for a signal, by the window's own rows; 1 where the reference has an order."""
        return float(neighbours.lasting(signal[:, None], self.beside())[0]) if self.unordered else 1.0

    def in_sequence(self, *names: str) -> bool:
        """Whether rows resemble those before them in another column than these, and the reference does not say how much
        they usually do: a stretch of them may be ordinary, whatever its distribution is."""
        return self.unordered and self.beside(*names) > LONG

    def without_precedent(self, name: str) -> bool:
        """Whether values of a column last, or rows are `in_sequence`."""
        column = self.columns.get(name)
        return self.unordered and column is not None and (column.together > LONG or self.in_sequence(name))

    def by_clock(self, name: str) -> np.ndarray | None:
        """Which rows have the value that the clock gives; None of a column that does not follow it."""
        known = self.reference.clock.get(name)
        return None if known is None else agreeing(self.window, name, known[0], known[1])

    def told_by_clock(self, name: str) -> bool:
        """Whether a column says what the clock says, as in the reference: then its values are right."""
        agrees = self.by_clock(name)
        return agrees is not None and float(agrees.mean()) > self.reference.clock[name][2] - 0.02

    def usual_size(self, name: str) -> float:
        """The distance from the rest of the reference that its own stretches have; 0 where it has no history."""
        return self.usual.get(name, {}).get("size", 0.0)

    @cached_property
    def features(self) -> np.ndarray:
        """The window's rows × features of `Dependence`."""
        return self.reference.dependence.features(self.window)

    def missing(self, name: str) -> np.ndarray:
        return absent(self.window.columns[name])

    def since(self, row: int) -> float | None:
        """Arrival of a row."""
        at = self.window.arrived
        return None if at is None or not 0 <= row < len(at) or not np.isfinite(at[row]) else float(at[row])

    def local(self, rows: np.ndarray) -> np.ndarray | None:
        """Reference rows that these rows of the window are compared with; None: all."""
        return self.reference.season.local(None if self.places is None else self.places[rows])

    def excuses(self, usual: np.ndarray, mixed: np.ndarray | None = None) -> list[np.ndarray]:
        """What the reference's signals (rows × k) lead to expect of each row of the window by its time of the year, by
        its time of the day, and by both. They excuse a difference and are never evidence for one, since rows may come
        in any order. `mixed`: each signal is made of several columns, so that all follow the day if one column does;
        only the mean over these rows counts, and whole days have that of all hours.
        """
        rows, found = len(self.window), []
        if self.places is not None:
            found.append(self.reference.season.expected(usual, self.places, rows))
        follows = np.zeros(usual.shape[1], dtype=bool)
        if self.hours is not None and mixed is None:
            follows = self.reference.day.followed(usual)
        elif self.hours is not None and mixed is not None and self.reference_rows(mixed) < len(self.reference.window):
            follows = follows | self.reference.any_daily
        if follows.any():
            mean = usual.mean(axis=0)
            day = np.where(follows, self.reference.day.expected(usual, self.hours, rows), mean)
            found += [day, *(season + day - mean for season in found)]
        return found

    def reference_rows(self, rows: np.ndarray) -> int:
        """How many rows of the reference have the times of the day of these rows of the window."""
        hours = None if self.hours is None else self.reference.day.local(self.hours[rows])
        return len(self.reference.window) if hours is None else max(1, len(hours))

    def base_numbers(self, name: str, rows: np.ndarray) -> Numbers:
        """The reference's column for these rows of the window."""
        local = None if name in self._overall else self.local(rows)
        column, every = self.reference.numbers[name], self.reference.window.columns[name]
        base = column if local is None else Numbers.of(name, every[local])
        hours = self._of_the_hours(name, rows, local)
        if hours is None:
            return base
        values = self.window.columns[name][rows]
        there = np.sort(values[~np.isnan(values)])
        each = (base, Numbers.of(name, every[hours]))
        return min(each, key=lambda numbers: (kolmogorov(numbers.ordered, there), numbers is not base))

    def base_words(self, name: str, rows: np.ndarray) -> Words:
        local = None if name in self._overall else self.local(rows)
        column, every = self.reference.words[name], words_of(self.reference.window.columns[name])
        base = column if local is None else Words.of(name, every[local])
        hours = self._of_the_hours(name, rows, local)
        if hours is None:
            return base
        counts = counts_of(words_of(self.window.columns[name])[rows])
        each = (base, Words.of(name, every[hours]))
        return min(each, key=lambda words: (variation(words, counts), words is not base))

    def _of_the_hours(self, name: str, rows: np.ndarray, local: np.ndarray | None) -> np.ndarray | None:
        """Rows of the reference, of those that are `local`, at the times of the day of these rows of the window. None
        of a column that does not follow the day, of rows of all hours, and where too few are left."""
        if self.hours is None or not self.reference.daily(name):
            return None
        hours = self.reference.day.local(self.hours[rows])
        if hours is not None and local is not None:
            hours = hours[np.isin(hours, local)]
        return None if hours is None or len(hours) < calendar.FEWEST else hours

    def _differs(self, column: Column) -> bool:
        limit = CHANCE / max(1, len(self.columns))
        least, sure = (Z_LIKELY if self.precedents else 0.0), Z_CHANGED
        if self.unprecedented or (self.unordered and (column.together > LONG or self.in_sequence(column.name))):
            least, sure = Z_UNPRECEDENTED, Z_UNPRECEDENTED
        return column.size >= SMALLEST_SIZE and (
            (column.chance < limit and abs(column.z) > least) or abs(column.z) > sure
        )

    def _farthest(
        self, column: str, now: signals.Signals, base: signals.Signals, ordinary: dict[str, float]
    ) -> tuple[str, Stretch, float, dict[str, float]]:
        """The signal that moved most, its stretch, how many rows count as one for it, and all scores.

        A signal that is not farther away than in the precedents, with a margin, has the score 0.
        """
        names = list(now)
        mine, usual = np.column_stack(list(now.values())), np.column_stack([base[name] for name in names])
        lasting = self.beside() if self.unordered else np.nan
        together, own = neighbours.together(usual, mine, self.reference.window, self.window, lasting)
        # the signals of the values share one history
        values = np.array([name not in signals.OF_THEIR_OWN for name in names])
        if values.any():
            telling = own[values][np.isfinite(own[values])]
            most = float(telling.max()) if len(telling) else np.inf
            together[values] = min(float(together[values].max()), most)
        together[~values] = np.minimum(together[~values], own[~values])
        if calendar.has_days(self.window) and self.reference.clock.get(column, ("",))[0] == "hour":
            together = np.minimum(together, calendar.by_days(usual, self.reference.window))
        binary = np.array([name not in signals.CONTINUOUS for name in names])
        found = stretches(mine, np.broadcast_to(usual.mean(axis=0), mine.shape), binary, len(usual))
        for expected in self.excuses(usual):
            local = stretches(mine, expected, binary, len(usual))
            found = [min(pair, key=lambda each: abs(each.z)) for pair in zip(found, local, strict=True)]
        found = [replace(each, z=each.z / math.sqrt(t)) for each, t in zip(found, together, strict=True)]
        of_values = max((z for signal, z in ordinary.items() if signal.startswith("=")), default=0.0)
        for k, name in enumerate(names):
            limit = of_values if name.startswith("=") else ordinary.get(name, 0.0)
            one_run = (found[k].last - found[k].first) / together[k] < FEWEST_RUNS and name not in signals.OF_THEIR_OWN
            if abs(found[k].z) <= UNUSUAL * limit or (one_run and self._with_precedents):
                found[k] = replace(found[k], z=0.0)
        best = max(range(len(found)), key=lambda k: abs(found[k].z))
        scores = {name: each.z for name, each in zip(names, found, strict=True)}
        return names[best], found[best], float(together.max()), scores

    def _number(self, column: Numbers, ordinary: dict[str, float]) -> Column:
        values, base = self.window.columns[column.name], self.reference.window.columns[column.name]
        now, usual = signals.of_numbers(column, values), self._signals(column.name)
        spike = signals.spike_of(column, values)
        if spike is not None and column.rows:
            now["spike"] = (values == spike).astype(np.float64)
            usual = {**usual, "spike": (base == spike).astype(np.float64)}
        signal, stretch, together, scores = self._farthest(column.name, now, usual, ordinary)
        missing = np.isnan(values)
        present = np.sort(values[~missing])
        every = np.arange(len(values))
        if self.places is not None:
            local = self.base_numbers(column.name, every)
            if kolmogorov(column.ordered, present) < kolmogorov(local.ordered, present):
                self._overall.add(column.name)
        whole = self.base_numbers(column.name, every)
        chance = min(
            by_chance(kolmogorov(whole.ordered, present), whole.rows / together, len(present) / together),
            _share_chance(missing, whole.missing, whole.rows, together),
        )
        near = whole if stretch.whole else self.base_numbers(column.name, stretch.inner)
        inner = values[stretch.inner]
        there = np.sort(inner[~np.isnan(inner)])
        size = max(kolmogorov(near.ordered, there), abs(float(np.isnan(inner).mean()) - near.missing))
        if signal == "others":
            usually = column.usual[0]
            size = max(size, kolmogorov(near.ordered[near.ordered != usually], there[there != usually]))
        if signal in ("unknown", "new") and len(there):
            size = max(size, abs(float(column.known(there).mean()) - column.seen))
        return Column(column.name, size, chance, stretch.z, signal, stretch, scores, together)

    def _signals(self, name: str) -> signals.Signals:
        """Signals of the reference itself, kept with it."""
        kept = self.reference.kept
        if name not in kept:
            column, values = self.reference.numbers[name], self.reference.window.columns[name]
            kept[name] = signals.of_numbers(column, values)
            again = signals.unknown_again(column, values)
            if "unknown" in kept[name]:
                kept[name]["unknown"] = again
            if "new" in kept[name]:
                kept[name]["new"] = again * column.amid(values)
        return kept[name]

    def _unseen(self, column: Words, base: np.ndarray) -> np.ndarray:
        kept = self.reference.kept
        key = f"unseen {column.name}"
        if key not in kept:
            kept[key] = {"": signals.unseen_again(column, base)}
        return kept[key][""]

    def _words(self, column: Words, ordinary: dict[str, float]) -> Column:
        name = column.name
        words, base = words_of(self.window.columns[name]), words_of(self.reference.window.columns[name])
        followed = signals.followed(column, words)
        signal, stretch, together, scores = self._farthest(
            name,
            signals.of_words(column, words, followed),
            {**signals.of_words(column, base, followed), "unseen": self._unseen(column, base)},
            ordinary,
        )
        missing = absent(words)
        counts = counts_of(words)
        every_row = np.arange(len(words))
        if self.places is not None and variation(column, counts) < variation(self.base_words(name, every_row), counts):
            self._overall.add(name)
        whole = self.base_words(name, every_row)
        if column.free:
            unseen = strange_to(words, column.shares)
            size = abs(float(unseen[stretch.inner].mean()) - column.singletons)
            chance = _share_chance(unseen, column.singletons, column.rows, together)
        else:
            every = sorted(whole.shares.keys() | counts.keys())
            chance = chi_square(
                np.array([counts.get(word, 0) for word in every]) / together,
                np.array([whole.shares.get(word, 0.0) * whole.rows for word in every]) / together,
            )
            near = whole if stretch.whole else self.base_words(name, stretch.inner)
            size = variation(near, counts_of(words[stretch.inner]))
        chance = min(chance, _share_chance(missing, whole.missing, whole.rows, together))
        size = max(size, abs(float(missing[stretch.inner].mean()) - whole.missing))
        return Column(name, size, chance, stretch.z, signal, stretch, scores, together)


def variation(base: Words, counts: dict[str, int]) -> float:
    """The total variation distance of counts of values from the shares of a reference."""
    total = max(1, sum(counts.values()))
    return sum(abs(counts.get(w, 0) / total - base.shares.get(w, 0.0)) for w in base.shares.keys() | counts.keys()) / 2


def _share_chance(hits: np.ndarray, rate: float, rows: float, together: float) -> float:
    """The probability of a share by chance (normal approximation); `together` rows count as one."""
    now = float(hits.mean()) if len(hits) else 0.0
    if now == rate:
        return 1.0
    mine, base = len(hits) / together, rows / together
    pooled = (now * mine + rate * base + 0.5) / (mine + base + 1)
    return two_sided((now - rate) / np.sqrt(pooled * (1 - pooled) * (1 / max(1.0, mine) + 1 / max(1.0, base))))


def compare(profile: Profile, window: Window) -> Comparison:
    """The window beside the rows of the reference that are comparable."""
    places = calendar.of_weekdays(profile.window, window)
    return Comparison(profile if places is None else Profile(profile.window.take(places)), window)
