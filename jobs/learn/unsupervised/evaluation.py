"""Candidate, baseline and champion of a problem without labels, on the same test rows. Needs no scikit-learn.

Distances are measured in the candidate's space for all three, so that a silhouette compares divisions and not spaces.
Labels of anomalies, where rows have them, are used here and nowhere else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import drawings
import numpy as np
import rivals
from evaluation_files import latency, load_model, write_held_out, write_json, write_reference
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
from sluice.model.score_bins import expected_scores
from sluice.model.slices import MIN_ROWS, left_out
from unsupervised.profiles import segment_profiles

MEAN_OF_ROWS = Metric(lambda y, value, weights: mean(value, weights))
Scores = dict[str, np.ndarray]
Confidence = Callable[[str], float]


def evaluate(arguments: argparse.Namespace, contract: Mapping[str, Any], confidence: Confidence) -> dict[str, Any]:
    """The whole job; answers what evaluation.json holds. Raises ModelError."""
    kind = contract["problem"]["type"]
    schema = Schema.from_contract(contract)
    rows = read_rows(arguments.test, schema, "test", needed=set())
    with tempfile.TemporaryDirectory() as scratch:
        models = {role: load_model(getattr(arguments, role), role, Path(scratch)) for role in ("candidate", "baseline")}
        for role, model in models.items():
            if model.labels.problem != kind:
                raise ArtifactError(f"input {role}: trained for another problem than the contract's")
        candidate = models["candidate"]
        others = rivals.load(arguments, Path(scratch), candidate.labels, schema, rows)
    scores = {role: model.score(rows) for role, model in models.items()}
    scores |= {role: others.scores[role] for role in others.models}
    kept = {**dict.fromkeys(models, np.arange(len(rows))), **others.kept}
    models |= others.models
    measure = _segments if kind == "clustering" else _anomalies
    found = measure(contract, models, scores, kept, rows, confidence)
    metric = contract["problem"]["metric"]
    result: dict[str, Any] = {
        "metric": metric,
        "lower_is_better": metric in metrics.LOWER_IS_BETTER,
        "problem": kind,
        "rows": len(rows),
        **{role: _described(model, found.metrics[role]) for role, model in models.items()},
        "paired": found.paired("champion") if "champion" in models else None,
        "paired_anchor": found.paired("anchor") if "anchor" in models else None,
        "paired_baseline": found.paired("baseline"),
        "compared": others.compared,
        "slices": found.slices,
        "slices_left_out": left_out(schema, rows),
        **found.of_gates,
        "not_compared": others.not_compared,
        "encoding": candidate.encoder.left_out,
        "exploration": models["baseline"].training.get("exploration"),
        "undefined": found.undefined,
        "unlabelled": {**found.facts, "training": _training(candidate)},
    }
    for role in ("candidate", "baseline"):
        result[role] |= {"latency_ms": latency(models[role], rows), "serving": models[role].serving}
    for role in ("champion", "anchor"):
        result.setdefault(role, None)
    everyone = {role: of for role, of in scores.items() if len(kept[role]) == len(rows)}
    plots: dict[str, Any] = {}
    if kind == "anomaly":
        labelled = np.isfinite(found.truth)
        plots = drawings.unlabelled(found.truth, everyone)
        if found.truth[labelled].any():
            chosen = {name: metrics.METRICS["binary"][name] for name in anomaly_metrics.LABELLED}
            truths = found.truth[labelled].astype(np.int64)
            of = {role: each[labelled] for role, each in everyone.items()}
            result["intervals"] = intervals(chosen, truths, of, classes=True)
        result["thresholds"] = {"classification": metrics.THRESHOLD}
        if "champion" in models:
            at = kept["champion"]
            result["scores"] = expected_scores(scores["candidate"][at, 1], scores["champion"][at, 1])
    arguments.output.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.output / "predictions.npz", allow_pickle=False, y=found.truth, **scores)
    profile = reference_profile(schema, rows, one_score(kind, scores["candidate"]))
    said = candidate.answers(scores["candidate"])
    answers = [category(each["prediction"]) for each in said.records()]
    names = [category(name) for name in candidate.labels.classes]
    profile["predictions"] = {name: answers.count(name) / len(answers) for name in names}
    write_json(arguments.output / "baseline.json", profile)
    write_reference(arguments.output / "reference.jsonl", rows, schema, contract, said)
    write_held_out(arguments.output / "held_out.jsonl", rows, schema, contract["problem"].get("target") or "")
    write_json(arguments.output / "plots.json", plots)
    # Last, because its presence says that the evaluation is complete.
    write_json(arguments.output / "evaluation.json", result)
    return result


class _Found:
    """`paired`: role → metric → the candidate's difference, with its interval."""

    def __init__(
        self,
        measured: Mapping[str, dict[str, float]],
        paired: Callable[[str], dict[str, Any]],
        slices: dict[str, Any],
        undefined: dict[str, str],
        facts: dict[str, Any],
        truth: np.ndarray,
        of_gates: dict[str, Any],
    ) -> None:
        self.metrics, self.paired, self.slices = measured, paired, slices
        self.undefined, self.facts, self.truth, self.of_gates = undefined, facts, truth, of_gates


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
    told = ("clusters", "tried", "fitted_rows", "rows", "names", "words_left_out")
    return {name: model.training[name] for name in told if name in model.training}


