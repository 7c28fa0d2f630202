"""Runs in an MLflow experiment: each once, whatever was written before and wherever that ended.

A run is known by its tag KEY. Its tag DIGEST is written last, so that a run whose writing was interrupted is written
again. Parameters of MLflow never change: where the experiment has another value, it keeps it, and that is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cli.tracking.tracked import Tracked

KEY, DIGEST = "sluice.key", "sluice.digest"
MAX_VALUE = 500
"""Characters of a value that every version of MLflow takes; longer ones are cut."""
_PAGE, _BATCH = 1_000, 100


@dataclass
class Mirrored:
    """How many runs and trials were written for the first time, written again, and found as they are."""

    made: int = 0
    changed: int = 0
    unchanged: int = 0
    cut_values: int = 0
    kept_params: int = 0

    def plain(self) -> dict[str, int]:
        return asdict(self)


class DeletedExperimentError(Exception):
    """The experiment is in MLflow's bin."""


def mirror(client: Any, experiment: str, runs: Sequence[Tracked]) -> Mirrored:
    """`client`: an `mlflow.MlflowClient`. Raises DeletedExperimentError, and what MLflow raises."""
    found, done = client.get_experiment_by_name(experiment), Mirrored()
    if found is not None and found.lifecycle_stage == "deleted":
        raise DeletedExperimentError(experiment)
    place = found.experiment_id if found else client.create_experiment(experiment)
    known = {run.data.tags[KEY]: run for run in _runs(client, place) if KEY in run.data.tags}
    for run in runs:
        parent = _write(client, place, run, known.get(run.key), {}, done)
        for trial in run.trials:
            _write(client, place, trial, known.get(trial.key), {"mlflow.parentRunId": parent}, done)
    return done


def _runs(client: Any, experiment: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], max_results=_PAGE, page_token=token)
        yield from page
        token = getattr(page, "token", None)
        if not token:
            return


def _write(client: Any, experiment: str, run: Tracked, known: Any, more: dict[str, str], done: Mirrored) -> str:
    """MLflow's id of the run."""
    from mlflow.entities import Metric, Param, RunTag

    if known is not None and known.data.tags.get(DIGEST) == run.digest:
        done.unchanged += 1
        return str(known.info.run_id)
    if known is None:
        known = client.create_run(experiment, run.began, {KEY: run.key, **more}, run.name)
        done.made += 1
    else:
        done.changed += 1
    name, data = str(known.info.run_id), known.data
    params = []
    for key, value in run.params.items():
        text = _cut(value, done)
        if key not in data.params:
            params.append(Param(key, text))
        elif data.params[key] != text:
            done.kept_params += 1
    at = run.ended or run.began or 0
    metrics = [Metric(key, value, at, 0) for key, value in run.metrics.items() if data.metrics.get(key) != value]
    tags = [RunTag(key, _cut(value, done)) for key, value in {**run.tags, **more}.items()]
    for part, all_of_it in (("metrics", metrics), ("params", params), ("tags", tags)):
        for first in range(0, len(all_of_it), _BATCH):
            client.log_batch(name, **{part: all_of_it[first : first + _BATCH]})
    if run.status == "RUNNING":
        client.update_run(name, status="RUNNING")
    else:
        client.set_terminated(name, run.status, run.ended)
    client.set_tag(name, DIGEST, run.digest)
    return name


def _cut(value: str, done: Mirrored) -> str:
    if len(value) <= MAX_VALUE:
        return value
    done.cut_values += 1
    return f"{value[: MAX_VALUE - 1]}…"
