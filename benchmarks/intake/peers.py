"""The peers' profile of the same file, in their own environment. Imports of a peer are not part of its time."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = {
    "pandas": ("pandas",),
    "duckdb": ("duckdb",),
    "whylogs": ("pandas", "whylogs"),
    "ydata": ("pandas", "ydata_profiling"),
}
"""What each imports before its time begins."""


def pandas(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """read_csv and describe of all columns: counts, distinct values of texts, moments, quartiles."""
    frame = _pandas().read_csv(file)
    frame.describe(include="all")
    return {"rows": len(frame)}


def duckdb(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """SUMMARIZE: counts, distinct, moments, quartiles."""
    module: Any = import_module("duckdb")
    connection = module.connect(config={"threads": cores})
    return {"columns": len(connection.execute("SUMMARIZE SELECT * FROM read_csv(?)", [str(file)]).fetchall())}


def whylogs(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Profiles the file in chunks, as a stream."""
    module: Any = import_module("whylogs")
    results = None
    for chunk in _pandas().read_csv(file, chunksize=100_000):
        view = module.log(chunk).view()
        results = view if results is None else results.merge(view)
    return {"columns": len(results.get_columns()) if results is not None else 0}


def ydata(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """The minimal report's description, without the page."""
    module: Any = import_module("ydata_profiling")
    report = module.ProfileReport(_pandas().read_csv(file), minimal=True, progress_bar=False, pool_size=cores)
    return {"columns": len(report.get_description().variables)}


def _pandas() -> Any:
    return import_module("pandas")
