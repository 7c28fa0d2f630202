"""Metrics of several classes that need the probabilities of all: the monitor scores captured rows again."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.model import artifact, manifest, metrics
from sluice.model.encoder import Encoder
from sluice.model.model import Model
from sluice.model.schema import Schema
from sluice.steps.monitor_model import monitor_model
from sluice.steps.seal_model import seal_model
from testing.release_world import ENDPOINT, JOB, OLD, PROJECT, build
from tests.unit.steps.label_files import send_labels

CLASSES = ["ads", "email", "search"]
CONTRACT: dict[str, Any] = {
    "project": PROJECT,
    "problem": {"type": "multiclass", "target": "kind", "metric": "log_loss"},
    "data": {"columns": {"x": {"type": "number"}, "z": {"type": "number"}, "kind": {"type": "category"}}},
    "monitor": {"window": "1d", "quality": {"metric": "log_loss", "max": 1.0, "min_labels": 20}},
}
ROWS = [{"x": float(a), "z": float(b)} for a, b in np.random.default_rng(1).normal(size=(120, 2))]


def model(folder: Path) -> Model:
    """Linear in x and z, with softmax."""
    plain = Contract.model_validate(CONTRACT).model_dump(mode="json")
    encoder = Encoder.fit(Schema.from_contract(plain), {}, [{**row, "kind": "ads"} for row in ROWS])
    width = encoder.width
    coefficients = np.random.default_rng(2).normal(size=(3, width), scale=1.5)
    arrays = {"impute": np.zeros(width), "mean": np.zeros(width), "scale": np.ones(width), "coef": coefficients}
    state = {
        "family": "logistic_regression",
        "run_id": OLD,
        "problem": plain["problem"],
        "labels": {"problem": "multiclass", "target": "kind", "classes": CLASSES},
        "encoder": encoder.to_json(),
        "scorer": {"scorer": "linear", "output": "softmax"},
    }
    artifact.save(folder, state, {**arrays, "intercept": np.zeros(3)})
    manifest.seal(folder)
    return Model.load(folder, exact=True)


def packed(folder: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    return out.getvalue()


@pytest.fixture
def served(tmp_path: Path) -> tuple[World, Model]:
    """A world whose champion is that model."""
    loaded, world = model(tmp_path / "model"), build()
    world.ledger.save_contract(PROJECT, Contract.model_validate(CONTRACT).model_dump(mode="json"), "v2")
    for name in ("model.tar.gz", "signature.json"):
        world.objects.remove(keys.sealed(PROJECT, OLD, name))  # type: ignore[attr-defined]  # of FakeObjects alone
    trained = keys.run(PROJECT, OLD, "training", "model.tar.gz")
    world.objects.write(trained, packed(tmp_path / "model"))
    world.call(seal_model, PROJECT, OLD, world.objects.uri(trained), JOB)
    return world, loaded


def asked(world: World, answers: list[dict[str, Any]]) -> None:
    at = world.clock.now()
    lines = []
    for number, (row, answer) in enumerate(zip(ROWS, answers, strict=True)):
        data = {
            "endpointInput": {"data": json.dumps(row), "encoding": "JSON"},
            "endpointOutput": {"data": json.dumps({"predictions": [answer], "model": OLD}), "encoding": "JSON"},
        }
        told = {"inferenceId": f"i{number}", "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        lines.append(json.dumps({"captureData": data, "eventMetadata": told}))
    key = f"capture/{PROJECT}/{ENDPOINT}/v-r1/{at:%Y/%m/%d/%H}/a.jsonl"
    world.objects.write(key, "\n".join(lines).encode())


def labelled(world: World, labels: np.ndarray) -> None:
    lines = [f"i{number},{CLASSES[label]}" for number, label in enumerate(labels)]
    send_labels(world, "labels.csv", "\n".join(["inference_id,kind", *lines]))


def report(world: World) -> dict[str, Any]:
    world.clock.advance(3600)
    world.call(monitor_model, PROJECT)
    found: dict[str, Any] = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    return found


def truth_of(scores: np.ndarray) -> np.ndarray:
    chance = np.random.default_rng(3)
    return np.array([chance.choice(3, p=row) for row in scores])


def test_every_metric_of_the_evaluation_is_measured(served: tuple[World, Model]) -> None:
    world, loaded = served
    scores = loaded.score(ROWS)
    truth = truth_of(scores)
    asked(world, loaded.predict(ROWS))
    labelled(world, truth)
    found = report(world)
    assert found["problems"] == {}
    quality = found["quality"]
    assert (quality["metric"], quality["labels"], quality["labels_without_probabilities"]) == ("log_loss", 120, 0)
    wanted = metrics.compute("multiclass", truth, scores)
    values = {name: each["value"] for name, each in quality["metrics"].items()}
    assert values.keys() == wanted.keys()
    for name in ("log_loss", "brier"):
        # an answer's probabilities are kept as float32
        assert values[name] == pytest.approx(wanted[name], abs=1e-6), name
        low, high = quality["metrics"][name]["interval"]
        assert low < values[name] < high
    for name in ("roc_auc", "pr_auc"):
        assert values[name] == pytest.approx(wanted[name], abs=0.01), name
    # 120 labels of a model whose loss is below the limit prove nothing against it
    assert quality["bound"] < quality["value"]
    # nothing is read or scored again, and the next measurement says the same
    assert report(world)["quality"]["metrics"] == quality["metrics"]


def test_a_row_that_the_model_answers_otherwise_does_not_count(served: tuple[World, Model]) -> None:
    world, loaded = served
    answers = loaded.predict(ROWS)
    for answer in answers[:30]:
        answer["prediction"] = CLASSES[CLASSES.index(answer["prediction"]) - 1]
    asked(world, answers)
    labelled(world, truth_of(loaded.score(ROWS)))
    quality = report(world)["quality"]
    assert (quality["labels"], quality["labels_without_probabilities"]) == (90, 30)


def test_a_model_that_is_not_the_signed_one_is_a_problem_and_all_else_is_measured(
    served: tuple[World, Model],
) -> None:
    world, loaded = served
    asked(world, loaded.predict(ROWS))
    labelled(world, truth_of(loaded.score(ROWS)))
    world.objects.write(keys.sealed(PROJECT, OLD, "model.tar.gz"), b"another")
    found = report(world)
    assert "is not what was signed" in found["problems"]["probabilities of all classes"]
    quality = found["quality"]
    assert (quality["value"], quality["labels_without_probabilities"]) == (None, 120)
    assert "120 have no probabilities of all classes" in quality["reason"]
    assert found["labels"]["counted"] == 120
