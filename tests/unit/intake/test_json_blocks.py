"""A block of JSON lines by Arrow means what its lines mean one by one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest

from sluice.contract import Contract
from sluice.intake.json_blocks import MAX_OPEN, JsonBlocks
from tests.unit.intake.test_validation import contract, run

KINDS = {
    **{"t": {"type": "text"}, "c": {"type": "category"}, "i": {"type": "integer", "max": 100}, "n": {"type": "number"}},
    **{"b": {"type": "boolean"}, "z": {"type": "timestamp"}},
}
RULES = contract(KINDS)
MARKED = contract(
    KINDS
    | {"n": {"type": "number", "missing": ["-1", "NA"], "decimal": ","}, "c": {"type": "category", "missing": ["x"]}}
)
TEXTS = [
    '"x"',
    '""',
    '" "',
    '"NA"',
    '"é"',
    '"1"',
    '"true"',
    r'"\u00e9"',
    r'"a\nb"',
    r'"\u0000"',
    r'"\ud83d\ude00"',
    "null",
]
TIMES = ['"2026-01-31"', '"2026-01-31T12:00:00.5+02:00"', '"2026-02-30"', '""', "null"]
NUMBERS = (
    *("0", "-0", "-0.0", "1", "-1", "1.0", "1.5", "1e2", "1E-7", "0.1", "5e-324", "1e308", "12345678901234567890"),
    *("0.30000000000000004", "123456789.123456789", "2.5e-5", "9007199254740993", "null"),
)
ODD = (
    *TEXTS,
    *TIMES,
    *NUMBERS,
    *("1e400", "-1e400", "NaN", "-NaN", "Infinity", "-Infinity", "Inf", "01", "1.", ".5", "+1", "0x1", "1_0"),
    *(
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e18",
        "true",
        "false",
        "TRUE",
        "oops",
        "",
    ),
    *(
        "-Inf",
        "[-NaN]",
        '{"a": [{"b": -NaN}]}',
        "{}",
        "[1]",
        '{"a": 1, "a": 2}',
        "[[1], 2]",
        r'"\ud800"',
        r'"\x"',
        '"\t"',
        "'x'",
        "1 2",
        "/**/1",
        "[1,]",
    ),
)
"""Values that fit some column, and texts that are no JSON."""
MEMBERS = (
    *('"t": "y"', r'"\u0074": "y"', "", '"other": NaN', '"extra": {"q": 1, "q": 2}', '"": 1', '"é": 1', '"t ": 1'),
    *('"other": [{"a": 1}, {"a": "x"}]', '"other": {"a": {"b": [1, null]}}', '"t"', "t: 1"),
)
FITTING = {"t": TEXTS, "c": TEXTS, "i": ["1", "-0", "101", "null"], "n": NUMBERS, "b": ["true", "false"], "z": TIMES}


def lines(seed: int) -> str:
    """Lines that fit; in two files of three, one place is odd."""
    rng = random.Random(seed)
    extra = rng.choice([TEXTS, NUMBERS, ["true"], ["[1]", "[]"], ['{"a": 1}', '{"b": "x"}']])
    count = rng.randint(1, 6)
    odd_row, odd_kind = rng.randrange(count), rng.choice(["", "value", "value", "value", "member", "line"])
    found = []
    for row in range(count):
        members = {name: rng.choice(values) for name, values in (FITTING | {"extra": extra}).items()}
        members = {name: value for name, value in members.items() if not row or rng.random() < 0.8}
        if row == odd_row and odd_kind == "value" and members:
            members[rng.choice(list(members))] = rng.choice(ODD)
        texts = [f'"{name}": {value}' for name, value in members.items()]
        if row == odd_row and odd_kind == "member":
            texts.insert(rng.randint(0, len(texts)), rng.choice(MEMBERS))
        line = "{" + rng.choice([", ", ",", " ,\t"]).join(texts) + "}"
        if row == odd_row and odd_kind == "line":
            at = rng.randrange(len(line))
            around = [" " + line, line + " ", "\ufeff" + line, line + "\r", line + "\x0b", f"[{line}]", line + "//"]
            cut = [
                line[:at],
                line[at:],
                line[:at] + "\n" + line[at:],
                line[:at] + "\r" + line[at:],
                line[:at] + line[at + 1 :],
            ]
            line = rng.choice(["", " ", line + line, line + "\n", "}", *around, *cut])
        found.append(line)
    end = rng.choice(["\n", "\n", "\r\n"])
    return end.join(found) + rng.choice(["", end])


def answer(body: bytes, rules: Contract, by_arrow: bool) -> Any:
    with (
        TemporaryDirectory() as folder,
        patch.object(JsonBlocks, "read", JsonBlocks.read if by_arrow else lambda *_: None),
    ):
        try:
            outcome, accepted, refused = run(body, Path(folder), rules)
        except Exception as error:
            return type(error).__name__, str(error)
    facts = (
        outcome.rows,
        outcome.quarantined,
        outcome.reason_counts,
        sorted(outcome.extra_columns),
        outcome.notes.blank_lines,
    )
    return facts, dict(outcome.notes.nan), repr(accepted), refused


@pytest.mark.parametrize("start", range(0, 100, 50))
def test_arrow_reads_what_the_lines_say(start: int) -> None:
    for seed in range(start, start + 50):
        text = lines(seed)
        for body, rules in ((text, RULES), (text, MARKED), (f"[{text}]".replace("\n", ",\n"), RULES)):
            found, wanted = (answer(body.encode("utf-8"), rules, by_arrow) for by_arrow in (True, False))
            assert found == wanted, (seed, body)


@pytest.mark.parametrize("name", [*FITTING, "extra"])
def test_any_value_in_any_column_means_the_same(name: str) -> None:
    plain = {"t": '"x"', "c": '"y"', "i": "1", "n": "2.5", "b": "true", "z": '"2026-01-31"', "extra": "1"}
    for value in dict.fromkeys(ODD):
        rows = [plain, plain | {name: value}, plain]
        text = "\n".join("{" + ",".join(f'"{key}":{cell}' for key, cell in row.items()) + "}" for row in rows)
        found, wanted = (answer(text.encode("utf-8"), RULES, by_arrow) for by_arrow in (True, False))
        assert found == wanted, value


@pytest.mark.parametrize(
    "text",
    [
        "{A}{A}\n{\nA}",
        "{A}{A}\n\n",
        "{A}{A}\n\n{A}",
        "{A}{A}\n{A,\n}",
        "{A}{A}\n{A\n}",
        "{A}\n{A\r}",
        "{A}\r{A}",
        "{A}\r\n{A}\r\n",
        "{A}\r\n{A}\r",
        "{A}\r\n\r\n{A}{A}\r\n",
        "{A}\n \n{A}{A}",
        "{A}\n{A}}\n",
        "{A}\n{{A}\n",
        '{A}\n{A,"q":"\n"}\n{A}{A}',
        '{A}{A}\n{A,"q":{\n"r":1}}',
    ],
)
def test_a_line_is_a_row(text: str) -> None:
    body = text.replace("A", '"t":"x","c":"y","i":1,"n":2.5,"b":true,"z":null').encode()
    first = b'{"t":"x","c":"y","i":1,"n":2.5,"b":true,"z":"2026-01-31"}\n'
    assert answer(first + body, RULES, by_arrow=True) == answer(first + body, RULES, by_arrow=False)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ordinary_lines_are_read_by_arrow(end: str, tmp_path: Path) -> None:
    row = {"t": "a", "c": "b", "i": 1, "n": 2, "b": True, "z": "2026-01-31", "extra": {"deep": [1]}}
    body = end.join(json.dumps(row | {"i": i}) for i in range(200)).encode()
    with patch("sluice.intake.json_rows._exact", side_effect=AssertionError):
        outcome, accepted, refused = run(body, tmp_path, RULES)
    assert (outcome.rows, [each["row"] for each in refused]) == (101, list(range(102, 201)))
    assert refused[0]["values"] == {"t": "a", "c": "b", "i": "101", "n": "2", "b": "true", "z": "2026-01-31"}
    assert accepted[1]["n"] == 2.0
    assert outcome.extra_columns == ["extra"]


@pytest.mark.parametrize("ends", [",", ",\n", ""])
def test_an_array_is_read_by_arrow_too(ends: str, tmp_path: Path) -> None:
    row = {"t": "a", "c": "b", "i": 1, "n": 2, "b": True, "z": "2026-01-31"}
    text = ends.join(json.dumps(row | {"i": i}) for i in range(200))
    with (
        patch("sluice.intake.json_rows._exact", side_effect=AssertionError),
        patch("sluice.intake.json_rows.BLOCK", 1000),
    ):
        outcome, _, refused = run((f"[{text}]" if ends else text).encode(), tmp_path, RULES)
    assert outcome.notes.format == "json"
    assert (outcome.rows, [each["row"] for each in refused]) == (101, list(range(102, 201)))


def test_deep_nesting_never_reaches_arrow(tmp_path: Path) -> None:
    deep = 300_000
    body = (
        b'{"i": 1, "t": "", "c": "", "n": 1, "b": true, "z": null, "extra": '
        + b"[" * deep
        + b"]" * deep
        + b"}\n"
        + b'{"i": 2, "t": "x"}\n'
    )
    with patch("pyarrow.json.read_json", side_effect=AssertionError):
        _, accepted, refused = run(body, tmp_path, contract({"i": {"type": "integer"}, "t": {"type": "text"}}))
    assert deep > MAX_OPEN
    assert [row["_row"] for row in accepted] == [2]
    assert "nested too deeply" in refused[0]["reasons"][0]["message"]


@pytest.mark.parametrize("line", ['{"i": 1, "t": "x"}', '{"i": "x", "t": "x"}'])
def test_lines_are_numbered_across_blocks(line: str, tmp_path: Path) -> None:
    rules = contract({"i": {"type": "integer", "max": 0}, "t": {"type": "text"}})
    with patch("sluice.intake.blocks.Blocks.block_size", 50):
        _, accepted, refused = run("\n".join([line] * 20).encode(), tmp_path, rules)
    assert accepted == []
    assert [row["row"] for row in refused] == list(range(1, 21))
