"""Simulated canaries, many at once: every request is looked at, as a judge that never blinks would do.

E of the failures changes only with a failure, so a look at every failure is a look at every request. scipy computes
here what `sluice.release.evalue` computes one number at a time; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from sluice.release.scores import bin_groups

NEVER = np.iinfo(np.int64).max


def log_evalues(k: np.ndarray, n: np.ndarray, rate: float) -> np.ndarray:
    """ln E(k, n, rate) element by element; -inf where the tail underflows, which is no evidence."""
    with np.errstate(divide="ignore"):
        integral = special.betaln(k + 1.0, n - k + 1.0) + np.log(special.bdtr(k, n + 1, rate))
    return integral - np.log1p(-rate) - k * np.log(rate) - (n - k) * np.log1p(-rate)


def log_evalues_apart(k: np.ndarray, n: np.ndarray, rate: float, weight: float = 100.0) -> np.ndarray:
    """ln E against any other rate (the split check)."""
    a, b = weight * rate, weight * (1 - rate)
    mixture = special.betaln(a + k, b + n - k) - special.betaln(a, b)
    return mixture - k * np.log(rate) - (n - k) * np.log1p(-rate)


@dataclass(frozen=True)
class Outcome:
    """One entry a canary. `aborted_at` counts all requests of the release up to the abort, NEVER without one."""

    aborted_at: np.ndarray
    canary_failures: np.ndarray  # up to the abort
    requests: int

    @property
    def aborted(self) -> np.ndarray:
        return self.aborted_at < NEVER


def failures_test(
    runs: int,
    canary_rate: float,
    control_rate: float,
    alpha: float,
    seed: int,
    steps: Sequence[float] = (0.10, 0.25, 0.50),
    requests: int = 2_000,
) -> Outcome:
    """Canaries through `steps` (shares), `requests` of both variants together at each, E multiplied over the steps."""
    generator = np.random.default_rng(seed)
    limit = -np.log(alpha)
    carried = np.zeros(runs)
    aborted_at = np.full(runs, NEVER)
    failures_at, failures_before = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
    for number, share in enumerate(steps):
        own = generator.random((runs, requests)) < share
        failed = generator.random((runs, requests)) < np.where(own, canary_rate, control_rate)
        own_failed = own & failed
        run, place = np.nonzero(failed)
        k, n = np.cumsum(own_failed, axis=1)[run, place], np.cumsum(failed, axis=1)[run, place]
        log_e = log_evalues(k, n, share) + carried[run]
        proof = np.flatnonzero(log_e >= limit)
        # the first proof of each run; rows come in order of time within a run
        first_runs, first = np.unique(run[proof], return_index=True)
        new = aborted_at[first_runs] == NEVER
        first_runs, chosen = first_runs[new], proof[first[new]]
        aborted_at[first_runs] = number * requests + place[chosen] + 1
        failures_at[first_runs] = failures_before[first_runs] + k[chosen]
        total_k, total_n = own_failed.sum(axis=1), failed.sum(axis=1)
        carried += log_evalues(total_k, total_n, share)
        failures_before += total_k
    late = aborted_at == NEVER
    failures_at[late] = failures_before[late]
    return Outcome(aborted_at, failures_at, len(steps) * requests)


def limit_test(runs: int, rate: float, limit: float, alpha: float, seed: int, requests: int = 3_000) -> Outcome:
    """The canary alone against the contract's limit, looked at with every failure."""
    generator = np.random.default_rng(seed)
    failed = generator.random((runs, requests)) < rate
    run, place = np.nonzero(failed)
    k = np.cumsum(failed, axis=1)[run, place]
    proof = np.flatnonzero(log_evalues(k, place + 1, limit) >= -np.log(alpha))
    first_runs, first = np.unique(run[proof], return_index=True)
    aborted_at = np.full(runs, NEVER)
    aborted_at[first_runs] = place[proof[first]] + 1
    failures = failed.sum(axis=1)
    failures[first_runs] = k[proof[first]]
    return Outcome(aborted_at, failures, requests)


def split_test(runs: int, actual: float, planned: float, alpha: float, seed: int, requests: int = 2_000) -> Outcome:
    """Requests that fall on the canary with probability `actual` where `planned` is meant, looked at with each."""
    generator = np.random.default_rng(seed)
    k = np.cumsum(generator.random((runs, requests)) < actual, axis=1)
    log_e = log_evalues_apart(k, np.arange(1, requests + 1), planned)
    over = log_e >= -np.log(alpha)
    aborted_at = np.where(over.any(axis=1), over.argmax(axis=1) + 1, NEVER)
    none = np.zeros(runs, np.int64)
    return Outcome(aborted_at, none, requests)


def scores_test(
    runs: int,
    canary_bins: Sequence[float],
    control_bins: Sequence[float],
    share: float,
    alpha: float,
    seed: int,
    *,
    requests: int = 1_500,
    tolerance: float = 1.5,
) -> Outcome:
    """Scores in bins with the given probabilities on each variant; equal ones are expected. A look at each request."""
    generator = np.random.default_rng(seed)
    bins = len(canary_bins)
    own = generator.random((runs, requests)) < share
    uniform = generator.random((runs, requests))
    place = np.where(
        own,
        np.searchsorted(np.cumsum(canary_bins)[:-1], uniform, side="right"),
        np.searchsorted(np.cumsum(control_bins)[:-1], uniform, side="right"),
    )
    high, low = (share * r / (share * r + 1 - share) for r in (tolerance, 1 / tolerance))
    total = np.zeros((runs, requests))
    groups = bin_groups(bins)
    for group in groups:
        here = (place >= group.start) & (place < group.stop)
        n, k = np.cumsum(here, axis=1), np.cumsum(here & own, axis=1)
        total += np.exp(np.minimum(_looked_up(k, n, high), 600.0))
        total += np.exp(np.minimum(_looked_up(n - k, n, 1 - low), 600.0))
    over = np.log(total / (2 * len(groups))) >= -np.log(alpha)
    aborted_at = np.where(over.any(axis=1), over.argmax(axis=1) + 1, NEVER)
    none = np.zeros(runs, np.int64)
    return Outcome(aborted_at, none, requests)


def _looked_up(k: np.ndarray, n: np.ndarray, rate: float) -> np.ndarray:
    """`log_evalues` through a table: few different (k, n) come up, many times each."""
    size_k, size_n = int(k.max()) + 1, int(n.max()) + 1
    grid_k, grid_n = np.meshgrid(np.arange(size_k), np.arange(size_n), indexing="ij")
    table = log_evalues(np.minimum(grid_k, grid_n), grid_n, rate)
    return table[k, n]
