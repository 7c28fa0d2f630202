"""What a command prints: words for people, or with --json one document, whose members the command declares.

With --json, what is said on the way goes to stderr, so that stdout has the document alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cli.options import print_json
from cli.text import say


@dataclass(frozen=True)
class Shape:
    """The document that `--json` prints. `members`: name → what it is.

    `kind`: an `object`; a `list` of objects with these members; `lines`, an object on each line of a stream. An `open`
    one may have more members: those of a record, or names that depend on the project.
    """

    members: Mapping[str, str]
    kind: Literal["object", "list", "lines"] = "object"
    open: bool = False

    def mistakes(self, document: Any) -> list[str]:
        """In what a document does not have this shape; empty when it has."""
        if self.kind != "object" and not isinstance(document, list):
            return [f"it is not a list but {type(document).__name__}"]
        found = []
        for each in document if isinstance(document, list) else [document]:
            if not isinstance(each, dict):
                return [f"{each!r} is not an object"]
            found += [f"{name} is not documented" for name in each.keys() - self.members.keys() if not self.open]
            if self.kind != "lines" and not self.open:
                found += [f"{name} is missing" for name in self.members.keys() - each.keys()]
        return sorted(set(found))


@dataclass(frozen=True)
class Output:
    """Where one command's words and its result go."""

    as_json: bool = False

    def say(self, text: str = "") -> None:
        """Words for people, on the way to the result or as the result."""
        say(text, file=sys.stderr if self.as_json else None)

    def result(self, document: Any) -> None:
        """The document, for programs alone. `say` is for people."""
        if self.as_json:
            print_json(document)
