"""YAML as its version 1.2 reads it, in which a word is a word and a key stands once.

PyYAML follows version 1.1: `NO`, `on` and `yes` become booleans, `0100` becomes 64, `10:00` becomes 600, and the second
of two equal keys silently replaces the first. Here only `true` and `false` are booleans, numbers are decimal, a key is
the text that was written, and a key that is given twice is refused with both of its lines. So are the names of columns
and the cells of files that a contract lists: `010` is a code, and `1.10` a version.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from sluice.model.values import category_text

NAMES = frozenset({"key", "time", "drop", "group", "log", "known_before", "slice"})
"""Keys whose scalars name columns."""
CELLS = frozenset({"values", "missing", "positive"})
"""Keys whose scalars are what cells of files say."""


class DuplicateKeyError(ValueError):
    """A mapping has a key twice. `lines` are those of both, counted from 1."""

    def __init__(self, key: str, lines: tuple[int, int]) -> None:
        super().__init__(f"the key {key!r} appears twice: in line {lines[0]} and in line {lines[1]}; keep one of them")
        self.key, self.lines = key, lines


def read_yaml(text: str | bytes) -> Any:
    """Return the one document in `text`. Raises yaml.YAMLError, UnicodeDecodeError, DuplicateKeyError."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        own = {id(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"}
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if id(key) in own and isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise DuplicateKeyError(key.value, (lines[key.value], line))
                lines[key.value] = line
        self.flatten_mapping(node)
        found: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            found[key.value] = self._texts(key.value, value)
        return found

    def _texts(self, key: str, node: yaml.Node) -> Any:
        """The value of a key. A number that names a column or stands for a cell is text where it would be another."""
        value = self.construct_object(node, deep=True)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = [
            each.value if _is_other(key, one, each) else one
            for one, each in zip(value if isinstance(value, list) else [value], nodes, strict=False)
        ]
        return found if isinstance(value, list) else found[0]


def _is_other(key: str, value: Any, node: yaml.Node) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return key in NAMES or (key in CELLS and category_text(node.value) != category_text(value))


def _mapping(loader: Any, node: Any) -> Any:
    return loader.construct_mapping(node)


def _decimal(loader: Any, node: Any) -> int:
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))
