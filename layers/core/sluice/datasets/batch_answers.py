"""The answers of a transform job beside the rows that they are for, and the list of the rows that were refused.

A transform job answers in the order of its input and names no row. Its input's index (`read_scoring_file`) has number
and key of each row in the same order, so both are read side by side, a line at a time: neither is held in memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, TextIO

from sluice.errors import AnswersError
from sluice.ports import Json

ROW, REASONS = "_row", "_reasons"
"""As in `sluice quarantine`."""
_OURS = frozenset({ROW, REASONS, "prediction", "probability", "score", "model", "inference_id", "unknown_fields"})

Row = Mapping[str, Any]


def join_answers(
    index: Path, raw: Path, out: Path, form: str, key_columns: Sequence[str], score: str = "probability"
) -> int:
    """Writes row number, key and answer of each scored row to `out`; returns how many there are.

    `form` is csv (a table with a header) or jsonl; `raw` has the job's answers in the same form; `score` names the
    number beside a prediction. Raises AnswersError where the answers are not one for each line of `index`.
    """
    columns = [_own(name) for name in key_columns]
    with index.open(encoding="utf-8") as rows, raw.open(encoding="utf-8", newline="") as lines:
        answers = _csv_answers(lines, score) if form == "csv" else _json_answers(lines)
        return _write(out, form, _joined(rows, answers, columns))


def list_refused(refused: Path, out: Path, form: str, key_columns: Sequence[str]) -> int:
    """Writes number, key and reasons of each refused row to `out`; returns how many there are.

    `refused`: rows.jsonl in quarantine/, which has the values as well.
    """
    columns = [_own(name) for name in key_columns]
    with refused.open(encoding="utf-8") as rows:
        return _write(out, form, (_refused(json.loads(line), key_columns, columns, form) for line in rows))


def ending(form: str) -> str:
    """`csv` or `jsonl`: the form in which the answers to a file of this format come."""
    return "csv" if form == "csv" else "jsonl"


def _own(name: str) -> str:
    """A key's column beside the answer's; two of one name would be one in JSON."""
    return f"key.{name}" if name in _OURS else name


def _joined(rows: Iterable[str], answers: Iterable[Row], columns: Sequence[str]) -> Iterator[Row]:
    for count, (row, answer) in enumerate(zip_longest(rows, answers)):
        if row is None or answer is None:
            few = "fewer" if answer is None else "more"
            raise AnswersError(
                f"the model gave {few} answers than rows were sent; they stop matching after {count}. None is "
                f"returned, because an answer beside the wrong row is worse than none"
            )
        number, *key = json.loads(row)
        yield {ROW: number, **dict(zip(columns, key, strict=True)), **answer}


def _csv_answers(lines: TextIO, score: str) -> Iterator[Row]:
    names = ("prediction", score)
    for cells in csv.reader(lines):
        if not 1 <= len(cells) <= len(names):
            raise AnswersError(f"an answer of the model has {len(cells)} cells; one or two are expected")
        yield dict(zip(names, cells, strict=False))


def _json_answers(lines: TextIO) -> Iterator[Row]:
    for line in lines:
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AnswersError("an answer of the model is not a JSON object")
        yield answer


def _refused(entry: Json, names: Sequence[str], columns: Sequence[str], form: str) -> Row:
    values = entry["values"] if isinstance(entry["values"], dict) else {}
    key = {column: values.get(name) for name, column in zip(names, columns, strict=True)}
    reasons = entry["reasons"]
    told = "; ".join(_words(reason) for reason in reasons) if form == "csv" else reasons
    return {ROW: entry["row"], **key, REASONS: told}


def _words(reason: Json) -> str:
    return f"{reason['column']} {reason['message']}" if reason["column"] else str(reason["message"])


def _write(out: Path, form: str, rows: Iterable[Row]) -> int:
    count = 0
    with _opened(out) as file:
        table = csv.writer(file, lineterminator="\n")
        for row in rows:
            if form != "csv":
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                if not count:
                    table.writerow(row)
                table.writerow(row.values())
            count += 1
    return count


@contextmanager
def _opened(out: Path) -> Iterator[TextIO]:
    # broken JSON text may hold lone surrogates, which no file can
    with out.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file
