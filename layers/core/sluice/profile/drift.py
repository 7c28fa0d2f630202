"""Population drift against the baseline that travels with a model (its format: sluice.model.reference).

Population stability index: PSI = Σ (aᵢ - eᵢ) · ln(aᵢ / eᵢ) over the shares e expected, a actual. Customary reading:
below 0.1 stable, above 0.2 shifted (Siddiqi, Credit Risk Scorecards, 2006). Two samples of one population differ too;
how much is in sluice.profile.chance. Pure Python: every Lambda can run it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.model.values import category_text, parse_json
from sluice.profile import chance, distances
from sluice.profile.histogram import buckets
from sluice.records.baseline import Baseline, BaselineColumn, CategoryColumn, NumberColumn

SMALLEST = 1e-4
"""Shares below this count as this: an empty bin must weigh much, but not infinitely."""
RARE = 0.01
"""Categories with a smaller share in the baseline are pooled with those that it never saw."""


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    """PSI of two lists of shares over the same bins; each is smoothed and made to add up to 1.

    >>> psi([0.5, 0.5], [0.5, 0.5])
    0.0
    >>> round(psi([0.5, 0.5], [0.8, 0.2]), 3)
    0.416
    """
    if len(expected) != len(actual):
        raise ValueError(f"{len(expected)} bins against {len(actual)}")
    e, a = _smooth(expected), _smooth(actual)
    return math.fsum((x - y) * math.log(x / y) for x, y in zip(a, e, strict=True))


def _smooth(shares: Sequence[float]) -> list[float]:
    raised = [max(share, SMALLEST) for share in shares]
    total = math.fsum(raised)
    return [share / total for share in raised]


Bins = tuple[list[float], list[int]]
"""Shares that the baseline expects and counts that the window has, over the same bins; the last bin: missing."""


@dataclass(frozen=True)
class Drift:
    """One column's PSI, and whether it is more than chance makes of two samples of these sizes.

    `p`: the probability of chance (chi-square), None where it is unknown; the distances are those of
    `sluice.profile.distances`, None where they are not defined.
    """

    psi: float
    significant: bool
    p: float | None = None
    js: float | None = None
    ks: float | None = None
    wasserstein: float | None = None

    def counted(self, limit: float) -> float:
        """What an alarm at `limit` compares: the PSI, but no more than the limit where chance explains it."""
        return self.psi if self.significant else min(self.psi, limit)


def compare(baseline: Baseline, rows: Sequence[Mapping[str, Any]]) -> dict[str, Drift]:
    """Column → drift of `rows` (request instances as JSON objects) against the baseline; {} without rows.

    Where nothing drifted, any column at all is significant with probability chance.FALSE_ALARM.
    """
    binned = {name: _bins(column, rows, name) for name, column in baseline.columns.items()} if rows else {}
    return {name: _drift(expected, counts, baseline.rows, len(binned)) for name, (expected, counts) in binned.items()}


@dataclass(frozen=True)
class Expected:
    """What is expected of a column in a window at its time (`sluice.profile.seasons`).

    `shares` over the bins that `placer` gives, `rows` that are independent say so; of a window's rows the share
    `independent` is.
    """

    shares: list[float]
    rows: float
    independent: float = 1.0


def compare_profile(
    baseline: Baseline,
    columns: Mapping[str, Any],
    false_alarm: float = chance.FALSE_ALARM,
    season: Mapping[str, Expected] | None = None,
) -> dict[str, Drift]:
    """Column → drift of a window that was counted on the baseline's bins (`sluice.profile.binned`); {} without rows.

    Where nothing drifted, any column at all is significant with probability `false_alarm`.
    """
    binned = {name: counted_bins(baseline.columns[name], told) for name, told in columns.items()}
    some = {name: bins for name, bins in binned.items() if any(bins[1])}
    found = {}
    for name, (expected, counts) in some.items():
        at = (season or {}).get(name) or Expected(expected, baseline.rows)
        p = chance.p_value(at.shares, at.rows, [n * at.independent for n in counts])
        column, present, shares = baseline.columns[name], counts[:-1], at.shares[:-1]
        edges = column.edges if isinstance(column, NumberColumn) and len(column.shares) > 1 and any(present) else []
        found[name] = Drift(
            _psi(at.shares, counts),
            p is not None and p < false_alarm / len(some),
            p,
            distances.jensen_shannon(at.shares, counts),
            distances.kolmogorov_smirnov(shares, present) if edges else None,
            distances.wasserstein(edges, shares, present) if edges else None,
        )
    return found


def placer(column: BaselineColumn) -> tuple[Callable[[Any], int], int]:
    """A function from a value, as JSON has it, to its bin, and the number of bins; the last one is for missing values.

    They are the bins of `counted_bins`.
    """
    if isinstance(column, CategoryColumn):
        kept = {name: place for place, name in enumerate(n for n, share in column.shares.items() if share >= RARE)}
        rest, boolean = len(kept), column.boolean

        def of_category(value: Any) -> int:
            name = _category_name(value, boolean)
            return rest + 1 if name is None else kept.get(name, rest)

        return of_category, rest + 2
    edges, bins = column.edges, len(_number(column, [], 0)[0])
    constant = len(column.shares) <= 1 and bool(edges) and edges[0] == edges[-1]

    def of_number(value: Any) -> int:
        number = _value(value, "number")
        if number is None:
            return bins - 1
        if len(column.shares) <= 1:
            return int(constant and number != edges[0])
        return min(max(bisect_right(edges, number) - 1, 0), len(column.shares) - 1)

    return of_number, bins


def counted_bins(column: BaselineColumn, told: Mapping[str, Any]) -> Bins:
    """A counted column beside what the baseline expects of it. Raises KeyError and ValueError if it is another one."""
    if isinstance(column, CategoryColumn):
        return _category(column, {**told["counts"], None: told["unseen"]}, told["missing"])
    if not column.edges:
        return _with_missing(column, [1.0], told["bins"], told["missing"])
    expected = list(column.shares) if len(column.shares) > 1 else [1.0, 0.0]
    if len(expected) != len(told["bins"]):
        raise ValueError("the column was counted on other bins")
    return _with_missing(column, expected, told["bins"], told["missing"])


def scores(baseline: Baseline, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Column → PSI of `rows`; {} without rows."""
    return {name: found.psi for name, found in compare(baseline, rows).items()}


