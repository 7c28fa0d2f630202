"""Candidate, baseline and champion of a problem without labels, on the same test rows. Needs no scikit-learn.

Distances are measured in the candidate's space for all three, so that a silhouette compares divisions and not spaces.
Labels of anomalies, where rows have them, are used here and nowhere else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import comparable
import drawings
import numpy as np
import rivals
from evaluation_files import common_members, latency, load_model, write_held_out, write_json, write_reference
from gate_evidence import of_gates

from channels import read_rows
from sluice.model import anomaly_metrics, metrics, segment_metrics
from sluice.model.bootstrap import paired_difference
from sluice.model.errors import ArtifactError
from sluice.model.intervals import intervals
from sluice.model.metrics.weighting import Metric, mean
from sluice.model.model import Model
from sluice.model.reference import one_score, reference_profile
from sluice.model.schema import Row, Schema, category
from sluice.model.slices import large, left_out, segments
from unsupervised.profiles import segment_profiles

MEAN_OF_ROWS = Metric(lambda y, value, weights: mean(value, weights))
OWN = ("candidate", "baseline")
Confidence = Callable[[str], float]


@dataclass(frozen=True)
class Inputs:
    """The job's files as they were read, with all models beside each other: candidate, baseline, and the rivals."""

    contract: Mapping[str, Any]
    schema: Schema
    rows: Sequence[Row]
    models: dict[str, Model]
    scores: dict[str, np.ndarray]
    kept: dict[str, np.ndarray]
    """Role → places of the rows that the model was not trained on."""
    others: rivals.Rivals

    @classmethod
    def read(cls, arguments: argparse.Namespace, contract: Mapping[str, Any]) -> Inputs:
        """Raises ModelError."""
        schema = Schema.from_contract(contract)
        rows = read_rows(arguments.test, schema, "test", needed=set())
        with tempfile.TemporaryDirectory() as scratch:
            own = {role: load_model(getattr(arguments, role), role, Path(scratch)) for role in OWN}
            for role, model in own.items():
                if model.labels.problem != contract["problem"]["type"]:
                    raise ArtifactError(f"input {role}: trained for another problem than the contract's")
            others = rivals.load(arguments, Path(scratch), own["candidate"].labels, schema, rows)
        scores = {role: model.score(rows) for role, model in own.items()}
        scores |= {role: others.scores[role] for role in others.models}
        kept = {**dict.fromkeys(own, np.arange(len(rows))), **others.kept}
        return cls(contract, schema, rows, own | others.models, scores, kept, others)

    @property
    def kind(self) -> str:
        return str(self.contract["problem"]["type"])

    @property
    def candidate(self) -> Model:
        return self.models["candidate"]

    @property
    def models_of_all_rows(self) -> list[str]:
        """Roles of the models that were trained on none of the test rows."""
        return [role for role in self.models if len(self.kept[role]) == len(self.rows)]


class Found(NamedTuple):
    """What is measured of a problem's type."""

    metrics: Mapping[str, dict[str, float]]
    paired: Callable[[str], dict[str, Any]]
    """Role → metric → the candidate's difference from it, with its interval."""
    slices: dict[str, Any]
    undefined: dict[str, str]
    facts: dict[str, Any]
    truth: np.ndarray
    also: dict[str, Any]
    """Further members of evaluation.json."""
    plots: dict[str, Any]


def evaluate(arguments: argparse.Namespace, contract: Mapping[str, Any], confidence: Confidence) -> dict[str, Any]:
    """The whole job; answers what evaluation.json holds. Raises ModelError."""
    given = Inputs.read(arguments, contract)
    models, others = given.models, given.others
    found = (_segments if given.kind == "clustering" else _anomalies)(given, confidence)
    result: dict[str, Any] = {
        **common_members(contract, given.candidate, len(given.rows), others.not_compared),
        **{role: _described(model, found.metrics[role]) for role, model in models.items()},
        "paired": found.paired("champion") if "champion" in models else None,
        "paired_anchor": found.paired("anchor") if "anchor" in models else None,
        "paired_baseline": found.paired("baseline"),
        "compared": others.compared,
        "slices": found.slices,
        "slices_left_out": left_out(given.schema, given.rows),
        "exploration": models["baseline"].training.get("exploration"),
        "undefined": found.undefined,
        "unlabelled": {**found.facts, "training": _training(given.candidate)},
        **found.also,
    }
    for role in OWN:
        result[role] |= {"latency_ms": latency(models[role], given.rows), "serving": models[role].serving}
    _write(arguments.output, given, found, result)
    return result


