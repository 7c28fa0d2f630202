"""What evaluation expects of the scores of two models on the same rows; the release holds live answers against it."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 10
FAR = 3
"""Bins between two scores of one row that are far apart."""


def expected_scores(candidate: np.ndarray, champion: np.ndarray) -> dict[str, Any]:
    """Both models' scores of the same rows, shape (n,), in bins that hold about equally many of the champion's.

    `edges` are the inner ones, a bin holds its lower edge; `candidate`, `champion`: rows per bin; `discordant`: per
    bin, rows that only the candidate's score puts there, and those that only the champion's does; `apart`: rows whose
    two scores are FAR bins or more from each other.
    """
    edges = np.unique(np.quantile(champion, np.linspace(0, 1, BINS + 1)[1:-1]))
    own, other = (np.searchsorted(edges, scores, side="right") for scores in (candidate, champion))
    bins = range(len(edges) + 1)
    return {
        "edges": edges.tolist(),
        "candidate": [int((own == b).sum()) for b in bins],
        "champion": [int((other == b).sum()) for b in bins],
        "discordant": [[int(((own == b) & (other != b)).sum()), int(((own != b) & (other == b)).sum())] for b in bins],
        "apart": int((np.abs(own - other) >= FAR).sum()),
    }
