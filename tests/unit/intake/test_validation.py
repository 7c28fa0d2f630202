"""A file on disk against a contract."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.errors import EmptyFileError, HeaderMismatchError, SluiceError, UnreadableFileError
from sluice.intake.batches import Notes
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import sniff
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.nearest_value import COMPARISONS, NearestValue
from sluice.intake.opening import chunks_of
from sluice.intake.validation import Outcome, validate_file

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
MESSY = next(
    (path for parent in Path(__file__).parents if (path := parent / "shared" / "data" / "messy_csv").is_dir()), None
)
COLUMNS: dict[str, Any] = {
    "id": {"type": "text"},
    "pages": {"type": "integer", "min": 0, "max": 100},
    "price": {"type": "number"},
    "channel": {"type": "category", "values": ["ads", "email"]},
    "bought": {"type": "boolean"},
    "at": {"type": "timestamp"},
}
HEADER = ",".join(COLUMNS)
GOOD = "a1,3,1.5,ads,yes,2026-01-02T03:04:05Z"


def contract(columns: dict[str, Any] | None = None, key: list[str] | None = None, **expectations: Any) -> Contract:
    columns = columns or COLUMNS
    loose = {"max_invalid_rows": 1.0, **expectations}
    names = list(columns)
    problem = {"type": "multiclass", "target": names[-1]}
    spare = {} if len(names) > 1 else {"spare": {"type": "text"}}
    return Contract.model_validate(
        {
            "project": "shop",
            "problem": problem,
            "data": {"key": key or [], "columns": columns | spare, "expectations": loose},
        }
    )


def run(
    body: bytes, tmp_path: Path, rules: Contract | None = None, limits: Limits = UNLIMITED
) -> tuple[Outcome, list[dict], list[dict]]:
    source = tmp_path / "arrival"
    source.write_bytes(body)
    outcome = validate_file(source, rules or contract(), ARRIVED, tmp_path, limits)
    accepted = pq.read_table(outcome.accepted_path).to_pylist()
    refused = [json.loads(line) for line in outcome.quarantine_path.read_text().splitlines()]
    assert (len(accepted), len(refused)) == (outcome.rows, outcome.quarantined)
    return outcome, accepted, refused


def text(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def test_a_good_row_is_typed_and_keeps_its_place(tmp_path: Path) -> None:
    _, accepted, refused = run(text(GOOD), tmp_path)
    assert refused == []
    assert accepted == [
        {
            "id": "a1",
            "pages": 3,
            "price": 1.5,
            "channel": "ads",
            "bought": True,
            "at": datetime(2026, 1, 2, 3, 4, 5),
            "_arrived_at": ARRIVED.replace(tzinfo=None),
            "_row": 2,
        }
    ]


def test_the_ends_of_each_type_come_back_from_the_accepted_file(tmp_path: Path) -> None:
    columns = {name: {"type": kind} for name, kind in (("n", "integer"), ("none", "integer"), ("at", "timestamp"))}
    numbers = [2**63 - 1, -(2**63) + 1, None, 0, 2**63 - 1]
    times = [datetime(1, 1, 1), None, datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1), datetime.max]
    lines = [f"{'' if n is None else n},,{t or ''}" for n, t in zip(numbers, times, strict=True)]
    _, accepted, refused = run("\n".join(["n,none,at", *lines, ""]).encode(), tmp_path, contract(columns))
    assert refused == []
    assert [(row["n"], row["none"], row["at"]) for row in accepted] == [
        (n, None, t) for n, t in zip(numbers, times, strict=True)
    ]


def test_a_bad_row_has_all_its_reasons_and_its_raw_values(tmp_path: Path) -> None:
    outcome, accepted, refused = run(text(GOOD, "a2,-1,1e999,phone,perhaps,yesterday", GOOD), tmp_path)
    assert [row["_row"] for row in accepted] == [2, 4]
    (bad,) = refused
    assert bad["row"] == 3
    assert bad["values"]["at"] == "yesterday"
    found = {(reason["column"], reason["rule"]) for reason in bad["reasons"]}
    wanted = {("pages", "min"), ("price", "type"), ("channel", "values"), ("bought", "type"), ("at", "type")}
    assert found == wanted
    assert all(reason["rows"] == 1 for reason in outcome.reason_counts)


def test_blank_values_are_missing_and_null_spellings_are_not(tmp_path: Path) -> None:
    _, accepted, refused = run(text("a,,   ,,,", "b,NA,1,ads,no,2026-01-01"), tmp_path)
    assert [row["_row"] for row in accepted] == [2]
    assert accepted[0]["price"] is None
    assert refused[0]["reasons"][0]["column"] == "pages"


@pytest.mark.parametrize(
    ("kind", "value", "typed"),
    [
        ("integer", "+7", 7),
        ("integer", "7.0", 7),
        ("integer", "007", 7),
        ("integer", "7.5", None),
        ("integer", "0x10", None),
        ("integer", "1e3", None),
        ("integer", "9" * 30, None),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("number", "nan", None),
        ("number", "inf", None),
        ("number", "1,5", None),
        ("boolean", "T", True),
        ("boolean", "0", False),
        ("boolean", "2", None),
        ("timestamp", "2026-01-01", datetime(2026, 1, 1)),
        ("timestamp", "2026-01-01 10:00:00.123456", datetime(2026, 1, 1, 10, 0, 0, 123456)),
        ("timestamp", "2026-01-01T10:00:00+02:00", datetime(2026, 1, 1, 8)),
        ("timestamp", "20260101", None),
        ("timestamp", "01/02/2026", None),
        ("category", "  Yes ", "Yes"),
        ("text", " Yes ", " Yes "),
    ],
)
@pytest.mark.parametrize("beside", ["", "?"])
def test_what_a_type_accepts(kind: str, value: str, typed: Any, beside: str, tmp_path: Path) -> None:
    """Also beside a value that no type but text knows, which takes the slower conversion."""
    rules = contract({"value": {"type": kind}, "label": {"type": "text"}})
    lines = ["value\tlabel", f"{value}\tx", *([f"{beside}\ty"] if beside else [])]
    _, accepted, _ = run("\n".join(lines).encode(), tmp_path, rules)
    mine = [row["value"] for row in accepted if row["_row"] == 2]
    assert mine == ([] if typed is None else [typed])


def test_key_and_nullable(tmp_path: Path) -> None:
    columns = {**COLUMNS, "price": {"type": "number", "nullable": False}}
    _, accepted, refused = run(text(",1,,ads,1,2026-01-01"), tmp_path, contract(columns, key=["id"]))
    assert accepted == []
    assert {reason["rule"] for reason in refused[0]["reasons"]} == {"key", "nullable"}


def test_ragged_and_broken_rows_keep_the_lines_right(tmp_path: Path) -> None:
    body = text(GOOD, "a2,3", "", '"a\n3",1,2,ads,1,2026-01-01', '"open,1,2,ads,1,2026-01-01', GOOD, GOOD + ",more")
    outcome, accepted, refused = run(body, tmp_path)
    assert [row["_row"] for row in accepted] == [2, 5, 8]
    assert accepted[1]["id"] == "a\n3"
    assert [(row["row"], row["reasons"][0]["rule"]) for row in refused] == [
        (3, "fields"),
        (7, "quoting"),
        (9, "fields"),
    ]
    assert outcome.notes.blank_lines == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16", "gzip"])
def test_dialects_and_encodings(delimiter: str, end: str, encode: str, tmp_path: Path) -> None:
    plain = end.join(line.replace(",", delimiter) for line in (HEADER, GOOD.replace("a1", "ä1"), GOOD))
    body = gzip.compress(plain.encode()) if encode == "gzip" else plain.encode(encode)
    _, accepted, _ = run(body, tmp_path)
    assert [(row["id"], row["_row"]) for row in accepted] == [("ä1", 2), ("a1", 3)]


def test_parquet_and_json_lines(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a1", "a2"],
            "pages": pa.array([3.0, None]),
            "price": pa.array([float("nan"), 2.5]),
            "channel": pa.array(["ads", "phone"]).dictionary_encode(),
            "bought": [True, False],
            "at": pa.array([ARRIVED, ARRIVED], pa.timestamp("ns", "UTC")),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    outcome, accepted, refused = run((tmp_path / "x.parquet").read_bytes(), tmp_path)
    assert outcome.notes.format == "parquet"
    assert (accepted[0]["pages"], accepted[0]["price"], accepted[0]["at"]) == (3, None, ARRIVED.replace(tzinfo=None))
    assert refused[0]["row"] == 2
    record = {"id": "a1", "pages": 3, "price": None, "channel": "ads", "bought": True, "at": "2026-01-01"}
    lines = [json.dumps(record), "{broken", "[1]", json.dumps({**record, "price": [1]}), "", json.dumps(record)]
    outcome, accepted, refused = run("\n".join(lines).encode(), tmp_path)
    assert outcome.notes.format == "jsonl"
    assert [row["_row"] for row in accepted] == [1, 6]
    assert [row["row"] for row in refused] == [2, 3, 4]


def test_what_is_wrong_with_the_header_is_told(tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match=r"'pages' is missing \(nearest header: 'Pages'"):
        run(text(GOOD).replace(b"pages", b"Pages"), tmp_path)
    with pytest.raises(HeaderMismatchError, match="more than once"):
        run(text(GOOD).replace(b"pages", b"id"), tmp_path)
    with pytest.raises(HeaderMismatchError, match=r"channel.*channle"):
        run(json.dumps(dict.fromkeys(HEADER.replace("channel", "channle").split(","), 1)).encode(), tmp_path)


def test_a_renamed_column_is_told_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match=r"'channel' is missing \(in its place: 'xyz'; was it renamed\?\)"):
        run(text(GOOD).replace(b"channel", b"xyz"), tmp_path)
    first, *rest = text(GOOD).decode().splitlines()
    moved = [",".join([*first.replace("channel", "xyz").split(",")[::-1]]), *rest]
    with pytest.raises(HeaderMismatchError, match=r"'channel' is missing\. "):
        # its neighbours are others: nothing says that it is this one
        run("\n".join(moved).replace("xyz,", "xyz,new,").encode(), tmp_path)


def test_a_refused_value_is_told_the_nearest_allowed_one(tmp_path: Path) -> None:
    rows = text(GOOD).decode()
    assert ",ads," in rows
    _, _, refused = run(rows.replace(",ads,", ",Emial,", 1).encode(), tmp_path)
    assert refused[0]["reasons"][0]["message"] == "is not among the contract's values; the nearest is 'email'"
    _, _, refused = run(rows.replace(",ads,", ",0815,", 1).encode(), tmp_path)
    assert refused[0]["reasons"][0]["message"] == "is not among the contract's values"


@pytest.mark.parametrize(
    ("allowed", "text", "hint"),
    [
        ({"yes", "no"}, "TRUE", "; the nearest is 'yes'"),
        ({"yes", "no"}, " 0 ", "; the nearest is 'no'"),
        ({"Y", "N"}, "No", "; the nearest is 'N'"),
        ({"yes", "no"}, "perhaps", ""),
        ({"1", "2"}, "true", ""),
        ({"1", "0", "t"}, "yes", ""),
    ],
)
def test_another_spelling_of_yes_or_no_is_told_the_columns_own(allowed: set[str], text: str, hint: str) -> None:
    assert NearestValue(allowed)(text) == hint


def test_hints_are_bounded_where_every_row_is_refused() -> None:
    near = NearestValue({f"value {at}" for at in range(100)})
    told = [bool(near(f"valeu {at}")) for at in range(1_000)]
    assert sum(told) == told.index(False) == COMPARISONS // 100
    assert near("valeu 1"), "a text that was compared before is not compared again"


@pytest.mark.parametrize(
    "body", [b"", b"\n\n", HEADER.encode(), HEADER.encode() + b"\n\n", gzip.compress(b"", mtime=0)]
)
def test_a_file_without_rows_is_empty(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(EmptyFileError):
        run(body, tmp_path)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (text(GOOD) + b"caf\xe9,", rf"position {len(text(GOOD)) + 3} is not UTF-8"),
        (codecs.BOM_UTF16_LE + b"a\x00\x00", "position 4"),
        (b"PK\x03\x04xxxx", "ZIP"),
        (gzip.compress(text(GOOD), mtime=0)[:-9], "cut off"),
        (b"PAR1 and no more", "Parquet"),
    ],
)
def test_unreadable_files_say_where(body: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=told):
        run(body, tmp_path)


def test_expectations_refuse_the_file(tmp_path: Path) -> None:
    body = text(GOOD, "a2,x,1,ads,1,2026-01-01", "a3,1,,ads,1,2026-01-01")
    for expectation, rule in (
        ({"max_invalid_rows": 0.3}, "max_invalid_rows"),
        ({"min_rows": 3}, "min_rows"),
        ({"max_nulls": 0.4}, "max_nulls"),
    ):
        outcome, _, _ = run(body, tmp_path, contract(**expectation))
        assert [refusal["rule"] for refusal in outcome.refusals] == [rule]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), quoting=st.sampled_from([0, 1]))
def test_what_a_csv_writer_writes_comes_back(rows: list[tuple[str, str, str]], quoting: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting, lineterminator="\n")
    writer.writerows([("a", "b", "c"), *rows])
    rules = contract({"a": {"type": "text"}, "b": {"type": "text"}, "c": {"type": "text"}})
    with tempfile.TemporaryDirectory() as folder:
        _, accepted, refused = run(out.getvalue().encode(), Path(folder), rules)
    assert refused == []
    assert [tuple(row[name] or "" for name in "abc") for row in accepted] == [
        tuple(cell if cell.strip() else "" for cell in row) for row in rows
    ]


@settings(max_examples=300, deadline=None)
@given(body=st.text(st.sampled_from('a1 ,"\n\r;'), max_size=60))
@example(body='1","1')  # each quote stands beside a delimiter, and yet the first does not open its field
@example(body='"a","b\n1","2"')
def test_both_ways_of_reading_agree(body: str) -> None:
    """Where the fast way gives an answer, the exact way gives the same, lines included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(("a,b\n" + body).encode())
        text = partial(chunks_of, path)
        dialect = sniff(text, ["a", "b"])

        def rows(exact: bool) -> list[Any]:
            batches = list(read_csv(text, dialect, Notes("csv"), exact=exact))
            if any(b.broken for b in batches):
                return [("broken",)]
            return [r for b in batches for r in zip(b.rows.to_pylist(), *(c.to_pylist() for c in b.columns.values()))]

        assert rows(exact=False) == rows(exact=True)


