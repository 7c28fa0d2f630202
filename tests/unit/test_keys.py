from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import keys
from sluice.errors import InputError

part = st.text(st.characters(blacklist_characters="/", blacklist_categories=["Cs"]), min_size=1, max_size=30)
file_name = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)


@given(part, part, file_name)
def test_an_arrival_is_read_as_it_is(area: str, project: str, name: str) -> None:
    assert keys.parse_arrival(f"{area}/{project}/{name}") == keys.Arrival(area, project, name)


def test_keys_are_never_decoded() -> None:
    assert keys.parse_arrival("raw/shop/sub/a+b c%20.csv") == ("raw", "shop", "sub/a+b c%20.csv")


@pytest.mark.parametrize("key", ["raw", "raw/", "raw/shop", "raw/shop/", "raw//x.csv"])
def test_a_file_outside_of_a_project_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="raw/<project>/<file>"):
        keys.parse_arrival(key)


@given(part, part)
def test_what_belongs_to_a_dataset_lies_below_its_folder(project: str, dataset: str) -> None:
    assert keys.accepted_part(project, dataset).startswith(keys.accepted(project, dataset))
    assert keys.accepted(project, dataset).startswith(keys.accepted(project))
    assert keys.accepted(project).endswith("/")


def test_what_belongs_to_a_run_lies_below_its_folder() -> None:
    assert keys.run("shop", "r1") == "runs/shop/r1/"
    assert keys.run("shop", "r1", "prepared", "manifest.json") == "runs/shop/r1/prepared/manifest.json"
    assert keys.decision("shop", "r1", "gates") == "runs/shop/r1/decisions/gates.json"


def test_people_and_machines_write_to_different_places() -> None:
    written = [
        keys.contract("shop"),
        keys.accepted("shop"),
        keys.quarantined_rows("shop", "d"),
        keys.profile("shop", "d"),
        keys.run("shop", "r"),
        keys.capture("shop"),
        keys.monitor("shop"),
        keys.predictions("shop"),
        keys.labels("shop"),
    ]
    areas = [key.split("/")[0] for key in written]
    assert len(set(areas)) == len(areas)
    assert not {"raw", "batch"} & set(areas)
