"""Pages escape by construction, and charts hold their shape."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from sluice import charts
from sluice.page import POLICY, Safe, element, page


def test_text_is_escaped_and_elements_are_not() -> None:
    made = element("td", "<b>", ["&", element("span", '"x"')], 3, None, class_='"><script>')
    assert made == '<td class="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;<span>&quot;x&quot;</span>3</td>'


def test_text_that_was_joined_to_an_element_is_text_again() -> None:
    # str methods and f-strings give plain strings, so a slip shows tags instead of running them
    assert not isinstance(f"{element('span')}<script>", Safe)
    assert "<script>" not in element("p", f"{element('span')}<script>")


@pytest.mark.parametrize("tag", ["script", "iframe", "a", "img", "style", "SCRIPT", "td onclick=x", "svg/onload"])
def test_a_tag_that_could_act_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="not among the tags"):
        element(tag)


@pytest.mark.parametrize("name", ["onclick", "style", "href", "src", "x onload", "srcdoc"])
def test_an_attribute_that_could_act_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not among the attributes"):
        element("td", **{name: "x"})


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    whole = page("t", "b")
    style = re.search("<style>(.*)</style>", whole, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert POLICY.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    # before anything that it is to govern
    assert whole.index("Content-Security-Policy") < whole.index("<style>") < whole.index("<body>")


@pytest.mark.parametrize(
    ("edges", "shares", "low", "step", "expected"),
    [
        ([0.0, 4.0], [1.0], 0.0, 1.0, [0.25] * 4),
        ([-10.0, 0.0, 100.0], [0.4, 0.6], 0.0, 1.0, [0.406, 0.006, 0.006, 0.582]),
        ([2.0, 2.0], [1.0], 0.0, 1.0, [0.0, 0.0, 1.0, 0.0]),
        ([9.0, 9.0], [1.0], 0.0, 1.0, [0.0, 0.0, 0.0, 1.0]),
        ([], [], 0.0, 1.0, [0.0] * 4),
    ],
)
def test_a_baseline_keeps_its_mass_in_other_bins(
    edges: list[float], shares: list[float], low: float, step: float, expected: list[float]
) -> None:
    assert charts.rebinned(edges, shares, low, step, 4) == pytest.approx(expected)
