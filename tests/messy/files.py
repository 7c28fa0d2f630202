"""The files of strangers in ../shared/data, what is expected of each, and what Sluice makes of them."""

from __future__ import annotations

import csv
import decimal
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.messy import trusted
from tests.messy.entry import NoSuchSettingError, contract, deliver
from tests.messy.trusted import Dialect, Truth
from tests.messy.verdict import Verdict, check_accepted, check_refused, check_rows

HERE = Path(__file__).parent
DATA = next((p / "shared" / "data" for p in HERE.parents if (p / "shared" / "data" / "messy_csv").is_dir()), None)
EXPECTED = HERE / "expected.json"
COLUMN = re.compile(r"[^\x00-\x1f]{1,128}")
RESERVED = ("inference_id", "instances")
PLAIN = {"quote": '"', "escape": None, "header": 1, "skip": 0, "line_end": None}
"""What a reader assumes about a setting that the contract does not name."""


@cache
def judged() -> dict[str, dict[str, Any]]:
    """By kind and file: judged.yaml, with the files that it does not name as plain."""
    found = yaml.safe_load((HERE / "judged.yaml").read_text())
    assert DATA is not None
    with (DATA / "messy_csv" / "INDEX.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["encoding"] != "parquet"]
    assert not set(found["csv"]) - set(names)
    return {"csv": {name: found["csv"].get(name, {}) for name in names}, "parquet": found["parquet"]}


def body(kind: str, name: str) -> bytes:
    assert DATA is not None
    return (DATA / "messy_csv" / name if kind == "csv" else DATA / name).read_bytes()


def truth_of(name: str) -> Truth:
    """The trusted reading of a text file."""
    case = judged()["csv"][name]
    return trusted.read_csv(body("csv", name), Dialect.of(case), case.get("not_data"), case.get("loose"))


def usable(names: list[str]) -> list[str]:
    """Names that a contract can have: once in the header, not blank, printable, not reserved."""
    fine = [n for n in names if names.count(n) == 1 and COLUMN.fullmatch(n) and n.strip() and n not in RESERVED]
    return fine or ["a"]


def check(kind: str, name: str) -> Verdict:
    """Whatever is wrong with Sluice's answer to the file."""
    verdict = Verdict()
    try:
        (_check_csv if kind == "csv" else _check_parquet)(name, judged()[kind][name], verdict)
    except NoSuchSettingError as missing:
        verdict.add("no setting", f"the contract cannot say {missing}")
    except Exception as error:
        verdict.add("crash", f"{type(error).__name__}: {error}"[:300])
    return verdict


def _check_csv(name: str, case: dict[str, Any], verdict: Verdict) -> None:
    data, truth, file_name = body("csv", name), truth_of(name), name.rsplit("/", 1)[-1]
    columns = {column: {"type": "text"} for column in usable(truth.names)}
    padded, not_data = case.get("padded", False), case.get("not_data", [])
    outcome = case.get("outcome", "accepted")
    if outcome == "needs_contract":
        dialect = Dialect.of(case)
        bare = replace(dialect, **{s: PLAIN[s] for s in case["settings"] if s in PLAIN})
        answer = deliver(data, file_name, contract(columns))
        check_rows(answer, [truth, trusted.read_csv(data, bare)], padded, not_data, verdict)
        settings = {setting: getattr(dialect, setting) for setting in case["settings"]}
        answer = deliver(data, file_name, contract(columns, settings))
    else:
        answer = deliver(data, file_name, contract(columns))
    if outcome == "refused" or (case.get("or_refused") and not answer.accepted):
        check_refused(answer, case.get("words") or case["or_refused"], verdict)
    else:
        check_accepted(answer, truth, padded, not_data, verdict)


TYPES = (("bool", "boolean"), ("int", "integer"), ("float", "number"), ("double", "number"), ("decimal", "number"))


def parquet_columns(path: Path) -> dict[str, Any]:
    """The columns that a contract can name as they are; all of them as text where there is none."""
    schema = pq.read_schema(path)
    flat = [f for f in schema if not f.type.num_fields]
    kinds = {f.name: next((kind for start, kind in TYPES if str(f.type).startswith(start)), "text") for f in flat}
    kinds |= {f.name: "timestamp" for f in flat if str(f.type).startswith("timestamp")}
    return {name: {"type": kind} for name, kind in kinds.items()} or {n: {"type": "text"} for n in schema.names}


def _check_parquet(name: str, case: dict[str, Any], verdict: Verdict) -> None:
    assert DATA is not None
    path = DATA / name
    columns = parquet_columns(path)
    answer = deliver(path.read_bytes(), name.rsplit("/", 1)[-1], contract(columns))
    if case.get("outcome") == "refused":
        check_refused(answer, case["words"], verdict)
        return
    if not answer.accepted:
        verdict.add("refused", answer.record.get("message", "")[:200])
        return
    table = trusted.read_parquet(path, case.get("unit"))
    count = max(map(len, table.values()))
    # as in typed_files: a number of 32 bits may be read as it is, or as the shortest decimal that gives it back
    narrow = [field.name for field in pq.read_schema(path) if field.type == pa.float32()]
    shortest = {(name, value): float(str(np.float32(value))) for name in narrow for value in table[name] if value}
    for at in range(1, count + 1):
        row = answer.rows.get(at)
        if row is None:
            if at not in case.get("not_data", []):
                verdict.add("rows refused" if at in answer.refused else "lost", f"row {at}")
            elif at not in answer.refused:
                verdict.add("lost", f"row {at}")
            continue
        for column, values in table.items():
            if plain(row[column]) not in (plain(values[at - 1]), shortest.get((column, values[at - 1]))):
                verdict.add("changed", f"row {at}, column {column!r}")


def plain(value: Any) -> Any:
    """Returns a Parquet value as it compares: bytes as text, a decimal as a number, a time in microseconds."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape") if value.strip() else None
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime):
        since = value.replace(tzinfo=value.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    if isinstance(value, float) and value != value:
        return "NaN"
    return value


def describe(kind: str, name: str) -> dict[str, Any]:
    """The facts about a file that expected.json keeps: how it is read and how large it is, and a few cells."""
    case = judged()[kind][name]
    outcome = case.get("outcome", "accepted")
    facts: dict[str, Any] = {"outcome": outcome, "readable": case.get("readable", outcome != "refused")}
    facts |= {key: case[key] for key in ("settings", "words", "or_refused", "why") if key in case}
    if kind == "parquet":
        assert DATA is not None
        table = trusted.read_parquet(DATA / name, case.get("unit"))
        return facts | {"rows": pq.ParquetFile(DATA / name).metadata.num_rows, "columns": list(table)}
    dialect = Dialect.of(case)
    facts["dialect"] = {"encoding": dialect.encoding.removesuffix("-sig"), "delimiter": dialect.delimiter}
    facts["dialect"] |= {"quote": dialect.quote, "header": dialect.header}
    facts["dialect"] |= {key: case[key] for key in ("escape", "skip", "padded", "container", "line_end") if key in case}
    truth = truth_of(name)
    facts |= {"preamble_lines": max(dialect.header - 1, dialect.skip, 0), "columns": len(truth.names)}
    facts |= {"rows": len(truth.solid), "doubtful_rows": len(truth.loose), "digest": truth.digest()}
    cells = [(line, name, cell) for line, row in truth.solid.items() for name, cell in zip(truth.names, row)]
    facts["cells"] = [
        cells[i] for i in sorted({0, len(cells) // 2, len(cells) - 1}) if cells and len(cells[i][2]) <= 20
    ]
    return facts


def expected() -> dict[str, dict[str, Any]]:
    """expected.json, by kind and file."""
    return json.loads(EXPECTED.read_text())
