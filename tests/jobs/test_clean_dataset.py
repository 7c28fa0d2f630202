"""The Glue script on plain files: every case runs in one Spark session of the glue environment."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.jobs.spark_cases import GLUE_PYTHON, case, run

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")

START = dt.datetime(2026, 1, 1, 8, 0, 0)
SCHEMA = pa.schema(
    [
        ("session_id", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("pages_viewed", pa.int64()),
        ("minutes", pa.float64()),
        ("terms", pa.string()),
        ("returning", pa.bool_()),
        ("purchase", pa.bool_()),
        ("_arrived_at", pa.timestamp("us")),
        ("_row", pa.int64()),
    ]
)


def contract(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "problem": {"type": "binary", "target": "purchase", "positive": True, "metric": "roc_auc"},
        "data": {
            "key": ["session_id"],
            "time": "started_at",
            "columns": {
                "pages_viewed": {"type": "integer"},
                "minutes": {"type": "number"},
                "terms": {"type": "text"},
                "returning": {"type": "boolean"},
            },
            "split": {"test": 0.2, "validation": 0.2, "by": "random"},
        },
    }
    base["data"].update(changes)
    return base


def row(number: int, **changes: Any) -> dict[str, Any]:
    values = {
        "session_id": f"s{number:04d}",
        "started_at": START + dt.timedelta(minutes=number),
        "pages_viewed": number % 7,
        "minutes": number / 8,
        "terms": f"term {number % 5}",
        "returning": number % 3 == 0,
        "purchase": number % 4 == 0,
        "_arrived_at": START,
        "_row": number,
    }
    return {**values, **changes}


def save(folder: Path, dataset: str, rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    (folder / "accepted" / dataset).mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, folder / "accepted" / dataset / "part-00000.parquet")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("clean")
    rows = [row(number) for number in range(200)]
    save(folder, "d1", rows)
    newer = row(7, pages_viewed=999, _arrived_at=START + dt.timedelta(days=1), _row=0)
    same_file = [row(8, pages_viewed=100, _row=900), row(8, pages_viewed=101, _row=901)]
    odd = [
        row(300, terms='a "quoted", one\nwith two lines', minutes=None, returning=None),
        row(301, terms="  spaces  ", minutes=float("nan")),
        row(302, terms="back\\slash", started_at=dt.datetime(2026, 2, 1, 1, 2, 3, 456000)),
        row(303, terms=""),
        row(304, terms="carriage\rreturn"),
        row(305, terms=None, purchase=None),
    ]
    save(folder, "d2", [rows[3], newer, *same_file, *odd])
    save(folder, "unlisted", [row(500)])
    save(folder, "one_class", [row(n, purchase=True) for n in range(100)])
    save(folder, "late_class", [row(n, purchase=n >= 60) for n in range(100)])
    floats = SCHEMA.set(2, pa.field("pages_viewed", pa.float64()))
    save(folder, "older", [row(n) for n in range(600, 640)], floats.remove(5).remove(4))
    time_split = {"split": {"test": 0.2, "validation": 0.2, "by": "time"}}
    lenient = {"expectations": {"max_lost_rows": 1}}
    few = [{"pages_viewed": n % 7, "minutes": 1.5, "terms": "x", "returning": n % 2 == 0} for n in range(400)]
    alike = {"session_id": "s", "started_at": START}
    save(folder, "equal", [row(n, purchase=n % 5 == 0, **few[n], **alike) for n in range(400)])
    save(folder, "keyless", [row(n, session_id=None if n < 50 else f"s{n:04d}") for n in range(200)])
    regression = contract()
    regression["problem"] = {"type": "regression", "target": "minutes"}
    kinds = contract(**time_split, columns={"terms": {"type": "category"}, "pages_viewed": {"type": "integer"}})
    kinds["problem"] = {"type": "multiclass", "target": "terms"}
    save(folder, "misspelt", [row(n, terms="tern 1") for n in range(998, 1000)])
    save(folder, "new_kind", [row(n, terms="term 9") for n in range(1000, 1010)])
    named = {**kinds["data"]["columns"], "terms": {"type": "category", "values": ["term 0", "tern 1"]}}
    anomaly = {"type": "anomaly", "target": "purchase", "positive": True}
    cases = [
        case(folder, "plain", contract(), ["d1", "d2"]),
        case(folder, "again", contract(), ["d2", "d1"]),
        case(folder, "by_time", contract(**time_split), ["d1"]),
        case(folder, "no_key", contract(key=[], time=None), ["d1", "d2"]),
        case(folder, "removed", contract(key=[], time=None, duplicates="remove", **lenient), ["d1", "d2"]),
        case(folder, "too_many_equal", contract(key=[], time=None, duplicates="remove"), ["equal"]),
        case(folder, "equal", contract(key=[], time=None), ["equal"]),
        case(folder, "equal_again", contract(key=[], time=None), ["equal"]),
        case(folder, "no_key_value", contract(), ["keyless"]),
        case(folder, "changed", contract(), ["d1", "older"]),
        case(folder, "regression", regression, ["d1"]),
        case(folder, "rare_kind", kinds, ["d1", "misspelt"]),
        case(folder, "named_kind", {**kinds, "data": {**kinds["data"], "columns": named}}, ["d1", "misspelt"]),
        case(folder, "new_kind", kinds, ["d1", "new_kind"]),
        case(folder, "anomalies", {**contract(), "problem": anomaly}, ["d1", "d2"]),
        case(folder, "segments", {**contract(key=[], time=None), "problem": {"type": "clustering"}}, ["one_class"]),
        case(folder, "one_class", contract(), ["one_class"]),
        case(folder, "late_class", contract(**time_split), ["late_class"]),
        case(folder, "too_few", contract(), ["unlisted"]),
        case(folder, "nothing", contract(), []),
        case(folder, "absent", contract(), ["d1", "gone"]),
        case(folder, "no_key_column", contract(key=["customer"]), ["d1"]),
    ]
    return run(folder, cases)


def part(results: dict[str, Any], name: str, part_name: str) -> list[dict[str, str]]:
    with (results["folder"] / name / part_name / "data.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def everything(results: dict[str, Any], name: str) -> dict[str, dict[str, str]]:
    return {r["session_id"]: r for p in ("train", "validation", "test") for r in part(results, name, p)}


def test_the_manifest_accounts_for_every_row(results: dict[str, Any]) -> None:
    manifest = results["plain"]["manifest"]
    assert manifest["inputs"] == [{"dataset_id": "d1", "rows": 200}, {"dataset_id": "d2", "rows": 10}]
    assert manifest["rows_read"] == 210
    assert manifest["null_target_dropped"] == 1
    assert manifest["exact_duplicates_removed"] == 1
    assert manifest["superseded_by_key_removed"] == 3
    assert sum(manifest["rows"].values()) == 210 - 1 - 1 - 3
    for name, count in manifest["rows"].items():
        assert len(part(results, "plain", name)) == count == sum(manifest["target"][name].values())
    written = json.loads((results["folder"] / "plain" / "manifest.json").read_text())
    assert written == manifest


def test_the_latest_arrival_of_a_key_wins_then_the_highest_row(results: dict[str, Any]) -> None:
    rows = everything(results, "plain")
    assert rows["s0007"]["pages_viewed"] == "999"
    assert rows["s0008"]["pages_viewed"] == "101"
    assert "s0500" not in rows, "a dataset that the run does not list was read"


def test_csv_values_survive(results: dict[str, Any]) -> None:
    rows = everything(results, "plain")
    assert rows["s0300"]["terms"] == 'a "quoted", one\nwith two lines'
    assert (rows["s0300"]["minutes"], rows["s0300"]["returning"]) == ("", "")
    assert (rows["s0301"]["terms"], rows["s0301"]["minutes"]) == ("  spaces  ", "")
    assert (rows["s0302"]["terms"], rows["s0302"]["started_at"]) == ("back\\slash", "2026-02-01T01:02:03.456")
    assert rows["s0303"]["terms"] == ""
    assert rows["s0304"]["terms"] == "carriage\rreturn"
    assert rows["s0000"]["started_at"] == "2026-01-01T08:00:00"
    assert (rows["s0000"]["returning"], rows["s0001"]["returning"]) == ("true", "false")
    columns = [column["name"] for column in results["plain"]["manifest"]["columns"]]
    assert columns == ["session_id", "started_at", "pages_viewed", "minutes", "terms", "returning", "purchase"]
    assert list(rows["s0000"]) == columns


def test_a_second_run_writes_the_same_bytes(results: dict[str, Any]) -> None:
    for name in ("train", "validation", "test"):
        first, second = (results["folder"] / run / name / "data.csv" for run in ("plain", "again"))
        assert first.read_bytes() == second.read_bytes()


def test_a_part_folder_holds_one_object(results: dict[str, Any]) -> None:
    output = results["folder"] / "plain"
    names = sorted(str(p.relative_to(output)) for p in output.rglob("*") if p.is_file() and not p.name.endswith(".crc"))
    names = [name for name in names if not name.startswith("trained_on/")]
    assert names == ["manifest.json", "test/data.csv", "train/data.csv", "validation/data.csv"]


def test_by_time_the_newest_rows_are_the_test(results: dict[str, Any]) -> None:
    times = {
        name: [r["started_at"] for r in part(results, "by_time", name)] for name in ("train", "validation", "test")
    }
    assert max(times["train"]) < min(times["validation"]) <= max(times["validation"]) < min(times["test"])
    assert [len(times[name]) for name in ("train", "validation", "test")] == [120, 40, 40]


def test_without_a_key_equal_rows_stay_and_are_counted(results: dict[str, Any]) -> None:
    """F01: different people may answer alike."""
    manifest = results["equal"]["manifest"]
    assert sum(manifest["rows"].values()) == manifest["rows_read"] == 400
    assert manifest["duplicates_removed"] == 0
    equal = loss(manifest, "equal_kept")
    assert (equal["rows"], equal["of"]) == (400 - 28, 400)
    assert equal["text"].startswith("372 of 400 rows are equal to another row and are kept")
    seen = [{tuple(r.values()) for r in part(results, "equal", name)} for name in ("train", "validation", "test")]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 28, "equal rows lie in one fold"
    for name in ("train", "validation", "test"):
        first, second = (results["folder"] / run / name / "data.csv" for run in ("equal", "equal_again"))
        assert first.read_bytes() == second.read_bytes()


def test_equal_rows_go_where_the_contract_asks_for_it(results: dict[str, Any]) -> None:
    manifest = results["removed"]["manifest"]
    assert manifest["superseded_by_key_removed"] == 0
    assert sum(manifest["rows"].values()) == 210 - 1 - manifest["exact_duplicates_removed"]
    assert loss(manifest, "equal_removed")["rows"] == manifest["exact_duplicates_removed"] > 0
    seen = [tuple(r.values()) for p in ("train", "validation", "test") for r in part(results, "removed", p)]
    assert len(seen) == len(set(seen))


def test_a_row_without_a_key_is_nobodys_older_version(results: dict[str, Any]) -> None:
    manifest = results["no_key_value"]["manifest"]
    assert sum(manifest["rows"].values()) == 200
    assert manifest["duplicates_removed"] == 0
    assert loss(manifest, "key_missing")["text"].startswith("50 of 200 rows have no key (session_id)")


def loss(manifest: dict[str, Any], reason: str) -> dict[str, Any]:
    found = [each for each in manifest["losses"] if each["reason"] == reason]
    assert len(found) == 1, manifest["losses"]
    return found[0]


def test_a_contract_that_changed_between_two_datasets(results: dict[str, Any]) -> None:
    rows = everything(results, "changed")
    assert rows["s0600"]["pages_viewed"] == "5", "a float column is cast to the contract's integer"
    assert (rows["s0600"]["terms"], rows["s0600"]["returning"]) == ("", "")


def test_rows_without_a_label_are_learned_from_where_no_label_is(results: dict[str, Any]) -> None:
    kept = results["anomalies"]["manifest"]
    assert sum(kept["rows"].values()) == sum(results["plain"]["manifest"]["rows"].values()) + 1
    assert (kept["null_target_dropped"], kept["target"]) == (0, {})
    # the labels that there are stay beside the rows, for the evaluation
    assert everything(results, "anomalies")["s0305"]["purchase"] == ""
    assert sum(results["segments"]["manifest"]["rows"].values()) == 100, "one class, and no class, is no matter here"


def test_rows_of_a_class_that_train_lacks_are_left_out_while_they_are_few(results: dict[str, Any]) -> None:
    manifest = results["rare_kind"]["manifest"]
    assert (manifest["rows_read"], sum(manifest["rows"].values())) == (202, 200)
    rare = loss(manifest, "rare_class")
    assert (rare["rows"], rare["of"], rare["column"]) == (2, 202, "terms")
    assert rare["text"] == (
        "2 of 202 rows of a rare class of terms are left out: train has no row of that class, so that no model could "
        "answer it"
    ), "a class that the contract does not name is a row's value, which Glue's log must not show"
    assert set(manifest["target"]["test"]) == {f"term {n}" for n in range(5)}
    assert "rows whose terms is tern 1 are left out" in loss(results["named_kind"]["manifest"], "rare_class")["text"]


def test_regression_targets_are_described(results: dict[str, Any]) -> None:
    target = results["regression"]["manifest"]["target"]["train"]
    assert target["min"] <= target["mean"] <= target["max"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one_class", "nothing to learn"),
        ("late_class", "train holds no row whose purchase is true"),
        ("new_kind", "train holds no row of 1 of the 6 classes of terms"),
        ("too_few", "empty: 1 usable rows"),
        ("nothing", "lists no datasets"),
        ("absent", "dataset gone cannot be read"),
        ("no_key_column", "lacks the column customer"),
        ("too_many_equal", "372 of 400 rows are equal to another row and are removed"),
    ],
)
def test_a_refusal_says_why(results: dict[str, Any], name: str, words: str) -> None:
    assert results[name].get("error", "").startswith("CleaningError: ")
    assert words in results[name]["error"]
    assert not (results["folder"] / name / "manifest.json").exists()
