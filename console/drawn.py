"""Sluice's own pages and plots as trees of elements: `[tag, {attributes}, [children]]`, text as strings.

A browser that may not make elements from markup (Trusted Types) builds them one by one. What is not in the lists is
left out, with what is in it where that could act: a page in the bucket is trusted no more than any other object there.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

Tree = list[Any]
TAGS = frozenset(
    "caption circle dd div dl dt footer h1 h2 h3 header li line main p path rect span svg table tbody td text th thead "  # noqa: SIM905
    "tr ul".split()
)
_EMPTY = frozenset({"meta", "link", "br", "img", "input", "hr", "base", "source", "embed"})
_SILENT = frozenset({"script", "style", "title", "head", "template", "iframe", "object", "noscript", "textarea"})
_ATTRIBUTES = {
    name.lower(): name
    for name in (
        *("aria-hidden", "aria-label", "class", "cx", "cy", "d", "fill-opacity", "height", "lang", "r", "role"),
        *("scope", "text-anchor", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2"),
    )
}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: Tree = ["div", {}, []]
        self._open: list[tuple[str, Tree | None]] = [("", self.root)]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _EMPTY:
            return
        if tag in _SILENT:
            self._silent += 1
            self._open.append((tag, None))
            return
        node: Tree | None = None
        if tag in TAGS and not self._silent:
            kept = {_ATTRIBUTES[name]: value or "" for name, value in attrs if name in _ATTRIBUTES}
            node = [tag, kept, []]
            self._inside[2].append(node)
        self._open.append((tag, node))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {name for name, _ in self._open[1:]}:
            return
        while len(self._open) > 1:
            name, _ = self._open.pop()
            self._silent -= name in _SILENT
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._silent and data:
            self._inside[2].append(data)

    @property
    def _inside(self) -> Tree:
        return next(node for _, node in reversed(self._open) if node is not None)


def tree(markup: str) -> list[Any]:
    """The elements and texts of `markup`, in order."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    found: list[Any] = reader.root[2]
    return found


def page_body(document: str) -> list[Any]:
    """What is in <main> of one of Sluice's pages; all of it where there is none."""
    found = tree(document)
    return next((node[2] for node in _walk(found) if node[0] == "main"), found)


def _walk(nodes: list[Any]) -> list[Any]:
    inside = [node for node in nodes if isinstance(node, list)]
    return inside + [deeper for node in inside for deeper in _walk(node[2])]
