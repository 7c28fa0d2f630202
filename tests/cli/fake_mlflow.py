"""The part of MLflow's client that `sluice track` uses, in memory: parameters never change, as in MLflow."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass
class Metric:
    key: str
    value: float
    timestamp: int
    step: int


@dataclass
class Pair:
    key: str
    value: str


class MlflowException(Exception):  # noqa: N818 - MLflow's own name
    pass


@dataclass
class Store:
    """One tracking server. `dies_at`: the number of the call to log_batch that fails."""

    experiments: dict[str, Any] = field(default_factory=dict)
    runs: list[Any] = field(default_factory=list)
    calls: int = 0
    dies_at: int = 0
    page: int = 2

    def get_experiment_by_name(self, name: str) -> Any:
        return self.experiments.get(name)

    def create_experiment(self, name: str) -> str:
        self.experiments[name] = SimpleNamespace(experiment_id=name, lifecycle_stage="active")
        return name

    def create_run(self, experiment: str, start_time: int | None, tags: dict[str, str], run_name: str) -> Any:
        info = SimpleNamespace(run_id=f"m{len(self.runs)}", run_name=run_name, status="RUNNING", start_time=start_time)
        data = SimpleNamespace(params={}, metrics={}, tags=dict(tags), history=[])
        self.runs.append(SimpleNamespace(info=info, data=data, experiment=experiment))
        return self.runs[-1]

    def search_runs(self, experiments: list[str], max_results: int, page_token: str | None) -> Any:
        own = [run for run in self.runs if run.experiment in experiments]
        first = int(page_token or 0)
        page = _Page(own[first : first + self.page])
        page.token = str(first + self.page) if first + self.page < len(own) else None
        return page

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise MlflowException("the server went away")
        data = self._of(run_id).data
        for each in params:
            if data.params.get(each.key, each.value) != each.value:
                raise MlflowException("parameters do not change")
            data.params[each.key] = each.value
        data.history += metrics
        data.metrics |= {each.key: each.value for each in metrics}
        data.tags |= {each.key: each.value for each in tags}

    def set_terminated(self, run_id: str, status: str, end_time: int | None) -> None:
        self._of(run_id).info.status = status

    def update_run(self, run_id: str, status: str) -> None:
        self._of(run_id).info.status = status

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._of(run_id).data.tags[key] = value

    def _of(self, run_id: str) -> Any:
        return next(run for run in self.runs if run.info.run_id == run_id)


class _Page(list):  # type: ignore[type-arg]
    token: str | None = None


def installed(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """`import mlflow` finds it."""
    entities, exceptions, package = ModuleType("mlflow.entities"), ModuleType("mlflow.exceptions"), ModuleType("mlflow")
    entities.__dict__.update(Metric=Metric, Param=Pair, RunTag=Pair)
    exceptions.__dict__.update(MlflowException=MlflowException)
    package.__dict__.update(MlflowClient=lambda tracking_uri: store, entities=entities, exceptions=exceptions)
    for module in (entities, exceptions, package):
        monkeypatch.setitem(sys.modules, module.__name__, module)
