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
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import comparable
import contributions
import numpy as np
import rivals
from evaluation_files import latency, load_model, write_held_out, write_json, write_reference
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
from sluice.model.model import Model
from sluice.model.reference import one_score, reference_profile
from sluice.model.schema import Row, Schema
from sluice.model.score_bins import expected_scores
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


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job; answers what evaluation.json holds. Raises ModelError."""
    contract = read_contract(arguments.contract)
    kind = contract["problem"].get("type")
    if kind in UNLABELLED:
        return unlabelled.evaluate(arguments, contract, lambda metric: confidence_of(contract, metric))
    if kind not in SUPPORTED:
        raise ModelError(f"problem type {kind!r} cannot be evaluated yet; supported: {', '.join(SUPPORTED)}")
    schema = Schema.from_contract(contract)
    rows = read_rows(arguments.test, schema, "test", needed={contract["problem"]["target"]})
    with tempfile.TemporaryDirectory() as scratch:
        models = {role: load_model(getattr(arguments, role), role, Path(scratch)) for role in ("candidate", "baseline")}
        candidate = models["candidate"]
        parts = contributions.read(Path(scratch) / "candidate")
        sizes = {role: size_of(Path(scratch) / role) for role in models}
        others = rivals.load(arguments, Path(scratch), candidate.labels, schema, rows)
    for role, model in models.items():
        if (model.labels.problem, model.labels.target) != (kind, contract["problem"]["target"]):
            raise ArtifactError(f"input {role}: trained for another problem than the contract's")
    if why := comparable.unknown_classes(candidate.labels, rows):
        return unmeasured(arguments, contract, candidate, len(rows), {**others.not_compared, "candidate": why})
    y = candidate.labels.encode(rows, "channel test")
    classes = candidate.labels.classes
    scores = {role: aligned(model, classes, model.score(rows), role) for role, model in models.items()}

    metric = contract["problem"]["metric"]
    business = contract.get("business")
    own = {role: metrics.metrics_of(kind, business, model.threshold) for role, model in models.items()}
    known = own["candidate"]
    if metric not in known:
        raise DataError(f"channel contract: problem.metric {metric!r} is not for {kind}; known: {', '.join(known)}")
    compared = [metric]
    compared += sorted(
        {
            gate["metric"]
            for gate in contract.get("gates") or ()
            if gate.get("metric") in known
            and (gate.get("not_worse_than_champion_by") is not None or gate.get("above_baseline_by") is not None)
        }
        - {metric}
    )

    chosen = {name: known[name] for name in compared}
    confidences = {name: confidence_of(contract, name) for name in compared}
    ours = scores["candidate"]
    result: dict[str, Any] = {
        "metric": metric,
        "lower_is_better": metric in metrics.LOWER_IS_BETTER,
        "problem": kind,
        "rows": len(rows),
        **{role: describe(model, y, scores[role], rows, contract) for role, model in models.items()},
        "champion": others.measured("champion", y, business),
        "anchor": others.measured("anchor", y, business),
        "paired": others.paired("champion", chosen, confidences, y, ours, business),
        "paired_anchor": others.paired("anchor", chosen, confidences, y, ours, business),
        "paired_baseline": {
            name: paired_difference(metric, y, ours, scores["baseline"], confidences[name], other=own["baseline"][name])
            for name, metric in chosen.items()
        },
        "compared": others.compared,
        **gate_evidence(contract, schema, rows, y, ours, known, candidate.threshold),
        "not_compared": others.not_compared,
        "encoding": candidate.left_out,
        "leakage": models["baseline"].training.get("leakage"),
        "exploration": models["baseline"].training.get("exploration"),
        "similar_values": models["baseline"].training.get("similar_values") or {},
        "learning_curve": candidate.training.get("learning_curve"),
        "search": candidate.training.get("search"),
        "window": candidate.training.get("window"),
    }
    for role in models:
        result[role]["size_bytes"] = sizes[role]
    # a rival that was trained on some of the rows has no curve over all of them, and intervals of its own rows
    whole = {role: of for role, of in others.scores.items() if len(others.kept.get(role, ())) == len(rows)}
    everyone = {**scores, **whole}
    theirs = {**own, **others.metrics(business)}
    result["intervals"] = intervals(known, y, everyone, classes=bool(classes), own=theirs)
    for role in others.models.keys() - whole.keys():
        at = others.kept[role]
        mine = intervals(theirs[role], y[at], {role: others.scores[role][at]}, classes=bool(classes))
        result["intervals"]["models"] |= mine["models"]
    told, plots = evidence(candidate, parts, schema, rows, y, everyone, contract, known, result["slices"])
    result |= told
    result["undefined"] = comparable.undefined(known, result["candidate"]["metrics"], candidate.labels, y)
    if "champion" in others.models and kind != "multiclass":
        at = others.kept["champion"]
        result["scores"] = expected_scores(one_score(kind, ours[at]), one_score(kind, others.scores["champion"][at]))
    if kind == "binary":
        result["thresholds"] = {"classification": candidate.threshold}
        if business and metrics.money_metrics(kind, business):
            result["thresholds"]["profit"] = metrics.break_even(business)
    arguments.output.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.output / "predictions.npz", allow_pickle=False, y=y, **scores, **others.scores)
    profile = reference_profile(schema, rows, one_score(kind, scores["candidate"]))
    write_json(arguments.output / "baseline.json", profile)
    answers = candidate.answers(scores["candidate"])
    write_reference(arguments.output / "reference.jsonl", rows, schema, contract, answers)
    write_json(arguments.output / "plots.json", plots)
    write_held_out(arguments.output / "held_out.jsonl", rows, schema, contract["problem"]["target"])
    # Last, because its presence says that the evaluation is complete.
    write_json(arguments.output / "evaluation.json", result)
    return result


def unmeasured(
    arguments: argparse.Namespace, contract: dict[str, Any], candidate: Model, rows: int, why: dict[str, str]
) -> dict[str, Any]:
    """Writes an evaluation without metrics, which says why: every gate is inconclusive for that reason."""
    identity = {"family": candidate.family, "run_id": candidate.run_id, "artifact_sha256": candidate.artifact_sha256}
    result = {
        "metric": contract["problem"]["metric"],
        "lower_is_better": contract["problem"]["metric"] in metrics.LOWER_IS_BETTER,
        "problem": candidate.labels.problem,
        "rows": rows,
        "candidate": {**identity, "metrics": {}},
        "baseline": None,
        "champion": None,
        "paired": None,
        "paired_baseline": None,
        "slices": {},
        "not_compared": why,
        "undefined": {},
        "encoding": candidate.left_out,
    }
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
