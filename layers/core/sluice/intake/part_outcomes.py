"""What became of the rows of each part of a file, kept as JSON and joined to what one pass gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sluice import errors
from sluice.contract.models import Contract
from sluice.errors import InputError, SluiceError
from sluice.intake.batches import Notes
from sluice.intake.blocks import Opener
from sluice.intake.key_columns import KeyColumns
from sluice.intake.tables import Begun, TableWatch
from sluice.intake.validation import Outcome, check_names, check_whole

Json = dict[str, Any]


def to_json(outcome: Outcome) -> Json:
    notes = {name: value for name, value in vars(outcome.notes).items() if name != "tables"}
    return {
        "rows": outcome.rows,
        "quarantined": outcome.quarantined,
        "reasons": [[rule, column, count] for (rule, column), count in outcome.reasons.items()],
        "nulls": dict(outcome.nulls),
        "extra_columns": outcome.extra_columns,
        "notes": notes,
        "tables": outcome.notes.tables.to_json() if outcome.notes.tables else None,
    }


def refused(error: SluiceError) -> Json:
    """The outcome of a part whose bytes cannot be read: the error with which a single pass would have ended there."""
    return {"error": type(error).__name__, "message": str(error)}


def joined(
    parts: Iterable[Json], contract: Contract, text: Opener, in_key: Mapping[str, str | None] | None = None
) -> Outcome:
    """The outcome of the whole file; its rows lie with the parts. `text` starts the file's text.

    Raises what `validate_file` raises: the first error of the parts in their order, and what only the whole shows.
    """
    whole: Outcome | None = None
    begun: Begun | None = None
    watch: TableWatch | None = None
    for part in parts:
        if "error" in part:
            raise error_of(part["error"], part["message"])
        if whole is None:
            whole = Outcome(Path(), Path(), Notes(part["notes"]["format"]), list(part["extra_columns"]))
            watch = TableWatch(part["notes"]["columns"]) if part["tables"] else None
        if watch is not None:
            begun = watch.after(begun, part["tables"])
        _add(whole, part)
    if whole is None:
        raise ValueError("a file has a part at least")
    if whole.notes.is_json and whole.rows + whole.quarantined:
        check_names(whole, contract, text, KeyColumns(in_key or {}, contract))
    check_whole(whole, contract)
    return whole


def error_of(name: str, message: str) -> SluiceError:
    """The error of this name in the tree of `sluice.errors`."""
    kind = getattr(errors, name, None)
    return kind(message) if isinstance(kind, type) and issubclass(kind, SluiceError) else InputError(message)


def _add(whole: Outcome, part: Json) -> None:
    whole.rows += part["rows"]
    whole.quarantined += part["quarantined"]
    whole.reasons.update(Counter({(rule, column): count for rule, column, count in part["reasons"]}))
    whole.nulls.update(part["nulls"])
    notes = whole.notes
    for name, value in part["notes"].items():
        known = getattr(notes, name)
        if isinstance(known, Counter):
            known.update(value)
        elif name == "spellings":
            for column, later in value.items():
                known[column] = later | known.get(column, {})
        elif isinstance(known, int):
            setattr(notes, name, known + value)
        elif isinstance(known, list):
            # of JSON, a part may be the first with a name
            setattr(notes, name, list(dict.fromkeys([*known, *value])) if notes.is_json else list(value))
        else:
            setattr(notes, name, value)
