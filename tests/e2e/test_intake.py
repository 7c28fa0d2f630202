"""Bad input: a clear error, one terminal record, one alert, and nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import names
from testing.line import Line, contract, wait_for

PROJECT = "intake"
GOOD = as_csv(Knobs(rows=300, seed=1))
HEADER = GOOD.splitlines(keepends=True)[0]
FILES = {
    "empty.csv": b"",
    "header-only.csv": HEADER,
    "wrong-header.csv": GOOD.replace(b"pages_viewed", b"page_viewed", 1).replace(b"channel", b"Channel", 1),
    "old-encoding.csv": GOOD.replace(b"red dress", "robe à fleurs".encode("latin-1")),
    "a line\nbreak.csv": HEADER,
    "few-rows.csv": b"".join(GOOD.splitlines(keepends=True)[:20]),
}


def mishaps(line: Line) -> dict[str, Any]:
    """A project with a good contract gets only bad files, then a contract with a typo."""
    version = line.put_contract(PROJECT, contract(PROJECT))
    versions = {name: line.drop(PROJECT, name, body) for name, body in FILES.items()}
    twice = [line.drop(PROJECT, "twice.csv", HEADER) for _ in range(2)]
    stray = line.drop("intakes", "day1.csv", GOOD)
    records = {name: line.record(PROJECT, name, versions[name]) for name in FILES}
    both = [line.record(PROJECT, "twice.csv", version) for version in twice]
    stray_record = line.record("intakes", "day1.csv", stray)
    typo = line.put_contract(PROJECT, contract(PROJECT).replace("max_nulls", "max_nuls"))
    return {"contract": version, "typo": typo, "records": records, "twice": both, "stray": stray_record}


def beside(line: Line) -> dict[str, Any]:
    """A contract and a file, each beside its place."""
    dropped = {
        "projects/besides/project.yml": contract("besides").encode(),
        "Raw/besides/day1.csv": GOOD,
        "projects/besides/report.html": b"<p>",
    }
    versions = {key: line.put(key, body) for key, body in dropped.items()}
    read = list(versions)[:2]
    wait_for(lambda: all(line.ledger.arrival(line.bucket, key, versions[key]) for key in read), "both records")
    wait_for(lambda: len(line.alerts("besides")) >= 2, "the alerts about both")
    return {key: line.ledger.arrival(line.bucket, key, version) for key, version in versions.items()}


def only_alert_about(line: Line, project: str, name: str) -> Any:
    """The one alert about a file."""
    about = [alert for alert in line.alerts(project) if f"raw/{project}/{name}" in alert.message]
    assert len(about) == 1, [alert.kind for alert in about]
    return about[0]


def nothing_followed(line: Line, project: str) -> None:
    assert line.ledger.datasets(project) == []
    assert line.runs(project) == []
    assert line.ledger.lock(project) is None
    for area in ("accepted", "profiles", "runs"):
        assert line.listed(f"{area}/{project}/") == []


@pytest.mark.story.with_args(mishaps)
def test_a_file_for_an_unknown_project_names_the_nearest_one(line: Line, story: dict[str, Any]) -> None:
    record = story["stray"]
    assert (record["status"], record["error"]) == ("failed", "UnknownProjectError")
    assert "there is no project 'intakes'" in record["message"]
    assert "'intake'" in record["message"]
    alert = only_alert_about(line, "intakes", "day1.csv")
    assert alert.kind == "Dataset Failed"
    assert "did you mean 'intake'" in alert.message
    assert "projects/intakes/project.yaml" in alert.message
    nothing_followed(line, "intakes")


@pytest.mark.story.with_args(beside)
def test_what_lies_beside_its_place_is_reported_and_neither_registered_nor_read(
    line: Line, story: dict[str, Any]
) -> None:
    assert story["projects/besides/project.yml"]["expected"] == "projects/besides/project.yaml"
    assert story["Raw/besides/day1.csv"]["expected"] == "raw/besides/day1.csv"
    assert story["projects/besides/report.html"] is None
    alerts = {alert.kind: alert.message for alert in line.alerts("besides")}
    assert "projects/besides/project.yml" in alerts["Contract Refused"]
    assert "Raw/besides/day1.csv" in alerts["File Misplaced"]
    assert len(line.alerts("besides")) == 2
    assert "besides" not in line.ledger.projects()
    nothing_followed(line, "besides")


@pytest.mark.story.with_args(mishaps)
@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("empty.csv", "EmptyFileError", ["the file is empty"]),
        ("header-only.csv", "EmptyFileError", ["no", "row"]),
        (
            "wrong-header.csv",
            "HeaderMismatchError",
            ["'pages_viewed' is missing (nearest header: 'page_viewed'", "'channel' is missing", "'Channel'"],
        ),
        ("old-encoding.csv", "UnreadableFileError", ["position", "is not UTF-8", "Latin-1"]),
    ],
)
def test_an_unreadable_file_fails_with_what_to_do(
    line: Line, story: dict[str, Any], name: str, error: str, says: list[str]
) -> None:
    record = story["records"][name]
    assert (record["status"], record["error"], record["rows"]) == ("failed", error, 0)
    alert = only_alert_about(line, PROJECT, name)
    assert alert.kind == "Dataset Failed"
    for text in says:
        assert text in record["message"]
        assert text in alert.message


@pytest.mark.story.with_args(mishaps)
def test_a_name_with_a_line_break_gets_its_verdict_too(line: Line, story: dict[str, Any]) -> None:
    """Policies name keys by a wildcard, which covers a line break as well."""
    assert story["records"]["a line\nbreak.csv"]["error"] == "EmptyFileError"
    assert only_alert_about(line, PROJECT, "a line\\nbreak.csv").kind == "Dataset Failed"


@pytest.mark.story.with_args(mishaps)
def test_too_few_rows_quarantine_the_whole_file(line: Line, story: dict[str, Any]) -> None:
    record = story["records"]["few-rows.csv"]
    assert (record["status"], record["rows"], record["quarantined_rows"]) == ("quarantined", 0, 19)
    assert "min_rows requires 100" in record["message"]
    assert only_alert_about(line, PROJECT, "few-rows.csv").kind == "Dataset Quarantined"
    summary = line.read_json(f"quarantine/{PROJECT}/{record['dataset_id']}/summary.json")
    assert summary["status"] == "quarantined"


@pytest.mark.story.with_args(mishaps)
def test_a_contract_with_a_typo_names_the_key_and_the_old_one_stays_in_force(line: Line, story: dict[str, Any]) -> None:
    (alert,) = line.alerts(PROJECT, "Contract Refused")
    assert "data.expectations.max_nuls: unknown key 'max_nuls'" in alert.message
    assert "did you mean 'max_nulls'" in alert.message
    assert "stays in force" in alert.message
    registered = line.ledger.contract(PROJECT)
    assert registered is not None
    assert registered[1] == story["contract"] != story["typo"]
    assert len(line.alerts(PROJECT, "Contract Registered")) == 1


@pytest.mark.story.with_args(mishaps)
def test_each_version_of_a_key_is_an_arrival_of_its_own(line: Line, story: dict[str, Any]) -> None:
    first, second = story["twice"]
    assert first["version_id"] != second["version_id"]
    assert first["dataset_id"] != second["dataset_id"]
    assert (first["error"], second["error"]) == ("EmptyFileError", "EmptyFileError")


@pytest.mark.story.with_args(mishaps)
def test_bad_files_start_nothing(line: Line, story: dict[str, Any]) -> None:
    nothing_followed(line, PROJECT)
    assert line.endpoint(PROJECT) is None
    expected = {"Contract Registered": 1, "Dataset Failed": 7, "Dataset Quarantined": 1, "Contract Refused": 1}
    assert {kind: line.kinds(PROJECT).count(kind) for kind in set(line.kinds(PROJECT))} == expected
    ids = {name: record["dataset_id"] for name, record in story["records"].items()}
    for name, dataset in ids.items():
        version = story["records"][name]["version_id"]
        assert dataset == names.dataset_id(line.bucket, f"raw/{PROJECT}/{name}", version)
