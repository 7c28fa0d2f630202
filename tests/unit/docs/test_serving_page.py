"""The serving benchmark finds its place in docs/serving.md, and writes there what it found."""

from __future__ import annotations

import pytest

from benchmarks.serving import page

MIDDLE = {(server, unit): 1.25 for server in page.SERVERS for unit in page.COLUMNS}


def test_the_page_takes_the_figures_of_a_run_and_of_the_next_one() -> None:
    text = page.PATH.read_text("utf-8")
    goals = [page.Goal("rows", 12.345678, ">= 12", True), page.Goal("p50, ms", 0.75, "<= 0.6", False)]
    once = page.written(text, "7 rounds.", MIDDLE, goals)
    assert "| rows ≥ 12 | 12.35 | met |\n" in once
    assert "| p50, ms ≤ 0.6 | 0.75 | missed |\n" in once
    assert "| MLflow `models serve` | 1.25 ms | 1 /s | 1 /s | 1.25 ms | 1.2 s | 1 MB |\n" in once
    assert page.written(once, "7 rounds.", MIDDLE, goals) == once
    assert once.partition(page.BEGIN)[0] == text.partition(page.BEGIN)[0]
    assert once.partition(page.END)[2] == text.partition(page.END)[2]


def test_a_page_without_its_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="marker"):
        page.written("# Figures\n", "", MIDDLE, [])
