"""`sluice redrive`: what it sends, and which cells it leaves as they were."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.ports import StoredObject
from sluice.steps.validate_dataset import validate_dataset
from tests.cli.conftest import CONTRACT, Sluice, save

FILE = b"pages,bought,note\n1,yes,a\n2,no,b\n-x,yes,=1+1\n'-y,no,'=2\n"


@pytest.fixture
def dataset(world: World) -> str:
    """Of a file with two accepted rows and two refused ones."""
    contract = CONTRACT.model_dump(mode="json", exclude_defaults=True)
    contract["data"]["columns"]["note"] = {"type": "text"}
    contract["data"]["expectations"] = {"max_invalid_rows": 0.5}
    save(world, type(CONTRACT).model_validate(contract))
    return str(arrived(world, "raw/shop/day 1.csv", FILE)["dataset_id"])


def arrived(world: World, key: str, body: bytes) -> dict[str, Any]:
    world.objects.write(key, body)
    return world.call(validate_dataset, "data", key, world.objects.version(key), len(body))


def spreadsheet(sluice: Sluice, path: Path, dataset: str, *options: str) -> list[dict[str, str]]:
    assert sluice("quarantine", "shop", dataset, "--output", str(path), *options)[0] == 0
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def saved(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def sent(world: World, dataset: str) -> list[dict[str, str]]:
    (item,) = [each for each in _listed(world) if f"/corrects={dataset}/" in each.key]
    return list(csv.DictReader(io.StringIO(world.objects.read(item.key).decode(), newline="")))


def _listed(world: World) -> list[StoredObject]:
    return world.objects.list("raw/shop/")


@pytest.mark.parametrize("options", [[], ["--raw"]])
def test_corrected_rows_are_sent_as_they_were_but_for_what_was_corrected(
    sluice: Sluice, world: World, dataset: str, tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "refused.csv"
    rows = spreadsheet(sluice, path, dataset, *options)
    assert [row["_dataset"] for row in rows] == [dataset, dataset]
    rows[0]["pages"], rows[1]["pages"] = "'-3", "4"
    saved(path, rows, delimiter=";")
    code, printed, _ = sluice("redrive", "shop", str(path), "--wait", "0")
    assert (code, f"raw/shop/corrects={dataset}/refused.csv" in printed) == (0, True)
    assert sent(world, dataset) == [
        {"_row": "4", "pages": "-3", "bought": "yes", "note": "=1+1"},
        {"_row": "5", "pages": "4", "bought": "no", "note": "'=2"},
    ]


def judge_uploads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the queue does it on AWS."""
    upload = world.objects.upload

    def judged(file: Path, key: str, content_type: str = "") -> None:
        upload(file, key)
        if key.startswith("raw/"):
            world.call(validate_dataset, "data", key, world.objects.version(key), 1)

    monkeypatch.setattr(world.objects, "upload", judged)


