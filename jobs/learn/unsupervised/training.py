"""The training job of a problem that has no labels to learn from: clustering, anomaly."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import comparable
import exploring
import model_folder
import numpy as np
import outlying_rows
import sklearn
import stages

from channels import read_rows
from families import Task
from parity import ParityError, difficult
from sluice.model import anomaly_metrics, opening
from sluice.model.encoder import Encoder
from sluice.model.errors import ArtifactError, DataError, ModelError
from sluice.model.labels import Labels
from sluice.model.model import Model
from sluice.model.schema import Row, Schema
from unsupervised import anomalies, segments
from unsupervised.base import Learned, Material, typed_parameters
from unsupervised.detectors import DETECTORS
from unsupervised.segmenters import SEGMENTERS

MAX_ROWS = 2_000
TOLERANCE = 1e-9
"""Between the exported scorer and the library: distances are summed in another order."""


def train(arguments: argparse.Namespace, given: Mapping[str, str], contract: Mapping[str, Any]) -> dict[str, float]:
    """The whole job; answers the validation metrics. Raises ModelError, ValueError (hyperparameters)."""
    began = time.perf_counter()
    problem = contract["problem"]
    kind, name = problem["type"], arguments.family
    families: Mapping[str, Any] = SEGMENTERS if kind == "clustering" else DETECTORS
    if name not in families and name != "baseline":
        raise ModelError(
            f"hyperparameter family is {name!r}; for problem type {kind} there are: baseline, "
            f"{', '.join(each for each in families if each != 'baseline')}"
        )
    parameters = typed_parameters(name, families[name].parameters if name in families else {}, dict(given))
    seed = int((contract.get("training") or {}).get("seed") or 0)
    schema = Schema.from_contract(contract)
    rows = read_rows(arguments.train, schema, "train", needed=set())
    held_out = read_rows(arguments.validation, schema, "validation", needed=set())
    encoder, rows = prepared(schema, contract.get("features") or {}, rows, seed)
    if not encoder.width:
        raise DataError("contract: no feature is left that distances can be measured by")
    material = Material.of(encoder, encoder.encode(rows), encoder.encode(held_out), seed)
    if kind == "clustering":
        champion = champion_of(arguments.champion, kind, schema)
        names = segments.namer(champion, rows)
        learned = segments.learn(name, parameters, problem.get("clusters") or "auto", material, names)
    else:
        truth = anomaly_metrics.truths(contract, held_out)
        share = problem.get("contamination") or "auto"
        learned = anomalies.learn(name, parameters, share, material, truth, problem["metric"])
    state = {
        "family": name,
        "run_id": arguments.run_id,
        "problem": dict(problem),
        "labels": Labels(kind, problem.get("target") or "", learned.classes).to_json(),
        "encoder": encoder.to_json(),
        "scorer": learned.scorer,
        "training": {
            "hyperparameters": parameters,
            "rows": len(rows),
            "seed": seed,
            "sklearn": sklearn.__version__,
            "words_left_out": [part["column"] for part in encoder.parts if part["kind"] == "terms"],
            **learned.facts,
        },
    }
    if name == "baseline":
        # the one job that every run has once; evaluation reads it from there
        state["training"]["exploration"] = exploring.found_in(schema, rows, None, None, seed)
    model, difference = model_folder.write(
        arguments.model_dir,
        state,
        learned.arrays | encoder.arrays(),
        lambda model: prove(model, learned, held_out, seed),
    )
    print(
        f"family={name} rows={len(rows)} columns={encoder.width} seconds={time.perf_counter() - began:.2f} "
        f"parity={difference:.2g} serving={model.serving} numpy={np.__version__} {_told(learned)}",
        flush=True,
    )
    metrics = learned.measured(model.score(held_out))
    if name != "baseline" and problem["metric"] not in metrics:
        raise DataError(
            f"channel validation: problem.metric {problem['metric']} has no value on its {len(held_out):,} rows, of "
            "which the model puts all in one segment: bring more rows, or set problem.metric to silhouette"
        )
    return metrics


def prepared(schema: Schema, features: Mapping[str, Any], rows: list[Any], seed: int) -> tuple[Encoder, list[Any]]:
    """The encoder that the contract asks for, and the rows that `features.rows` leaves. Raises ModelError."""
    stays, report = outlying_rows.leave_out(schema, features, rows, seed)
    if stays is not None:
        rows = [row for row, stay in zip(rows, stays, strict=True) if stay]
    encoder = Encoder.fit(schema, features, rows, encoding="space")
    before, unknown = encoder.width, np.zeros(len(rows))
    # the contract's check refuses the steps that would learn from a target
    found, _ = stages.fit_stages(encoder, features, encoder.encode(rows), unknown, Task("regression", 0, "", seed))
    encoder = encoder.with_stages(found)
    if found:
        report["columns"] = {"before": before, "after": encoder.width}
    encoder.report |= report
    return encoder, rows


def prove(model: Model, learned: Learned, rows: Sequence[Row], seed: int) -> float:
    """Greatest absolute difference of the exported model's answers and the library's. Raises ParityError.

    The rows are the first MAX_ROWS, and rows with missing values and categories that were never seen.
    """
    sample: list[Any] = list(rows[:MAX_ROWS])
    sample += difficult(sample, model.encoder.schema.types, seed)
    matrix = model.encoder.encode(sample)
    expected, whole = learned.answer(matrix), model.scorer(matrix)
    places = random.Random(seed).sample(range(len(sample)), min(20, len(sample)))  # noqa: S311 - not for secrets
    alone = np.concatenate([model.score([sample[place]]) for place in places])
    worst = float(max(np.abs(whole - expected).max(), np.abs(alone - expected[places]).max()))
    if not worst <= TOLERANCE:
        raise ParityError(
            f"parity check failed: the exported {model.family} differs from its library by {worst:.3g} "
            f"(allowed {TOLERANCE:g}) on {len(sample)} rows; the artefact was not written for use"
        )
    return worst


def champion_of(folder: Path | None, kind: str, schema: Schema) -> Model | None:
    """The serving model, whose segments' names are kept; None, with a line in the log, where it cannot be asked."""
    archives = sorted(folder.glob("**/*.tar.gz")) if folder is not None and folder.is_dir() else []
    if not archives:
        return None
    try:
        with tempfile.TemporaryDirectory() as scratch:
            opening.opened(archives[0], Path(scratch) / "champion")
            model = Model.load(Path(scratch) / "champion", exact=True)
    except ArtifactError as error:
        print(f"segments get new names: the champion cannot be read: {error}", flush=True)
        return None
    known = Labels(kind, model.labels.target, model.labels.classes)
    if why := comparable.why_not(model, known, schema):
        print(f"segments get new names: {why.removesuffix(f'; {comparable.WHAT_TO_DO}')}", flush=True)
        return None
    return model


def _told(learned: Learned) -> str:
    facts = learned.facts
    told = [f"fitted_rows={facts['fitted_rows']}"]
    if "names" in facts:
        told.append(f"segments={len(learned.classes)}")
        names = facts["names"]
        if names.get("champion"):
            told.append(f"kept_names={names['kept']} new_names={names['new']} gone_names={names['gone']}")
    if "stability" in facts:
        told.append(f"stability={facts['stability']:.3f}")
    return " ".join(told)