def _drift(expected: Sequence[float], counts: Sequence[int], size: int, columns: int) -> Drift:
    return Drift(_psi(expected, counts), chance.differ(expected, size, counts, columns))


def counted_score_drift(
    baseline: Baseline, counts: Sequence[int], false_alarm: float = chance.FALSE_ALARM
) -> Drift | None:
    """Drift of the model's own scores, counted on the baseline's bins; None when there is nothing to compare."""
    reference = baseline.scores
    if reference is None or not reference.edges or not sum(counts):
        return None
    if len(counts) != len(reference.shares):
        raise ValueError("the scores were counted on other bins")
    p = chance.p_value(reference.shares, baseline.rows, counts)
    return Drift(
        _psi(reference.shares, counts),
        p is not None and p < false_alarm,
        p,
        distances.jensen_shannon(reference.shares, counts),
        distances.kolmogorov_smirnov(reference.shares, counts),
        distances.wasserstein(reference.edges, reference.shares, counts),
    )


def prediction_drift(baseline: Baseline, counts: Mapping[str, int]) -> float | None:
    """PSI of the shares of what is predicted (segments); None when there is nothing to compare."""
    reference, total = baseline.predictions, sum(counts.values())
    if not total or not reference:
        return None
    seen = [counts.get(name, 0) / total for name in reference]
    return psi([*reference.values(), 0.0], [*seen, max(0.0, 1.0 - math.fsum(seen))])


