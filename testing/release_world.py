"""A project with a champion `r1` and a run `r2`, for the tests of the steps around a release."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.ports import Champion, Variant
from sluice.records.evaluation import Evaluation, Measured
from sluice.records.run_inputs import RunInputs
from sluice.steps.seal_model import seal_model
from testing import fakes

PROJECT, OLD, NEW = "shop", "r1", "r2"
ENDPOINT = "sluice-shop"
TRAINED = "s3://data/runs/shop/r2/training/model.tar.gz"
URI = "s3://data/models/shop/r2/model.tar.gz"
JOB = "arn:aws:sagemaker:us-east-1:123456789012:training-job/shop-r2-tune-001"
CONTRACT: dict[str, Any] = {
    "project": PROJECT,
    "problem": {"type": "binary", "target": "bought", "positive": True},
    "data": {
        "key": ["id"],
        "columns": {"id": {"type": "text"}, "pages": {"type": "number", "min": 0}, "bought": {"type": "boolean"}},
    },
    "gates": [{"metric": "roc_auc", "min": 0.8}],
    "release": {"steps": [10, 100], "bake": "10m"},
    "monitor": {"drift": {"min_rows": 20}, "quality": {"metric": "roc_auc", "min": 0.8, "min_labels": 10}},
}


def artifact(tamper: bool = False, run_id: str = NEW) -> tuple[bytes, str]:
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, coef=np.zeros(3))
    model = json.dumps({"format": 1, "run_id": run_id}).encode()
    files = {"model.json": model, "arrays.npz": arrays.getvalue()}
    sums = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    total = hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()
    files["manifest.json"] = json.dumps({"files": sums, "artifact_sha256": total}).encode()
    if tamper:
        files["model.json"] = model + b" "
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue(), total


def build(auc: float = 0.9, champion: bool = True, **release: Any) -> World:
    world = fakes.world()
    # a shadow and a bandit have no steps
    steps = {"steps": None} if release.get("strategy") in ("shadow", "bandit") else {}
    content = {**CONTRACT, "release": {**CONTRACT["release"], **steps, **release}}
    plain = Contract.model_validate(content).model_dump(mode="json")
    world.ledger.save_contract(PROJECT, plain, "v1")
    freeze(world, OLD, plain, ["d0"])
    freeze(world, NEW, plain, ["d1"])
    evaluated(world, NEW, evaluation(auc))
    for run in (OLD, NEW):
        trained = keys.run(PROJECT, run, "training", "model.tar.gz")
        world.objects.write(trained, artifact(run_id=run)[0])
        world.call(seal_model, PROJECT, run, world.objects.uri(trained), JOB)
    now = world.clock.now()
    for run in (OLD, NEW):
        world.ledger.start_run(PROJECT, run, now, {"status": "running"})
    world.ledger.acquire_lock(PROJECT, NEW, now)
    if champion:
        world.models.ensure_model("m1", "s3://data/m1", "image", {})
        world.models.ensure_endpoint_config("only1", [Variant("v-r1", "m1", 1.0, "ml.m5.large", 1)], "s3://c", 100)
        world.models.put_endpoint(ENDPOINT, "only1")  # type: ignore[attr-defined]  # of FakeModels alone
        lies = {"artifact_uri": f"s3://data/models/{PROJECT}/{OLD}/model.tar.gz"}
        old = Champion(OLD, "v-r1", ENDPOINT, "only1", "m1", "arn:old", now, now + timedelta(days=1), metrics=lies)
        world.ledger.set_champion(PROJECT, old, None)
    return world


def freeze(world: World, run_id: str, contract: Any, datasets: Sequence[str] = ("d1",)) -> None:
    """Writes run.json, as plan_training does."""
    inputs = RunInputs(
        project=PROJECT,
        run_id=run_id,
        trigger="data",
        reason="data",
        contract=Contract.model_validate(contract),
        contract_version="v1",
        datasets=list(datasets),
        created_at=world.clock.now().isoformat(),
    )
    _put(world, keys.run(PROJECT, run_id, "run.json"), inputs.plain())


def evaluation(auc: float = 0.9, artifact_sha256: str = "", **more: Any) -> Evaluation:
    """The evaluation of a first model; `more`: other members."""
    total = artifact_sha256 or artifact()[1]
    measured = Measured(metrics={"roc_auc": auc}, artifact_sha256=total)
    facts: dict[str, Any] = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 100}
    return Evaluation(**{**facts, "candidate": measured, **more})


def evaluated(world: World, run_id: str, found: Evaluation) -> None:
    """Writes evaluation.json, as the evaluation job does."""
    _put(world, keys.run(PROJECT, run_id, "evaluation", "evaluation.json"), found.plain())


def _put(world: World, key: str, content: Any) -> None:
    world.objects.write(key, json.dumps(content).encode())
