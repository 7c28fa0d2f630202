"""docs/reference is what the code says, and the generators find what they are about."""

from __future__ import annotations

import pytest

from scripts.reference import alarms, events, metrics, roles, storage
from scripts.reference.__main__ import PAGES
from scripts.reference.pages import FOLDER
from scripts.reference.source import template
from sluice import keys


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run `make reference`"


def test_there_is_no_other_page() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.md")) == sorted(PAGES)


def test_members_of_an_event_are_found_behind_a_name_and_in_later_additions() -> None:
    found = events.senders()
    assert list(found["Run Finished"]["members"]) == ["project", "run_id", "outcome"]
    assert {"project", "reason", "trigger", "datasets"} <= found["Training Requested"]["members"].keys()


def test_metrics_have_a_publisher_and_a_meaning() -> None:
    rows = list(metrics._published({}))
    assert len(rows) == len(metrics.names())
    assert len([row for row in rows if row[2] and row[3]]) >= 9


def test_alarms_are_those_that_the_core_makes() -> None:
    made = alarms.world_with_alarms()
    assert {name.rpartition("/")[2] for name in made} >= {"drift", "quality", "probation", "champion-errors"}
    assert len([name for name in made if "<run>" in name]) == 2


def test_every_function_has_its_role_and_every_area_its_writer() -> None:
    used = {user for role in template()["Resources"] for user in roles.users(role)}
    functions = [name for name, each in template()["Resources"].items() if each["Type"] == "AWS::Serverless::Function"]
    assert set(functions) <= used
    rows = list(storage._areas())
    assert [row[0] for row in rows] == [f"`{area}/`" for area in (*keys.READ, *keys.WRITTEN)]
    assert [row for row in rows if not row[1]] == []


def test_every_item_of_the_table_has_a_writer() -> None:
    rows = list(storage._items())
    assert {"`LOCK`", "`LOCK#ENDPOINT`", "`CHAMPION`", "`RUN#<run_id>`"} <= {row[1] for row in rows}
    assert [row for row in rows if not row[2]] == []
