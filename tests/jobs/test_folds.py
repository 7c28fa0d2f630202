"""A row keeps its fold for life: whatever the contract becomes, and however many rows come after it."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.jobs.spark_cases import GLUE_PYTHON, case, run

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")

N = 400
PARTS = ("train", "validation", "test")
COLUMNS = {
    "n": {"type": "integer"},
    "amount": {"type": "number"},
    "channel": {"type": "category"},
    "shop": {"type": "category"},
    "y": {"type": "boolean"},
}


def contract(columns: dict[str, Any] = COLUMNS, **data: Any) -> dict[str, Any]:
    split = {"test": 0.2, "validation": 0.2, "by": "random", **data.pop("split", {})}
    return {
        "problem": {"type": "binary", "target": "y", "positive": True},
        "data": {"key": [], "time": None, "columns": columns, "split": split, **data},
    }


def save(folder: Path, name: str, numbers: range, **more: Any) -> None:
    columns = {
        "n": pa.array(numbers, pa.int64()),
        "amount": pa.array([number / 7 for number in numbers], pa.float64()),
        "channel": pa.array([("ads", "mail", None)[number % 3] for number in numbers]),
        "shop": pa.array([None if number % 40 == 39 else f"shop {number % 25}" for number in numbers]),
        "y": pa.array([number % 2 == 0 for number in numbers]),
        **{column: pa.array(cells) for column, cells in more.items()},
        "_arrived_at": pa.array([dt.datetime(2026, 1, 1)] * len(numbers), pa.timestamp("us")),
        "_row": pa.array(range(len(numbers)), pa.int64()),
    }
    (folder / "accepted" / name).mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "accepted" / name / "part-00000.parquet")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("folds")
    save(folder, "d1", range(N))
    save(folder, "d2", range(N, N + 60), age=[20 + number % 50 for number in range(60)])
    save(folder, "twice", range(100), copy=["b"] * 100)
    save(folder, "again", range(N), age=[20 + number % 50 for number in range(N)])
    less = {name: column for name, column in COLUMNS.items() if name != "amount"}
    more = {"age": {"type": "integer"}, **dict(reversed(COLUMNS.items()))}
    key = {**COLUMNS, "n": {"type": "category"}}

    def against(name: str, spec: dict[str, Any], datasets: list[str]) -> dict[str, Any]:
        made = case(folder, name, spec, datasets)
        made["arguments"]["compared"] = {
            "champion": f"{(folder / 'first').as_uri()}/",
            "anchor": f"{(folder / 'of_an_older_script').as_uri()}/",
        }
        return made

    return run(
        folder,
        [
            case(folder, "first", contract(), ["d1"]),
            against("without_a_column", contract(less), ["d1"]),
            against("reordered_and_added", contract(more), ["d1", "d2"]),
            against("with_a_key", contract(key=["n"]), ["d1"]),
            case(folder, "key_of_another_type", contract(key, key=["n"]), ["d1"]),
            case(
                folder,
                "removed",
                contract(less, duplicates="remove", expectations={"max_lost_rows": 0.3}),
                ["d1", "twice"],
            ),
            against("larger_parts", contract(split={"test": 0.3, "validation": 0.25}), ["d1"]),
            against("dropped_again", contract(more), ["again"]),
            case(folder, "grouped", contract(split={"group": ["shop"]}), ["d1"]),
            case(folder, "of_two_groups", contract(split={"group": ["channel"]}), ["d1"]),
            case(folder, "grouped_by_time", contract(split={"group": ["shop"], "by": "time"}, time="n"), ["d1"]),
        ],
    )


def folds(results: dict[str, Any], name: str) -> dict[str, str]:
    """Row's number → its part."""
    assert "manifest" in results[name], results[name]
    return {row["n"]: part for part in PARTS for row in rows(results, name, part)}


def rows(results: dict[str, Any], name: str, part: str) -> list[dict[str, str]]:
    with (results["folder"] / name / part / "data.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def seen(results: dict[str, Any], name: str) -> dict[str, bool]:
    return {row["n"]: row["_seen_by_champion"] == "true" for row in rows(results, name, "test")}


@pytest.mark.parametrize("name", ["without_a_column", "reordered_and_added"])
def test_no_row_moves_when_the_contract_changes(results: dict[str, Any], name: str) -> None:
    before, after = folds(results, "first"), folds(results, name)
    assert {number: after[number] for number in before} == before
    assert not any(seen(results, name).values())
    assert results[name]["manifest"]["seen"]["champion"] == {"known": True, "rows": 0}


def test_a_split_is_near_its_shares(results: dict[str, Any]) -> None:
    counts = results["first"]["manifest"]["rows"]
    assert counts["train"] + counts["validation"] + counts["test"] == N
    # four standard deviations of a binomial of 0.2 and 400
    assert abs(counts["test"] - 80) < 32
    assert abs(counts["validation"] - 80) < 32


def test_a_key_of_another_type_moves_no_row(results: dict[str, Any]) -> None:
    assert folds(results, "with_a_key") == folds(results, "key_of_another_type")


def test_other_shares_move_rows_between_train_and_that_part_alone(results: dict[str, Any]) -> None:
    before, after = folds(results, "first"), folds(results, "larger_parts")
    moved = {(before[number], after[number]) for number in before if before[number] != after[number]}
    assert moved == {("train", "test"), ("train", "validation")}


def test_rows_that_the_champion_was_trained_on_are_marked(results: dict[str, Any]) -> None:
    """A key that is named deals the rows anew, and a larger share moves rows of train into test."""
    before = folds(results, "first")
    for name in ("with_a_key", "larger_parts", "dropped_again"):
        marked = seen(results, name)
        assert marked == {number: before[number] != "test" for number in marked}, name
        assert results[name]["manifest"]["seen"]["champion"]["rows"] == sum(marked.values()) > 0
    assert "_seen_by_champion" not in rows(results, "with_a_key", "train")[0]


def test_a_run_without_a_record_of_its_rows_marks_none(results: dict[str, Any]) -> None:
    assert results["with_a_key"]["manifest"]["seen"]["anchor"] == {"known": False, "rows": None}
    assert "_seen_by_anchor" not in rows(results, "with_a_key", "test")[0]


def test_removed_copies_leave_the_fold_of_the_eldest_row(results: dict[str, Any]) -> None:
    assert results["removed"]["manifest"]["exact_duplicates_removed"] == 100
    assert folds(results, "removed") == folds(results, "first")


def test_a_group_lies_in_one_fold(results: dict[str, Any]) -> None:
    parts: dict[str, set[str]] = {}
    for part in PARTS:
        for row in rows(results, "grouped", part):
            parts.setdefault(row["shop"], set()).add(part)
    alone = parts.pop("")
    assert len(parts) == 25
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == set(PARTS)
    losses = {loss["reason"]: loss["text"] for loss in results["grouped"]["manifest"]["losses"]}
    assert alone
    assert losses["group_missing"] == "10 of 400 rows have no group (shop): each is split by itself"
    two = {loss["reason"]: loss["text"] for loss in results["of_two_groups"]["manifest"]["losses"]}
    assert two["uneven_split"].endswith("; rows of one group (channel) lie in one part"), (
        "each of the two has a third of the rows"
    )
    assert "uneven_split" not in {loss["reason"] for loss in results["first"]["manifest"]["losses"]}
    assert "exclude each other" in results["grouped_by_time"]["error"]
