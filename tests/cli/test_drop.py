"""`sluice drop` uploads a file, waits for its verdict, and refuses what belongs elsewhere."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CONTRACT
from tests.cli.stack import serve


def test_drop_uploads_and_tells_the_verdict(sluice, world, tmp_path, monkeypatch):
    path = tmp_path / "a b+c.csv"
    path.write_text("pages,bought\n1,true\n")
    assert sluice("drop", "shop", str(path), "--wait", "0")[0] == 0
    assert world.objects.read("raw/shop/a b+c.csv") == path.read_bytes()
    assert sluice("drop", "shop", str(path), "--to", "batch", "--wait", "0")[0] == 0
    assert world.objects.exists("batch/shop/a b+c.csv")
    reasons = [{"rule": "type", "column": "pages", "rows": 3, "message": "is not an integer"}]
    record = {"status": "quarantined", "rows": 0, "quarantined_rows": 3, "reasons": reasons}
    monkeypatch.setattr(world.ledger, "arrival", lambda *_: record)
    code, printed, _ = sluice("drop", "shop", str(path))
    assert code == 1
    assert "column pages: is not an integer (3 rows)" in printed
    assert sluice("drop", "shop", str(tmp_path / "none.csv"))[0] == 1


def test_drop_says_what_became_of_labels_and_of_a_batch(sluice, world, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("x\n")
    label = {"kind": "labels", "rows": 9, "labels": 6, "without_label": 2, "quarantined_rows": 1, "reasons": []}
    found = {"record": {"status": "accepted", **label}}
    monkeypatch.setattr(world.ledger, "arrival", lambda *_: found["record"])
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "labels")
    assert (code, "6 labels from 9 rows, 2 rows without a label, 1 refused" in printed) == (0, True)
    found["record"] = {"status": "failed", **label, "message": "the header is missing"}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "labels")
    assert (code, "the header is missing" in printed) == (1, True)
    found["record"] = {"status": "accepted", "kind": "batch", "output_uri": "s3://b/predictions/shop", "reasons": []}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "batch")
    assert (code, "s3://b/predictions/shop" in printed) == (0, True)
    found["record"] = {"status": "failed", "kind": "batch", "reasons": ["no model serves yet"]}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "batch")
    assert (code, "no model serves yet" in printed) == (1, True)


@pytest.mark.parametrize("arguments", [("project.yml",), ("shop", "project.yml"), ("shop", "Project.yaml")])
def test_drop_refuses_a_contract_at_once(sluice, world, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / arguments[-1]).write_text("project: shop\n")
    code, _, said = sluice("drop", *arguments)
    assert code == 1
    assert f"{arguments[-1]}: this is a contract by its name" in said
    assert f"`sluice register {arguments[-1]}` does" in said
    assert world.objects.list("raw/") == []


def test_drop_without_a_project_asks_for_it(sluice):
    code, _, said = sluice("drop", "day.csv")
    assert code == 2
    assert "sluice drop PROJECT day.csv" in said


def test_labels_that_measure_no_quality_are_told(sluice, world, tmp_path, monkeypatch):
    """By `label`, which keeps them, and by `status`, also before the first measurement."""
    serve(world)
    record = {"status": "accepted", "kind": "labels", "project": "shop", "labels": 1, "rows": 1, "dataset_id": "d2"}
    monkeypatch.setattr("cli.arrivals.await_outcome", lambda *_: record)
    path = tmp_path / "labels.csv"
    path.write_text("bought\nyes\n")
    printed = sluice("label", "shop", str(path))[1]
    assert "no quality is measured by them, because the contract has no monitor.quality" in printed
    assert "`monitor: {quality: {metric: roc_auc}}`" in printed
    assert "quality    not measured: the contract has no monitor.quality" in sluice("status", "shop")[1]
    asks = {**CONTRACT.model_dump(mode="json"), "monitor": {"quality": {"metric": "roc_auc"}}}
    world.ledger.save_contract("shop", asks, "v2")
    assert "monitor.quality" not in sluice("label", "shop", str(path))[1]
    assert "quality    not measured yet" in sluice("status", "shop")[1]
