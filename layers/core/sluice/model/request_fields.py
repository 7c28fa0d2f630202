"""The names in a request: which of them the model knows, and what to say about the others.

A name comes from the caller. It is escaped and cut before it goes into a message; a value never goes into one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from sluice.model.errors import InputError
from sluice.model.same_look import WHY, look_alike
from sluice.model.schema import Schema

MAX_NAMES = 8
MAX_LETTERS = 40
EXPECTED = 'send one object of column names and values, or {"instances": [object, ...]}'


class RequestFields:
    """Checks a record's names. Made once for each model."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known = frozenset(schema.types)
        self._features = frozenset(schema.features)

    def unknown(self, record: Mapping[str, Any]) -> int:
        """Count the fields of a record that the contract does not have.

        Raises InputError for a record with fields of which none is a feature: its prediction would be that of an empty
        row. A record without any field is such a row, on purpose.
        """
        if self._features.isdisjoint(record):
            if record:
                raise InputError(self._no_feature(record))
            return 0
        return 0 if self._known.issuperset(record) else sum(name not in self._known for name in record)

    def _no_feature(self, record: Mapping[str, Any]) -> str:
        told = f"no field is a feature of the model; found {describe(record, self._schema)}"
        wrapper = next((name for name, value in record.items() if isinstance(value, dict | list)), None)
        if wrapper is not None:
            kind = "a list" if isinstance(record[wrapper], list) else "an object"
            return f"{told}; {shown(wrapper)} holds {kind}: {EXPECTED}"
        return f"{told}; {expected(self._schema)}"


def describe(names: Iterable[str], schema: Schema) -> str:
    """Unknown names, each with the nearest column of the contract; a column that is not a feature is said to be so."""
    listed = list(names)
    told = []
    for name in listed[:MAX_NAMES]:
        if name in schema.types:
            told.append(f"{shown(name)} (a column, but not a feature)")
            continue
        if twin := next((column for column in schema.types if look_alike(name, column)), None):
            told.append(f"{shown(name)} ({shown(twin)} is {WHY})")
            continue
        near = nearest(name, schema)
        told.append(f"{shown(name)} (did you mean {shown(near)}?)" if near is not None else shown(name))
    return _joined(told, len(listed))


def expected(schema: Schema) -> str:
    return f"the features are {_joined([shown(name) for name in schema.features[:MAX_NAMES]], len(schema.features))}"


def nearest(name: str, schema: Schema) -> str | None:
    """The column that `name` was probably meant to be; case, blanks, hyphens and underscores make no difference.

    >>> nearest("pagesViewed", Schema({"pages_viewed": "integer"}, ("pages_viewed",)))
    'pages_viewed'
    """
    columns: dict[str, str] = {}
    for column in (*schema.features, *schema.types):
        columns.setdefault(fold(column), column)
    asked = fold(name[:MAX_LETTERS])
    if asked in columns:
        return columns[asked]
    close = difflib.get_close_matches(asked, columns, n=1, cutoff=0.6) if asked else []
    return columns[close[0]] if close else None


def fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def shown(name: str) -> str:
    """A name as a message may carry it: quoted, control characters escaped, at most `MAX_LETTERS` long."""
    return repr(name) if len(name) <= MAX_LETTERS else f"{name[:MAX_LETTERS]!r}..."


def _joined(told: list[str], count: int) -> str:
    return ", ".join(told) + (f" and {count - len(told)} more" if count > len(told) else "")