def _write(output: Path, given: Inputs, found: Found, result: dict[str, Any]) -> None:
    schema, rows, candidate, scores = given.schema, given.rows, given.candidate, given.scores
    output.mkdir(parents=True, exist_ok=True)
    np.savez(output / "predictions.npz", allow_pickle=False, y=found.truth, **scores)
    profile = reference_profile(schema, rows, one_score(given.kind, scores["candidate"]))
    said = candidate.answers(scores["candidate"])
    answers = [category(each["prediction"]) for each in said.records()]
    names = [category(name) for name in candidate.labels.classes]
    profile["predictions"] = {name: answers.count(name) / len(answers) for name in names}
    write_json(output / "baseline.json", profile)
    write_reference(output / "reference.jsonl", rows, schema, given.contract, said)
    write_held_out(output / "held_out.jsonl", rows, schema, given.contract["problem"].get("target") or "")
    write_json(output / "plots.json", found.plots)
    # Last, because its presence says that the evaluation is complete.
    write_json(output / "evaluation.json", result)


def _described(model: Model, measured: dict[str, float]) -> dict[str, Any]:
    return {
        "metrics": {**measured, **_stability(model)},
        "family": model.family,
        "run_id": model.run_id,
        "artifact_sha256": model.artifact_sha256,
    }


def _stability(model: Model) -> dict[str, float]:
    """Measured in training, which can fit again; the baseline has none."""
    value = model.training.get("stability")
    return {} if value is None else {"stability": float(value)}


def _training(model: Model) -> dict[str, Any]:
    told = ("clusters", "tried", "contamination", "flagged", "fitted_rows", "rows", "names", "words_left_out")
    return {name: model.training[name] for name in told if name in model.training}


def _segments(given: Inputs, confidence: Confidence) -> Found:
    candidate, models, rows, kept = given.candidate, given.models, given.rows, given.kept
    space: Any = candidate.scorer
    points = space.space(candidate.encoder.encode(rows))
    labels = {role: each.argmax(axis=1) for role, each in given.scores.items()}
    measured = {
        role: segment_metrics.measured(points[kept[role]], labels[role][kept[role]], len(model.labels.classes))
        for role, model in models.items()
    }

    def silhouettes(role: str, places: np.ndarray) -> np.ndarray:
        return segment_metrics.silhouettes(points[places], labels[role][places])

    def paired(other: str) -> dict[str, Any]:
        places = kept[other][segment_metrics.sampled(len(kept[other]))]
        ours, theirs = silhouettes("candidate", places), silhouettes(other, places)
        return {
            "silhouette": paired_difference(MEAN_OF_ROWS, np.zeros(len(places)), ours, theirs, confidence("silhouette"))
        }

    classes = [str(name) for name in candidate.labels.classes]
    facts: dict[str, Any] = {"segments": segment_profiles(candidate.encoder.schema, rows, labels["candidate"], classes)}
    if "champion" in models:
        at = kept["champion"]
        theirs = np.array([str(name) for name in models["champion"].labels.classes])[labels["champion"][at]]
        own = np.array(classes)[labels["candidate"][at]]
        facts["agreement"] = {
            "adjusted_rand": segment_metrics.adjusted_rand(own, theirs),
            "same_name": float(np.mean(own == theirs)),
        }
    undefined = {
        name: segment_metrics.why_undefined(name, labels["candidate"])
        for name in (*segment_metrics.METRICS, "stability")
        if name not in {**measured["candidate"], **_stability(candidate)}
    }  # fmt: skip
    chosen = segment_metrics.sampled(len(rows))
    few, own = [rows[place] for place in chosen], silhouettes("candidate", chosen)
    zeros, known = np.zeros(len(chosen)), {"silhouette": MEAN_OF_ROWS}
    everyone = {role: silhouettes(role, chosen) for role in given.models_of_all_rows}
    return Found(
        metrics=measured,
        paired=paired,
        slices=_by_slice(candidate.encoder.schema, few, own),
        undefined=undefined,
        facts=facts,
        truth=labels["candidate"],
        also={
            **of_gates(given.contract, given.schema, few, zeros, own, known),
            "intervals": intervals(known, zeros, everyone, classes=False),
        },
        plots={},
    )


def _by_slice(schema: Schema, rows: Sequence[Row], silhouettes: np.ndarray) -> dict[str, Any]:
    """Column → value → its rows and mean silhouette, as `slices.by_slice` has other metrics."""

    def measured(places: np.ndarray) -> dict[str, Any]:
        mean_of = float(np.mean(silhouettes[places]))
        return {"rows": len(places), "silhouette": mean_of} if np.isfinite(mean_of) else {}

    return _of_values(schema, rows, measured)


