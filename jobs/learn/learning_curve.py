"""Learning curve: the same hyperparameters on a part of the training rows, and what that says about the model.

Points are fitted on 10, 25, 50 and 100 % of the rows, drawn by chance and by class, and measured on those rows and on
the validation rows, which the fits in rounds also watch. The encoder is the one of all training rows.

The verdict compares three figures, in the contract's metric and towards better:

learned    what the training rows score above a model that knows the class shares or the mean only
kept       the share of `learned` that the validation rows score as well
left       the share of the way from that model to a perfect one that the validation rows still have to go
gain       validation at 100 % minus validation at 50 %, with a 95 % interval from a paired bootstrap of its rows

over-fitting            kept < 0.75
more data would help    the whole interval of `gain` is above 0, and `gain` is at least 2 % of `learned`
nothing left            left < 0.02: there is no room for a better model
under-fitting           kept ≥ 0.95, left ≥ 0.02, more data would not help, and no search has tried other families:
                        a richer model or other columns might know more, unless the rest is noise
balanced                else. Also where a search has tried other families and none is better: the rest is then noise,
                        or what other columns know; rows alone do not decide which
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from channels import crash
from families import FAMILIES, Family, Sample, Task
from families.progress import SILENT
from project_data import ProjectData
from sluice.model.bootstrap import paired_difference
from sluice.model.metric_ranges import RANGES
from sluice.model.metrics import LOWER_IS_BETTER, Metric, metrics_of

SHARES = (0.1, 0.25, 0.5)
LIMIT_SECONDS = 10.0
"""The three smaller fits take about 0.85 of the whole one; where that is more, there is no curve."""
MIN_ROWS = 100
"""Fewer rows than this in the smallest part say nothing."""
SCORED_ROWS = 5_000
KEPT, KEPT_WELL = 0.75, 0.95
LEAST_GAIN = 0.02
NOTHING_LEFT = 0.02
SUMS = ("profit", "uplift")


def drawn(
    family: Family,
    hyperparameters: Mapping[str, Any],
    task: Task,
    sample: Sample,
    watch: Sample,
    whole: tuple[Any, float],
    business: Mapping[str, Any] | None = None,
    others: int = 0,
) -> dict[str, Any]:
    """`points` ({"rows", "train", "validation"} in the contract's metric) and `verdict`, or `skipped` with the reason.

    `whole` is the fit on all of `sample`, and the seconds that it took. `others`: how many further families a search
    has tried on these rows, none of them better.
    """
    fitted, seconds = whole
    rows = len(sample.y)
    if rows * SHARES[0] < MIN_ROWS:
        return {"skipped": f"not measured, too few training rows: {rows:,} of the {MIN_ROWS / SHARES[0]:,.0f} needed"}
    if (expected := sum(SHARES) * seconds) > LIMIT_SECONDS:
        return {"skipped": f"it would take about {expected:.0f} s more, and {LIMIT_SECONDS:.0f} s are allowed for it"}
    if task.metric in SUMS:
        return {"skipped": f"{task.metric} is a sum over rows, so different numbers of rows cannot be compared by it"}
    try:
        found = _fitted(family, hyperparameters, task, sample, watch, fitted, metrics_of(task.problem, business))
        return found | verdict(found["points"], found["constant"], found["gain"], task.metric, others)
    except Exception as error:  # the model is there already; its curve must not cost it
        print(f"learning curve: {crash(error)}", flush=True)
        return {"skipped": f"a fit on a part of the rows failed: {crash(error)}"}


def _fitted(
    family: Family,
    hyperparameters: Mapping[str, Any],
    task: Task,
    sample: Sample,
    watch: Sample,
    fitted: Any,
    metrics: Mapping[str, Metric],
) -> dict[str, Any]:
    metric, rows = metrics[task.metric], len(sample.y)
    order = _by_class(sample.y, task)
    began = time.monotonic()
    task = replace(task, deadline=min(task.deadline, began + 3 * LIMIT_SECONDS), progress=SILENT)
    points, answers = [], {}
    for share in (*SHARES, 1.0):
        part = _part(sample, order[: round(share * rows)])
        model = fitted if share == 1.0 else family.fit(hyperparameters, task, part, watch)
        seen = _part(part, np.arange(min(SCORED_ROWS, len(part.y))))
        answers[share] = family.answer(model, task, watch)
        train = metric(seen.y, family.answer(model, task, seen))
        validation = metric(watch.y, answers[share])
        points.append({"rows": len(part.y), "train": _plain(train), "validation": _plain(validation)})
    constant = metric(watch.y, _constant(sample.y, task, len(watch.y)))
    gain = paired_difference(metric, watch.y, answers[1.0], answers[0.5])
    return {"metric": task.metric, "family": family.name, "points": points, "constant": _plain(constant), "gain": gain}


def of_leader(data: ProjectData, trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The curve of the trial with the greatest weight, as `auto` records its trials in model.json."""
    leader = max(trials, key=lambda trial: trial["weight"])
    if leader["seconds"] > 2 * LIMIT_SECONDS:  # of all its folds together
        return {"skipped": f"the fits of the leading trial took {leader['seconds']:.0f} s, too long for a curve"}
    family, hyperparameters = FAMILIES[leader["family"]], leader["hyperparameters"]
    encoder, sample = data.prepared(family, data.rows, data.y)
    watch = data.sample(family, encoder, data.validation, data.y_validation)
    began = time.perf_counter()
    fitted = family.fit(hyperparameters, data.task, sample, watch)
    whole = fitted, time.perf_counter() - began
    others = len({trial["family"] for trial in trials if trial.get("score") is not None} - {family.name})
    return drawn(family, hyperparameters, data.task, sample, watch, whole, data.contract.get("business"), others)


def verdict(
    points: list[dict[str, Any]], constant: float | None, gain: Mapping[str, Any], metric: str, others: int = 0
) -> dict[str, Any]:
    """`findings` and `verdict` of a curve, as the module's text defines them."""
    last = points[-1]
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    if constant is None or last["train"] is None or last["validation"] is None:
        return {"findings": [], "verdict": f"{metric} is not defined on these rows, so the curve says nothing"}
    learned, kept = sign * (last["train"] - constant), sign * (last["validation"] - constant)
    left = _left(last["validation"], constant, metric)
    if left < NOTHING_LEFT:
        return {"findings": ["nothing left"], "verdict": f"nothing left to learn: {metric} is "
                f"{last['validation']:.4g} on validation, and {_best(metric):g} is perfect"}  # fmt: skip
    if learned <= 0:
        return {"findings": ["under-fitting"], "verdict": "under-fitting: even the rows that it learned from score no "
                "better than a constant answer; give it other columns or a richer family"}  # fmt: skip
    low, high = gain["low"], gain["high"]
    if sign < 0 and low is not None:
        low, high = -high, -low
    doubled = sign * gain["difference"] if gain["difference"] is not None else 0.0
    more = low is not None and low > 0 and doubled >= LEAST_GAIN * learned
    of_it = f"validation keeps {max(0.0, kept / learned):.0%} of what the training rows score above a constant answer"
    if kept >= learned:
        of_it = "validation rows score no worse than the training rows"
    findings, words = [], []
    if kept < KEPT * learned:
        findings.append("over-fitting")
        words.append(f"over-fitting: {of_it}; stronger regularisation or fewer columns would close the gap")
    if more:
        findings.append("more data would help")
        words.append(f"more data would help: the second half of the rows gave {metric} {doubled:+.4f} on validation")
    elif kept >= KEPT_WELL * learned and others:
        findings.append("balanced")
        words.append(
            f"balanced: {of_it}, and none of {others} other families of models was better; what is left is noise, or "
            "what other columns know"
        )
    elif kept >= KEPT_WELL * learned:
        findings.append("under-fitting")
        words.append(
            f"under-fitting, if the target can be known better: {of_it}, and the second half of the rows gave {metric} "
            f"{doubled:+.4f} on validation; more rows would not help, other columns or a richer family might"
        )
    if not findings:
        findings.append("balanced")
        words.append(f"balanced: {of_it}; more rows would change little ({metric} {doubled:+.4f} for the second half)")
    return {"findings": findings, "verdict": "; ".join(words)}


def _best(metric: str) -> float:
    """What a perfect model scores; infinite where there is no such value."""
    if metric in LOWER_IS_BETTER:
        return 0.0
    return RANGES[metric].greatest if metric in RANGES else math.inf


def _left(value: float, constant: float, metric: str) -> float:
    """The share of the way from the constant answer to a perfect one that is still to go; 1 where there is no end."""
    way = abs(_best(metric) - constant)
    if not math.isfinite(way):
        return 1.0
    return abs(_best(metric) - value) / way if way > 0 else 0.0


def _by_class(y: np.ndarray, task: Task) -> np.ndarray:
    """An order of the rows by chance, of which every beginning has the classes in their shares."""
    order = np.random.default_rng(task.seed).permutation(len(y))
    if not task.classes:
        return order
    place = np.empty(len(y))
    for label in range(task.classes):
        own = order[y[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / max(1, len(own))
        place[own[:2]] = -1.0  # no beginning lacks a class
    return np.argsort(place, kind="stable")


def _part(sample: Sample, places: np.ndarray) -> Sample:
    weight = None if sample.weight is None else sample.weight[places]
    words = None if sample.words is None else sample.words[places]
    return sample._replace(matrix=sample.matrix[places], y=sample.y[places], weight=weight, words=words)


def _constant(y: np.ndarray, task: Task, rows: int) -> np.ndarray:
    if not task.classes:
        return np.full(rows, y.mean())
    return np.tile(np.bincount(y, minlength=task.classes) / len(y), (rows, 1))


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
