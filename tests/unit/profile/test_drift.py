"""Drift of requests and profiles against a model's baseline."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.profile import drift
from sluice.profile.profiles import profile_column
from sluice.records.baseline import Baseline

BASELINE = Baseline.of(
    {
        "columns": {
            "pages": {"type": "number", "edges": [0, 2, 4, 6, 8, 10], "shares": [0.2] * 5, "missing": 0.0},
            "channel": {"type": "category", "shares": {"ads": 0.5, "email": 0.5}, "missing": 0.0},
            "member": {"type": "category", "shares": {"true": 0.5, "false": 0.5}, "missing": 0.0},
            "constant": {"type": "number", "edges": [1, 1], "shares": [1.0], "missing": 0.0},
        },
        "scores": {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]},
        "rows": 1000,
    },
    "here",
)


def rows(low: float, high: float, n: int = 2000, **fixed: Any) -> list[dict[str, Any]]:
    r = random.Random(7)
    same = {"constant": 1}
    return [
        {
            "pages": r.uniform(low, high),
            "channel": r.choice(["ads", "email"]),
            "member": r.choice([True, False, 1, 0]),
            **same,
            **fixed,
        }
        for _ in range(n)
    ]


def test_the_same_population_scores_low_and_a_moved_one_high() -> None:
    assert all(score < 0.05 for score in drift.scores(BASELINE, rows(0, 10)).values())
    moved = drift.scores(BASELINE, rows(6, 12, channel="phone", constant=2))
    assert {name for name, score in moved.items() if score > 0.2} == {"pages", "channel", "constant"}


@pytest.mark.parametrize("gone", [None, "not a number", True, float("nan"), 10**400])
def test_numbers_that_are_none_count_as_missing(gone: Any) -> None:
    assert drift.scores(BASELINE, rows(0, 10, pages=gone))["pages"] > 1


def test_no_rows_no_score() -> None:
    assert drift.scores(BASELINE, []) == {}


def test_scores_of_the_model() -> None:
    moved = drift.counted_score_drift(BASELINE, [0, 1000])
    assert moved is not None
    assert (moved.significant, moved.ks, moved.wasserstein) == (True, 0.5, 0.5)
    assert moved.psi > 1
    alike = drift.counted_score_drift(BASELINE, [510, 490])
    assert alike is not None
    assert alike.psi < 0.01
    assert not alike.significant
    assert drift.counted_score_drift(BASELINE, [0, 0]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 0), st.randoms())
def test_psi_is_zero_on_itself_and_never_negative(shares: list[float], r: random.Random) -> None:
    shares = [share / sum(shares) for share in shares]
    other = shares[:]
    r.shuffle(other)
    assert drift.psi(shares, shares) == 0
    assert drift.psi(shares, other) >= 0
    assert drift.psi(shares, other) == pytest.approx(drift.psi(other, shares))


def test_a_profile_scores_like_its_rows() -> None:
    window = rows(3, 12)
    columns = {
        "pages": profile_column(pa.chunked_array([[row["pages"] for row in window]]), "number"),
        "channel": profile_column(pa.chunked_array([[row["channel"] for row in window]]), "category"),
    }
    from_profile = drift.population_drift(BASELINE, {"columns": columns, "rows": len(window)})
    from_rows = drift.scores(BASELINE, window)
    assert from_profile == {name: pytest.approx(from_rows[name], abs=0.05) for name in columns}


def test_it_needs_neither_pyarrow_nor_numpy() -> None:
    code = "import sys; sys.modules['pyarrow'] = sys.modules['numpy'] = None; import sluice.profile.drift"
    core = Path(drift.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=core)