def _of_values(schema: Schema, rows: Sequence[Row], measured: Callable[[np.ndarray], dict[str, Any]]) -> dict[str, Any]:
    """Column → value → what is measured of its rows' places, if that is anything; of values with MIN_ROWS rows."""
    answer: dict[str, Any] = {}
    for name in schema.features:
        if schema.types[name] not in ("category", "boolean"):
            continue
        names, place_of = segments(schema, rows, name, 0)
        groups = {names[number]: np.flatnonzero(place_of == number) for number in large(names, place_of)}
        if found := {value: each for value, places in groups.items() if (each := measured(places))}:
            answer[name] = found
    return answer


def _anomalies(given: Inputs, confidence: Confidence) -> Found:
    contract, rows, scores, kept = given.contract, given.rows, given.scores, given.kept
    truth = anomaly_metrics.truths(contract, rows)
    known = ~np.isnan(truth)
    y = truth[known].astype(np.int64)
    own = {role: each[:, 1] for role, each in scores.items()}
    measured = {role: anomaly_metrics.measured(each[kept[role]], truth[kept[role]]) for role, each in own.items()}

    def paired(other: str) -> dict[str, Any]:
        at = kept[other][known[kept[other]]]
        labels = truth[at].astype(np.int64)
        if not labels.any():
            return {}
        return {
            name: paired_difference(metric, labels, scores["candidate"][at], scores[other][at], confidence(name))
            for name, metric in _labelled_metrics().items()
        }

    facts: dict[str, Any] = {
        "score_quantiles": anomaly_metrics.quantiles(own["candidate"]),
        "labelled_rows": int(known.sum()),
        "labelled_anomalies": int(y.sum()),
    }
    also: dict[str, Any] = {"thresholds": {"classification": metrics.THRESHOLD}}
    if "champion" in given.models:
        at = kept["champion"]
        both = scores["candidate"][at, 1], scores["champion"][at, 1]
        also |= comparable.scores_side_by_side(given.models["candidate"], given.models["champion"], *both)
        ours, theirs = (own[role][kept["champion"]] for role in ("candidate", "champion"))
        agreement = {
            "rank": anomaly_metrics.rank_agreement(ours, theirs),
            "flagged": anomaly_metrics.flagged_agreement(ours, theirs),
        }
        facts["agreement"] = {name: value for name, value in agreement.items() if np.isfinite(value)}
    target = contract["problem"].get("target")
    why = f"no test row is labelled as an anomaly ({known.sum():,} rows have a label)"
    why = why if target else "the contract names no problem.target, by which anomalies could be counted"
    undefined = {name: why for name in anomaly_metrics.LABELLED if name not in measured["candidate"]}
    everyone = {role: scores[role] for role in given.models_of_all_rows}
    if y.any():
        of = {role: each[known] for role, each in everyone.items()}
        also["intervals"] = intervals(_labelled_metrics(), y, of, classes=True)
    return Found(
        metrics=measured,
        paired=paired,
        slices=_flagged_by_slice(given.candidate.encoder.schema, own["candidate"], truth, rows),
        undefined=undefined,
        facts=facts,
        truth=truth,
        also=also | _of_anomaly_gates(given, truth),
        plots=drawings.unlabelled(truth, everyone),
    )


def _labelled_metrics() -> dict[str, Metric]:
    return {name: metrics.METRICS["binary"][name] for name in anomaly_metrics.LABELLED}


def _of_anomaly_gates(given: Inputs, truth: np.ndarray) -> dict[str, Any]:
    """Metrics of labels on the rows that have one; the share that is flagged on all."""
    contract, schema, rows, scores = given.contract, given.schema, given.rows, given.scores["candidate"]
    flagged = {"flagged_share": Metric(lambda y, p, w: mean((p[:, 1] >= metrics.THRESHOLD).astype(np.float64), w))}
    found = of_gates(contract, schema, rows, np.zeros(len(rows)), scores, flagged)
    at = np.flatnonzero(~np.isnan(truth))
    y = truth[at].astype(np.int64)
    if not y.any():
        return found
    more = of_gates(contract, schema, [rows[place] for place in at.tolist()], y, scores[at], _labelled_metrics())
    return {"gaps": found["gaps"] + more["gaps"], "gate_intervals": found["gate_intervals"] | more["gate_intervals"]}


def _flagged_by_slice(schema: Schema, scores: np.ndarray, truth: np.ndarray, rows: Sequence[Row]) -> dict[str, Any]:
    """Column → value → its rows, labelled anomalies and metrics."""

    def measured(places: np.ndarray) -> dict[str, Any]:
        found = {"rows": len(places), **anomaly_metrics.measured(scores[places], truth[places])}
        return found if np.isnan(truth).all() else {**found, "positives": int(np.nansum(truth[places]))}

    return _of_values(schema, rows, measured)
