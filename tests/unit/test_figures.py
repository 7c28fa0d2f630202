"""Plots keep what they draw inside their frame and label it with round numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import figures
from sluice.figures import Axis, Line, share

ENDS = st.floats(-1e9, 1e9, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(ENDS, ENDS)
def test_an_axis_has_a_few_ticks_within_its_ends(a: float, b: float) -> None:
    axis = Axis.around("x", [a, b])
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 6
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)


def test_a_line_of_one_point_is_seen() -> None:
    drawn = str(
        figures.lines("x", share("x"), share("y"), [Line("a", [0.5], [0.5]), Line("b", [0.1, 0.9], [0.1, 0.9])])
    )
    assert (drawn.count("<circle"), drawn.count('class="curve')) == (1, 1)


def test_ticks_are_round() -> None:
    assert Axis("x", 0.0, 1.0).ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Axis("x", -30.0, 170.0).ticks() == [0.0, 50.0, 100.0, 150.0]


@pytest.mark.parametrize("values", [[], [float("nan")], [3.0], [0.0, 0.0]])
def test_an_axis_of_nothing_or_of_one_value_has_a_width(values: list[float]) -> None:
    axis = Axis.around("x", values)
    assert axis.low < axis.high


def test_what_lies_beyond_an_axis_is_drawn_at_its_end() -> None:
    drawn = figures.lines("x", share("x"), share("y"), [Line("a", [-5.0, 0.5, 9.0], [2.0, 0.5, -3.0])])
    path = re.search(r'<path d="M([^"]*)" class="curve', drawn)
    assert path is not None
    points = [tuple(map(float, point.split())) for point in path[1].split("L")]
    assert all(0 <= x <= figures.WIDTH and 0 <= y <= figures.HEIGHT for x, y in points)
    assert len(points) == 3


@pytest.mark.parametrize("classes", [2, 3, 7, 20])
def test_a_confusion_matrix_has_a_cell_for_each_pair(classes: int) -> None:
    names = [f"class {i}" for i in range(classes)]
    drawn = figures.matrix("m", names, [[1 + (i == j) for j in range(classes)] for i in range(classes)])
    assert drawn.count('class="hit"') == classes
    assert drawn.count('class="miss"') == classes * (classes - 1)


def test_histograms_share_a_scale() -> None:
    drawn = figures.bars("h", share("x"), [0.0, 0.5, 1.0], [[10, 0], [1, 1]], "share")
    assert drawn.count('class="area') == 2
    # half of the second group in each bin: half as high as the first group's only bar
    heights = [float(v) for v in re.findall(r"V([\d.]+)H", drawn)]
    floor, top = max(heights), min(heights)
    assert heights[2] == pytest.approx((floor + top) / 2, abs=0.2)


@pytest.mark.parametrize("names", [["a", "b"], ["No", "Yes"], ["setosa", "versicolor", "virginica"]])
def test_the_words_beside_a_matrix_are_within_it(names: list[str]) -> None:
    """A word of 6 letters took 40 units and ended at 29: "true" lost its t."""
    drawn = str(figures.matrix("m", names, [[1] * len(names) for _ in names]))
    ends = [float(x) for x in re.findall(r'x="([0-9.]+)"[^>]*>true ↓', drawn)]
    assert len(ends) == 1
    assert ends[0] >= 44
