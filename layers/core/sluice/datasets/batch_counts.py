"""What became of the rows of a file to score, in words."""

from __future__ import annotations

from sluice.escaping import visible
from sluice.ports import Json


def counts_of(file: Json) -> str:
    """Rows in, rows scored, rows refused and why and where; what of the file was not used."""
    told = f"{file['rows']} rows, {file['scored_rows']} scored, {file['quarantined_rows']} refused."
    if file["quarantined_rows"]:
        told += f" {', '.join(map(_reason, file['reasons'][:10]))}. Rows and reasons: {file['refused_uri']}."
        if file["scored_rows"]:
            told += " The answers are in the order of the file, without the refused rows."
    if target := file.get("target_ignored"):
        told += f" The target {target!r} in it was ignored in {file['rows']} rows."
    if unused := file.get("columns_unused"):
        more = file["columns_unused_count"] - len(unused)
        listed = ", ".join(repr(visible(name)) for name in unused) + (f" and {more} more" if more else "")
        told += f" Columns that are no features of the model: {listed}."
    return told


def _reason(reason: Json) -> str:
    at = f" in {reason['column']!r}" if reason["column"] else ""
    return f"{reason['rows']} × {reason['rule']}{at}"