@pytest.mark.skipif(MESSY is None, reason="../shared/data/messy_csv is not on this machine")
def test_messy_files_lose_no_row_and_crash_nothing(tmp_path: Path) -> None:
    assert MESSY is not None
    read = accounted = refused_whole = 0
    for path in sorted(p for p in MESSY.rglob("*") if p.is_file() and p.suffix not in (".md", ".json", ".txt")):
        source = tmp_path / "arrival"
        source.write_bytes(path.read_bytes())
        try:
            try:
                dialect = sniff(partial(chunks_of, source), [])
                names = [name for name in dict.fromkeys(dialect.header) if 0 < len(name) <= 100 and name.isprintable()]
            except UnreadableFileError:
                names = []
            columns = {name: {"type": "text"} for name in names[:20]} or {"none": {"type": "text"}}
            outcome = validate_file(
                source,
                contract(columns | {"none": {"type": "text"}} if len(columns) < 2 else columns),
                ARRIVED,
                tmp_path,
            )
        except SluiceError:
            refused_whole += 1
            continue
        read += 1
        assert outcome.rows + outcome.quarantined > 0, path
        body = source.read_bytes()
        if outcome.notes.format == "csv" and outcome.notes.encoding == "utf-8" and b'"' not in body:
            with source.open(encoding="utf-8", newline="") as file:
                physical = sum(1 for _ in file)
            told = dialect.header_lines + outcome.rows + outcome.quarantined + outcome.notes.blank_lines
            told += outcome.notes.repeated_headers
            assert told == physical, path
            accounted += 1
    assert (read > 60, accounted > 30) == (True, True), (read, accounted, refused_whole)


