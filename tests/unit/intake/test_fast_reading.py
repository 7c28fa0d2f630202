"""What Arrow reads at once as a type is what the rules read of the text: each is the oracle of the other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.intake.arrow_types import plan_of
from sluice.intake.csv_blocks import BlockReader
from sluice.intake.dialect import Dialect
from sluice.intake.rules import judge
from sluice.model.values import parse_text
from tests.unit.intake.test_readers_agree import CELLS, FORM, KINDS, NASTY, REFUSED, rules, typed

DIALECT = Dialect(",", ["i", "v", "y"], 1)
USUAL = {
    "integer": ["1", "-5", "007", "123456789012345678"],
    "number": ["1.5", "2", "-3e7", ".5"],
    "boolean": ["true", "no", "1"],
    "timestamp": ["2026-01-31 12:30:00", "2026-01-31", "2026-01-31T12:30:00.5"],
    "category": ["ads", "x y", "3.0", "TRUE"],
    "text": ["ads", " x "],
}
ZONED = ["2026-01-31T12:30:00Z", "2026-01-31 12:30:00+05:30", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"]
MARKED: list[dict[str, Any] | None] = [None, {"missing": ["NA", "-999", "no"]}, {"missing": ["", "007", "1.0"]}]


def fast(cells: list[str], contract: Contract) -> list[Any] | None:
    """The values that the block's columns have, and REFUSED where a rule is broken; None: not read in the fast way."""
    plan = plan_of(contract)
    column = contract.data.columns["v"]
    # a plan learns from each block, so a later one may be read otherwise
    seen = []
    for _ in range(2):
        block = "".join(f'i,"{cell.replace(chr(34), chr(34) * 2)}",true\n' for cell in cells).encode()
        found = BlockReader(DIALECT, plan).read(block, 2)
        if found is None:
            return None
        values, broken = judge("v", column, found.batch.columns["v"], key=False, reading=contract.reading("v"))
        refused = broken[0].mask.to_pylist() if broken else [False] * len(cells)
        told = [row["v"] for row in found.batch.texts(range(len(cells)))]
        assert told == cells
        listed = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in values.to_pylist()]
        seen.append([REFUSED if bad else value for bad, value in zip(refused, listed, strict=True)])
    assert list(map(typed, seen[0])) == list(map(typed, seen[1]))
    return seen[0]


def slow(cells: list[str], kind: str, contract: Contract) -> list[Any]:
    found: list[Any] = []
    for cell in cells:
        try:
            found.append(parse_text(cell, kind, contract.reading("v")))
        except ValueError:
            found.append(REFUSED)
    return found


def check(cells: list[str], kind: str, contract: Contract) -> None:
    read = fast(cells, contract)
    if read is not None:
        assert list(map(typed, read)) == list(map(typed, slow(cells, kind, contract)))


def contract_of(kind: str, form: dict[str, Any] | None) -> Contract:
    plain = rules(kind, None).model_dump(exclude_unset=True)
    plain["data"]["format"] = form or {}
    return Contract.model_validate(plain)


@pytest.mark.parametrize("form", MARKED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_nasty_cell_among_usual_ones_is_read_as_the_rules_read_it(kind: str, form: dict[str, Any] | None) -> None:
    contract = contract_of(kind, form)
    for cell in (*NASTY, "0x10", "0X1F", "1e-999999", "9" * 18, "-" + "9" * 19, *ZONED):
        check([*USUAL[kind], cell], kind, contract)
        check([cell], kind, contract)


@pytest.mark.parametrize("kind", KINDS)
def test_usual_cells_take_the_fast_way(kind: str) -> None:
    """Else the tests above would compare a way with itself."""
    found = BlockReader(DIALECT, plan_of(rules(kind, None))).read(
        "".join(f"i,{cell},yes\n" for cell in USUAL[kind]).encode(), 2
    )
    assert found is not None
    expected = {"category": pa.dictionary(pa.int32(), pa.string()), "text": pa.string()}
    types = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us")}
    assert found.batch.columns["v"].type == (types | expected)[kind]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=3), usual=st.booleans(), formatted=st.booleans())
def test_drawn_cells_are_read_as_the_rules_read_them(kind: str, cells: list[str], usual: bool, formatted: bool) -> None:
    contract = rules(kind, FORM[kind] if formatted else None)
    check([*(USUAL[kind] if usual else []), *cells], kind, contract)
