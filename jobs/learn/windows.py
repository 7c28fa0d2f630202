"""`retrain.window` with several windows: the rows that the job learns from are chosen on the newest labelled rows.

The cleaning job has marked each row (`jobs/glue/cleaning/compared_windows.py`). For each window a quick model, gradient
boosting with its defaults, is fitted on the rows that the window would have had before the newest rows came, and all
are measured on these, which none has learned from: as a model is served, on rows that come after its own. A customer or
device of the newest rows may be known from older ones, as in serving.

The first window of the contract is taken, unless another is surely better: the whole 95 % interval of the difference
on the same rows (paired bootstrap) is on its side. Of several such windows the one with the greatest difference is
taken. Every job of a run has the same rows and the same seed, and so comes to the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import preparing

from channels import crash, read_marks
from families import FAMILIES
from families.progress import SILENT
from project_data import ProjectData
from sluice.model.bootstrap import interval, paired_difference
from sluice.model.metrics import LOWER_IS_BETTER, Metric, metrics_of

IN_WINDOW, COMPARED, NEW = "_in_window", "_compared", "new"
"""The cleaning job's columns, and its mark of the newest rows."""
QUICK = FAMILIES["gradient_boosting"]
MAX_ROWS = 20_000
MIN_ROWS = 100
"""Fewer rows of a window, or fewer newest rows, decide nothing."""
CONFIDENCE = 0.95


def read(contract: Path, train: Path, validation: Path) -> ProjectData:
    """The channels' files: the rows of the window that is chosen, or all where there is no choice."""
    data = ProjectData.read(contract, train, validation)
    marks = [read_marks(folder, (IN_WINDOW, COMPARED)) for folder in (train, validation)]
    if not all(len(each) == 2 for each in marks):
        return data
    inside, compared = ([*marks[0][name], *marks[1][name]] for name in (IN_WINDOW, COMPARED))
    kept, report = choose(data, inside, compared)
    return replace(data.only(kept), window=report)


def choose(data: ProjectData, inside: Sequence[str], compared: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """Whether each row of train, then of validation, is learned from; and the report.

    `inside` and `compared` are the marks of these rows. `{"chosen", "metric", "rows", "learned", "windows": [{"window",
    "rows", "value", "low", "high", "gain"}], "why_not": {window: reason}}`: `rows` are the newest ones, and those that
    a quick model was fitted on; `gain` is over the first window that was compared, positive where the metric is better.
    """
    names = [str(each) for each in data.contract["retrain"]["window"]]
    usable = [place for place in range(len(names)) if inside[0][place] != "-"]
    unusable = (name for place, name in enumerate(names) if place not in usable)
    why_not = dict.fromkeys(unusable, "`window` in prepared/manifest.json says why")
    measured: dict[int, tuple[np.ndarray, int]] = {}
    new = _drawn(np.array([mark == NEW for mark in compared]), data.task.seed)
    metric = metrics_of(data.task.problem, data.contract.get("business"))[data.task.metric]
    y = data.all_rows[1][new]
    for place in usable:
        before = np.array([mark != NEW and mark[place] == "1" for mark in compared])
        found = _answer(data, _drawn(before, data.task.seed), new)
        if isinstance(found, str):
            why_not[names[place]] = found
        else:
            measured[place] = found, min(MAX_ROWS, int(before.sum()))
    first = next(iter(measured), usable[0])
    chosen, best, windows = first, 0.0, []
    for place, (answer, rows) in measured.items():
        low, high = interval(metric, y, answer, CONFIDENCE) or (None, None)
        told: dict[str, Any] = {
            "window": names[place],
            "rows": rows,
            "value": _plain(metric, y, answer),
            "low": low,
            "high": high,
        }
        if place != first:
            difference = paired_difference(metric, y, answer, measured[first][0], CONFIDENCE)
            told["gain"] = _towards_better(difference, data.task.metric)
            if (told["gain"]["low"] or 0.0) > 0 and told["gain"]["difference"] > best:
                chosen, best = place, told["gain"]["difference"]
        windows.append(told)
    kept = np.array([mark[chosen] == "1" for mark in inside])
    report = {"chosen": names[chosen], "metric": data.task.metric, "rows": len(new), "learned": int(kept.sum())}
    return kept, {**report, "windows": windows, "why_not": why_not}


def _towards_better(difference: Mapping[str, Any], metric: str) -> dict[str, float | None]:
    """The difference and its ends, positive where the metric is better."""
    value, low, high = (difference[name] for name in ("difference", "low", "high"))
    if metric in LOWER_IS_BETTER:
        value, low, high = (None if each is None else -each for each in (value, high, low))
    return {"difference": value, "low": low, "high": high}


def _answer(data: ProjectData, places: np.ndarray, new: np.ndarray) -> np.ndarray | str:
    """What a quick model of the rows at `places` answers to those at `new`; or in words, why there is none."""
    for what, count in (("older rows", len(places)), ("newest rows", len(new))):
        if count < MIN_ROWS:
            return f"{count:,} {what} are too few to compare it by; {MIN_ROWS} are needed"
    rows, y = data.all_rows
    if data.task.classes and len(np.unique(y[places])) < data.task.classes:
        return "its older rows lack a class"
    features = {name: value for name, value in (data.contract.get("features") or {}).items() if name != "preparation"}
    task = replace(data.task, progress=SILENT)
    # its own rows say where to stop: the newest ones only measure
    held = preparing.folds_of([rows[i] for i in places], 5, task.seed, data.group) == 0
    known, watched = places[~held], places[held]
    try:
        encoder, sample = preparing.prepared(
            QUICK, data.schema, features, [rows[i] for i in known], y[known], task, data.group
        )
        watch, asked = (
            preparing.sample_of(QUICK, encoder, [rows[i] for i in part], y[part]) for part in (watched, new)
        )
        sample = sample._replace(weight=data.weights(sample.y))
        return QUICK.answer(QUICK.fit(QUICK.hyperparameters({}), task, sample, watch), task, asked)
    except Exception as error:  # a run must not fail for a comparison
        print(f"retrain.window: {crash(error)}", flush=True)
        return f"its quick model failed: {crash(error)}"


def _drawn(mask: np.ndarray, seed: int) -> np.ndarray:
    """Places where `mask` is true: at most MAX_ROWS of them, by chance."""
    places = np.flatnonzero(mask)
    if len(places) <= MAX_ROWS:
        return places
    return np.sort(np.random.default_rng(seed).choice(places, MAX_ROWS, replace=False))


def _plain(metric: Metric, y: np.ndarray, answer: np.ndarray) -> float | None:
    value = metric(y, answer)
    return float(value) if np.isfinite(value) else None
