"""All cases of the bench: each kind on each set that can have it, in three sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from benchmarks.triage.drifts import DRIFTS
from benchmarks.triage.faults import FAULTS
from benchmarks.triage.none import NONE
from benchmarks.triage.sets import SETS, LiveSet
from benchmarks.triage.truth import SEVERITIES, NotApplicableError, Truth, chance_of
from benchmarks.triage.window import Seen, Window

MEASUREMENT_SET = "online_shoppers"
MEASUREMENT_SIZES = (50, 200, 1_000, 5_000)
MEASUREMENT_SEEDS = 20
"""The issue's check for false alarms: shuffled rows of this set, this many seeds for each size."""
CALENDAR_SEEDS = 20
"""Days, weeks and months are drawn this often."""


@dataclass(frozen=True)
class Case:
    """One window with its truth. `group` is fault, drift or none; `size` is what was asked for."""

    group: str
    set: str
    size: int
    severity: str
    truth: Truth
    training: Seen
    live: Seen


@dataclass(frozen=True)
class Choice:
    """Which part of the bench is run; empty: all."""

    sets: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (0, 1, 2)  # which of a set's three
    severities: tuple[str, ...] = ("plain", "severe")
    seed: int = 0  # another one: other rows, and variations of the kinds (`varied`)


def cases(choice: Choice, skipped: Callable[[str, str, str], None], absent: Callable[[str], None]) -> Iterator[Case]:
    """Yield the cases one by one, with one training object for each set.

    `skipped` gets the set, the kind and the reason where a kind is not possible; `absent` each set without data.
    """
    for name, make in SETS.items():
        if choice.sets and name not in choice.sets:
            continue
        try:
            live = make()
        except FileNotFoundError:
            absent(name)
            continue
        yield from of_set(live, choice, skipped)


def varied(live: LiveSet, seed: int) -> LiveSet:
    """The set with the columns of each role in another order, so that each kind takes other columns."""
    if not seed:
        return live
    chance = chance_of(seed, live.name, "roles")
    orders = {
        role: tuple(columns[place] for place in chance.permutation(len(columns)))
        for role, columns in vars(live.roles).items()
        if isinstance(columns, tuple) and columns
    }
    return replace(live, roles=replace(live.roles, **orders))


def strength(severity: str, kind: str, seed: int) -> float:
    """The severity as a number, for another seed than 0 up to a quarter less, so that factors and beginnings differ."""
    usual = SEVERITIES[severity]
    return usual * float(chance_of(seed, kind, severity).uniform(0.75, 1.0)) if seed else usual


def of_set(live: LiveSet, choice: Choice, skipped: Callable[[str, str, str], None]) -> Iterator[Case]:
    """The cases of one set, by kinds within sizes. A kind's seed depends on the size, so that columns change, too."""
    live = varied(live, choice.seed)
    training = live.training().seen()

    def wanted(kind: str) -> bool:
        return not choice.kinds or kind in choice.kinds

    for place in choice.sizes:
        size = live.sizes[place]
        seed = choice.seed * 1000 + place
        window = live.draw(size, seed)
        for severity in choice.severities:
            for kind, fault in FAULTS.items():
                if wanted(kind):
                    try:
                        faulty, truth = fault.apply(window, seed, strength(severity, kind, choice.seed))
                    except NotApplicableError as error:
                        skipped(live.name, kind, str(error))
                        continue
                    yield Case("fault", live.name, size, severity, truth, training, faulty.seen())
            for kind, drift in DRIFTS.items():
                if wanted(kind):
                    try:
                        drifted, truth, own = drift.draw(live, size, seed, strength(severity, kind, choice.seed))
                    except NotApplicableError as error:
                        skipped(live.name, kind, str(error))
                        continue
                    seen = training if own is None else own.seen()
                    yield Case("drift", live.name, size, severity, truth, seen, drifted.seen())
    for kind in filter(wanted, NONE):
        try:
            for size, same, truth in without_change(live, kind, choice):
                yield Case("none", live.name, size, "", truth, training, same.seen())
        except NotApplicableError as error:
            skipped(live.name, kind, str(error))


def without_change(live: LiveSet, kind: str, choice: Choice) -> Iterator[tuple[int, Window, Truth]]:
    """The windows of one kind without a change, with the size that was asked for."""
    unchanged = NONE[kind]
    if unchanged.own_size:
        turns = [(live.sizes[0], seed) for seed in range(CALENDAR_SEEDS)]
    elif live.name == MEASUREMENT_SET and kind == "shuffled":
        turns = [(size, seed) for size in MEASUREMENT_SIZES for seed in range(MEASUREMENT_SEEDS)]
    else:
        turns = [(live.sizes[place], place) for place in choice.sizes]
    for size, seed in turns:
        window, truth = unchanged.draw(live, size, choice.seed * 1000 + 500 + seed)
        yield size, window, truth