def population_drift(baseline: Baseline, window: Mapping[str, Any]) -> dict[str, float]:
    """Column → PSI of a profile (sluice.profile.profiles) against the baseline.

    Exact for columns whose values are counted; else each edge of a bin is off by at most 0.1 % of the rows. Columns
    that the window does not have, or whose categories became too many to count, are left out: without evidence there
    is no score.
    """
    found: dict[str, float] = {}
    for name, column in baseline.columns.items():
        seen = window["columns"].get(name)
        if seen is None or not seen["count"] + seen["missing"]:
            continue
        counts = seen.get("counts")
        if isinstance(column, NumberColumn) and "quantiles" in seen:
            weighted = [(float(v), n) for v, n in counts.items()] if counts is not None else buckets(seen["quantiles"])
            found[name] = _psi(*_number(column, weighted, seen["missing"]))
        elif isinstance(column, CategoryColumn) and counts is not None:
            found[name] = _psi(*_category(column, counts, seen["missing"]))
    return found


def _psi(expected: Sequence[float], counts: Sequence[int]) -> float:
    total = sum(counts)
    return psi(expected, [n / total for n in counts])


def _bins(column: BaselineColumn, rows: Sequence[Mapping[str, Any]], name: str) -> Bins:
    values = [row.get(name) for row in rows]
    if isinstance(column, NumberColumn):
        numbers = [_value(value, "number") for value in values]
        present = [(value, 1) for value in numbers if value is not None]
        return _number(column, present, len(numbers) - len(present))
    texts = [_category_name(value, column.boolean) for value in values]
    counts = Counter(text for text in texts if text is not None)
    return _category(column, counts, len(texts) - counts.total())


def _value(value: Any, kind: str) -> Any:
    """What the model saw; None also for what is none of this type, since such a request was refused."""
    try:
        return parse_json(value, kind)
    except ValueError:
        return None


def _category_name(value: Any, boolean: bool) -> str | None:
    """The text under which the encoder knows a category."""
    found = _value(value, "boolean") if boolean else None
    if found is None:
        found = _value(value, "category")
    return None if found is None else category_text(found)


def _number(column: NumberColumn, weighted: Sequence[tuple[float, int]], missing: int) -> Bins:
    present = sum(n for _, n in weighted)
    edges = column.edges
    if not edges:
        # the baseline saw no value at all: all that can be compared is whether there is one
        return _with_missing(column, [1.0], [present], missing)
    expected = list(column.shares)
    if len(expected) > 1:
        return _with_missing(column, expected, _binned(weighted, edges), missing)
    # a constant column has one bin, under which every other value would hide
    same = sum(n for value, n in weighted if value == edges[0]) if edges[0] == edges[-1] else present
    return _with_missing(column, [1.0, 0.0], [same, present - same], missing)


def _category(column: CategoryColumn, counts: Mapping[Any, int], missing: int) -> Bins:
    kept = [name for name, share in column.shares.items() if share >= RARE]
    expected = [column.shares[name] for name in kept]
    actual = [counts.get(name, 0) for name in kept]
    expected.append(max(0.0, 1 - math.fsum(expected)) if column.shares else 1.0)
    return _with_missing(column, expected, [*actual, sum(counts.values()) - sum(actual)], missing)


def _with_missing(column: BaselineColumn, expected: Sequence[float], counts: Sequence[int], missing: int) -> Bins:
    """Shares of what is there become shares of all, with the missing ones as one more bin."""
    absent = column.missing
    return [*(share * (1 - absent) for share in expected), absent], [*counts, missing]


def _binned(weighted: Iterable[tuple[float, int]], edges: Sequence[float]) -> list[int]:
    """Counts in [e0, e1), …, the last closed; what lies outside belongs to the first or last bin."""
    bins = max(1, len(edges) - 1)
    counts = [0] * bins
    for value, n in weighted:
        counts[min(max(bisect_right(edges, value) - 1, 0), bins - 1)] += n
    return counts
