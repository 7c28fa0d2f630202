"""Who decides when to retrain: nobody, the calendar, or Sluice's planner, monitor and governor.

A period has 30 days, over which its rows are spread in their order. The labels of a day's requests come DELAY days
later; the labelled rows of a period arrive as a dataset when all have come. The first periods are history, whose labels
are known. Each policy begins with the same model of that history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.replay.cloud import PROJECT, Cloud
from benchmarks.replay.jobs import TEST, Jobs
from benchmarks.replay.streams import Stream
from sluice.contract import Contract
from sluice.gates.power import decidable_margin
from sluice.model.metrics import metrics_of

DAYS, DELAY, EVERY = 30, 30, 7
"""Days of a period, days until a label comes, and days between two measurements."""
LOOKS = {"every": f"{EVERY}d", "window": "28d"}
CONFIDENCE = 0.95
NO_ARRIVALS = 1_000_000_000
"""`retrain.on_rows` with which arriving rows never start a run, so that alarms alone do."""
MARGIN = 0.03
"""The quality alarm's limit lies so far below the first model's ROC AUC."""


@dataclass
class Lived:
    """What a policy came to: the score of each served row by the model that served it, and what was decided."""

    scores: np.ndarray
    """NaN for rows that were not served."""
    trainings: int = 0
    decisions: list[dict[str, Any]] = field(default_factory=list)
    measured: list[dict[str, Any]] = field(default_factory=list)


def contract_of(stream: Stream, first: int, quality: float | None = None, *, arrivals: bool = True) -> dict[str, Any]:
    """What `sluice init` drafts of the history, on the scale of a stream that brings a file a month.

    `arrivals`: whether arriving rows start a run, as they do by default. Without them alarms alone do, a fortnight
    apart at least; then half of what a usual period brings is enough to learn a drift that lasts.
    """
    enough = max(1, int(np.median(np.bincount(stream.period))) // 2)
    alarms = {"cooldown": "14d", "max_per_week": 1, "min_rows": enough, "on_rows": NO_ARRIVALS}
    watched = {"quality": {"metric": "roc_auc", "min": round(quality, 4)}} if quality is not None else {}
    return {
        "project": PROJECT,
        "problem": {"type": "binary", "target": stream.target, "positive": stream.positive, "metric": "roc_auc"},
        "data": {"columns": {name: {"type": kind} for name, kind in stream.types.items()}},
        "training": {"learning_curve": False},
        "gates": [champion_gate(stream, first)],
        # labels come with the weekly file after DELAY days
        "monitor": {**LOOKS, "labels_within": f"{2 * DELAY}d", **watched},
        "retrain": {} if arrivals else alarms,
    }


def champion_gate(stream: Stream, first: int) -> dict[str, Any]:
    """As `sluice init` drafts it of the history."""
    margin = decidable_margin("roc_auc", round(TEST * len(stream.of(range(first)))), CONFIDENCE)
    return {"metric": "roc_auc", "not_worse_than_champion_by": margin, "confidence": CONFIDENCE}


def job_contract(stream: Stream, first: int) -> dict[str, Any]:
    """contract.json of every job: what it learns does not depend on how the model is watched."""
    contract = {**contract_of(stream, first), "monitor": LOOKS, "retrain": {}}
    return Contract.model_validate(contract).model_dump(mode="json")


def never(jobs: Jobs, first: int) -> Lived:
    served = jobs.stream.of(range(first, len(jobs.stream.names)))
    lived = Lived(np.full(len(jobs.rows), np.nan), trainings=1)
    lived.scores[served] = jobs.scores(jobs.train(jobs.stream.of(range(first))), served)
    return lived


def each_period(jobs: Jobs, first: int) -> Lived:
    """A new model of all labelled rows serves from the beginning of each period."""
    lived = Lived(np.full(len(jobs.rows), np.nan))
    for period in range(first, len(jobs.stream.names)):
        # a period's labels are complete DELAY days after its end
        known = max(first, period - DELAY // DAYS)
        served = jobs.stream.of(range(period, period + 1))
        lived.scores[served] = jobs.scores(jobs.train(jobs.stream.of(range(known))), served)
    lived.trainings = len({max(first, p - DELAY // DAYS) for p in range(first, len(jobs.stream.names))})
    return lived


def sluice(jobs: Jobs, first: int) -> Lived:
    """The product decides: arriving rows start a run, and so do its alarms."""
    return _watched(jobs, first, arrivals=True)


def alarms_alone(jobs: Jobs, first: int) -> Lived:
    """As `sluice`, but arriving rows start no run."""
    return _watched(jobs, first, arrivals=False)


def _watched(jobs: Jobs, first: int, *, arrivals: bool) -> Lived:
    stream = jobs.stream
    history = stream.of(range(first))
    lived = Lived(np.full(len(jobs.rows), np.nan))
    cloud = _begun(jobs, history, first, arrivals=arrivals)
    day_of = np.concatenate(
        [
            period * DAYS + np.arange(count) * DAYS // max(1, count)
            for period in range(len(stream.names))
            for count in [int((stream.period == period).sum())]
        ]
    )
    known: dict[Path, np.ndarray] = {}
    labelled = np.zeros(len(day_of), dtype=bool)
    labelled[history] = True
    for day in range(first * DAYS, len(stream.names) * DAYS):
        cloud.at(day + 0.1)
        whole = day // DAYS - DELAY // DAYS - 1
        if day % DAYS == 0 and whole >= first:
            cloud.accept(stream.of(range(whole, whole + 1)), stream.names[whole])
        rows = np.flatnonzero(day_of == day)
        if len(rows):
            assert cloud.serving is not None
            if cloud.serving not in known:
                known[cloud.serving] = jobs.scores(cloud.serving, np.arange(len(day_of)))
            cloud.at(day + 0.5)
            lived.scores[rows] = known[cloud.serving][rows]
            cloud.serve(rows, lived.scores[rows])
        if day % EVERY == 0:
            cloud.at(day + 0.9)
            due = np.flatnonzero(~labelled & (day_of <= day - DELAY))
            if len(due):
                cloud.label(due)
                labelled[due] = True
            cloud.look()
    lived.decisions, lived.measured, lived.trainings = cloud.history, cloud.measured, cloud.trainings
    return lived


def _begun(jobs: Jobs, history: np.ndarray, first: int, *, arrivals: bool) -> Cloud:
    """A project whose first model serves; the limit of its quality alarm follows from that model's own test."""
    stream = jobs.stream
    cloud = Cloud(jobs, contract_of(stream, first, arrivals=arrivals))
    cloud.at(first * DAYS)
    cloud.accept(history, "history")
    if cloud.serving is None:
        raise ValueError(f"the first model does not pass its gates: {cloud.history[-1]['why']}")
    held_out = history[jobs.part[history] == "test"]
    quality = roc_auc(stream.truth[held_out], jobs.scores(cloud.serving, held_out))
    cloud.watch(contract_of(stream, first, quality - MARGIN, arrivals=arrivals))
    return cloud


def roc_auc(truth: np.ndarray, scores: np.ndarray) -> float:
    return float(metrics_of("binary")["roc_auc"](truth, np.column_stack([1 - scores, scores])))


POLICIES: dict[str, Callable[[Jobs, int], Lived]] = {
    "never": never,
    "each_period": each_period,
    "sluice": sluice,
    "alarms_alone": alarms_alone,
}
