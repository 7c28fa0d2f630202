"""What a person reads of a page's part that the console sends as a tree: `[tag, attributes, children]`."""

from __future__ import annotations

from typing import Any


def texts(tree: list[Any]) -> str:
    return " ".join(node if isinstance(node, str) else texts(node[2]) for node in tree)
