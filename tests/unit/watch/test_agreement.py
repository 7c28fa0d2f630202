"""Agreement of segments with groups, against values of scikit-learn 1.9."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.watch.agreement import AGREEMENT
from sluice.watch.quality_sketch import OnlineMetrics, Pair, sketch_of


@pytest.mark.parametrize(
    ("groups", "segments", "rand", "v"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 2], 0.571429, 0.8),
        ([0, 0, 1, 1], [1, 1, 0, 0], 1.0, 1.0),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0.0, 0.0),
        ([0, 0, 0], [0, 0, 0], 1.0, 1.0),
        ([0, 1, 0, 1], [0, 0, 1, 1], -0.5, 0.0),
    ],
)
def test_known_values(groups: list[int], segments: list[int], rand: float, v: float) -> None:
    found = [metric(np.array(groups), np.array(segments)) for metric in AGREEMENT.values()]
    assert found == pytest.approx([rand, v], abs=1e-6)
    # a table of counts is the same rows
    pairs = [Pair(f"g{group}", f"s{segment}", None) for group, segment in zip(groups, segments, strict=True)]
    assert list(OnlineMetrics("clustering").values(sketch_of(pairs * 2, "clustering"))) == list(AGREEMENT)


def test_counts_are_rows() -> None:
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 4, 300)
    segments = (groups + (generator.random(300) < 0.3)) % 5
    pairs = [Pair(f"g{group}", f"s{segment}", None) for group, segment in zip(groups, segments, strict=True)]
    found = OnlineMetrics("clustering").values(sketch_of(pairs, "clustering"))
    assert found == pytest.approx({name: metric(groups, segments) for name, metric in AGREEMENT.items()})
