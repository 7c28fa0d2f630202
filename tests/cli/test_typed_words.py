"""What a person types wrongly or in short: the answer says what to type, and the exit code what kind of mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.outcomes import next_steps
from cli.version import version
from cli.watching.view import View, ending
from tests.cli.stack import RUN, start

DATA = "id,y\n1,yes\n"


def test_the_version_is_that_of_the_package(sluice):
    assert sluice("--version") == (0, f"sluice {version()}\n", "")
    assert version()[0].isdigit()


@pytest.mark.parametrize(
    "words", [("drill", "rollbak", "shop"), ("drop", "shop", "x.csv", "--to", "rwa"), ("drill", "shop", "rollback")]
)
def test_a_word_that_is_none_of_the_choices_is_said_without_the_parser_s_own_words(sluice, words):
    code, _, error = sluice(*words)
    assert code == 2
    assert "is not one of" in error
    assert "Value error" not in error


def test_an_encoding_that_there_is_not_is_said_in_the_same_way(sluice, tmp_path: Path):
    (tmp_path / "d.csv").write_text(DATA)
    code, _, error = sluice("init", str(tmp_path / "d.csv"), "--encoding", "lat99", "-o", str(tmp_path / "p.yaml"))
    assert code == 1
    assert "there is no encoding 'lat99'" in error
    assert "Value error" not in error


def test_a_data_file_before_the_contract_is_recognised(sluice, tmp_path: Path):
    data, contract = tmp_path / "d.csv", tmp_path / "shop.yaml"
    data.write_text(DATA)
    contract.write_text("project: shop\n")
    code, _, error = sluice("check", str(data), str(contract))
    assert (code, f"the contract comes first. Write `sluice check {contract} {data}`" in error) == (2, True)
    for command in ("check", "cost", "register"):
        code, _, error = sluice(command, str(data))
        assert code == 1
        assert f"If d.csv is a data file: `sluice init {data}` writes a contract" in error
    # of a contract with a mistake, nobody says that it is data
    assert "data file" not in sluice("check", str(contract))[2]


def test_a_dataset_is_named_by_the_beginning_of_its_id(sluice, world):
    for each in ("e4b1000000000000", "e4b2000000000000"):
        world.ledger.add_dataset("shop", each, world.clock.now(), {"rows": 100, "key": f"raw/shop/{each}.csv"})
    code, _, error = sluice("withdraw", "shop", "e4b", "--reason", "a")
    assert code == 1
    assert "`sluice lineage shop FILE` shows the id" in error
    assert "file raw/shop/e4b1000000000000.csv" in sluice("lineage", "shop", "E4B1".lower())[1]
    code, printed, _ = sluice("withdraw", "shop", "e4b1", "--reason", "a")
    assert (code, "withdrawn: dataset e4b1000000000000" in printed) == (0, True)
    world.ledger.add_dataset("shop", "e4b2111111111111", world.clock.now(), {"rows": 1, "key": "raw/shop/x.csv"})
    assert "is the beginning of 2 datasets" in sluice("withdraw", "shop", "e4b2", "--reason", "a")[2]


@pytest.mark.parametrize("name", ["empty.json", "empty.jsonl"])
def test_an_empty_list_has_no_header_to_speak_of(sluice, world, tmp_path: Path, name: str):
    (tmp_path / name).write_text("[]")
    code, _, error = sluice("init", str(tmp_path / name), "-o", str(tmp_path / "p.yaml"))
    assert (code, "the file has no object" in error, "header" in error) == (1, True, False)


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("the ZIP file is damaged or cut off after 0 unpacked bytes", "send the whole file again"),
        ("the JSON array has no end: the file was cut off", "send the whole file again"),
        ("the file is HTML", "save it as CSV"),
    ],
)
@pytest.mark.parametrize("kind", ["raw", "labels", "batch"])
def test_a_damaged_file_is_sent_again_and_not_saved_in_another_format(kind: str, message: str, step: str):
    told = {"reasons": [message]} if kind == "batch" else {"message": message}
    (found,) = next_steps({"kind": kind, "status": "failed", "error": "UnreadableFileError", **told})
    assert found.startswith(step)


@pytest.mark.parametrize(
    ("error", "step"),
    [
        ("HeaderMismatchError", "a file to score has the features"),
        ("EmptyFileError", "the file has no row"),
        ("NoChampionError", "train a first model"),
        ("UnknownProjectError", "register the project first"),
    ],
)
def test_a_file_to_score_that_is_refused_as_a_whole_has_a_next_step(error: str, step: str):
    (found,) = next_steps({"kind": "batch", "status": "failed", "reasons": ["why"], "error": error})
    assert found.startswith(step)


def test_a_drill_ends_in_the_same_words_everywhere(sluice, world):
    start(world, RUN, outcome="drill_passed")
    record = world.ledger.run("shop", RUN)
    assert "drill passed" in ending(View("shop", record, [], world.clock.now()))[0]
    assert "drill passed" in sluice("runs", "shop")[1]
