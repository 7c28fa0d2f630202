"""What the comparison says of a changed contract is what the cleaning job then does, value by value."""

from __future__ import annotations

import csv
import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.changes import losses
from sluice.changes.accepted_rows import DatasetFacts, Keys, count_rows
from sluice.changes.differences import Differences
from sluice.contract import Contract, load_contract
from tests.jobs.spark_cases import GLUE_PYTHON, case, run
from tests.jobs.test_clean_changes import KINDS, SAMPLES, START, dataset

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")


def contract(columns: dict[str, dict[str, Any]], problem: dict[str, Any], **data: Any) -> Contract:
    body = {
        "project": "evo",
        "problem": problem,
        "data": {"columns": columns, "expectations": {"max_lost_rows": 1.0}, **data},
    }
    return load_contract(yaml.safe_dump(body, allow_unicode=True))


BINARY = {"type": "binary", "target": "y", "positive": True}
UNKNOWN = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
DATED = {"time": "t", "split": {"test": 0.2, "validation": 0.2, "by": "time"}}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[losses.Loss], dict[str, Any]]]:
    """Name → what the comparison counted, and what the job did."""
    folder = tmp_path_factory.mktemp("changed")
    cases: dict[str, tuple[Contract, list[str]]] = {}
    for source, cells in SAMPLES.items():
        many = cells * (400 // len(cells))
        labels = ("boolean", [n % 2 == 0 for n in range(len(many))])
        # no two rows are equal: such rows lie in one part
        serial = ("integer", list(range(len(many))))
        columns_of = {f"to_{kind}": (source, many) for kind in KINDS}
        dataset(folder, f"d-{source}", {**columns_of, "y": labels, "serial": serial})
        columns: dict[str, dict[str, Any]] = {f"to_{kind}": {"type": kind} for kind in KINDS}
        columns["y"] = {"type": "boolean"}
        cases[f"convert-{source}"] = contract(columns, BINARY), [f"d-{source}"]
    texts = ["yes", "no", "TRUE", "f", "maybe", None, " y ", "1.0"] * 50
    moments = [
        ("31.01.2026", None, "2026-W05-1")[n % 3] if n % 5 == 0 else f"2026-01-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}"
        for n in range(400)
    ]
    old = {
        "y": ("text", texts),
        "t": ("text", moments),
        "gone": ("text", ["x"] * 400),
        "n": ("number", [1.0, -999.0] * 200),
    }
    dataset(folder, "d-old", old)
    dataset(
        folder,
        "d-new",
        {
            "y": ("boolean", [True, False, None, True] * 25),
            "t": ("text", [f"2026-03-01T{n % 24:02}:{n % 60:02}Z" for n in range(100)]),
        },
    )
    both = {"y": {"type": "boolean"}, "t": {"type": "timestamp"}, "n": {"type": "integer", "missing": ["-999"]}}
    cases["target-and-time"] = contract(both, BINARY, **DATED), ["d-new", "d-old"]
    dataset(
        folder,
        "d-marked",
        {
            "t": ("timestamp", [None, UNKNOWN, UNKNOWN.replace(hour=1), START] * 100),
            "text": ("text", ["1900-01-01", "1900-01-01T00:00Z", "01.01.1900", "2026-01-01"] * 100),
            "n": ("text", ["-999", "-9.99e2", "0", "00"] * 100),
            "i": ("integer", [0, -999, 1, 2] * 100),
            "c": ("text", ["3", "3.0", "true", "x"] * 100),
            "b": ("boolean", [True, False, None, True] * 100),
            "b_text": ("text", ["yes", "no", "0", "TRUE"] * 100),
            "y": ("boolean", [n % 8 < 4 for n in range(400)]),
            "serial": ("integer", list(range(400))),
        },
    )
    markers = ["1900-01-01", "-999", "00", "3.0", "true"]
    kinds = {"t": "timestamp", "text": "timestamp", "n": "integer", "i": "number", "c": "category", "b": "boolean"}
    kinds["b_text"] = "boolean"
    marked = {name: {"type": kind, "missing": markers} for name, kind in kinds.items()}
    marked |= {"y": {"type": "boolean"}, "serial": {"type": "integer"}}
    cases["markers-by-value"] = contract(marked, BINARY), ["d-marked"]
    lists = [case(folder, name, plan.model_dump(mode="json"), datasets) for name, (plan, datasets) in cases.items()]
    done = run(folder, lists)
    return {
        name: (
            losses.when_read([_facts(folder, each, plan) for each in datasets], plan),
            done[name] | {"folder": folder, "plan": plan},
        )
        for name, (plan, datasets) in cases.items()
    }


def test_markers_name_values_however_they_are_spelled(
    found: dict[str, tuple[list[losses.Loss], dict[str, Any]]],
) -> None:
    """The job and the comparison: 0 is a value beside the marker `00`, and a time is missing whatever its spelling."""
    _, job = found["markers-by-value"]
    columns = {"t": 200, "text": 100, "n": 100, "i": 300, "c": 100, "b": 100, "b_text": 200}
    kept = dict.fromkeys(columns, 0)
    for part in ("train", "validation", "test"):
        with (job["folder"] / "markers-by-value" / part / "data.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for name in columns:
                    kept[name] += row[name] != ""
    assert kept == columns
    facts = _facts(job["folder"], "d-marked", job["plan"])
    assert {name: facts.counts[name].kept for name in columns} == columns


def _facts(folder: Path, name: str, plan: Contract) -> DatasetFacts:
    path = folder / "accepted" / name / "part-00000.parquet"
    changed = Differences(columns=frozenset(plan.data.columns)) if name == "d-marked" else Differences()
    return count_rows(path, name, plan, changed, Keys(), lambda: False)


@pytest.mark.parametrize("name", [*(f"convert-{source}" for source in SAMPLES), "target-and-time"])
def test_the_job_loses_what_the_comparison_says(
    found: dict[str, tuple[list[losses.Loss], dict[str, Any]]], name: str
) -> None:
    ours, job = found[name]
    assert "manifest" in job, job
    theirs = {
        (each["reason"], each["column"], each["rows"], each["of"], each["text"])
        for each in job["manifest"]["losses"]
        if each["column"] and each["reason"] != "uneven_split"
    }
    assert {(each.reason, each.column, each.rows, each.of, each.text) for each in ours} == theirs
    assert theirs


def test_a_million_rows_are_compared_within_a_minute_of_a_processor(tmp_path: Path) -> None:
    """A fifth of them in a fifth of the time: each row costs the same."""
    count = 200_000
    dataset(
        tmp_path, "d", {"y": ("text", ["yes", "no"] * (count // 2)), "n": ("number", [n / 2 for n in range(count)])}
    )
    plan = contract({"y": {"type": "boolean"}, "n": {"type": "integer"}}, BINARY)
    begun = time.process_time()
    facts = _facts(tmp_path, "d", plan)
    assert facts.counts["n"].lost == count // 2
    assert facts.unlabelled == 0
    assert time.process_time() - begun < 12
