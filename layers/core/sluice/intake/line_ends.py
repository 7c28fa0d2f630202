"""CSV whose records end with a carriage return alone, while line feeds stand within its cells.

The text is read with other line ends: a vertical tab stands for a line feed within a cell until the cell was read. Both
are blanks, so no value depends on which of them it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sluice.errors import UnreadableFileError
from sluice.intake.batches import Batch, Batches, Broken
from sluice.intake.blocks import Chunks, Opener

_INNER = "\v"
_SWAPPED = bytes.maketrans(b"\r\n", b"\n" + _INNER.encode())


def with_line_feeds(text: Opener) -> Opener:
    """Starts the text with line feeds in place of carriage returns. Raises UnreadableFileError for vertical tabs."""

    def chunks() -> Chunks:
        passed = 0
        for chunk in text():
            if (at := chunk.find(_INNER.encode())) >= 0:
                raise UnreadableFileError(
                    f"the byte at position {passed + at} is a vertical tab, which a file with data.file.line_end must "
                    "not have; write its cells without vertical tabs"
                )
            passed += len(chunk)
            yield chunk.translate(_SWAPPED)

    return chunks


def restored(batches: Batches) -> Batches:
    """The batches with the line feeds that their cells had."""
    for batch in batches:
        yield _restored(batch)


def _restored(batch: Batch) -> Batch:
    columns = {name: _texts(values) for name, values in batch.columns.items()}

    def raw(places: Sequence[int]) -> list[dict[str, Any]]:
        return [{name: _inner(text) for name, text in row.items()} for row in batch.texts(places)]

    return replace(batch, columns=columns, broken=tuple(map(_broken, batch.broken)), raw=raw)


def _texts(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return pa.DictionaryArray.from_arrays(values.indices, _texts(values.dictionary))
    return pc.replace_substring(values, _INNER, "\n") if pa.types.is_string(values.type) else values


def _broken(one: Broken) -> Broken:
    return replace(one, values=[_inner(cell) for cell in one.values])


def _inner(cell: Any) -> Any:
    return cell.replace(_INNER, "\n") if isinstance(cell, str) else cell
