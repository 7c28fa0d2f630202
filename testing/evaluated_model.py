"""Evaluations with every member filled, for the pages about them; `names` go wherever a category or column is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

from sluice.contract import Contract
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from sluice.records.run_inputs import RunInputs
from sluice.reports.facts import Facts

RUN = "r0123456789ab"
_METRICS = {
    "binary": {
        "roc_auc": 0.91,
        "pr_auc": 0.7,
        "ece": 0.02,
        "lift_at_10": 5.2,
        "profit": 1200.5,
        "value_per_decision": 1.2,
    },
    "multiclass": {"accuracy": 0.93, "ece": 0.01},
    "regression": {"rmse": 43210.5, "mae": 0.00012, "r2": 0.94},
}


def facts(problem: str, names: Sequence[str] = ("search", "ads", "email"), **members: Any) -> Facts:
    found = evaluation(problem, names, **members)
    verdict = {
        "rule": "slice_gap",
        "metric": found.metric,
        "outcome": "fail",
        "statistic": 0.2,
        "threshold": 0.1,
        "reason": f"recall by channel: {names[0]} 0.9000, the gap is above 0.1",
    }
    return Facts(
        inputs=inputs(problem, names),
        evaluation=found,
        plots=plots(problem, names),
        decision="rejected",
        reasons=[str(verdict["reason"])],
        verdicts=[verdict],
        at="2026-11-29T12:00:00+00:00",
        data={"rows": {"train": 600, "validation": 200, "test": 200}},
        code="c" * 64,
    )


def unlabelled(kind: str, names: Sequence[str]) -> Facts:
    """The facts of a problem without labels."""
    known = facts("regression", names)
    trait = {"column": names[0], "value": names[-1], "segment": 0.9, "all": 0.2, "effect": 0.7}
    segments = [{"name": name, "rows": 40, "share": 0.4, "traits": [trait]} for name in names]
    found = {"segments": segments if kind == "clustering" else [], "agreement": {"adjusted_rand": 0.9}}
    members = {
        "problem": kind,
        "unlabelled": {**found, "score_quantiles": {"0.99": 0.7}},
        "fairness": {},
        "residuals": {},
    }
    evaluated = Evaluation.of({**known.evaluation.plain(), **members}, "the test's evaluation")
    return replace(known, evaluation=evaluated, plots=Plots())


def inputs(problem: str, names: Sequence[str]) -> RunInputs:
    target = {"binary": "boolean", "multiclass": "category", "regression": "number"}[problem]
    columns: dict[str, Any] = {"channel": {"type": "category"}, "y": {"type": target}}
    contract = Contract.model_validate(
        {
            "project": "shop",
            "description": f"Will it be bought? {names[0]}",
            "problem": {"type": problem, "target": "y", **({"positive": True} if problem == "binary" else {})},
            "data": {"columns": columns},
        }
    )
    return RunInputs(
        project="shop",
        run_id=RUN,
        trigger="data",
        reason=names[-1],
        contract=contract,
        contract_version="v1",
        datasets=["d1", "d2"],
        created_at="2026-11-29T11:00:00+00:00",
    )


def evaluation(problem: str, names: Sequence[str], **members: Any) -> Evaluation:
    metrics = _METRICS[problem]
    name = next(iter(metrics))
    measured = {"metrics": metrics, "family": "gradient_boosting", "run_id": RUN, "artifact_sha256": "a" * 64}
    ends = {metric: (value * 0.9, value * 1.1) for metric, value in metrics.items()}
    rates = {"selection_rate": 0.2, "selection_rate_low": 0.1, "selection_rate_high": 0.3, "recall": 0.5}
    if problem == "regression":
        rates = {"mean_error": -1.0, "mean_error_low": -2.0, "mean_error_high": 0.5, "mae": 3.0}
    groups = {value: {"rows": 40 + i, **rates} for i, value in enumerate(names)}
    pair = {"difference": 0.01, "low": -0.01, "high": 0.03, "confidence": 0.95}
    whole: dict[str, Any] = {
        "metric": name,
        "lower_is_better": problem == "regression",
        "problem": problem,
        "rows": 200,
        "candidate": {**measured, "latency_ms": {"p50": 0.2, "p99": 0.4}, "size_bytes": 70_000},
        "baseline": measured,
        "champion": {**measured, "run_id": "r9"},
        "paired": {name: pair},
        "paired_baseline": {name: pair},
        "intervals": {
            "method": "percentile bootstrap",
            "confidence": 0.95,
            "resamples": 500,
            "rows": 200,
            "models": dict.fromkeys(("candidate", "baseline", "champion"), ends),
        },
        "slices": {names[0]: {value: {"rows": 40} for value in names}},
        "slices_left_out": {names[-1]: {"values": 3, "rows": 30}},
        "not_compared": {"champion": f"it reads {names[0]}"},
        "undefined": {"mcc": f"because of {names[0]}"},
        "encoding": {"grouped": {names[0]: {"categories": 9, "rows": 20}}},
        "thresholds": {"classification": 0.5, "profit": 0.1} if problem == "binary" else {},
        "residuals": {"mean": 0.1, "standard_deviation": 2.0, "median": 0.0, "zeros": 4}
        if problem == "regression"
        else {},
        "importance": {
            "metric": name,
            "rows": 200,
            "repeats": 3,
            "columns": {value: (0.1 - 0.01 * i, 0.05 - 0.01 * i, 0.2) for i, value in enumerate(names)},
            "not_measured": ["at"],
        },
        "exploration": exploration(names),
        "contributions": {
            "scale": "value" if problem == "regression" else "log-odds",
            "rows": 150,
            "outputs": 3 if problem == "multiclass" else 1,
            "base": [0.1],
            "columns": {value: 0.5 - 0.1 * i for i, value in enumerate(names)},
        },
        "robustness": {"metric": name, "rows": 200, "undamaged": 0.9, "missing": {"0.05": 0.88}, "noise": {"0.1": 0.8}},
        "learning_curve": {
            "metric": name,
            "points": [{"rows": 100 * i, "train": 0.99, "validation": 0.8 + i / 50} for i in range(1, 5)],
            "constant": 0.5,
            "verdict": f"more rows of {names[0]} would help",
        },
        "fairness": {
            names[0]: {
                "groups": groups,
                "gaps": {"demographic_parity_difference": {"value": 0.1, "low": 0.0, "high": 0.2}},
            }
        },
    }
    return Evaluation.of({**whole, **members}, "the test's evaluation")


def exploration(names: Sequence[str]) -> dict[str, Any]:
    ends = {f"y = {value}": (0.2, 0.1, 0.3) for value in names}
    overall = {f"y = {value}": 0.25 for value in names}
    topic = {"words": list(names), "rows": 60, "coherence": 0.2, "outcome": ends}
    text = {"column": names[0], "rows": 150, "texts": 160, "words": 40, "least": 10, "tried": {"4": 0.1, "8": 0.2}}
    density = {
        "rows": 180,
        "all_rows": 200,
        "columns": 3,
        "neighbours": 6,
        "reach": 0.7,
        "curve": [[0.0, 0.9, 1.0], [0.1, 0.7, 3.0]],
        "bend": 0.9,
        "clusters": 8,
        "noise": 9,
        "largest": [{"rows": 90, "outcome": ends, "apart": [(names[-1], -1.5)]}, {"rows": 40, "outcome": ends}],
        "outcome_of_noise": {f"y = {value}": (None, None, None) for value in names},
        "outcome": overall,
        "cells": [(0, 0, 0, 90), (3, 3, 1, 40), (1, 2, 6, 41), (2, 2, -1, 9)],
        "explained": [0.5, 0.2],
    }
    found = {**text, "topics": [topic], "without": 12, "outcome": overall}
    return {"topics": [found], "density": density, "notes": [f"No topics were looked for in {names[0]}"]}


def plots(problem: str, names: Sequence[str]) -> Plots:
    curve = [[0.0, 0.2, 1.0], [0.0, 0.8, 1.0]]
    shares = {"edges": [0.0, 0.5, 1.0], "counts": {names[0]: [30, 10], names[-1]: [5, 15]}}
    bins = [{"rows": 20, "predicted": 0.2, "observed": 0.25, "low": 0.1, "high": 0.4}]
    confusion = {"classes": [names[0], names[-1]], "counts": [[90, 10], [20, 80]], "others": 0}
    if problem == "regression":
        grid = {"edges": [0.0, 1.0, 2.0], "counts": [[5, 1], [2, 9]]}
        band = {"rows": 20, "predicted": 1.0, "low": -1.0, "mid": 0.1, "high": 1.5}
        found: dict[str, Any] = {
            "predicted": grid,
            "residuals": {"edges": [-1.0, 0.0, 1.0], "counts": [8, 9]},
            "by_prediction": [band],
        }
    elif problem == "multiclass":
        line = {"rows": 9, "precision": 0.9, "recall": 0.8, "f1": 0.85, "roc_auc": None}
        many = [name for name, _ in zip(cycle(names), range(7))]
        found = {
            "roc": dict.fromkeys(names[:5], curve),
            "precision_recall": dict.fromkeys(names[:5], curve),
            "calibration": {"candidate": bins},
            "scores": shares,
            "confusion": {"classes": many, "counts": [[2] * 7 for _ in many], "others": 3},
            "classes": [{"name": name, **line} for name in names],
        }
    else:
        models = ("candidate", "champion", "baseline")
        found = {
            **{plot: dict.fromkeys(models, curve) for plot in ("roc", "precision_recall", "gain", "profit")},
            "calibration": dict.fromkeys(models, bins),
            "scores": shares,
            "confusion": confusion,
            "thresholds": [
                {"threshold": 0.5, "rows": 40, "precision": 0.7, "recall": 0.6, "f1": 0.65, "profit": 90.0},
                {"threshold": 0.95, "rows": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "profit": 0.0},
            ],
        }
    if problem != "multiclass":
        strip = {"counts": [3, 140, 7], "ranks": [0.1, None, 0.9]}
        found["contributions"] = {"edges": [-1.0, -0.1, 0.2, 1.0], "columns": {names[0]: strip}}
    trial = {"family": names[0], "score": 0.9, "weight": 0.6, "seconds": 1.5, "from": names[-1], "left_out": None}
    trials = [trial, {**trial, "score": 0.92, "weight": 0.4}, {**trial, "family": "forest", "score": None}]
    return Plots.of({**found, "trials": trials}, "the test's plots")
