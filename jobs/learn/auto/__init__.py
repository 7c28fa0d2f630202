"""The family `auto`: one training job that searches families and hyperparameters within a budget.

    folds       how out-of-fold answers are made
    portfolio   configurations that are known to be good before the data are
    propose     new ones near the leaders
    search      the trials, within the budget
    settling    rounds and the like, which the folds of a trial settle together
    choice      which of them become the model, their weights, calibration and threshold
    assemble    their fits on all rows, as one artefact

With a budget of time, results depend on the machine: which trials were run is recorded in model.json
(`training.trials`). Everything else is determined by the contract's seed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sklearn

from auto import folds as folding
from auto.assemble import Assembled, assemble, refit, settled
from auto.choice import Choice, choose
from auto.fitting import Exported, Fitting
from auto.folds import Folds
from auto.progress import Progress
from auto.search import NO_TIME, Search
from auto.trials import Trial
from auto.workers import Workers
from project_data import ProjectData
from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.metrics import Metric, compute, metrics_of

NAME = "auto"
PLANNED = 0.95
"""Share of `training.tuning.max_minutes` that the job plans with; SageMaker stops it at the whole."""

MAX_LATE = 300.0
"""Seconds beyond `max_minutes` that the job takes at most, where it has no model yet."""


class Done(NamedTuple):
    metrics: dict[str, float]
    assembled: Assembled
    rows: int
    width: int


def run(data: ProjectData, run_id: str, began: float) -> Done:
    """The whole search; `began` is when the job did (`time.monotonic()`). Raises ModelError."""
    budget = 60.0 * float((data.training.get("tuning") or {}).get("max_minutes") or 30)
    _, y = data.all_rows
    folds = _folds(data, budget)
    columns = Encoder.fit(data.schema, data.contract.get("features") or {}, data.rows).width
    say(f"auto: {len(y)} rows, {columns} columns, {folds.text}, {budget:.0f} s")
    business = data.contract.get("business")
    metric = metrics_of(data.labels.problem, business)[data.task.metric]
    with Workers(Fitting(data, folds)) as workers:
        search, compared = _search(data, folds, workers, metric, columns=columns, began=began, budget=budget)
        trials, rows = search.finished(), compared.rows
        answers = [search.answers(trial)[rows] for trial in trials]
        for trial, answer in zip(trials, answers, strict=True):
            trial.score = float(metric(y[rows], answer))
        choice = choose(trials, answers, y[rows], data.contract, seed=data.task.seed)
        fits = _fits_on_all_rows(search, workers, choice, began=began, budget=budget)
    if search.absent:
        say(f"auto: not in this environment, and left out: {', '.join(sorted(search.absent))}")
    total = sum(choice.weights[place] for place in fits)
    for place in fits:
        trials[place].weight = choice.weights[place] / total
        trials[place].fits = len(fits[place])
    for trial in search.trials:
        say(line(trial, data.task.metric))
    say(f"auto: {len(search.trials)} trials, {len(trials)} with a score; {search.ended}")
    own = np.isin(rows, np.arange(len(data.rows), len(y)))
    metrics = compute(data.labels.problem, y[rows][own], choice.answers[own], business, choice.threshold)
    family_of = {place: trials[place].family for place in fits}
    done = assemble(data, choice, fits, family_of, run_id)
    done.state["training"] = {
        "rows": len(y),
        "fitted_on": ["train", "validation"],
        "validation": {"rows": int(own.sum()), "metrics": metrics, "out_of_fold": compared.text},
        "trials": [told(trial) for trial in search.trials],
        "search": searched(search, budget, search.ended_at - began),
        "families_left_out": sorted(search.absent),
        "ensemble_better_in": choice.sure,
        "threshold_by": choice.threshold_by,
        "budget_seconds": budget,
        "class_weights": data.training.get("class_weights", "none"),
        "seed": data.task.seed,
        "sklearn": sklearn.__version__,
    }
    return Done(metrics, done, len(y), columns)


def _folds(data: ProjectData, budget: float) -> Folds:
    split = data.contract["data"].get("split") or {}
    return folding.make(
        data.all_rows[1],
        len(data.validation),
        classes=len(data.labels.classes),
        seed=data.task.seed,
        by_time=split.get("by") == "time",
        groups=groups_of(data, split.get("group") or ()),
        seconds=budget,
    )


def _search(
    data: ProjectData, folds: Folds, workers: Workers, metric: Metric, *, columns: int, began: float, budget: float
) -> tuple[Search, Folds]:
    """The search that has finished trials, and the folds on which these are compared.

    If no trial finishes within the budget, as on a busy machine, a second search gets as long again: late is better
    than never, and the job's own limit is minutes away. Raises ModelError if it finishes none either.
    """

    def search_until(began: float, deadline: float) -> tuple[Search, Folds]:
        search = Search(data, folds, workers, began=began, deadline=deadline, columns=columns)
        with Progress(search, data.task.metric, metric, data.all_rows[1], folds.rows, deadline).told_by(say):
            search.run()
        return search, search.rescue() or folds

    search, compared = search_until(began, began + PLANNED * budget)
    if not search.finished():
        say("auto: no trial ended within the budget; it goes on for as long again")
        again = time.monotonic()
        search, compared = search_until(again, again + min(budget, MAX_LATE))
    if not search.finished():
        for trial in search.trials:
            say(line(trial, data.task.metric))
        raise ModelError(
            "auto: no trial ended within the budget; give training.tuning.max_minutes more time, or name the "
            "families in training.candidates"
        )
    return search, compared


def _fits_on_all_rows(
    search: Search, workers: Workers, choice: Choice, *, began: float, budget: float
) -> dict[int, list[Exported]]:
    """Place of the trial → its fits.

    The machine may have become busier than it was in the search: what is planned with less than the whole budget is
    then used up before a member is left out, and the job's own limit is minutes away.
    """
    trials = search.finished()
    members = {place: trials[place] for place in choice.weights}
    now, whole, export = time.monotonic(), began + budget, search.export_seconds
    needed = sum(trial.refit_seconds for trial in members.values()) / len(workers)
    planned = max(began + PLANNED * budget - export, min(now + needed, whole - export))
    return refit(workers, members, choice.weights, planned, max(whole, now) + MAX_LATE, say)


def groups_of(data: ProjectData, names: tuple[str, ...] | list[str]) -> np.ndarray | None:
    """A number for each row, the same for rows that `data.split.group` keeps together."""
    if not names:
        return None
    rows, _ = data.all_rows
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(tuple(row.get(name) for name in names), len(numbers)) for row in rows])


def told(trial: Trial) -> dict[str, Any]:
    """The trial as model.json has it."""
    return {
        "family": trial.family,
        "hyperparameters": trial.hyperparameters,
        "settled": settled(trial) if trial.weight else None,
        "from": trial.origin,
        "score": trial.score,
        "seconds": round(trial.seconds, 3),
        "row_ms": round(trial.row_ms, 4),
        "weight": round(trial.weight, 6),
        "fits": trial.fits,
        "left_out": trial.left_out,
    }


def searched(search: Search, budget: float, seconds: float) -> dict[str, Any]:
    """How many configurations of the portfolio there are for these rows, and of how many the budget allowed a verdict.
    `seconds`: from the job's beginning to the end of the search.

    A configuration that is clearly worse on its first fold, or that fails, has its verdict.
    """
    begun = [trial for trial in search.trials if trial.origin == "portfolio"]
    unjudged = sum(trial.left_out.startswith(NO_TIME) for trial in begun)
    waiting = sum(1 for _ in search.portfolio)
    return {
        "trials": len(search.trials),
        "scored": len(search.finished()),
        "portfolio": len(begun) + waiting,
        "judged": len(begun) - unjudged,
        "budget_seconds": budget,
        "seconds": round(seconds, 1),
        "ended": search.ended,
    }


def line(trial: Trial, metric: str) -> str:
    score = "-" if trial.score is None else f"{trial.score:.6g}"
    values = ",".join(f"{name}={value}" for name, value in trial.hyperparameters.items())
    why = f" left out: {trial.left_out}" if trial.left_out else ""
    return (
        f"trial {trial.number} {trial.family} {metric} {score} seconds {trial.seconds:.2f} "
        f"weight {trial.weight:.3g} from {trial.origin}{why} ({values})"
    )


def say(text: str) -> None:
    print(text, flush=True)


def hyperparameters(given: Mapping[str, str]) -> None:
    """`search` is the one that its tuning job has (`sluice.model.search_spaces`). Raises ValueError for any other."""
    if unknown := sorted(set(given) - {"search"}):
        raise ValueError(f"family auto has no hyperparameter {unknown[0]!r}; it finds them itself")
