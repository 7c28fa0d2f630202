"""A block of JSON lines by Arrow means what its lines mean one by one."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    "x",
    "",
    " ",
    "NA",
    "é",
    "1",
    "true",
    "2026-01-31",
    "2026-01-31T12:00:00.5+02:00",
    "\\u00e9",
    "\\ud800",
    "\\u0000",
    "a\\nb",
]
STRINGS = st.sampled_from(TEXTS).map(lambda text: f'"{text}"')
SPELLINGS = [
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e2",
    "1E-7",
    "12345678901234567890",
    "9223372036854775807",
    "-9223372036854775808",
    "0.1",
    "5e-324",
    "1e400",
    "NaN",
    "-Infinity",
    "Inf",
    "01",
    "1.",
    ".5",
    "+1",
    "0.30000000000000004",
    "123456789.123456789",
]
NUMBERS = st.sampled_from(SPELLINGS) | (st.integers() | st.floats(allow_nan=False, allow_infinity=False)).map(
    json.dumps
)
OTHERS = st.sampled_from(["null", "true", "false", "{}", "[1]", '{"a": 1, "a": 2}', "[[1], 2]", "oops", "", "TRUE"])
FITTING = {
    **{
        "t": STRINGS,
        "c": STRINGS,
        "i": st.integers(-200, 200).map(str),
        "n": NUMBERS,
        "b": st.sampled_from(["true", "false"]),
    },
    **{"z": st.sampled_from(TEXTS[-6:-2]).map(lambda text: f'"{text}"'), "extra": STRINGS | NUMBERS | OTHERS},
}


@st.composite
def lines(draw: st.DrawFn) -> str:
    odd = draw(st.sampled_from([0, 0, 0.05, 0.5]))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        members = []
        for name, values in FITTING.items():
            is_odd = draw(st.floats(0, 1)) < odd
            if draw(st.integers(0, 9)) or not found:
                members.append(f'"{name}": {draw(STRINGS | NUMBERS | OTHERS if is_odd else values)}')
        if draw(st.floats(0, 1)) < odd:
            members.append(
                draw(st.sampled_from(['"t": "y"', '"\\u0074": "y"', "", '"other": 1', '"extra": {"q": 1, "q": 2}']))
            )
        line = "{" + draw(st.sampled_from([", ", ","])).join(members) + "}"
        if draw(st.floats(0, 1)) < odd:
            line = draw(
                st.sampled_from(
                    [
                        "",
                        " ",
                        line + line,
                        line[:-1],
                        line + " ",
                        "\ufeff" + line,
                        line + "\r",
                        "[" + line + "]",
                        line[1:],
                    ]
                )
            )
        found.append(line)
    return "\n".join(found) + draw(st.sampled_from(["", "\n"]))


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


@settings(deadline=None, max_examples=60)
@given(lines(), st.sampled_from([RULES, MARKED]))
def test_arrow_reads_what_the_lines_say(text: str, rules: Contract) -> None:
    body = text.encode("utf-8")
    assert answer(body, rules, by_arrow=True) == answer(body, rules, by_arrow=False)


def test_ordinary_lines_are_read_by_arrow(tmp_path: Path) -> None:
    row = {"t": "a", "c": "b", "i": 1, "n": 2, "b": True, "z": "2026-01-31", "extra": {"deep": [1]}}
    body = "\n".join(json.dumps(row | {"i": i}) for i in range(200)).encode()
    with patch("sluice.intake.json_rows._exact", side_effect=AssertionError):
        outcome, accepted, refused = run(body, tmp_path, RULES)
    assert (outcome.rows, [each["row"] for each in refused]) == (101, list(range(102, 201)))
    assert refused[0]["values"] == {"t": "a", "c": "b", "i": "101", "n": "2", "b": "true", "z": "2026-01-31"}
    assert accepted[1]["n"] == 2.0
    assert outcome.extra_columns == ["extra"]


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
