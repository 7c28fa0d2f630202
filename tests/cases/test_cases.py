"""Files and contracts of strangers that once went wrong, as they arrived (../shared/cases), with what is right.

They lie outside the repository, and where they are missing the tests are skipped: the same kinds are tested with small
inputs of their own beside the code that reads them.
"""

from __future__ import annotations

import json
import re
import runpy
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.draft import draft
from cli.guessing import scan_file
from sluice.contract import Contract
from sluice.contract.loading import load_contract
from sluice.errors import ContractError, SluiceError
from sluice.intake.labels import LabelFile, read_label_file
from sluice.intake.markers import marker
from sluice.intake.validation import Outcome, validate_file
from sluice.model.accept import answer_form
from sluice.store.causes import message_of
from tests.unit.model.test_requests import ask, model

ROOT = Path(__file__).resolve().parents[2]
CASES = next((folder / "shared" / "cases" for folder in ROOT.parents if (folder / "shared" / "cases").is_dir()), None)
pytestmark = pytest.mark.skipif(CASES is None, reason="../shared/cases is not on this machine")


def case(number: int) -> Path:
    assert CASES is not None
    return CASES / f"F{number:02d}"


def contract(number: int, name: str = "project.yaml") -> Contract:
    return load_contract((case(number) / name).read_bytes())


def intake(path: Path, rules: Contract, scratch: Path) -> Outcome:
    scratch.mkdir(exist_ok=True)
    return validate_file(path, rules, datetime(2026, 1, 1, tzinfo=UTC), scratch)


def labels(path: Path, rules: Contract, scratch: Path) -> LabelFile:
    scratch.mkdir(exist_ok=True)
    return read_label_file(path, rules, scratch)


SHOP = """project: shop
problem: {type: binary, target: purchase, positive: true}
data:
  key: [session_id]
  columns:
    session_id: {type: text, nullable: false}
    pages: {type: integer}
    purchase: {type: boolean}
"""


@pytest.mark.parametrize(("name", "positive"), [("labels_yn.csv", "Y"), ("labels_float.csv", "1.0")])
def test_f02_spellings_of_truth_are_labels(name: str, positive: str, tmp_path: Path) -> None:
    path = case(2) / name
    lines = path.read_text().split()[1:]
    found = labels(path, contract(2), tmp_path)
    assert {key[0]: label for key, label in found.labels.items()} == {
        line.split(",")[0]: "true" if line.split(",")[1] == positive else "false" for line in lines
    }
    assert (found.without_label, found.quarantined) == (0, 0)


def test_f02_what_is_no_label_is_counted_and_never_a_no(tmp_path: Path) -> None:
    path = case(2) / "labels_unknown.csv"
    lines = [line.split(",") for line in path.read_text().split()[1:]]
    known = {key: text for key, text in lines if text in ("true", "false")}
    found = labels(path, contract(2), tmp_path)
    assert {key[0]: label for key, label in found.labels.items()} == known
    assert found.without_label + found.quarantined == len(lines) - len(known) > 0


def test_f03_doubled_keys_are_refused_with_both_lines() -> None:
    text = (case(3) / "project.yaml").read_text()
    first, second = (i for i, line in enumerate(text.splitlines(), 1) if line.startswith("gates:"))
    with pytest.raises(ContractError, match=rf"'gates' appears twice: in line {first} and in line {second}"):
        load_contract(text)


@pytest.mark.parametrize("name", ["na.csv", "uci.csv", "eu.csv", "blank.csv"])
def test_f04_a_draft_makes_no_text_of_numbers(name: str, tmp_path: Path) -> None:
    path = case(4) / name
    header = re.split(r"[,;]", path.read_text().splitlines()[0])
    drafted = draft(scan_file(path), path.name, "drafted", header[-1].strip())
    rules = load_contract(drafted.text, project="drafted")
    kinds = {column: rule.type for column, rule in rules.data.columns.items()}
    assert {kinds[column] for column in kinds.keys() & {"income", "age", "hours", "preis", "nr"}} <= {
        "integer",
        "number",
    }
    assert kinds.get("datum", "timestamp") == "timestamp"
    marked = {"na.csv": "'NA' in 11.", "uci.csv": "'?' in 11.", "eu.csv": 'decimal: ","', "blank.csv": ""}[name]
    assert not marked or any(marked in decision for decision in drafted.decisions)
    outcome = intake(path, rules, tmp_path / "scratch")
    assert (outcome.quarantined, outcome.refusals) == (0, [])


@pytest.mark.parametrize("name", ["camel.json", "records.json", "wrapped.json", "batch.jsonl"])
def test_f07_a_request_without_a_known_field_is_refused(name: str) -> None:
    served = model({"pages_viewed": "integer", "channel": "category", "cart_additions": "integer"})
    kind = "application/jsonlines" if name.endswith("l") else "application/json"
    status, body = ask(served, (case(7) / name).read_text(), kind, "application/json")
    assert status == 400
    # the fields that were found; of a record that is wrapped, the wrapper
    found = re.search(r'\{"(\w+)"', (case(7) / name).read_text())
    assert found
    assert found[1] in body


def test_f08_a_header_with_a_typo_is_a_header() -> None:
    served = model({"branch": "category", "member": "category", "plan": "category"})
    status, body = ask(served, (case(8) / "batch.csv").read_text(), "text/csv", "text/csv")
    assert status == 400
    assert "'branche'" in body
    assert "did you mean 'branch'" in body


