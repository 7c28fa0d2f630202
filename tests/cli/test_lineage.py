"""`sluice lineage`: from a prediction to its file, and from a file to the models that learned from it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from cli.commands import lineage
from sluice import keys
from sluice.release.seals import Seal, document
from tests.cli.stack import OTHER, RUN, serve, start, write


@pytest.fixture
def history(world) -> Any:
    """RUN learned from d1 and serves; OTHER learned from d1 and d2 and was rolled back."""
    now = world.clock.now()
    for number, each in enumerate(("d1", "d2", "d3")):
        facts = {"rows": 9, "key": f"raw/shop/{each}.csv", "sha256": "f" * 64}
        world.ledger.add_dataset("shop", each, now + timedelta(seconds=number), facts)
    start(world, RUN, datasets=["d1"], outcome="promoted", artifact_uri="s3://data/models/shop/r/model.tar.gz")
    start(world, OTHER, datasets=["d1", "d2"], outcome="rolled_back")
    serve(world)
    seal = Seal("shop", RUN, "arn:job", "s3://t", "s3://data/m.tar.gz", "v7", "a" * 64, "b" * 64)
    write(world, keys.sealed("shop", RUN, "signature.json"), document(seal, "arn:key", b"x"))
    manifest = {"rows_read": 9, "rows": {"train": 5, "test": 4}, "losses": []}
    write(world, keys.run("shop", RUN, "prepared", "manifest.json"), manifest)
    return world


def captured(
    world: Any, inference_id: str, *, rows: int = 1, encoded: bool = False, hour: str = "2026/11/22/10"
) -> None:
    sent = json.dumps({"instances": [{"pages": 3}] * rows})
    said = json.dumps({"predictions": [{"prediction": True}] * rows, "model": RUN, "inference_id": inference_id})
    kind = "application/json"

    def part(text: str) -> dict[str, str]:
        data = base64.b64encode(text.encode()).decode() if encoded else text
        return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": "BASE64" if encoded else "JSON"}

    meta = {"eventId": "e", "inferenceTime": "2026-11-22T10:00:00Z"}
    line = {"captureData": {"endpointInput": part(sent), "endpointOutput": part(said)}, "eventMetadata": meta}
    key = f"{keys.capture('shop')}sluice-shop/v-{RUN}/{hour}/{inference_id[:4]}.jsonl"
    world.objects.write(key, (json.dumps(line, separators=(",", ":")) + "\n").encode())


@pytest.mark.parametrize("encoded", [False, True])
def test_from_a_prediction_to_its_files(sluice, history, encoded):
    captured(history, "0123abcd4567", encoded=encoded)
    code, printed, _ = sluice("lineage", "shop", "0123abcd4567")
    assert code == 0
    for told in (
        "prediction 0123abcd4567",
        f"variant v-{RUN}",
        f"run         {RUN}: promoted",
        "arn:job",
        "5 train, 4 test",
    ):
        assert told in printed, printed
    assert "raw/shop/d1.csv (dataset d1, 9 rows)" in printed
    assert "contract     projects/shop/project.yaml, version v1" in printed
    document = json.loads(sluice("lineage", "shop", "0123abcd4567", "--json")[1])
    assert lineage.JSON.mistakes(document) == []
    assert document["prediction"]["run"] == RUN
    assert document["run"]["model"]["archive_sha256"] == "a" * 64
    assert [each["file"] for each in document["run"]["files"]] == ["raw/shop/d1.csv"]


def test_a_row_of_a_request_with_several(sluice, history):
    captured(history, "abcdef012345", rows=3)
    document = json.loads(sluice("lineage", "shop", "abcdef012345-2", "--json")[1])
    assert document["prediction"]["row"] == 2
    code, _, error = sluice("lineage", "shop", "abcdef012345-7")
    assert (code, "was captured with that inference id" in error) == (1, True)


def test_the_id_of_another_request_is_not_taken(sluice, history):
    captured(history, "abcdef012345")
    assert sluice("lineage", "shop", "abcdef01234")[0] == 1
    assert sluice("lineage", "shop", "abcd")[0] == 1


def test_older_captures_need_more_days(sluice, history):
    captured(history, "0123abcd4567", hour="2026/08/01/10")
    code, _, error = sluice("lineage", "shop", "0123abcd4567")
    assert (code, "`--days` looks further" in error) == (1, True)
    assert sluice("lineage", "shop", "0123abcd4567", "--days", "200")[0] == 0


@pytest.mark.parametrize("asked", ["d1.csv", "raw/shop/d1.csv", "d1", "./here/d1.csv"])
def test_from_a_file_to_the_models_that_learned_from_it(sluice, history, asked):
    code, printed, error = sluice("lineage", "shop", asked)
    assert code == 0, error
    assert f"run {RUN}: promoted; its model served all requests, and serves now" in printed
    assert f"run {OTHER}: rolled back; its model served a share of the requests" in printed
    document = json.loads(sluice("lineage", "shop", asked, "--json")[1])
    assert {each["run"] for each in document["files"][0]["runs"]} == {RUN, OTHER}


def test_a_file_that_nothing_learned_from_and_a_run(sluice, history):
    assert "no run has learned from it" in sluice("lineage", "shop", "d3.csv")[1]
    printed = sluice("lineage", "shop", OTHER)[1]
    assert printed.startswith(f"run         {OTHER}: rolled back")
    assert "raw/shop/d2.csv" in printed


def test_corrected_rows_are_connected_with_the_file_that_they_were_refused_of(sluice, history):
    corrects = {"dataset_id": "d1", "key": "raw/shop/d1.csv", "lines_of": "d1"}
    facts = {"rows": 2, "key": "raw/shop/corrects=d1/refused.csv", "corrects": corrects}
    history.ledger.add_dataset("shop", "d4", history.clock.now() + timedelta(minutes=1), facts)
    assert "corrected by raw/shop/corrects=d1/refused.csv, dataset d4" in sluice("lineage", "shop", "d1.csv")[1]
    assert "corrects refused rows of raw/shop/d1.csv, dataset d1" in sluice("lineage", "shop", "d4")[1]
    (found,) = json.loads(sluice("lineage", "shop", "d4", "--json")[1])["files"]
    assert found["corrects"] == {"dataset": "d1", "file": "raw/shop/d1.csv"}
