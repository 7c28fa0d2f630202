"""Whether the first line of a CSV request is a header.

The caller can say so: `Content-Type: text/csv; header=present` or `header=absent` (RFC 4180). Otherwise:

1. A line that has only columns of the contract is a header, unless it also reads as a row of numbers.
2. A line whose cells read as the numbers, truth values and times of the features, in order, is data.
3. A line with a column's name, or with names that differ from columns in case, blanks or a letter or two, is a header
   with unknown names. It is refused: the column that was meant would be missing in every row.
4. Any other line with one cell for each feature is data.

What could be both is refused. A header must never get a prediction, and a row must never go without one.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sluice.model.errors import InputError
from sluice.model.request_fields import describe, expected, fold, shown
from sluice.model.schema import Schema, from_text

_SAY = "if this line is data, send the content type 'text/csv; header=absent'"
_TEXT = ("category", "text")
_SEPARATORS = ";\t|"


def is_header(first: Sequence[str], schema: Schema, *, stated: str | None = None, alone: bool = False) -> bool:
    """Decide about the first line. Raises InputError for a header that does not fit, and for one in doubt.

    `stated` is the content type's parameter `header`; `alone`: no other line follows.
    """
    if stated == "absent":
        return False
    if stated not in (None, "present"):
        raise InputError(f"the content type's parameter header is present or absent, not {shown(stated)}")
    hits = [cell for cell in first if cell in schema.types]
    fits, own, contradicted = _as_data(first, schema)
    if stated is None:
        reads_as_data = fits and not contradicted
        repeated = len(set(hits)) < len(hits)
        if reads_as_data and (repeated or own > len(hits)):
            return False
        if len(hits) == len(first):
            if reads_as_data and (alone or list(first) != list(schema.features)):
                raise InputError(
                    "the first line can be a header and a row of values: send the content type "
                    "'text/csv; header=present' or 'text/csv; header=absent'"
                )
        elif hits or _resembles(first, schema) or contradicted == _typed(schema) > 0 == fits:
            _refuse_if_other_separator(first, schema)
            unknown = [cell for cell in first if cell not in schema.types]
            raise InputError(
                f"the first line is a header, but it has names that are not columns: {describe(unknown, schema)}; "
                f"{expected(schema)}; {_SAY}"
            )
        else:
            _refuse_if_other_separator(first, schema)
            return False
    _check(first, schema)
    return True


def _check(header: Sequence[str], schema: Schema) -> None:
    _refuse_if_other_separator(header, schema)
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise InputError(
                f"the CSV header names the column {shown(name)} twice", name if name in schema.types else None
            )
        seen.add(name)
    if seen.isdisjoint(schema.features):
        raise InputError(
            f"no column of the CSV header is a feature of the model; found {describe(header, schema)}; "
            f"{expected(schema)}"
        )


def _typed(schema: Schema) -> int:
    return sum(schema.types[name] not in _TEXT for name in schema.features)


def _as_data(cells: Sequence[str], schema: Schema) -> tuple[int, int, int]:
    """How many cells read as their feature's type, how many of these name no column, and how many cells do not read.

    Text says nothing.
    """
    if len(cells) != len(schema.features):
        return 0, 0, 0
    fits = own = misfits = 0
    for cell, name in zip(cells, schema.features):
        kind = schema.types[name]
        if kind in _TEXT or cell.strip() == "":
            continue
        try:
            from_text(cell, kind, schema.reading(name))
        except ValueError:
            misfits += 1
        else:
            fits += 1
            own += cell not in schema.types
    return fits, own, misfits


def _resembles(cells: Sequence[str], schema: Schema) -> bool:
    """A cell differs from a column in case, blanks or signs only, or most cells differ by a letter or two."""
    columns = {fold(name) for name in schema.types} - {""}
    folded = [fold(cell[:64]) for cell in cells]
    if not columns.isdisjoint(folded):
        return True
    near = sum(bool(difflib.get_close_matches(cell, columns, n=1, cutoff=0.8)) for cell in folded[:64] if cell)
    return 2 * near > min(len(folded), 64)


def _refuse_if_other_separator(cells: Sequence[str], schema: Schema) -> None:
    for separator in _SEPARATORS:
        parts = [part.strip() for part in ",".join(cells).split(separator)]
        if len(parts) > 1 and len(cells) < len(parts) and not set(parts).isdisjoint(schema.types):
            raise InputError(f"the fields of the CSV header are separated by {separator!r}; separate them by commas")
