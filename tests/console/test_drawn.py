"""Pages become trees of the elements and attributes in the lists, and nothing of a hostile page gets through."""

from __future__ import annotations

from typing import Any

from console import drawn
from sluice import figures, page
from sluice.figures import Axis, Line
from tests.browser import hostile


def tags(tree: list[Any]) -> set[str]:
    inside = [node for node in tree if isinstance(node, list)]
    return {node[0] for node in inside} | {tag for node in inside for tag in tags(node[2])}


def attributes(tree: list[Any]) -> set[str]:
    inside = [node for node in tree if isinstance(node, list)]
    return {name for node in inside for name in node[1]} | {name for node in inside for name in attributes(node[2])}


def text(tree: list[Any]) -> str:
    return "".join(node if isinstance(node, str) else text(node[2]) for node in tree)


def test_a_figure_keeps_its_elements_attributes_and_text():
    x = Axis("time", 0, 1)
    figure = figures.lines("a < b & c", x, x, [Line("one", [0, 1], [0, 1])])
    (svg,) = drawn.tree(figure)
    assert svg[0] == "svg"
    assert svg[1]["viewBox"] == "0 0 360 250"
    assert svg[1]["aria-label"] == "a < b & c"
    assert "time" in text([svg])
    assert tags([svg]) == {"svg", "line", "text", "path"}


def test_a_page_is_what_is_in_its_main():
    document = page.page("title", page.element("h1", "Hello <b>"), page.table([("A", None)], [page.row("x", "y")]))
    found = drawn.page_body(document)
    assert [node[0] for node in found] == ["h1", "div"]
    assert text(found) == "Hello <b>Axy"


def test_hostile_markup_becomes_text_of_known_elements_only():
    for string in hostile.strings("127.0.0.1:1"):
        found = drawn.tree(f"<p>{string}</p><p>after</p>")
        assert tags(found) <= drawn.TAGS, string
        assert not [
            name for name in attributes(found) if name.startswith("on") or name in ("href", "src", "style", "id")
        ]


def test_what_is_not_closed_or_closed_twice_does_not_lose_the_rest():
    found = drawn.tree("<div><p>a</div></p></section><ul><li>b<li>c</ul>d")
    assert text(found) == "abcd"
    assert text(drawn.tree("<script>x</script>y<style>z")) == "y"
