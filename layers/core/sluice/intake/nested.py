"""Columns within columns, as the contract names them with `data.file.flatten`: `address.city`, at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

Leaf = tuple[tuple[str, ...], pa.Field]
"""The names from the outermost column on, and the field itself, which is not a struct and has the whole name."""


def leaf_fields(field: pa.Field, before: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """The fields within a field; itself, if it is not a struct."""
    path = (*before, field.name)
    if not pa.types.is_struct(field.type) or not field.type.num_fields:
        yield path, field.with_name(".".join(path))
        return
    for number in range(field.type.num_fields):
        yield from leaf_fields(field.type.field(number), path)


def leaf(values: pa.Array, path: tuple[str, ...]) -> pa.Array:
    """The values within structs; a member of a struct that is null is null."""
    for name in path:
        values = pc.struct_field(values, [values.type.get_field_index(name)])
    return values


def leaves(name: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """The columns within a column, each with its whole name; a struct without members has none."""
    if not pa.types.is_struct(values.type):
        yield name, values
        return
    for number in range(values.type.num_fields):
        yield from leaves(f"{name}.{values.type.field(number).name}", pc.struct_field(values, [number]))


def nested_fields(kinds: Mapping[str, pa.DataType]) -> list[tuple[str, pa.DataType]]:
    """The fields under which a reader finds columns of these whole names."""
    within: dict[str, dict[str, pa.DataType]] = {}
    found: dict[str, pa.DataType] = {}
    for name, kind in kinds.items():
        first, dot, rest = name.partition(".")
        if dot and first and rest:
            within.setdefault(first, {})[rest] = kind
        else:
            found[name] = kind
    return [*found.items(), *((name, pa.struct(nested_fields(members))) for name, members in within.items())]
