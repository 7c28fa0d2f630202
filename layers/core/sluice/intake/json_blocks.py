"""A block of JSON lines by Arrow's reader, where it cannot be wrong about any row or value.

Each line must begin with `{` and end with `}`. Then a line holds whole objects only, and as many rows as lines mean one
object on each. Arrow gets the types: it refuses a number where text is expected, text where a number is, and a name
that an object has twice. A block that it refuses is read line by line, and so is one with a value that it may read
otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from sluice.intake.arrow_cells import typed_cells
from sluice.intake.arrow_types import CODED, Planned, are_exact
from sluice.intake.batches import Batch
from sluice.intake.nested import leaves, nested_fields
from sluice.model.values import INTEGER_LIMIT

_OPEN, _CLOSE, _OPEN_LIST, _LINE_END = ord("{"), ord("}"), ord("["), ord("\n")
_ASKED = (pa.int64(), pa.float64(), pa.bool_())
MAX_WAIT = 64
MAX_OPEN = 200
"""Brackets that open on a line, since Arrow's nested types are walked by recursion."""


class JsonBlocks:
    """`planned`: what the contract's columns are; the wanted columns without an entry are text."""

    def __init__(self, wanted: Sequence[str], planned: Mapping[str, Planned], flatten: bool = False) -> None:
        self._wanted = list(wanted)
        self._planned = planned
        self._flatten = flatten
        kinds: dict[str, pa.DataType] = {}
        for name in wanted:
            candidates = planned[name].candidates if name in planned else ()
            kind = candidates[0] if candidates and candidates[0] in _ASKED else pa.string()
            kinds[name] = kind
        self._schema = pa.schema(nested_fields(kinds) if flatten else list(kinds.items()))
        self._wait, self._next_wait = 0, 1

    def read(
        self, block: bytes, first_line: int, seen: dict[str, None], texts: Callable[[str], dict[str, Any]]
    ) -> Batch | None:
        """The rows of a block that begins at the line `first_line`; None: read it in the exact way.

        `seen` gets the names of the objects; `texts`: the wanted cells of a line in the exact way.
        """
        if self._wait:
            self._wait -= 1
            return None
        batch = self._read(block, first_line, seen, texts)
        if batch is None:
            # files whose objects Arrow refuses would be parsed twice
            self._wait, self._next_wait = self._next_wait, min(2 * self._next_wait, MAX_WAIT)
        return batch

    def _read(
        self, block: bytes, first_line: int, seen: dict[str, None], texts: Callable[[str], dict[str, Any]]
    ) -> Batch | None:
        if b"\r" in block and block.count(b"\r") == block.count(b"\r\n"):
            block = block.replace(b"\r\n", b"\n")
        ends = _ends(block)
        if ends is None:
            return None
        try:
            table = pa_json.read_json(
                pa.BufferReader(block),
                read_options=pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                parse_options=pa_json.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="infer"),
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
            return None
        if table.num_rows != len(ends):
            return None
        arrays = [(name, table.column(name).combine_chunks()) for name in table.column_names]
        if self._flatten:
            arrays = [leaf for name, values in arrays for leaf in leaves(name, values)]
        found = dict(arrays)
        if len(found) < len(arrays) or not found.keys() >= set(self._wanted):
            return None
        if not all(map(_is_exact, found.values())):
            return None
        columns: dict[str, pa.Array] = {}
        for name in self._wanted:
            # a column without a value may be one that no object has
            if name not in seen and found[name].null_count == len(found[name]):
                return None
            columns[name] = self._typed(name, found[name])
        seen.update(dict.fromkeys(found))
        starts = np.concatenate(([0], ends[:-1] + 1))

        def raw(places: Sequence[int]) -> list[dict[str, Any]]:
            return [texts(block[starts[place] : ends[place]].decode("utf-8")) for place in places]

        return Batch(columns, pa.array(np.arange(first_line, first_line + len(ends))), raw=raw)

    def _typed(self, name: str, values: pa.Array) -> pa.Array:
        if pa.types.is_floating(values.type):
            return pc.add(values, 0.0)  # minus zero is zero
        candidates = self._planned[name].candidates if name in self._planned else ()
        if candidates and candidates[0] == CODED:
            coded = typed_cells(values, CODED)
            return values if coded is None else coded
        return values


def _is_exact(values: pa.Array) -> bool:
    """Arrow reads `NaN` and `Infinity`, which have to be counted or refused, and `-NaN`, which is not JSON.

    Integers that a double does not hold are counted, too.
    """
    if pa.types.is_struct(values.type):
        return all(map(_is_exact, values.flatten()))
    if pa.types.is_list(values.type):
        return _is_exact(values.flatten())
    if pa.types.is_floating(values.type):
        return are_exact(values)
    if pa.types.is_integer(values.type):
        return not pc.any(pc.less_equal(values, -INTEGER_LIMIT), min_count=0).as_py()
    return True


def _ends(block: bytes) -> np.ndarray | None:
    """Where each line ends, without its line end; None if one does not begin and end as an object does."""
    if b"\r" in block or not block:
        return None
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == _LINE_END)
    if not len(ends) or ends[-1] != len(text) - 1:
        ends = np.append(ends, len(text))
    starts = np.concatenate(([0], ends[:-1] + 1))
    opening = (text == _OPEN) | (text == _OPEN_LIST)
    if np.count_nonzero(opening) > len(starts) and np.add.reduceat(opening, starts, dtype=np.int64).max() > MAX_OPEN:
        return None
    if (starts >= ends).any() or (text[starts] != _OPEN).any() or (text[ends - 1] != _CLOSE).any():
        return None
    return ends


def lines_in(block: bytes) -> list[str]:
    """The lines of a block, each with its end."""
    return list(io.StringIO(block.decode("utf-8"), newline=""))
