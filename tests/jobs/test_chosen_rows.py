"""Which rows a run learns from: those of no fault, of the contract's window, and by their age; all counted."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import windows

from tests.jobs.spark_cases import GLUE_PYTHON, case, run
from tests.jobs.test_clean_dataset import contract, everything, part, row, save

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")

FAULTS = [
    {"change_id": "c1", "reason": "scale", "columns": ["minutes"], "datasets": ["dx"], "rows": 40,
     "since": "2026-01-01T08:10:00+00:00", "until": "2026-01-01T08:20:00+00:00"},
    {"change_id": "c2", "reason": "nulls", "columns": [], "datasets": [], "rows": 0,
     "since": "2026-01-01T09:15:00+01:00", "until": "2026-01-01T08:25:00+00:00"},
    {"change_id": "c3", "reason": "sign", "columns": [], "datasets": [], "rows": 0,
     "since": "2026-01-01T11:00:00+00:00", "until": None},
]  # fmt: skip


def window(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "text": kind, "seconds": None, "since": None, "min_rows": 1, **more}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("chosen")
    # d1 has a row a minute from 8:00, which all arrive at 8:00
    save(folder, "d1", [row(number) for number in range(600)])
    frozen = {"left_out": FAULTS, "created_at": "2026-01-01T11:10:00+00:00"}
    late = {"created_at": "2026-02-01T00:00:00+00:00"}
    hours = window("last", seconds=10_800, text="3h")
    aged = window("all", half_life="3h", half_life_seconds=10_800)
    drift = window("since_drift", since="2026-01-01T12:00:00+00:00")
    several = {**window("compared", min_rows=100), "windows": [window("all", text="all"), hours, drift]}
    unknown = {**several, "windows": [hours, window("since_drift"), {**window("last", seconds=60), "text": "1m"}]}
    cases = [
        case(folder, "several", contract(), ["d1"], window=several, **late),
        case(folder, "one_left", contract(), ["d1"], window=unknown, **late),
        case(folder, "faults", contract(), ["d1"], **frozen),
        case(folder, "faults_by_arrival", contract(time=None), ["d1"], **frozen),
        case(folder, "last", contract(), ["d1"], window=hours, **late),
        case(folder, "drift", contract(), ["d1"], window=drift, **late),
        case(folder, "small", contract(), ["d1"], window={**hours, "min_rows": 182}, **late),
        case(folder, "aged", contract(), ["d1"], window=aged, **late),
        case(folder, "plain", contract(), ["d1"], **late),
    ]
    return run(folder, cases)


def minutes(results: dict[str, Any], name: str) -> set[int]:
    return {int(session[1:]) for session in everything(results, name)}


def losses(results: dict[str, Any], name: str, reason: str) -> list[dict[str, Any]]:
    return [loss for loss in results[name]["manifest"]["losses"] if loss["reason"] == reason]


def test_rows_of_a_faults_time_are_left_out_and_counted(results: dict[str, Any]) -> None:
    manifest = results["faults"]["manifest"]
    # minutes 10 to 19, 20 to 24 and 180 to 189; a row of two faults counts for the first
    assert [(each["change_id"], each["rows_by_arrival"], each["rows_by_time"]) for each in manifest["left_out"]] == [
        ("c1", 40, 10),
        ("c2", 0, 5),
        ("c3", 0, 10),
    ]
    assert minutes(results, "faults") == set(range(600)) - set(range(10, 25)) - set(range(180, 190))
    first, *_ = losses(results, "faults", "data_fault")
    assert (first["rows"], first["of"]) == (50, 640)
    assert "50 of 640 rows are left out because of a data fault (scale in minutes" in first["text"]
    assert "40 arrived in that time and 10 are of that time" in first["text"]
    assert results["plain"]["manifest"]["left_out"] == []


def test_without_a_time_column_only_arrival_tells(results: dict[str, Any]) -> None:
    assert len(minutes(results, "faults_by_arrival")) == 600
    assert [loss["rows"] for loss in losses(results, "faults_by_arrival", "data_fault")] == [40]


@pytest.mark.parametrize(("name", "first"), [("last", 419), ("drift", 240)])
def test_a_window_keeps_the_rows_since_its_beginning(results: dict[str, Any], name: str, first: int) -> None:
    assert minutes(results, name) == set(range(first, 600))
    found = results[name]["manifest"]["window"]
    assert (found["rows"], found["of"], found["used"]) == (600 - first, 600, True)
    [loss] = losses(results, name, "older_than_window")
    assert (loss["rows"], loss["of"]) == (first, 600)
    began = dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC) + dt.timedelta(minutes=first)
    assert began.isoformat() in loss["text"]


def test_a_window_with_too_few_rows_is_not_used_and_says_so(results: dict[str, Any]) -> None:
    assert len(minutes(results, "small")) == 600
    [loss] = losses(results, "small", "window_too_small")
    assert "holds 181 of 600 usable rows, and retrain.min_rows asks for 182" in loss["text"]
    assert "all rows are learned from" in loss["text"]
    assert results["small"]["manifest"]["window"]["used"] is False


def test_age_thins_what_is_learned_from_and_no_test_row(results: dict[str, Any]) -> None:
    plain, aged = results["plain"]["manifest"], results["aged"]["manifest"]
    assert part(results, "aged", "test") == part(results, "plain", "test")
    total = plain["rows"]["train"] + plain["rows"]["validation"]
    left = aged["rows"]["train"] + aged["rows"]["validation"]
    assert aged["thinned"] == {
        "half_life_seconds": 10_800,
        "rows": left,
        "of": total,
        "newest": "2026-01-01T17:59:00+00:00",
    }
    # the mean of 2^(-age / 3 h) over 600 minutes is 0.39; four standard deviations of so few rows
    assert abs(left / total - 0.39) < 4 * (0.39 * 0.61 / total) ** 0.5
    kept = sorted(
        int(each["session_id"][1:]) for name in ("train", "validation") for each in part(results, "aged", name)
    )
    assert sum(kept) / len(kept) > 350, "the newer half is kept more often"
    [loss] = losses(results, "aged", "thinned_by_age")
    assert loss["rows"] == total - left


def minute(of: dict[str, str]) -> int:
    return int(of["session_id"][1:])


def test_of_several_windows_each_row_has_its_marks_and_the_newest_rows_are_in_all(results: dict[str, Any]) -> None:
    """all, the last 3 hours (since minute 419), and since the drift (minute 240)."""
    learned = [each for name in ("train", "validation") for each in part(results, "several", name)]
    found = results["several"]["manifest"]["window"]
    assert [(each["rows"], each["why_not"]) for each in found["windows"]] == [(600, None), (181, None), (360, None)]
    new = {minute(each) for each in learned if each["_compared"] == "new"}
    older = [each for each in learned if each["_compared"] != "new"]
    cut = min(new)
    shortest = sum(minute(each) >= 419 for each in learned)
    assert new == {minute(each) for each in learned if minute(each) >= cut}
    # a fifth of all would be more than half of the shortest window
    assert abs(len(new) - shortest / 2) <= 1
    for each in learned:
        number = minute(each)
        assert each["_in_window"] == "1" + "01"[number >= 419] + "01"[number >= 240]
    for each in older:
        number = minute(each)
        assert each["_compared"] == "1" + "01"[number >= cut - 180] + "01"[number >= 240]
    assert min(map(minute, part(results, "several", "test"))) >= 419, "the test is of the rows that all windows have"
    [loss] = losses(results, "several", "older_than_window")
    assert loss["rows"] == 600 - len(everything(results, "several")) > 0


def test_the_training_jobs_read_the_marks_as_they_were_written(results: dict[str, Any], tmp_path: Path) -> None:
    spec = contract()
    spec["data"]["columns"] |= {"session_id": {"type": "text"}, "started_at": {"type": "timestamp"}}
    spec["data"]["columns"]["purchase"] = {"type": "boolean"}
    (tmp_path / "contract.json").write_text(json.dumps({**spec, "retrain": {"window": ["all", "3h", "since_drift"]}}))
    folder = results["folder"] / "several"
    data = windows.read(tmp_path, folder / "train", folder / "validation")
    assert data.window
    assert (data.window["chosen"], data.window["windows"]) == ("all", [])
    new = sum(row["_compared"] == "new" for name in ("train", "validation") for row in part(results, "several", name))
    told = f"{new} newest rows are too few to compare it by; 100 are needed"
    assert data.window["why_not"] == dict.fromkeys(["all", "3h", "since_drift"], told)


def test_a_window_that_is_left_over_is_used_alone_and_the_others_say_why(results: dict[str, Any]) -> None:
    assert minutes(results, "one_left") == set(range(419, 600))
    assert "_in_window" not in part(results, "one_left", "train")[0]
    found = results["one_left"]["manifest"]["window"]["windows"]
    assert found[1]["why_not"] == "no drift is known yet"
    [loss] = losses(results, "one_left", "window_too_small")
    assert "the window 1m of retrain.window is not compared: it holds 2 of 600 usable rows" in loss["text"]
