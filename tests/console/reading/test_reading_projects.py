"""The read model of projects: what serves, what was measured, and the list of runs."""

from __future__ import annotations

from typing import Any

import pytest

from console.plain import body_of
from console.reading import project, projects, run
from console.source import Source
from sluice.errors import NotFoundError
from tests.console import recorded

PROMOTED = recorded.run_with("promoted")
ROLLED_BACK = recorded.run_with("rolled_back")


def test_projects_say_what_serves_and_what_was_measured(source: Source):
    found = projects.read(source)
    homes, shop, visits = found["projects"]
    assert [homes["champion"]["run_id"], visits["champion"]] == [recorded.run_with("promoted", "homes"), None]
    assert [each["run_id"] for each in visits["waiting"]] == [recorded.run_with(None, "visits")]
    assert shop["champion"]["run_id"] == PROMOTED
    assert shop["champion"]["endpoint"]["status"] == "InService"
    assert shop["runs"] == len(recorded.run_ids())
    assert shop["measured"]["decision"] in ("stable", "drifted", "inconclusive")


def test_a_project_lists_its_runs_with_their_outcomes(source: Source):
    found = project.read(source, "shop")
    assert [each["run_id"] for each in found["runs"]] == recorded.run_ids()
    assert found["outcomes"] == {"running": 1, "promoted": 3, "rolled_back": 1}
    only = project.read(source, "shop", only="rolled_back")
    assert [each["run_id"] for each in only["runs"]] == [ROLLED_BACK]
    assert "the canary fails more often" in only["runs"][0]["because"]


def test_five_hundred_runs_come_fifty_at_a_time():
    full = Source(recorded.stack(runs=500))
    count = 500 + len(recorded.run_ids())
    found = project.read(full, "shop")
    assert (found["total"], len(found["runs"]), found["pages"]) == (count, project.PAGE, -(-count // project.PAGE))
    assert len(body_of(found)[0]) < 40_000
    last = project.read(full, "shop", page=10_000)
    assert (last["page"], len(last["runs"])) == (found["pages"] - 1, count % project.PAGE or project.PAGE)
    seen = [each["run_id"] for page in range(found["pages"]) for each in project.read(full, "shop", page)["runs"]]
    assert len(set(seen)) == count


@pytest.mark.parametrize("ask", [lambda s: project.read(s, "other"), lambda s: run.read(s, "shop", "r0")])
def test_what_is_not_there_is_said_so(source: Source, ask: Any):
    with pytest.raises(NotFoundError):
        ask(source)
