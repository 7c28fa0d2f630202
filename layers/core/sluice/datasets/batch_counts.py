"""What became of the rows of a file to score, in words."""

from __future__ import annotations

from sluice.datasets.file_facts import reading_told, reasons_told
from sluice.escaping import visible
from sluice.model.shortening import more
from sluice.ports import Json


def counts_of(file: Json) -> str:
    """Rows in, rows scored, rows refused and why and where; what of the file was not used."""
    told = f"{file['rows']} rows, {file['scored_rows']} scored, {file['quarantined_rows']} refused."
    if file["quarantined_rows"]:
        named = reasons_told(file["reasons"], file.get("reasons_count"))
        # one that an older version planned has no report
        report = f" Report: {file['report_uri']}." if file.get("report_uri") else ""
        told += f" {named}.{report} Rows and reasons: {file['refused_uri']}."
    if target := file.get("target_ignored"):
        told += f" The target {target!r} in it was ignored in {file['rows']} rows."
    if unused := file.get("columns_unused"):
        named = ", ".join(repr(visible(name)) for name in unused) + more(file["columns_unused_count"] - len(unused))
        told += f" Columns that are not features of the model: {named}."
    if missing := file.get("key_columns_missing"):
        told += (
            f" The file has no column {', '.join(repr(visible(name)) for name in missing)} (data.key), so join the "
            "answers by their row numbers."
        )
    # one that an older version planned has no notes
    return told + reading_told(file.get("notes", {}))
