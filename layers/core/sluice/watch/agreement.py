"""Agreement of segments with the groups that people gave rows: neither needs the other's names. Pure (numpy).

Both are of the table n_ij of rows with group i in segment j. 1 is agreement up to names; segments drawn by chance have
an adjusted Rand index of 0 on average, but a V-measure above 0 where groups are many and rows are few.

adjusted_rand   (Σ C(n_ij, 2) - E) / (M - E) with E = Σ_i C(a_i, 2) Σ_j C(b_j, 2) / C(n, 2) and
                M = (Σ_i C(a_i, 2) + Σ_j C(b_j, 2)) / 2 (Hubert & Arabie, Journal of Classification 2, 1985)
v_measure       harmonic mean of homogeneity 1 - H(group | segment) / H(group) and completeness
                1 - H(segment | group) / H(segment) (Rosenberg & Hirschberg, EMNLP-CoNLL 2007)
"""

from __future__ import annotations

import numpy as np

from sluice.model.metrics import Metric


def _adjusted_rand(group: np.ndarray, segment: np.ndarray, weights: np.ndarray) -> np.ndarray:
    of_groups, of_segments = _pairs(_totals(group, weights)), _pairs(_totals(segment, weights))
    both = _pairs(_totals(_cells(group, segment), weights))
    all_pairs = _pairs(weights.sum(axis=1, keepdims=True))
    expected = np.divide(of_groups * of_segments, all_pairs, out=np.zeros(len(weights)), where=all_pairs > 0)
    most = (of_groups + of_segments) / 2
    # one group in one segment, or each row in its own, is agreement by any names
    agreed = np.ones(len(weights))
    return np.divide(both - expected, most - expected, out=agreed, where=~np.isclose(most, expected))


def _v_measure(group: np.ndarray, segment: np.ndarray, weights: np.ndarray) -> np.ndarray:
    of_groups, of_segments = _entropy(_totals(group, weights)), _entropy(_totals(segment, weights))
    shared = of_groups + of_segments - _entropy(_totals(_cells(group, segment), weights))
    total = of_groups + of_segments
    return np.divide(2 * shared, total, out=np.ones(len(weights)), where=total > 1e-12)


def _cells(group: np.ndarray, segment: np.ndarray) -> np.ndarray:
    return group * (int(segment.max()) + 1) + segment


def _totals(kinds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weight of each kind: (resamples, kinds)."""
    known, place = np.unique(kinds, return_inverse=True)
    one_hot = (place[:, None] == np.arange(len(known))).astype(np.float64)
    return weights @ one_hot


def _pairs(counts: np.ndarray) -> np.ndarray:
    return (counts * (counts - 1) / 2).sum(axis=1)


def _entropy(counts: np.ndarray) -> np.ndarray:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    return -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)


AGREEMENT = {"adjusted_rand": Metric(_adjusted_rand), "v_measure": Metric(_v_measure)}