def test_a_file_without_its_header_quotes_no_value(tmp_path: Path) -> None:
    body = b"anna.meier@example.org,7,secret channel,yes,yes\nx,1,ads,no,no\n"
    with pytest.raises(HeaderMismatchError, match="Is the header missing") as caught:
        run(body, tmp_path)
    assert not [word for word in ("anna", "secret", "yes") if word in str(caught.value)]


def test_a_parquet_value_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    bad = pc.cast(
        pa.array([b"\xffsecret"] * 3, pa.binary()), options=pc.CastOptions(pa.string(), allow_invalid_utf8=True)
    )
    columns = HEADER.strip().split(",")
    pq.write_table(pa.table(dict.fromkeys(columns, bad)), path)
    outcome, accepted, refused = run(path.read_bytes(), tmp_path)
    assert (accepted, len(refused)) == ([], 3)
    assert "secret" not in repr((outcome.reason_counts, outcome.refusals, [row["reasons"] for row in refused]))


@pytest.mark.parametrize(
    "body",
    [b"a,b,c\n1,x,z\n,,z\n,y,\n, ,\n", b'{"a": 1, "b": "x"}\n{"a": null}\n{"b": "y"}\n{"c": "z", "b": null}\n'],
    ids=["csv", "json lines"],
)
def test_rows_without_any_value_are_kept_and_counted(body: bytes, tmp_path: Path) -> None:
    columns = {"a": {"type": "integer"}, "b": {"type": "category"}}
    outcome, accepted, _ = run(body, tmp_path, contract(columns))
    assert len(accepted) == 4
    assert outcome.notes.told()["empty_rows"] == 2


@pytest.mark.parametrize(
    ("body", "told"), [(b"id,pages\n", "a header but no data row"), (b"[]", "no object"), (b"\n\n", "only blank lines")]
)
def test_a_file_without_a_row_says_what_its_form_lacks(body: bytes, told: str, tmp_path: Path) -> None:
    columns = {"id": {"type": "text"}, "pages": {"type": "integer"}}
    with pytest.raises(EmptyFileError, match=told):
        run(body, tmp_path, contract(columns))
