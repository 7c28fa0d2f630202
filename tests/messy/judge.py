"""What Sluice may answer to a generated file, whose truth is known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.messy import typed_files
from tests.messy.damage import LINES, STRUCTURAL
from tests.messy.entry import FILE_KEYS, Answer, contract, deliver
from tests.messy.generated import GeneratedFile, Row, generate
from tests.messy.memory import Growth
from tests.messy.tables import KEY

MAX_SECONDS = 10


@dataclass
class Judgement:
    """Faults by kind, in words. `outcome` is the record's status, or `crash`."""

    seed: int
    outcome: str
    faults: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Of CPU."""
    why: str = ""
    """The class of a refusal."""
    known: dict[str, str] = field(default_factory=dict)
    """By kind of fault: the known one that it is."""
    megabytes: float = 0.0
    """What the file took beside what the process had."""

    def add(self, kind: str, words: str) -> None:
        self.faults.setdefault(kind, words)

    def measure(self, growth: Growth) -> None:
        """Adds what is wrong with the time and the memory. `growth`: from the file's start."""
        self.megabytes = growth.megabytes()
        if self.seconds > MAX_SECONDS:
            self.add("slow", f"{self.seconds:.1f} s")
        if too_much := growth.fault():
            self.add("memory", too_much)


def run(seed: int, kind: str = "generated") -> tuple[GeneratedFile, Judgement]:
    """Makes the text file, or the `typed` one, of this seed, sends it through Sluice, and judges the answer."""
    file = typed_files.generate(seed) if kind == "typed" else generate(seed, frozenset(FILE_KEYS))
    growth = Growth()
    try:
        answer = deliver(file.body, file.name, contract({c.name: c.rules for c in file.columns}, file.style.settings))
    except Exception as error:
        return file, Judgement(file.seed, "crash", {"crash": f"{type(error).__name__}: {error}"[:200]})
    found = Judgement(seed, answer.record["status"], {}, answer.seconds, answer.record.get("error", ""))
    found.measure(growth)
    if answer.accepted:
        _check(file, answer, found)
    elif file.style.plain and not file.cut and _mostly_whole(file):
        found.add("refused", answer.message[:200])
    return file, found


def _mostly_whole(file: GeneratedFile) -> bool:
    """Every reader should find at least one row: no damage that may spoil the whole file."""
    harmful = {*STRUCTURAL, "bad byte", "NUL", "corrupt page"}
    return not any(row.damage in harmful for row in file.rows) and any(_must(row, file) for row in file.rows)


def _is_cut(row: Row, file: GeneratedFile) -> bool:
    return any(row is each for each in file.rows[len(file.rows) - file.cut_rows :])


def _must(row: Row, file: GeneratedFile) -> bool:
    """The row is whole, so it is accepted if the file is."""
    return row.damage in ("", "corrupt page", *LINES) and not _is_cut(row, file)


def _check(file: GeneratedFile, answer: Answer, found: Judgement) -> None:
    if file.cut and file.style.container:
        found.add("accepted a file that is cut off", f"{len(answer.rows)} rows")
    known = {row.key: row for row in file.rows}
    names, seen = [c.name for c in file.columns], set()
    nan_told = "nan" in json.dumps(answer.record, default=str).lower()
    for line, accepted in answer.rows.items():
        values = [accepted.get(name) for name in names]
        row = known.get(str(accepted[KEY]))
        if row is None:
            if any(value is not None for value in values):
                what = "a header" if values[0] == KEY else f"a row that the file does not have: {values}"
                found.add("invented", f"line {line}: {what}"[:200])
            continue
        seen.add(row.key)
        if row.damage == "open quote" and (swallowed := _swallowed(values, known)):
            # another quote closes it some rows later: a legal cell, which no reader can tell from a broken one
            seen |= swallowed
            continue
        if line != row.line:
            found.add("line", f"row {row.key} stands on line {row.line}, and is called {line}")
        # where the last row is cut off in its last cell, that cell looks whole
        shown = slice(0, -1) if _is_cut(row, file) else slice(None)
        if _is_cut(row, file) and not row.readings:
            # what was wrong with it may be cut off
            continue
        if not any(_same(values[shown], reading[shown], file.style.padded, nan_told) for reading in row.readings):
            wanted = row.readings or "a refusal"
            found.add("changed", f"line {line} ({row.damage or 'whole'}): {values} instead of {wanted}"[:400])
    _check_losses(file, answer, seen, found)


def _swallowed(values: list[Any], known: dict[str, Row]) -> set[str]:
    """The rows that stand inside a cell."""
    inside = "\n".join(value for value in values if isinstance(value, str) and ("\n" in value or "\r" in value))
    return {key for key in known if f"\n{key}" in inside or f"\r{key}" in inside}


def _same(values: list[Any], reading: list[Any], padded: bool, nan_told: bool) -> bool:
    """Blanks beside delimiters may be kept or not in a padded file, and a NaN may be null if the record says so."""
    if padded:
        values, reading = ([v.strip(" ") if isinstance(v, str) else v for v in row] for row in (values, reading))
    if nan_told:
        reading = [None if v != v else v for v in reading]
    return all((a == b or (a != a and b != b)) and type(a) is type(b) for a, b in zip(values, reading, strict=True))


def _check_losses(file: GeneratedFile, answer: Answer, seen: set[str], found: Judgement) -> None:
    refused = sorted(answer.refused)
    structural = any(row.damage in STRUCTURAL for row in file.rows)
    for row in file.rows:
        if row.key in seen:
            continue
        if row.line in refused:
            if _must(row, file) and not structural:
                found.add("good row refused", f"line {row.line}: {[one.text for one in row.cells]}"[:300])
        elif (not structural or not any(at <= row.line for at in refused)) and not _is_cut(row, file):
            found.add("lost", f"line {row.line} is neither accepted nor quarantined")
    counted = (answer.record["rows"], answer.record["quarantined_rows"])
    if counted != (len(answer.rows), len(answer.refused)):
        found.add("counts", f"the record counts {counted}, the objects hold {len(answer.rows)}, {len(answer.refused)}")
    if not structural and not file.cut:
        extra = {kind: sum(row.damage == kind for row in file.rows) for kind in LINES}
        least = len(file.rows)
        most = least + extra["blank cells"] + extra["repeated header"] + extra["comment"]
        # a line above the header that has as many fields may be a row, and is not left out
        most += file.style.preamble
        if not least <= sum(counted) <= most:
            found.add("counts", f"{least} to {most} rows in, {sum(counted)} out")
