"""A contract or a file beside its place: an alert, a record, and nothing registered or read."""

from __future__ import annotations

import pytest
import yaml

from sluice.bootstrap import World
from sluice.datasets.report_misplaced import STACK
from sluice.steps.plan_batch import plan_batch
from sluice.steps.register_project import register_project
from testing.fakes import world
from tests.unit.steps.intake_world import CONTRACT, GOOD, arrive, put, shop

BODY = yaml.safe_dump(CONTRACT).encode()


def drop(at: World, key: str, body: bytes = BODY) -> dict[str, object]:
    return at.call(register_project, key, put(at, key, body), size=len(body))


@pytest.mark.parametrize(
    "key",
    [
        "projects/shop/project.yml",
        "projects/shop/Project.yaml",
        "projects/shop/PROJECT.YAML",
        "projects/shop/project.yaml.txt",
        "projects/shop/sub/project.yaml",
        "projects/shop/project.json",
        "projects/shop/projct.yaml",
        "Projects/shop/project.yaml",
    ],
)
def test_a_contract_of_a_new_project_is_told_and_not_registered(key: str) -> None:
    at = world()
    record = drop(at, key)
    assert (record["status"], record["project"], record["expected"]) == (
        "misplaced",
        "shop",
        "projects/shop/project.yaml",
    )
    (alert,) = at.alerts.published
    assert (alert.kind, alert.project) == ("Contract Refused", "shop")
    for said in (
        key,
        "Upload it to projects/shop/project.yaml",
        "Nothing was registered",
        "there is no project 'shop'",
    ):
        assert said in alert.message
    assert at.ledger.projects() == []
    assert at.ledger.arrival("data", key, str(record["version_id"])) == record
    assert [each["key"] for each in at.ledger.ignored(STACK)] == [key]


def test_a_contract_without_a_project_s_folder_says_which_folder_is_meant() -> None:
    at = world()
    record = drop(at, "projects/project.yaml")
    assert record["project"] == ""
    assert "Upload it to projects/<project>/project.yaml" in at.alerts.published[0].message


def test_the_contract_that_is_in_force_stays() -> None:
    at = shop()
    before = at.ledger.contract("shop")
    drop(at, "projects/shop/project.yml")
    assert at.ledger.contract("shop") == before
    assert "the contract of 'shop' registered before stays in force" in at.alerts.published[-1].message


def test_an_empty_contract_is_refused() -> None:
    at = world()
    assert drop(at, "projects/shop/project.yaml", b"")["status"] == "refused"
    assert "is empty" in at.alerts.published[-1].message
    assert at.ledger.projects() == []


def test_a_repeated_event_tells_once_and_a_new_version_again() -> None:
    at = world()
    key = "projects/shop/project.yml"
    version = put(at, key, BODY)
    assert at.call(register_project, key, version) == at.call(register_project, key, version)
    assert at.alerts.kinds == ["Contract Refused"]
    drop(at, key)
    assert at.alerts.kinds == ["Contract Refused", "Contract Refused"]


def test_rows_in_a_folder_of_another_name_are_told() -> None:
    at = shop()
    told = len(at.alerts.kinds)
    record = drop(at, "Raw/shop/day 1.csv", GOOD)
    assert record["expected"] == "raw/shop/day 1.csv"
    (alert,) = at.alerts.published[told:]
    assert (alert.kind, alert.project) == ("File Misplaced", "shop")
    assert "Upload it to raw/shop/day 1.csv" in alert.message
    assert at.ledger.datasets("shop") == []
    drop(at, "label/other/x.csv", GOOD)
    assert "no project 'other' is registered" in at.alerts.published[-1].message


def test_reports_notes_and_markers_make_no_noise() -> None:
    at = shop()
    told = list(at.alerts.kinds)
    for key in ("projects/shop/", "projects/shop/report.html", "projects/shop/.DS_Store", "projects/shop/notes.txt"):
        assert drop(at, key, b"")["status"] == "ignored"
    assert at.alerts.kinds == told
    assert at.ledger.ignored(STACK) == []


def test_another_folder_is_counted_once_and_makes_no_noise() -> None:
    at = shop()
    told = list(at.alerts.kinds)
    for number in range(3):
        drop(at, f"backup/2026/{number}.csv", GOOD)
    drop(at, "README.md")
    assert at.alerts.kinds == told
    assert [(each["key"], each["example"]) for each in at.ledger.ignored(STACK)] == [
        ("/", "README.md"),
        ("backup/", "backup/2026/0.csv"),
    ]


@pytest.mark.parametrize("area", ["raw", "labels"])
def test_a_contract_among_rows_is_sent_to_its_place(area: str) -> None:
    at = shop()
    _, record = arrive(at, BODY, f"{area}/shop/project.yml")
    assert record["status"] in ("failed", "refused")
    assert "upload it to 'projects/shop/project.yaml'" in at.alerts.published[-1].message
    assert at.ledger.datasets("shop") == []


def test_a_contract_to_score_is_sent_to_its_place() -> None:
    at = shop()
    answer = at.call(plan_batch, "batch/shop/project.yaml", put(at, "batch/shop/project.yaml", BODY))
    assert answer["decision"] == "refused"
    assert "projects/shop/project.yaml" in at.alerts.published[-1].message


def test_raw_without_a_project_and_of_an_unknown_one_are_told() -> None:
    at = shop()
    assert "raw/<project>/<file>" in arrive(at, GOOD, "raw/x.csv")[1]["message"]
    assert at.alerts.kinds[-1] == "Dataset Failed"
    assert "there is no project 'shops' (did you mean 'shop'?)" in arrive(at, GOOD, "raw/shops/x.csv")[1]["message"]
