"""Which keys are near misses, and where their objects belong. The decision is one pure function of the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import keys
from sluice.intake.misplaced import misplaced, top_folder

CONTRACTS = {
    "projects/shop/project.yml": "projects/shop/project.yaml",
    "projects/shop/Project.yaml": "projects/shop/project.yaml",
    "projects/shop/PROJECT.YAML": "projects/shop/project.yaml",
    "projects/shop/project.yaml.txt": "projects/shop/project.yaml",
    "projects/shop/project.yaml.yaml": "projects/shop/project.yaml",
    "projects/shop/project.json": "projects/shop/project.yaml",
    "projects/shop/project": "projects/shop/project.yaml",
    "projects/shop/project.txt": "projects/shop/project.yaml",
    "projects/shop/project.yaml.gz": "projects/shop/project.yaml",
    "projects/shop/projct.yaml": "projects/shop/project.yaml",
    "projects/shop/porject.yaml": "projects/shop/project.yaml",
    "projects/shop/projekt.yaml": "projects/shop/project.yaml",
    "projects/shop/projects.yaml": "projects/shop/project.yaml",
    "projects/shop/project.ymal": "projects/shop/project.yaml",
    "projects/shop/ project.yaml": "projects/shop/project.yaml",
    "projects/shop/project .yaml": "projects/shop/project.yaml",
    "projects/shop/project (1).yaml": "projects/shop/project.yaml",
    "projects/shop/project - Copy.yaml": "projects/shop/project.yaml",
    "projects/shop/project_v2.yaml": "projects/shop/project.yaml",
    "projects/shop/contract.yaml": "projects/shop/project.yaml",
    "projects/shop/shop.yml": "projects/shop/project.yaml",
    "projects/shop/sub/project.yaml": "projects/shop/project.yaml",
    "projects/project.yaml": "projects/<project>/project.yaml",
    "projects//project.yaml": "projects/<project>/project.yaml",
    "projects/shop.yaml": "projects/shop/project.yaml",
    "project.yaml": "projects/<project>/project.yaml",
    "Project.yml": "projects/<project>/project.yaml",
    "Projects/shop/project.yaml": "projects/shop/project.yaml",
    "project/shop/project.yaml": "projects/shop/project.yaml",
    "projcts/shop/project.yaml": "projects/shop/project.yaml",
    "/projects/shop/project.yaml": "projects/shop/project.yaml",
    "shop/project.yaml": "projects/shop/project.yaml",
    "contracts/shop/project.yaml": "projects/shop/project.yaml",
    "elsewhere/project.yaml": "projects/<project>/project.yaml",
}
ROWS = {
    "Raw/shop/x.csv": "raw/shop/x.csv",
    "RAW/shop/2026/x.csv": "raw/shop/2026/x.csv",
    "raws/shop/x.csv": "raw/shop/x.csv",
    "raw-data/shop/x.parquet": "raw/shop/x.parquet",
    "raw /shop/x.csv": "raw/shop/x.csv",
    "/raw/shop/x.csv": "raw/shop/x.csv",
    "label/shop/x.jsonl": "labels/shop/x.jsonl",
    "lables/shop/x.csv": "labels/shop/x.csv",
    "Labels/new/x.csv": "labels/new/x.csv",
    "Labels/shop/late": "labels/shop/late",
    "Batch/shop/x.csv.gz": "batch/shop/x.csv.gz",
    "batches/shop/x.csv": "batch/shop/x.csv",
    "Raw/x.csv": "raw/<project>/x.csv",
    "x.csv": "raw/<project>/x.csv",
    "X.CSV": "raw/<project>/X.CSV",
    "shop/x.csv": "raw/shop/x.csv",
    "data/shop/x.csv": "raw/shop/x.csv",
    "projects/shop/x.csv": "raw/shop/x.csv",
    "projects/shop/data/x.csv": "raw/shop/data/x.csv",
}
QUIET = [
    "projects/shop/project.yaml",
    "projects/new/project.yaml",
    "projects/",
    "projects/shop/",
    "projects/shop/sub/",
    "projects/shop/report.html",
    "projects/shop/README.md",
    "projects/shop/notes.txt",
    "projects/shop/project.md",
    "projects/shop/project.pdf",
    "projects/shop/project.schema.json",
    "projects/shop/project.yaml.bak",
    "projects/shop/project.old.yaml",
    "projects/shop/project.yaml.sha256",
    "projects/shop/.DS_Store",
    "projects/shop/._project.yaml",
    "projects/shop/.#project.yaml",
    "projects/shop/project.yaml~",
    "projects/shop/.project.yaml.swp",
    "projects/shop/~$project.xlsx",
    "projects/.ipynb_checkpoints/project.yaml",
    "projects_$folder$",
    "projects/shop/dashboard.yaml",
    "raw/shop/x.csv",
    "raw/x.csv",  # validate_dataset answers this one
    "raw/unknown/x.csv",
    "labels/shop/x.csv",
    "batch/shop/x.csv",
    "backup/2026/x.csv",
    "notes/meeting.txt",
    "README.md",
    "product.yaml",
    "",
    "/",
]


@pytest.mark.parametrize(("key", "instead"), CONTRACTS.items())
def test_a_contract_beside_its_place_is_sent_to_it(key: str, instead: str) -> None:
    found = misplaced(key, 100, ["shop"])
    assert found is not None
    assert (found.kind, found.instead) == ("contract", instead)
    assert found.why


@pytest.mark.parametrize(("key", "instead"), ROWS.items())
def test_rows_beside_their_place_are_sent_to_it(key: str, instead: str) -> None:
    found = misplaced(key, 100, ["shop"])
    assert found is not None
    assert (found.kind, found.instead) == ("rows", instead)
    assert found.why


@pytest.mark.parametrize("key", QUIET)
def test_what_is_at_its_place_or_not_for_sluice_makes_no_noise(key: str) -> None:
    assert misplaced(key, 0 if key.endswith("/") else 100, ["shop"]) is None


def test_the_reason_says_what_was_expected() -> None:
    def why(key: str) -> str:
        found = misplaced(key)
        assert found is not None
        return found.why

    assert why("projects/shop/project.yml") == "a contract's name is project.yaml, with just these letters"
    assert "directly in its project's folder" in why("projects/shop/sub/project.yaml")
    assert "a folder with its project's name" in why("projects/project.yaml")
    assert "in the folder projects/ only" in why("Projects/shop/project.yaml")
    assert "the folder's name is raw/" in why("Raw/shop/x.csv")
    assert "projects/ is for contracts" in why("projects/shop/x.csv")


PART = st.text(st.sampled_from("abPp._- 1éРcsv"), min_size=1, max_size=12)
FOLDER = st.one_of(st.sampled_from([*keys.READ, "Raw", "LABELS", "Projects", "label", "shop", ""]), PART)
NAME = st.one_of(st.sampled_from(["project.yaml", "Project.yml", "x.csv", "x.parquet", "a.txt", ".DS_Store", ""]), PART)


@given(st.lists(FOLDER, max_size=4), NAME)
def test_a_place_that_is_advised_is_a_place_that_is_read(folders: list[str], name: str) -> None:
    key = "/".join([*folders, name])
    found = misplaced(key, 10, ["shop"])
    if found is None:
        return
    assert found.instead != key
    assert misplaced(found.instead, 10, ["shop"]) is None  # advice that is followed ends the matter
    area, project = found.instead.split("/")[:2]
    assert area in keys.READ
    assert project
    assert (area == "projects") == (found.kind == "contract")
    if found.kind == "contract":
        assert found.instead == keys.contract(project)
    else:
        assert keys.parse_arrival(found.instead).area == area


@given(st.sampled_from(["raw", "labels", "batch"]), st.lists(PART, min_size=1, max_size=3))
def test_what_other_functions_answer_is_left_to_them(area: str, rest: list[str]) -> None:
    assert misplaced("/".join([area, *rest])) is None


def test_a_folder_is_counted_once_whatever_lies_in_it() -> None:
    assert [top_folder(key) for key in ("a/b/c.txt", "a/d", "README.md", "/x")] == ["a/", "a/", "/", "/"]