def test_f10_a_parquet_double_keeps_its_digits(tmp_path: Path) -> None:
    rules = contract(10)
    accounts = []
    for name in ("day1.parquet", "day2.csv"):
        outcome = intake(case(10) / name, rules, tmp_path / name)
        assert outcome.quarantined == 0
        table = pq.read_table(outcome.accepted_path)
        accounts.append(table.column("account").to_pylist())
        assert 49301234568 in table.column("phone").to_pylist()
    assert set(accounts[0]) == set(accounts[1])
    assert "40000000002" in accounts[0]


def test_f12_the_reason_is_not_what_is_cut() -> None:
    cause = (case(12) / "alert.txt").read_text().partition("Score File: ")[2]
    assert message_of(cause).strip().endswith("400: record 1, co")
    assert "arn:" not in message_of(cause)


def test_f13_a_label_that_is_not_a_number_is_no_label(tmp_path: Path) -> None:
    rules = load_contract(
        "project: prices\nproblem: {type: regression, target: price}\ndata:\n  key: [id]\n  columns:\n"
        "    id: {type: text}\n    rooms: {type: number}\n    price: {type: number}\n"
    )
    found = labels(case(13) / "labels_one_nan.csv", rules, tmp_path)
    assert (found.labels, found.without_label + found.quarantined) == ({}, 1)


def test_f13_a_quote_that_stays_open_hides_no_label(tmp_path: Path) -> None:
    path = case(13) / "labels_open_quote.csv"
    key, target = path.read_text().splitlines()[0].split(",")[:2]
    rules = load_contract(
        f"project: t1\nproblem: {{type: regression, target: {target}}}\ndata:\n  key: [{key}]\n  columns:\n"
        f"    {key}: {{type: text}}\n    rooms: {{type: number}}\n    {target}: {{type: number}}\n"
    )
    found = labels(path, rules, tmp_path)
    assert found.quarantined > 0
    assert "quoting" in {reason["rule"] for reason in found.reason_counts}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("labels.csv.gz", None),
        ("lines.jsonl", {"s1": "true"}),
        ("semicolon.csv", {"s1": "true", "s2": "false"}),
        ("utf16.csv", {"s1": "true", "s2": "false"}),
    ],
)
def test_f14_labels_are_read_as_raw_files_are(name: str, found: dict[str, str] | None, tmp_path: Path) -> None:
    got = labels(case(14) / name, load_contract(SHOP), tmp_path).labels
    assert got
    assert found is None or {key[0]: label for key, label in got.items()} == found


@pytest.mark.parametrize("name", ["no_header.csv", "upper.csv"])
def test_f14_labels_without_their_columns_are_refused_in_words(name: str, tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="session_id"):
        labels(case(14) / name, load_contract(SHOP), tmp_path)


CARRIED_OUT = {
    "base", "binary number target positive 1", "norway values", "values ints", "column named on/yes", "column named 1",
    "column prediction", "retrain on empty", "capture 0 with drift", "merge key", "json contract", "bom", "utf16",
    "octal min", "string number", "key is a number column", "all features text", "slice is a number column",
    "multiclass quality",
}  # fmt: skip
"""What can be carried out as it is written: the other contracts of the case are refused."""


def test_f16_what_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "layers" / "core"))
    runpy.run_path(str(case(16) / "contracts.py"))
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if " CRASH " in line]
    accepted = {line.partition(" ACCEPTED ")[0].strip() for line in lines if " ACCEPTED " in line}
    assert accepted == CARRIED_OUT


@pytest.mark.parametrize("name", ["binary.parquet", "interval.parquet", "period.parquet"])
def test_f18_a_column_without_plain_values_is_named(name: str, tmp_path: Path) -> None:
    column = pq.read_schema(case(18) / name).names[0]
    names = pq.read_schema(case(18) / name).names
    rows = "".join(f"    {one}: {{type: text}}\n" for one in names)
    rules = load_contract(
        f"project: t1\nproblem: {{type: binary, target: zz, positive: true}}\ndata:\n  columns:\n{rows}"
        "    zz: {type: boolean}\n"
    )
    with pytest.raises(SluiceError) as refusal:
        intake(case(18) / name, rules, tmp_path)
    assert repr(column) in str(refusal.value) or any(repr(one) in str(refusal.value) for one in names)
    assert "Arrow" not in str(refusal.value)


def test_f19_markers_of_programs_are_not_data() -> None:
    keys = [line.split(" (")[0].split(", copied")[0] for line in (case(19) / "keys.txt").read_text().splitlines()]
    assert keys
    assert [key for key in keys if marker(key, 10) is None] == []


def test_f20_the_first_acceptable_form_is_answered() -> None:
    for line in (case(20) / "accept.txt").read_text().splitlines():
        accept = line.removeprefix("Accept:").split("(")[0].strip()
        assert answer_form(accept) == "application/json", accept


def test_f22_the_broken_record_is_named() -> None:
    served = model({"pages_viewed": "integer"})
    status, body = ask(served, (case(22) / "lines.jsonl").read_text(), "application/jsonlines", "application/jsonlines")
    assert status == 400
    assert "record 2" in json.loads(body)["error"]