def test_a_file_that_is_dropped_again_is_told_with_the_way_back(
    sluice: Sluice, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_uploads(world, monkeypatch)
    path = tmp_path / "day.csv"
    path.write_text("pages,bought\n1,yes\n2,no\n")
    assert "same content" not in sluice("drop", "shop", str(path))[1]
    printed = sluice("drop", "shop", str(path), "--name", "again.csv")[1]
    assert "! the same content as raw/shop/day.csv of 20" in printed
    assert "each row now counts twice" in printed
    (undo,) = re.findall(r"sluice (withdraw shop \S+ --reason twice)", printed)
    assert sluice(*undo.split())[0] == 0
    # what was withdrawn counts no more, so a copy of it counts once
    (first,) = [each for each in world.ledger.datasets("shop") if "withdrawn_at" not in each]
    assert sluice("withdraw", "shop", first["dataset_id"], "--reason", "old")[0] == 0
    assert "same content" not in sluice("drop", "shop", str(path))[1]


def test_with_a_key_the_rows_of_a_file_that_is_dropped_again_count_once(
    sluice: Sluice, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_uploads(world, monkeypatch)
    contract = CONTRACT.model_dump(mode="json", exclude_defaults=True)
    contract["data"] |= {"columns": {**contract["data"]["columns"], "id": {"type": "text"}}, "key": ["id"]}
    save(world, type(CONTRACT).model_validate(contract))
    path = tmp_path / "day.csv"
    path.write_text("id,pages,bought\na,1,yes\nb,2,no\n")
    sluice("drop", "shop", str(path))
    printed = sluice("drop", "shop", str(path))[1]
    assert "! the same content as raw/shop/day.csv" in printed
    assert "twice" not in printed.replace("--reason twice", "")


class TestOfAFileThatWasQuarantinedAsAWhole:
    """Four rows, three of them bad, and half may be."""

    @pytest.fixture
    def file(self, sluice: Sluice, world: World, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        judge_uploads(world, monkeypatch)
        path = tmp_path / "day 2.csv"
        path.write_text("pages,bought,note\n1,yes,a\nx,no,b\nx,yes,c\nx,no,d\n")
        return path

    def test_the_verdict_counts_good_and_bad_rows_and_names_the_bad_ones(self, sluice: Sluice, file: Path) -> None:
        code, printed, _ = sluice("drop", "shop", str(file))
        assert code == 1
        assert "quarantined as a whole: no row accepted, 3 of 4 refused, 1 good and held back" in printed
        assert "row 3: pages: is not an integer" in printed
        assert "the file's 1 good row would count as well: correct the file, and send all of it" in printed
        # the limit is in the message; no row has broken it
        assert "max_invalid_rows (" not in printed

    def test_the_refused_rows_alone_are_not_sent(self, sluice: Sluice, world: World, file: Path) -> None:
        sluice("drop", "shop", str(file))
        sheet = file.with_name("refused.csv")
        assert (
            "send all of it: sluice redrive shop FILE --dataset"
            in sluice("quarantine", "shop", file.name, "--output", str(sheet))[1]
        )
        before = len(_listed(world))
        code, _, error = sluice("redrive", "shop", str(sheet))
        assert (code, "its 1 good row would stay out" in error) == (1, True), error
        assert len(_listed(world)) == before

    def test_rows_that_do_not_come_again_are_counted(self, sluice: Sluice, file: Path) -> None:
        found = json.loads(sluice("drop", "shop", str(file), "--json")[1])
        assert [each["row"] for each in found["first_refused"]] == [3, 4, 5]
        file.write_text("pages,bought,note\n1,yes,a\n2,no,b\n3,yes,c\n")
        code, printed, _ = sluice("redrive", "shop", str(file), "--dataset", found["record"]["dataset_id"])
        assert (code, "1 of the 4 rows of raw/shop/day 2.csv did not come again, and stay out" in printed) == (0, True)


def test_the_verdict_and_the_list_say_how_many_rows_came_back(
    sluice: Sluice, world: World, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "refused.csv"
    rows = spreadsheet(sluice, path, dataset)
    rows[0]["pages"] = "3"
    saved(path, rows)
    judge_uploads(world, monkeypatch)
    code, printed, _ = sluice("redrive", "shop", str(path))
    assert code == 0
    assert "accepted: 1 row accepted, 1 refused" in printed
    assert "row 5: pages: is not an integer" in printed
    assert "of the 2 refused rows of raw/shop/day 1.csv, 1 still out" in printed
    assert "2 rows accepted, 1 corrected" in sluice("quarantine", "shop")[1]
    assert sluice("redrive", "shop", str(path))[0] == 1
    rows[1]["pages"] = "4"
    saved(path, rows)
    printed = sluice("redrive", "shop", str(path))[1]
    assert "1 row accepted, 0 refused, 1 accepted before and left out" in printed
    assert "still out" not in printed


def test_a_file_sent_whole_is_sent_unaltered(sluice: Sluice, world: World, tmp_path: Path) -> None:
    path = tmp_path / "day 1.json"
    path.write_bytes(b'[{"pages": 1, "bought": true}]')
    assert sluice("redrive", "shop", str(path), "--dataset", "d7", "--wait", "0")[0] == 0
    assert world.objects.read("raw/shop/corrects=d7/day 1.json") == path.read_bytes()


def test_what_cannot_be_sent_is_refused_before_the_upload(
    sluice: Sluice, world: World, dataset: str, tmp_path: Path
) -> None:
    path = tmp_path / "refused.csv"
    rows = spreadsheet(sluice, path, dataset)
    saved(path, [{**rows[0]}, {**rows[1], "_dataset": "other"}])
    assert "rows of 2 datasets" in sluice("redrive", "shop", str(path))[2]
    saved(path, [{name: text for name, text in row.items() if name != "_dataset"} for row in rows])
    assert "does not say which dataset" in sluice("redrive", "shop", str(path))[2]
    assert "no row of a dataset 'd9'" in sluice("redrive", "shop", str(path), "--dataset", "d9")[2]
    assert "there is no file" in sluice("redrive", "shop", str(tmp_path / "none.csv"))[2]
    assert [item.key for item in _listed(world)] == ["raw/shop/day 1.csv"]


def test_a_batch_file_of_an_older_version_is_listed(sluice: Sluice, world: World) -> None:
    summary = {"key": "batch/shop/x.csv", "rows": 9, "scored_rows": 8, "quarantined_rows": 1, "reasons": []}
    world.objects.write("quarantine/shop/d5/summary.json", json.dumps(summary).encode())
    code, printed, _ = sluice("quarantine", "shop")
    assert (code, "8 rows scored" in printed, "d5" in printed) == (0, True, True)
