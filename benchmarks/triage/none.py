"""Windows in which nothing has changed: a judge that holds or retrains here has raised a false alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.triage.sets import LiveSet
from benchmarks.triage.truth import Decision, NotApplicableError, Reason, Truth, chance_of
from benchmarks.triage.window import TIME, Window, as_text

Draw = Callable[[LiveSet, int, int], Window]


@dataclass(frozen=True)
class Unchanged:
    """A kind of window without a change. `own_size`: the kind itself says how many rows it has."""

    name: str
    text: str
    make: Draw
    own_size: bool = False

    def draw(self, live: LiveSet, size: int, seed: int) -> tuple[Window, Truth]:
        """Raises NotApplicableError if the set cannot have such a window."""
        window = self.make(live, size, seed)
        return window, Truth(self.name, Reason.NONE, (), None, 0, frozenset({Decision.NOTHING}), (), self.text)


NONE: dict[str, Unchanged] = {}


def unchanged(text: str, own_size: bool = False) -> Callable[[Draw], Draw]:
    """Register a kind under its function's name."""

    def register(make: Draw) -> Draw:
        NONE[make.__name__] = Unchanged(make.__name__, text, make, own_size)
        return make

    return register


@unchanged("rows of the pool, in the order of time where the set has one")
def in_order(live: LiveSet, size: int, seed: int) -> Window:
    return live.draw(size, seed)


@unchanged("rows of the pool in any order; arrivals stay")
def shuffled(live: LiveSet, size: int, seed: int) -> Window:
    if live.runs:
        raise NotApplicableError(f"{live.name} has calendar columns, which contradict a shuffled clock")
    window = live.draw(size, seed)
    mixed = window.sent_again(chance_of(seed, live.name, "shuffled").permutation(len(window)))
    return mixed.with_columns({TIME: window.rows[TIME]})


def of_days(live: LiveSet, seed: int, length: int, unit: str) -> Window:
    """Consecutive days of the pool, the first of which begins a `unit` of the calendar."""
    if live.times is None or not live.runs:
        raise NotApplicableError(f"{live.name} has no days")
    days = live.times[live.pool].astype("datetime64[D]")
    present = np.unique(days)
    firsts = present[present.astype(f"datetime64[{unit}]").astype("datetime64[D]") == present] if unit else present
    whole = [first for first in firsts if np.isin(np.arange(first, first + length), present).all()]
    first = whole[int(chance_of(seed, live.name, f"days {length}").integers(len(whole)))]
    chosen = live.pool[(days >= first) & (days < first + length)]
    return live.window(chosen, chance_of(seed, live.name, "window of days"), live.live_start())


@unchanged("one ordinary day", own_size=True)
def one_day(live: LiveSet, size: int, seed: int) -> Window:
    return of_days(live, seed, 1, "")


@unchanged("seven ordinary days in sequence", own_size=True)
def one_week(live: LiveSet, size: int, seed: int) -> Window:
    return of_days(live, seed, 7, "")


@unchanged("the rows of one month of the calendar", own_size=True)
def one_month(live: LiveSet, size: int, seed: int) -> Window:
    if live.times is None:
        raise NotApplicableError(f"{live.name} has no months")
    months = live.times[live.pool].astype("datetime64[M]")
    present, counts = np.unique(months, return_counts=True)
    month = chance_of(seed, live.name, "month").choice(present[counts >= 100])
    return live.window(live.pool[months == month], chance_of(seed, live.name, "window of a month"), live.live_start())


@unchanged("a host is replaced by a new one, which does the same")
def host_replaced(live: LiveSet, size: int, seed: int) -> Window:
    window = live.draw(size, seed)
    return replace(window, host=np.where(window.host == "host-2", "host-4", window.host).astype(object))


@unchanged("clients are called otherwise; they send the same")
def clients_renamed(live: LiveSet, size: int, seed: int) -> Window:
    window = live.draw(size, seed)
    return replace(window, client=np.array([f"{client}/2.0" for client in window.client], dtype=object))


@unchanged("the columns come in another order")
def columns_reordered(live: LiveSet, size: int, seed: int) -> Window:
    window = live.draw(size, seed)
    order = chance_of(seed, live.name, "columns").permutation(len(window.rows.columns))
    return replace(window, rows=window.rows.iloc[:, order])


@unchanged("whole numbers are written with a point: 3.0 for 3")
def whole_numbers_with_point(live: LiveSet, size: int, seed: int) -> Window:
    window = live.draw(size, seed)
    whole = [name for name in window.rows.columns if window.rows[name].dtype.kind in "iu"]
    return window.with_columns({name: window.rows[name].astype(float) for name in whole})


@unchanged("requests come in bursts; the rows are as usual")
def bursts(live: LiveSet, size: int, seed: int) -> Window:
    if live.times is not None:
        raise NotApplicableError(f"{live.name} has its own times")
    window = live.draw(size, seed)
    begin = window.arrived.min()
    passed = (window.arrived - begin).astype(np.int64)
    stretch = max(1, int(passed.max()) // 20)
    burst = begin + (passed // stretch * stretch + passed % stretch // 10).astype("timedelta64[s]")
    delay = window.labelled - window.arrived
    window = replace(window, arrived=burst, labelled=burst + delay)
    return window.with_columns({TIME: as_text(burst)})
