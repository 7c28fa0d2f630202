"""What became of the rows of a file to score, in words."""

from __future__ import annotations

from sluice.escaping import visible
from sluice.model.shortening import more
from sluice.ports import Json

MAX_TOLD = 10


def counts_of(file: Json) -> str:
    """Rows in, rows scored, rows refused and why and where; what of the file was not used."""
    told = f"{file['rows']} rows, {file['scored_rows']} scored, {file['quarantined_rows']} refused."
    if file["quarantined_rows"]:
        reasons = file["reasons"][:MAX_TOLD]
        left = file.get("reasons_count", len(file["reasons"])) - len(reasons)
        named = ", ".join(map(_reason, reasons)) + more(left, "the summary beside them")
        told += f" {named}. Rows and reasons: {file['refused_uri']}."
    if target := file.get("target_ignored"):
        told += f" The target {target!r} in it was ignored in {file['rows']} rows."
    if unused := file.get("columns_unused"):
        named = ", ".join(repr(visible(name)) for name in unused) + more(file["columns_unused_count"] - len(unused))
        told += f" Columns that are no features of the model: {named}."
    if missing := file.get("key_columns_missing"):
        told += (
            f" The file has no column {', '.join(repr(visible(name)) for name in missing)} (data.key), so join the "
            "answers by their row numbers."
        )
    return told


def _reason(reason: Json) -> str:
    at = f" in {reason['column']!r}" if reason["column"] else ""
    return f"{reason['rows']} × {reason['rule']}{at}"