def _segments(
    contract: Mapping[str, Any],
    models: Mapping[str, Model],
    scores: Scores,
    kept: Mapping[str, np.ndarray],
    rows: list[Any],
    confidence: Confidence,
) -> _Found:
    candidate = models["candidate"]
    space: Any = candidate.scorer
    points = space.space(candidate.encoder.encode(rows))
    labels = {role: each.argmax(axis=1) for role, each in scores.items()}
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
    why = f"all {len(rows):,} test rows are in one segment"
    undefined = {
        name: why for name in (*segment_metrics.METRICS, "stability")
        if name not in {**measured["candidate"], **_stability(candidate)}
    }  # fmt: skip
    chosen = segment_metrics.sampled(len(rows))
    few, own = [rows[place] for place in chosen], silhouettes("candidate", chosen)
    slices = _by_slice(candidate.encoder.schema, few, own)
    schema, zeros, known = Schema.from_contract(contract), np.zeros(len(chosen)), {"silhouette": MEAN_OF_ROWS}
    decided = of_gates(contract, schema, few, zeros, own, known)
    everyone = {role: silhouettes(role, chosen) for role in models if len(kept[role]) == len(rows)}
    decided["intervals"] = intervals(known, zeros, everyone, classes=False)
    return _Found(measured, paired, slices, undefined, facts, labels["candidate"], decided)


def _by_slice(schema: Schema, rows: Sequence[Row], silhouettes: np.ndarray) -> dict[str, Any]:
    """Column → value → its rows and mean silhouette, as `slices.by_slice` has other metrics."""
    answer: dict[str, Any] = {}
    for name in schema.features:
        if schema.types[name] not in ("category", "boolean"):
            continue
        values = np.array([category(value) if (value := row.get(name)) is not None else "" for row in rows])
        groups = {str(value): np.flatnonzero(values == value) for value in np.unique(values) if value != ""}
        kept = {value: places for value, places in groups.items() if len(places) >= MIN_ROWS}
        found = {
            value: {"rows": len(places), "silhouette": float(np.mean(silhouettes[places]))}
            for value, places in kept.items()
        }
        found = {value: each for value, each in found.items() if np.isfinite(each["silhouette"])}
        if found:
            answer[name] = found
    return answer


def _anomalies(
    contract: Mapping[str, Any],
    models: Mapping[str, Model],
    scores: Scores,
    kept: Mapping[str, np.ndarray],
    rows: list[Any],
    confidence: Confidence,
) -> _Found:
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
            name: paired_difference(
                metrics.METRICS["binary"][name], labels, scores["candidate"][at], scores[other][at], confidence(name)
            )
            for name in anomaly_metrics.LABELLED
        }

    facts: dict[str, Any] = {
        "score_quantiles": anomaly_metrics.quantiles(own["candidate"]),
        "labelled_rows": int(known.sum()),
        "labelled_anomalies": int(y.sum()),
    }
    if "champion" in models:
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
    slices = _flagged_by_slice(models["candidate"], own["candidate"], truth, rows)
    return _Found(
        measured, paired, slices, undefined, facts, truth, _of_anomaly_gates(contract, rows, truth, scores["candidate"])
    )


def _of_anomaly_gates(
    contract: Mapping[str, Any], rows: list[Any], truth: np.ndarray, scores: np.ndarray
) -> dict[str, Any]:
    """Metrics of labels on the rows that have one; the share that is flagged on all."""
    schema = Schema.from_contract(contract)
    flagged = {"flagged_share": Metric(lambda y, p, w: mean((p[:, 1] >= metrics.THRESHOLD).astype(np.float64), w))}
    found = of_gates(contract, schema, rows, np.zeros(len(rows)), scores, flagged)
    at = np.flatnonzero(~np.isnan(truth))
    y = truth[at].astype(np.int64)
    if not y.any():
        return found
    labelled = {name: metrics.METRICS["binary"][name] for name in anomaly_metrics.LABELLED}
    more = of_gates(contract, schema, [rows[place] for place in at], y, scores[at], labelled)
    return {"gaps": found["gaps"] + more["gaps"], "gate_intervals": found["gate_intervals"] | more["gate_intervals"]}


def _flagged_by_slice(model: Model, scores: np.ndarray, truth: np.ndarray, rows: Sequence[Row]) -> dict[str, Any]:
    """Column → value → its rows, labelled anomalies and metrics."""
    schema, answer = model.encoder.schema, {}
    for name in schema.features:
        if schema.types[name] not in ("category", "boolean"):
            continue
        values = np.array([category(value) if (value := row.get(name)) is not None else "" for row in rows])
        groups = {str(value): np.flatnonzero(values == value) for value in np.unique(values) if value != ""}
        found = {
            value: {
                "rows": len(places),
                **anomaly_metrics.measured(scores[places], truth[places]),
                **({} if np.isnan(truth).all() else {"positives": int(np.nansum(truth[places]))}),
            }
            for value, places in groups.items()
            if len(places) >= MIN_ROWS
        }
        if found:
            answer[name] = found
    return answer
