"""What a set of results says: mean ranks, shares of pairs won, and intervals over the data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

OURS = "sluice"
RESAMPLES = 2_000

Results = dict[tuple[str, int], dict[str, float]]
"""(Set, split) → system → loss: less is better, and a system that failed has infinity."""


def losses(lines: Iterable[Mapping[str, Any]], complete: Iterable[str]) -> Results:
    """The splits on which each of `complete` was run, and no peer failed; ours has the worst place where it failed.

    A peer may fail because of how it is called here, so its failures are not counted in our favour.
    """
    found: Results = {}
    for line in lines:
        value = line["value"]
        sign = -1.0 if line["metric"] == "roc_auc" else 1.0
        found.setdefault((line["set"], line["split"]), {})[line["system"]] = (
            float("inf") if value is None else sign * value
        )
    wanted = set(complete)
    failed = {place for place, each in found.items() if any(each[n] == float("inf") for n in each if n != OURS)}
    for place in failed:
        del found[place]
    return {place: {name: each[name] for name in wanted} for place, each in found.items() if wanted <= each.keys()}


def ranks(one: Mapping[str, float]) -> dict[str, float]:
    """1 is best; ties share the mean of their places."""
    return {
        name: 1.0 + sum(other < loss for other in one.values()) + (sum(other == loss for other in one.values()) - 1) / 2
        for name, loss in one.items()
    }


def mean_ranks(results: Results) -> dict[str, float]:
    every = [ranks(one) for one in results.values()]
    return {name: float(np.mean([one[name] for one in every])) for name in every[0]} if every else {}


def won(results: Results, peer: str) -> float:
    """Share of the splits on which ours is better than the peer; a tie counts half."""
    pairs = [1.0 if one[OURS] < one[peer] else 0.5 if one[OURS] == one[peer] else 0.0 for one in results.values()]
    return float(np.mean(pairs)) if pairs else float("nan")


def interval(results: Results, statistic: Any, confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap over the data sets: the splits of a set are no independent evidence."""
    by_set: dict[str, Results] = {}
    for place, one in results.items():
        by_set.setdefault(place[0], {})[place] = one
    names = sorted(by_set)
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        sample: Results = {}
        for copy, chosen in enumerate(generator.integers(0, len(names), len(names))):
            for (name, split), one in by_set[names[chosen]].items():
                sample[(f"{copy} {name}", split)] = one
        values.append(statistic(sample))
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
