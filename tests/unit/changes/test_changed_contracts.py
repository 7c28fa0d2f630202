"""A contract that changes under accepted rows is compared with them, and says what becomes of which rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.changes.differences import LIMITS
from sluice.contract import Column
from sluice.contract.reading import Format
from sluice.datasets import compare_contract as step
from sluice.datasets.compare_contract import compare, contract_change
from sluice.ports import Json
from sluice.steps.register_project import register_project
from sluice.store.run_records import project_contract
from testing.fakes import Published
from tests.unit.changes.changed_projects import F09, KEY, V1, accepted, changed, register, rows


def test_every_key_of_a_column_is_compared_when_a_contract_changes() -> None:
    """Limits are in LIMITS; the type and the formats of values are compared by code of their own."""
    own = set(Column.model_fields) - set(Format.model_fields)
    assert own - {"type", "description"} == set(LIMITS)


def alert(at: World) -> Published:
    (found,) = [each for each in at.alerts.published if each.kind == "Contract Changed"]
    return found


def record(at: World) -> Json:
    registered = at.ledger.contract("evo")
    assert registered is not None
    found = at.call(contract_change, "evo", registered[1])
    assert found is not None
    assert found["status"] == "compared"
    return found


def dataset(at: World, number: int = 0) -> str:
    return str(at.ledger.datasets("evo")[number]["dataset_id"])


def losses(at: World) -> dict[tuple[str, str], int]:
    return {(each["reason"], each["column"]): each["rows"] for each in record(at)["losses"]}


def test_f09_says_what_becomes_of_the_rows_and_that_the_next_run_stops() -> None:
    at = accepted()
    assert register(at, F09)["status"] == "registered"
    said, name = alert(at).message, dataset(at)
    for sentence in (
        f"all 1,000 rows of {name} have no label because target 'state' is text there and the contract says boolean",
        f"values of 'seats' in {name} cannot be kept: the column is number there, the contract says integer",
        f"'score' of {name} is left out: the contract has no such column",
        f"'points' is missing in all rows of {name}, which came without that column",
        "if 'points' is 'score' under a new name",
        "0 of 1,000 accepted rows can be learned from",
        "a run with these datasets stops",
        "sluice withdraw evo",
    ):
        assert sentence in said
    assert "stops the next run" in alert(at).subject
    # a quarter of the rows has a fraction, but where that is a fifth row, too, it has no value
    assert losses(at)["not_converted", "seats"] == sum(1 for n in range(1000) if n % 4 == 0 and n % 5)
    assert losses(at)["no_target", "state"] == 1000
    assert record(at)["run_stops"] is True
    assert alert(at).facts["record"].endswith(keys.contract_change("evo", at.ledger.contract("evo")[1]))


def test_a_change_that_keeps_all_values_says_so_and_stops_nothing() -> None:
    at = accepted()
    register(at, changed(columns={"seats": {"type": "text"}}))
    found = record(at)
    assert losses(at) == {("read_as_type", "seats"): 800}
    assert (found["run_stops"], found["usable_rows"]) == (False, {"at_least": 1000, "at_most": 1000})
    assert f"800 of 1,000 values of 'seats' in {dataset(at)} are read as text" in alert(at).message


CHANGES: dict[str, tuple[Json, dict[tuple[str, str], int], str, bool]] = {
    "a type that cuts": (
        changed(columns={"seats": {"type": "integer"}}),
        {("not_converted", "seats"): 200, ("read_as_type", "seats"): 600},
        "200 of 1,000 values of 'seats'",
        True,
    ),
    "a type that cuts, allowed": (
        changed(columns={"seats": {"type": "integer"}}, expectations={"max_lost_rows": 0.5}),
        {("not_converted", "seats"): 200, ("read_as_type", "seats"): 600},
        "200 of 1,000 values of 'seats'",
        False,
    ),
    "a removed column": (
        changed(columns={"score": None}),
        {("column_left_out", "score"): 1000},
        "is left out: the contract has no such column",
        False,
    ),
    "an added column": (
        changed(columns={"extra": {"type": "text"}}),
        {("column_absent", "extra"): 1000},
        "'extra' is missing in all rows",
        False,
    ),
    "an added key column": (
        changed(columns={"shop": {"type": "text"}}, key=["id", "shop"]),
        {("column_lacking", "shop"): 1000},
        "lacks the key column 'shop', which every dataset must have",
        True,
    ),
    "another target that no dataset has": (
        changed(columns={"label": {"type": "boolean"}}, problem={"target": "label", "positive": True}),
        {("column_lacking", "label"): 1000},
        "lacks the target 'label', which every dataset must have",
        True,
    ),
    "another target with gaps": (
        changed(problem={"type": "regression", "target": "seats", "positive": None}),
        {("no_target", "seats"): 200},
        "have no label: target 'seats' is missing",
        True,
    ),
    "another positive": (changed(problem={"positive": "stayed"}), {}, "666 of 1,000 labels are stayed", False),
    "other classes": (
        changed(columns={"state": {"type": "category", "values": ["stayed", "left"]}}, problem={"positive": "stayed"}),
        {("outside_limits", "state"): 334},
        "334 of 1,000 values of 'state'",
        False,
    ),
    "new limits": (
        changed(columns={"seats": {"type": "number", "max": 30, "nullable": False}}),
        {("outside_limits", "seats"): sum(1 for n in range(1000) if n % 5 and n % 40 + 0.5 * (n % 4 == 0) > 30),
         ("now_required", "seats"): 200},
        "accepted rows are not judged again",
        False,
    ),
    "a missing marker": (
        changed(columns={"seats": {"type": "number", "missing": ["1"]}}),
        {("now_missing", "seats"): sum(1 for n in range(1000) if n % 40 == 1)},
        "become missing",
        False,
    ),
    "another key": (
        changed(key=["seats"]),
        {},
        "rows are replaced by a later row of the same key (seats)",
        False,
    ),
    "a split by time": (
        changed(columns={"at": {"type": "timestamp"}}, time="at", split={"by": "time"}),
        {("column_lacking", "at"): 1000},
        "lacks the time column 'at'",
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("profiled", [False, True], ids=["rows", "profiles"])
@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_change_is_counted(name: str, profiled: bool) -> None:
    contract, expected, said, stops = CHANGES[name]
    at = accepted(profiled=profiled)
    register(at, contract)
    assert losses(at) == expected
    assert said in alert(at).message
    assert record(at)["run_stops"] is stops


def test_profiles_answer_without_the_rows_where_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    at = accepted(profiled=True)
    for each in at.ledger.datasets("evo"):
        at.objects.remove(keys.accepted_part("evo", each["dataset_id"]))
    register(at, changed(columns={"score": None}, problem={"positive": "stayed"}))
    assert record(at)["unread"] == []
    assert losses(at) == {("column_left_out", "score"): 1000}


def test_several_datasets_are_counted_together_and_withdrawn_ones_left_out() -> None:
    at = accepted(rows(100), rows(60, first=100), rows(40, first=160))
    at.ledger.withdraw_dataset("evo", dataset(at, 2), at.clock.now(), "broken")
    register(at, F09)
    assert losses(at)["no_target", "state"] == 160
    first, second = sorted([dataset(at, 0), dataset(at, 1)])
    assert f"all 160 rows of {first} and {second} have no label" in alert(at).message


def test_what_changes_nothing_for_rows_is_not_compared() -> None:
    at = accepted()
    register(at, {**V1, "gates": [{"metric": "accuracy", "min": 0.6}], "description": "another"})
    assert "Contract Changed" not in at.alerts.kinds
    assert at.call(contract_change, "evo", at.ledger.contract("evo")[1]) is None


def test_without_accepted_rows_nothing_is_compared() -> None:
    at = accepted()
    at.ledger.withdraw_dataset("evo", dataset(at), at.clock.now(), "")
    register(at, F09)
    assert "Contract Changed" not in at.alerts.kinds


def test_what_the_time_does_not_suffice_for_is_said_with_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    at = accepted(rows(100), rows(60, first=100))
    calls = iter([False, False, True, True])
    monkeypatch.setattr("sluice.changes.accepted_rows.deadline", lambda seconds: lambda: next(calls))
    register(at, changed(columns={"seats": {"type": "text"}}))
    found = record(at)
    # the newer one was read
    assert found["datasets"] == [dataset(at, 1)]
    assert found["usable_rows"] == {"at_least": 60, "at_most": 160}
    said = alert(at).message
    assert "1 of 2 datasets (100 rows) were not compared (there was too little time): the true counts may" in said
    assert "Between 60 and 160 of 160 accepted rows" in said


def test_a_new_key_counts_the_rows_that_are_replaced_and_those_without_one() -> None:
    at = accepted(rows(100), rows(100))
    register(at, changed(key=["seats"]))
    keys_there = {(n % 40, n % 4 == 0) for n in range(100) if n % 5}
    said = alert(at).message
    assert f"{160 - len(keys_there)} of 200 rows are replaced by a later row of the same key (seats)" in said
    assert "40 of 200 rows have no key (seats)" in said
    told = "data.key is seats instead of id; rows are split again, and test rows that the champion was trained on"
    assert told in said


def test_a_file_that_is_too_large_or_damaged_is_named_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at = accepted(rows(100), rows(60, first=100))
    at.objects.write(keys.accepted_part("evo", dataset(at, 0)), b"PAR1 no")
    register(at, F09)
    assert "cannot be read" in alert(at).message
    assert at.ledger.contract("evo")[0]["data"]["columns"]["state"]["type"] == "boolean"
    at = accepted()
    monkeypatch.setattr(step, "MAX_BYTES", 10)
    register(at, F09)
    assert "larger than" in alert(at).message
    assert record(at)["usable_rows"] == {"at_least": 0, "at_most": 1000}


def test_a_crash_in_the_comparison_leaves_the_contract_registered_and_a_retry_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise MemoryError

    at = accepted()
    with monkeypatch.context() as broken:
        broken.setattr(step, "compare", crash)
        with pytest.raises(MemoryError):
            register(at, F09)
    version = at.ledger.contract("evo")[1]
    assert at.call(contract_change, "evo", version)["status"] == "comparing"
    for _ in range(2):
        assert at.call(register_project, KEY, version)["status"] == "unchanged"
    assert losses(at)["no_target", "state"] == 1000
    assert at.alerts.kinds.count("Contract Changed") == 1


def test_the_comparison_before_a_drop_writes_nothing() -> None:
    at = accepted()
    before = {key: len(found) for key, found in at.objects.versions.items()}
    found = at.call(compare, at.ledger.contract("evo")[0], at.call(project_contract, "evo"))
    assert found is None
    at2 = accepted()
    register(at2, F09)
    found = at.call(compare, at.ledger.contract("evo")[0], at2.call(project_contract, "evo"))
    assert found is not None
    assert found["run_stops"] is True
    assert {key: len(versions) for key, versions in at.objects.versions.items()} == before
    assert json.dumps(found)
