"""Reading a job's inputs: the contract, and data.csv files with a header."""

from __future__ import annotations

import csv
import json
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sluice.model.csv_records import read_records
from sluice.model.errors import DataError, InputError
from sluice.model.schema import Schema, Value


def read_contract(folder: Path) -> dict[str, Any]:
    """contract.json of the channel `contract`. Raises DataError."""
    path = folder / "contract.json"
    try:
        contract = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise DataError(f"channel contract: no contract.json in {folder}; plan_training writes it") from None
    except ValueError as error:
        raise DataError(f"channel contract: contract.json is not JSON: {error}") from None
    for key in ("problem", "data"):
        if not isinstance(contract, dict) or not isinstance(contract.get(key), dict):
            raise DataError(f"channel contract: contract.json has no {key!r}; it must be the whole contract as JSON")
    return contract


def read_rows(folder: Path, schema: Schema, channel: str, *, needed: set[str]) -> list[dict[str, Value]]:
    """Typed rows of all CSV files of a channel (usually one data.csv). Spark leaves markers beside it: ignored.

    Raises DataError naming channel, file, line and column.
    """
    paths = _files(folder)
    if not paths:
        raise DataError(f"channel {channel}: no .csv file in {folder}; the Prepare Data step writes data.csv")
    rows: list[dict[str, Value]] = []
    schema = schema.of_clean_text
    for path in paths:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = read_records(file)
                header = next(reader, None)
                if header is None:
                    raise DataError(f"channel {channel}, {path.name}: the file is empty; a header is expected")
                if absent := sorted((set(schema.features) | needed) - set(header)):
                    raise DataError(
                        f"channel {channel}, {path.name}: column {absent[0]!r} of the contract is absent"
                        + (f" (and {len(absent) - 1} more)" if len(absent) > 1 else "")
                    )
                rows += schema.typed_text(header, reader)
        except InputError as error:
            raise DataError(f"channel {channel}, {path.name}: {error.message}; fix it before training") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"channel {channel}, {path.name}: cannot be read: {error}") from None
    if not rows:
        raise DataError(f"channel {channel}: the file has a header and no rows")
    return rows


def read_marks(folder: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Columns that the cleaning job adds to the contract's, as texts in the order of `read_rows`.

    A column is absent where a file lacks it: then the job has not marked the rows so.
    """
    marks: dict[str, list[str]] = {name: [] for name in names}
    for path in _files(folder):
        with path.open(encoding="utf-8", newline="") as file:
            reader = read_records(file)
            header = list(next(reader, None) or ())
            marks = {name: found for name, found in marks.items() if name in header}
            if not marks:
                return {}
            places = {name: header.index(name) for name in marks}
            for record in reader:
                for name, found in marks.items():
                    found.append(record[places[name]])
    return marks


def _files(folder: Path) -> list[Path]:
    """Spark leaves markers beside the CSV files."""
    return sorted(path for path in folder.glob("**/*.csv") if not path.name.startswith(("_", ".")))


def crash(error: Exception) -> str:
    """What an unexpected error says to an alert: its kind and place. Its own text may quote a row."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" in {last[0].name} ({Path(last[0].filename).name}, line {last[0].lineno})" if last else ""
    return f"an unexpected {type(error).__name__}{place}; the log has the traceback"
