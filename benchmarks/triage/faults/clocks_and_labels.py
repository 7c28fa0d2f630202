"""Faults of the sender's clock, and of the labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.triage.faults.registry import Changed, fault, in_part, since, some
from benchmarks.triage.faults.rows import of_source
from benchmarks.triage.truth import NotApplicableError, Reason, Source
from benchmarks.triage.window import TIME, Window, as_text

ISSUE, BRIEF, OWN = Source
Chance = np.random.Generator
HOUR = 3600


def at(window: Window, where: np.ndarray, times: np.ndarray) -> Window:
    return window.with_values(TIME, where, as_text(times))


@fault(Reason.CLOCK, BRIEF, "another time zone: the sender's clock is hours away, and calendar columns with it",
       Reason.OFFSET)  # fmt: skip
def time_zone(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    hours = int(chance.choice([-8, -7, -5, 2, 8, 9]))
    old = window.times()[where]
    columns: tuple[str, ...] = (TIME,)
    if "hr" in window.rows:
        window = window.with_values("hr", where, (window.rows["hr"].to_numpy()[where] + hours) % 24)
        columns = (TIME, "hr")
    return at(window, where, old + np.timedelta64(hours * HOUR, "s")), columns


@fault(Reason.CLOCK, BRIEF, "day and month swapped where the day is at most 12")
def day_and_month_swapped(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, severity)
    times = window.times()[later]
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    swapped = (day <= 12) & (day != month)
    if not swapped.any():
        raise NotApplicableError("no day is at most 12")
    new = (months.astype("datetime64[Y]").astype("datetime64[M]") + (day - 1)).astype("datetime64[D]") + (month - 1)
    moment = (times - days.astype("datetime64[s]")).astype("timedelta64[s]")
    return at(window, later[swapped], (new.astype("datetime64[s]") + moment)[swapped]), (TIME,)


@fault(Reason.ONE_SOURCE, OWN, "the clock of one host is a day or more away", Reason.CLOCK)
def clock_of_one_host(window: Window, chance: Chance, severity: float) -> Changed:
    where = of_source(window, window.host, chance, severity)
    away = np.timedelta64(int((86_400 + 600_000 * severity) * chance.choice([-1, 1])), "s")
    return at(window, where, window.times()[where] + away), (TIME,)


@fault(Reason.CLOCK, OWN, "1970-01-01 for an unknown time", Reason.SENTINEL, Reason.DEFAULT)
def epoch_for_unknown(window: Window, chance: Chance, severity: float) -> Changed:
    where = in_part(0.6)(window, chance, severity)
    return at(window, where, np.zeros(len(where), dtype="datetime64[s]")), (TIME,)


@fault(Reason.CLOCK, OWN, "two digits of the year: 2026 is read as 1926", Reason.OFFSET)
def century_lost(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    texts = window.rows[TIME].to_numpy(dtype=object)[where]
    return window.with_values(TIME, where, pd.Series(texts, dtype=object).str.replace("20", "19", n=1).to_numpy()), (
        TIME,
    )


@fault(Reason.CLOCK, OWN, "seconds since 1970 read as milliseconds", Reason.SCALE)
def seconds_as_milliseconds(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    seconds = window.times()[where].astype(np.int64) // 1000
    return at(window, where, seconds.astype("datetime64[s]")), (TIME,)


@fault(Reason.CLOCK, OWN, "the time of the batch instead of the time of the row", Reason.CONSTANT)
def time_of_the_batch(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    batch = max(5, len(window) // 12)
    ends = np.minimum((np.arange(len(where)) // batch + 1) * batch, len(where)) - 1
    return at(window, where, window.times()[where][ends]), (TIME,)


@fault(Reason.LABELS, BRIEF, "labels are delayed: most have not come when the window is judged",
       harmless=True)  # fmt: skip
def labels_delayed(window: Window, chance: Chance, severity: float) -> Changed:
    where = some(np.arange(len(window)), chance, 0.4 + 0.55 * severity)
    labelled = window.labelled.copy()
    labelled[where] = window.now + chance.integers(HOUR, 240 * HOUR, len(where)).astype("timedelta64[s]")
    return replace(window, labelled=labelled), ()


@fault(Reason.LABELS, OWN, "the two classes of the label are exchanged", Reason.CONCEPT_DRIFT)
def labels_inverted(window: Window, chance: Chance, severity: float) -> Changed:
    if window.kind != "binary":
        raise NotApplicableError("only a label of two classes can be inverted")
    where = since(window, chance, severity)
    other = next(each for each in window.labels.unique() if each != window.positive)
    positive = (window.labels == window.positive).to_numpy()[where]
    new = np.empty(len(where), dtype=object)
    new[positive], new[~positive] = other, window.positive
    return window.with_labels(where, new), ()


@fault(Reason.LABELS, OWN, "a label that has not come counts as the negative class, or as 0", Reason.PRIOR_SHIFT)
def missing_label_as_negative(window: Window, chance: Chance, severity: float) -> Changed:
    where = some(np.arange(len(window)), chance, 0.3 + 0.6 * severity)
    negative = 0
    if window.kind == "binary":
        negative = next(each for each in window.labels.unique() if each != window.positive)
    return window.with_labels(where, negative), ()


@fault(Reason.LABELS, OWN, "labels are joined to the wrong rows", Reason.CONCEPT_DRIFT, Reason.JOIN)
def labels_of_other_rows(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    return window.with_labels(where, window.labels.to_numpy()[chance.permutation(where)]), ()


@fault(Reason.LABELS, OWN, "only labels of one class, or of low values, come", Reason.PRIOR_SHIFT)
def labels_of_one_class(window: Window, chance: Chance, severity: float) -> Changed:
    values = window.label_values
    high = np.flatnonzero(values > (0.5 if window.kind == "binary" else np.median(values)))
    where = some(high, chance, 0.3 + 0.7 * severity)
    labelled = window.labelled.copy()
    labelled[where] = np.datetime64("NaT")
    return replace(window, labelled=labelled), ()
