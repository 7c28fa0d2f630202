"""Compare candidate, baseline and champion on the same held-out rows: the SageMaker processing job.

Reads artefacts (model.tar.gz), verifies their manifests, scores with the numpy scorers that serve, and writes
evaluation.json, predictions.npz, baseline.json, reference.jsonl, plots.json and held_out.jsonl (docs/architecture.md).
Any error is one line on stderr and exit code 1. Needs no scikit-learn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import comparable
import contributions
import numpy as np
import rivals
from evaluation_files import common_members, latency, load_model, write_held_out, write_json, write_reference
from evidence import evidence, size_of
from gate_evidence import gate_evidence
from unsupervised import evaluation as unlabelled

from channels import crash, read_contract, read_rows
from sluice.model import metrics
from sluice.model.bootstrap import paired_difference
from sluice.model.errors import ArtifactError, DataError, ModelError
from sluice.model.family_names import members_of
from sluice.model.intervals import intervals
from sluice.model.labels import SUPPORTED, UNLABELLED
from sluice.model.metrics import Metric
from sluice.model.model import Model
from sluice.model.reference import one_score, reference_profile
from sluice.model.schema import Row, Schema
from sluice.model.shortening import shortened

BASE = Path("/opt/ml/processing")
CONFIDENCE = 0.95


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("test", "contract", "candidate", "baseline", "champion", "anchor"):
        parser.add_argument(f"--{name}", type=Path, default=BASE / "input" / name)
    parser.add_argument("--output", type=Path, default=BASE / "output" / "evaluation")
    parser.add_argument(
        "--message",
        type=Path,
        default=Path("/opt/ml/output/message"),
        help="SageMaker makes this the job's ExitMessage",
    )
    return parser.parse_args(argv)


def confidence_of(contract: dict[str, Any], metric: str) -> float:
    """The strictest confidence that a gate with a paired interval of this metric asks for, else CONFIDENCE."""
    asked = [
        float(gate["confidence"])
        for gate in contract.get("gates") or ()
        if gate.get("metric") == metric
        and (gate.get("not_worse_than_champion_by") is not None or gate.get("above_baseline_by") is not None)
        and gate.get("confidence")
    ]
    return max(asked, default=CONFIDENCE)


def describe(model: Model, y: np.ndarray, scores: np.ndarray, rows: Sequence[Row], contract: dict) -> dict[str, Any]:
    return {
        "metrics": metrics.compute(model.labels.problem, y, scores, contract.get("business"), model.threshold),
        "family": model.family,
        "members": members_of(model.training.get("trials") or []),
        "run_id": model.run_id,
        "artifact_sha256": model.artifact_sha256,
        "latency_ms": latency(model, rows),
        "serving": model.serving,
    }


def aligned(model: Model, classes: tuple[Any, ...], scores: np.ndarray, role: str) -> np.ndarray:
    """Scores in the candidate's class order. Raises ArtifactError when the models do not know the same labels."""
    if model.labels.classes == classes:
        return scores
    if set(model.labels.classes) != set(classes):
        raise ArtifactError(f"input {role}: its classes are not the candidate's; the models cannot be compared")
    return scores[:, [model.labels.classes.index(label) for label in classes]]


