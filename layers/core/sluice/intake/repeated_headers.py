"""Whether a block of CSV has its file's header among its rows, as files have that were written one after another."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sluice.model.values import FALSE, TRUE

_LIKE_A_VALUE = re.compile(r"[-+.]?[0-9].*", re.DOTALL)


def may_repeat_header(
    block: bytes,
    header: Sequence[str],
    columns: Mapping[str, pa.Array],
    named: Mapping[str, str],
    nulls: Collection[str],
) -> bool:
    """False only if no row can be the header. `columns`: those of the block that were read, as text or typed.

    `named`: the name in the header of each of them.
    """
    texts = {}
    for column, values in columns.items():
        name = named[column]
        if pa.types.is_dictionary(values.type) or pa.types.is_string(values.type):
            texts[name] = values
        elif not (name.lower() in TRUE | FALSE or name in nulls or _LIKE_A_VALUE.fullmatch(name)):
            # the name is not a value of the type, and yet the whole column was read as that type
            return False
    # a block of texts lacks the bytes of some name nearly always; a long name is found to be missing sooner
    names = sorted((name for name in header if '"' not in name), key=len, reverse=True)
    if any(name.encode("utf-8") not in block for name in names):
        return False
    found: pa.Array | None = None
    for name, values in texts.items():
        # a name that is a missing marker was read as missing
        same = pc.fill_null(_is_name(values, name), name in nulls)
        found = same if found is None else pc.and_(found, same)
        if not pc.any(found, min_count=0).as_py():
            return False
    return True


def _is_name(values: pa.Array, name: str) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        same = _is_name(values.dictionary.cast(pa.string()), name)
        return same.take(values.indices)
    return pc.equal(pc.utf8_trim_whitespace(values), name)
