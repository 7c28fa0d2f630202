"""Digits that are lost or added: a coarser grid, a sticking bit, noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from sluice.watch.triage.comparison import Column, Comparison
from sluice.watch.triage.distance import allowed, ascending, kolmogorov, shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import Numbers
from sluice.watch.triage.signals import spike_of
from sluice.watch.triage.window import Reason

GRIDS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("whole numbers", lambda v: v == np.rint(v)),
    ("one digit after the point", lambda v: np.abs(v * 10 - np.rint(v * 10)) < 1e-6),
    ("two digits after the point", lambda v: np.abs(v * 100 - np.rint(v * 100)) < 1e-6),
    ("odd numbers", lambda v: np.mod(v, 2) == 1),
    ("even numbers", lambda v: np.mod(v, 2) == 0),
    ("multiples of five", lambda v: np.mod(v, 5) == 0),
    ("multiples of ten", lambda v: np.mod(v, 10) == 0),
    ("multiples of a hundred", lambda v: np.mod(v, 100) == 0),
    ("32-bit floats", lambda v: v == v.astype(np.float32)),
)


def coarser(comparison: Comparison) -> Iterator[Finding]:
    """All values of a stretch lie on a grid on which they usually do not, and their distribution is as before."""
    for name, column in comparison.columns.items():
        base = comparison.reference.numbers.get(name)
        if base is None or base.rows < 30:
            continue
        finding = on_grid(comparison, name, column, base) or fewer(comparison, name, column)
        if finding is not None:
            yield finding


def on_grid(comparison: Comparison, name: str, column: Column, base: Numbers) -> Finding | None:
    values = comparison.window.columns[name]
    unique, shares = base.unique
    spike = spike_of(base, values)
    if spike is not None and float(np.mean(values == spike)) > base.share_of(spike) + 0.04:
        # a default on the grid says nothing of the others, which are compared with the usual others
        values = np.where(values == spike, np.nan, values)
        unique, shares = unique[unique != spike], shares[unique != spike]
        if not len(unique):
            return None
        shares = shares / shares.sum()
    places = np.arange(len(values))
    for what, test in GRIDS:
        with np.errstate(over="ignore", invalid="ignore"):
            usual = float(shares[test(unique)].sum())
            if usual > 0.9:
                continue
            hit = test(values) | np.isnan(values)
        # the last rows that are off the grid: from then on all are on it
        off = np.flatnonzero(~hit)
        first = 0 if not len(off) else int(off[-1]) + 1
        if first > 0 and len(values) - first < 0.15 * len(values):
            first, last = longest_run(hit)
        else:
            last = len(values)
        rows = places[first:last]
        rows_present = rows[~np.isnan(values[rows])]
        present = values[rows_present]
        if len(present) < 8 or len(np.unique(present)) < 2:
            continue
        looks = comparison.different_rows(rows_present)
        if looks < 8:
            continue
        # by chance a run of n rows on the grid has the probability usual^n; there are as many runs as rows
        if looks / column.together * np.log(max(usual, 1e-3)) + np.log(len(values)) > np.log(1e-7):
            continue
        near = comparison.base_numbers(name, rows)
        top = near.usual[0]
        if near.share_of(top) > 0.2 and test(np.array([top]))[0]:
            # the usual value is on the grid anyway and would hide that the others moved
            near = Numbers(name, near.ordered[near.ordered != top], 0.0)
            present = present[present != top]
            looks = comparison.different_rows(rows_present[values[rows_present] != top])
            if looks < 8 or near.rows < 30:
                continue
            usual = float(test(near.ordered).mean())
            if usual > 0.9 or looks * np.log(max(usual, 1e-3)) + np.log(len(values)) > np.log(1e-7):
                continue
        step = {"whole numbers": 1.0, "odd numbers": 2.0, "even numbers": 2.0}.get(what, 0.0)
        ordered = np.sort(present)
        misfit = kolmogorov(near.ordered, ordered)
        if step == 1.0:
            misfit = min(
                misfit, *(kolmogorov(np.sort(f(near.ordered)), ordered) for f in (np.rint, np.trunc, np.floor))
            )
        if step == 2.0:
            misfit = min(misfit, kolmogorov(np.sort(2 * np.floor(near.ordered / 2) + (what == "odd numbers")), ordered))
        if misfit > allowed(len(present), near.rows) + 0.03:
            continue
        return Finding(
            Reason.RESOLUTION,
            (name,),
            f"has {what} only, which were {usual:.0%} of its values",
            rows,
            misfit,
            certain="digit" not in what and "32" not in what,
            evidence={"grid": what, "usual_share": round(usual, 4)},
        )
    return None


def longest_run(hit: np.ndarray) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hit.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best])


def fewer(comparison: Comparison, name: str, column: Column) -> Finding | None:
    """Few different values where there were many: the middles of classes."""
    if name not in comparison.changed:
        return None
    inner = column.stretch.inner
    values = comparison.window.columns[name][inner]
    present = ascending(values)
    base = comparison.base_numbers(name, inner)
    looks = comparison.different_rows(inner[~np.isnan(values)])
    if looks < 20 or not base.rows:
        return None
    found = np.unique(present)
    usual = len(np.unique(base.ordered[np.linspace(0, base.rows - 1, min(base.rows, looks)).astype(np.int64)]))
    if len(found) > 0.4 * usual or len(found) < 2:
        return None
    known = float(comparison.reference.numbers[name].known(found).mean())
    # values of the reference lie around each class: half of a class to either side
    edges = (found[1:] + found[:-1]) / 2
    classes = len(found)
    now, there = (np.bincount(np.searchsorted(edges, each), minlength=classes) for each in (present, base.ordered))
    apart = float(np.abs(now / len(present) - there / base.rows).sum()) / 2
    steps = np.diff(found)
    step = float(np.median(steps))
    even = step > 0 and float(np.mean(np.abs(steps / step - np.rint(steps / step)) < 0.02)) >= 0.9
    if len(found) <= 0.1 * usual and known < 0.6:
        what = f"has {len(found)} different values only, and hardly any that was usual"
    elif apart > 0.06 + 0.6 * np.sqrt(classes / len(present)) or (known > 0.95 and len(found) > 0.2 * usual):
        return None
    elif even:
        what = f"has {len(found)} different values only, {step:g} apart"
    elif vacant(base, found) > 0.3:
        what = f"has {len(found)} different values only, and none of those between them"
    else:
        return None
    evidence = {"different_values": len(found), "usual": usual}
    return Finding(Reason.RESOLUTION, (name,), what, column.stretch.places, apart, certain=True, evidence=evidence)


def vacant(base: Numbers, found: np.ndarray) -> float:
    """The share of the reference's values in the gaps between the values that were found; 0 with fewer than two gaps:
    another mix of rows may empty one."""
    gaps = np.searchsorted(base.ordered, found[1:], "left") - np.searchsorted(base.ordered, found[:-1], "right")
    return float(gaps.sum()) / base.rows if (gaps > 0).sum() > 1 else 0.0


def noisy(comparison: Comparison) -> Iterator[Finding]:
    """Values beside those that usually recur, although the distribution hardly moves: something is added to them."""
    for name, column in comparison.changed.items():
        base = comparison.reference.numbers.get(name)
        if base is None or base.seen < 0.4:
            continue
        inner = column.stretch.inner
        values = comparison.window.columns[name][inner]
        present = values[~np.isnan(values)]
        if len(present) < 20:
            continue
        known = base.known(present)
        z = shares_differ(known.sum(), len(known), base.seen * base.rows, base.rows)
        if float(known.mean()) > 0.6 * base.seen or z < 6:
            continue
        near = comparison.base_numbers(name, inner)
        apart = kolmogorov(near.ordered, np.sort(present))
        shift = abs(float(np.median(present)) - float(np.median(near.ordered))) / max(1e-12, float(near.ordered.std()))
        finer = (
            float(np.mean(present != np.rint(present))) > float(np.mean(base.ordered != np.rint(base.ordered))) + 0.3
        )
        if apart < 0.45 and shift < 0.8 and (finer or len(np.unique(present)) > 0.7 * len(present)):
            yield Finding(
                Reason.NOISE,
                (name,),
                f"has values that never occurred in {1 - known.mean():.0%} of the rows, as if noise were added",
                column.stretch.places,
                apart,
                certain=False,
                evidence={"known": round(float(known.mean()), 3), "usual": round(base.seen, 3)},
            )