@dataclass(frozen=True)
class Inputs:
    """The job's files as they were read, and what follows from them: labels, scores and metrics."""

    contract: dict[str, Any]
    schema: Schema
    rows: Sequence[Row]
    models: dict[str, Model]
    """Candidate and baseline."""
    sizes: dict[str, int]
    """Bytes of these two."""
    parts: contributions.Parts
    others: rivals.Rivals

    @classmethod
    def read(cls, arguments: argparse.Namespace, contract: dict[str, Any]) -> Inputs:
        """Raises ModelError."""
        problem, schema = contract["problem"], Schema.from_contract(contract)
        rows = read_rows(arguments.test, schema, "test", needed={problem["target"]})
        with tempfile.TemporaryDirectory() as scratch:
            folders = {role: Path(scratch) / role for role in ("candidate", "baseline")}
            models = {role: load_model(getattr(arguments, role), role, Path(scratch)) for role in folders}
            parts = contributions.read(folders["candidate"])
            sizes = {role: size_of(folder) for role, folder in folders.items()}
            others = rivals.load(arguments, Path(scratch), models["candidate"].labels, schema, rows)
        for role, model in models.items():
            if (model.labels.problem, model.labels.target) != (problem["type"], problem["target"]):
                raise ArtifactError(f"input {role}: trained for another problem than the contract's")
        return cls(contract, schema, rows, models, sizes, parts, others)

    @property
    def candidate(self) -> Model:
        return self.models["candidate"]

    @property
    def kind(self) -> str:
        return str(self.contract["problem"]["type"])

    @property
    def business(self) -> dict[str, Any] | None:
        return self.contract.get("business")

    @cached_property
    def y(self) -> np.ndarray:
        return self.candidate.labels.encode(self.rows, "channel test")

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """The scores of candidate and baseline, in the candidate's class order."""
        classes = self.candidate.labels.classes
        return {role: aligned(model, classes, model.score(self.rows), role) for role, model in self.models.items()}

    @cached_property
    def own_metrics(self) -> dict[str, dict[str, Metric]]:
        """The metrics of candidate and baseline, each at its own decision threshold."""
        return {
            role: metrics.metrics_of(self.kind, self.business, model.threshold) for role, model in self.models.items()
        }

    @property
    def scores_of_all_rows(self) -> dict[str, np.ndarray]:
        """The scores of all models except those that were trained on some of the test rows."""
        whole = {role: of for role, of in self.others.scores.items() if self.others.has_all(role, len(self.rows))}
        return {**self.scores, **whole}


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job; answers what evaluation.json holds. Raises ModelError."""
    contract = read_contract(arguments.contract)
    kind = contract["problem"].get("type")
    if kind in UNLABELLED:
        return unlabelled.evaluate(arguments, contract, lambda metric: confidence_of(contract, metric))
    if kind not in SUPPORTED:
        raise ModelError(f"problem type {kind!r} cannot be evaluated yet; supported: {', '.join(SUPPORTED)}")
    given = Inputs.read(arguments, contract)
    schema, rows, candidate, others = given.schema, given.rows, given.candidate, given.others
    if why := comparable.unknown_classes(candidate.labels, rows):
        return unmeasured(arguments, contract, candidate, len(rows), {**others.not_compared, "candidate": why})
    y, ours, known = given.y, given.scores["candidate"], given.own_metrics["candidate"]
    metric = contract["problem"]["metric"]
    if metric not in known:
        raise DataError(f"channel contract: problem.metric {metric!r} is not for {kind}; known: {', '.join(known)}")
    learned = {role: model.training for role, model in given.models.items()}
    result: dict[str, Any] = {
        **common_members(contract, candidate, len(rows), others.not_compared),
        **{
            role: {**describe(model, y, given.scores[role], rows, contract), "size_bytes": given.sizes[role]}
            for role, model in given.models.items()
        },
        **comparisons(given),
        "compared": others.compared,
        **gate_evidence(contract, schema, rows, y, ours, known, candidate.threshold),
        **{name: learned["baseline"].get(name) for name in ("leakage", "exploration")},
        "similar_values": learned["baseline"].get("similar_values") or {},
        **{name: learned["candidate"].get(name) for name in ("learning_curve", "search", "window")},
        "intervals": intervals_of(given),
    }
    told, plots = evidence(
        candidate, given.parts, schema, rows, y, given.scores_of_all_rows, contract, known, result["slices"]
    )
    result |= told
    result["undefined"] = comparable.undefined(known, result["candidate"]["metrics"], candidate.labels, y)
    if "champion" in others.models and kind != "multiclass":
        at = others.kept["champion"]
        both = one_score(kind, ours[at]), one_score(kind, others.scores["champion"][at])
        result |= comparable.scores_side_by_side(candidate, others.models["champion"], *both)
    if kind == "binary":
        result["thresholds"] = {"classification": candidate.threshold}
        if given.business and metrics.money_metrics(kind, given.business):
            result["thresholds"]["profit"] = metrics.break_even(given.business)
    write(arguments.output, given, plots, result)
    return result


def comparisons(given: Inputs) -> dict[str, Any]:
    """Champion and anchor, and how the candidate differs from them and from the baseline: by the contract's metric,
    and by each one that a gate compares."""
    contract, others, business = given.contract, given.others, given.business
    metric, known = contract["problem"]["metric"], given.own_metrics["candidate"]
    gated = {
        gate["metric"]
        for gate in contract.get("gates") or ()
        if gate.get("metric") in known
        and (gate.get("not_worse_than_champion_by") is not None or gate.get("above_baseline_by") is not None)
    }
    chosen = {name: known[name] for name in (metric, *sorted(gated - {metric}))}
    confidences = {name: confidence_of(contract, name) for name in chosen}
    y, ours, baseline = given.y, given.scores["candidate"], given.scores["baseline"]
    own = given.own_metrics["baseline"]
    return {
        "champion": others.measured("champion", y, business),
        "anchor": others.measured("anchor", y, business),
        "paired": others.paired("champion", chosen, confidences, y, ours, business),
        "paired_anchor": others.paired("anchor", chosen, confidences, y, ours, business),
        "paired_baseline": {
            name: paired_difference(of, y, ours, baseline, confidences[name], other=own[name])
            for name, of in chosen.items()
        },
    }


def intervals_of(given: Inputs) -> dict[str, Any]:
    """Intervals of every metric of every model. Those of a rival leave out the rows that it was trained on."""
    y, others, everyone = given.y, given.others, given.scores_of_all_rows
    own = {**given.own_metrics, **others.metrics(given.business)}
    with_classes = bool(given.candidate.labels.classes)
    found = intervals(given.own_metrics["candidate"], y, everyone, classes=with_classes, own=own)
    for role in others.models.keys() - everyone.keys():
        at = others.kept[role]
        theirs = intervals(own[role], y[at], {role: others.scores[role][at]}, classes=with_classes)
        found["models"] |= theirs["models"]
    return found


def write(output: Path, given: Inputs, plots: dict[str, Any], result: dict[str, Any]) -> None:
    schema, rows, scores = given.schema, given.rows, given.scores
    output.mkdir(parents=True, exist_ok=True)
    np.savez(output / "predictions.npz", allow_pickle=False, y=given.y, **scores, **given.others.scores)
    profile = reference_profile(schema, rows, one_score(given.kind, scores["candidate"]))
    write_json(output / "baseline.json", profile)
    answers = given.candidate.answers(scores["candidate"])
    write_reference(output / "reference.jsonl", rows, schema, given.contract, answers)
    write_json(output / "plots.json", plots)
    write_held_out(output / "held_out.jsonl", rows, schema, given.contract["problem"]["target"])
    # Last, because its presence says that the evaluation is complete.
    write_json(output / "evaluation.json", result)


def unmeasured(
    arguments: argparse.Namespace, contract: dict[str, Any], candidate: Model, rows: int, why: dict[str, str]
) -> dict[str, Any]:
    """Writes an evaluation without metrics, which says why: every gate is inconclusive for that reason."""
    identity = {"family": candidate.family, "run_id": candidate.run_id, "artifact_sha256": candidate.artifact_sha256}
    result = {**common_members(contract, candidate, rows, why), "candidate": {**identity, "metrics": {}}}
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output / "evaluation.json", result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        result = evaluate(arguments)
    except Exception as error:
        known = isinstance(error, ModelError)
        reason = str(error) if known else crash(error)
        say_why(arguments.message, reason)
        print(f"evaluate.py: error: {reason}", file=sys.stderr, flush=True)
        if not known:
            raise
        return 1
    for name, value in result["candidate"]["metrics"].items():
        print(f"test:{name}={value!r}", flush=True)
    return 0


def say_why(path: Path, reason: str) -> None:
    """Writes the failure where SageMaker reads it; without it a failed job says only "See job logs"."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shortened(reason, 1_000, "the job's log"), encoding="utf-8")
    except OSError as error:
        print(f"evaluate.py: the reason could not be written to {path}: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
