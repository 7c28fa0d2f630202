"""Reads what `sluice watch` shows: histories, jobs, records and the endpoint, each only while it can still change."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from cli.commands.env import speed
from cli.connection import Connection
from cli.executions import DRILL, LIFECYCLE, Histories
from cli.watching import findings, jobs
from cli.watching.search_log import SearchLog
from cli.watching.states import Evidence, State, Timeline
from cli.watching.view import View, every
from sluice import keys, names
from sluice.errors import DamagedRecordError, EndpointBusyError, NotFoundError
from sluice.model.search_spaces import AUTO
from sluice.ports import Json
from sluice.records.training_plan import TrainingPlan
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any, run_contract, stored_json, training_plan

_TRAINING = ("Train Baseline", "Tune Candidates")
_RECORDS: dict[str, tuple[str, Callable[[Json], Evidence]]] = {
    "Judge Candidate": ("gates", findings.gates),
    "Replay Requests": ("replay", findings.replay),
    "Judge Canary": ("canary", findings.canary),
    "Choose Weights": ("bandit", findings.bandit),
    "Verify Promotion": ("verification-promotion", findings.verification),
    "Verify Rollback": ("verification-rollback", findings.verification),
}
"""State → the decision record that it writes, and what is shown of it."""
_WATCHED = ("Bake", "Await Swap")
"""States in which the new model is watched for as long as the contract says."""
_RELEASES = ("Release Model", "Attach Canary", "Swap Fleet", "Create Endpoint")


@dataclass
class Reader:
    """One run, asked again and again. What has ended is not read again."""

    connection: Connection
    project: str
    run_id: str
    _timeline: Timeline = field(default_factory=Timeline)
    _settled: dict[tuple[str, str], tuple[int, Evidence]] = field(default_factory=dict)
    _jobs: dict[str, jobs.Job] = field(default_factory=dict)
    _plan: TrainingPlan | None = None
    _search: SearchLog | None = None

    def __post_init__(self) -> None:
        self._histories = Histories(self.connection, self.project, self.run_id)
        self._speed = speed(os.environ.get("AWS_ENDPOINT_URL", ""))

    def view(self, record: Json) -> View:
        """`record`: the run's, as it was when nothing is known yet."""
        world = self.connection.world
        # asked first: what is read below is then at least as new as the end of the run
        record = world.ledger.run(self.project, self.run_id) or record
        self._timeline.add(self._histories.fresh())
        states = self._timeline.top()
        for state in every(states):
            if state.name == "Train Models":
                self._add_jobs(state)
        for state in every(states):
            if state.name not in _TRAINING:
                state.evidence = self._evidence(state)
        stopped = bool(self._timeline.ended & {LIFECYCLE, DRILL}) and not record.get("outcome")
        return View(self.project, record, states, world.clock.now(), self._traffic(states, record), stopped)

    def _evidence(self, state: State) -> Evidence:
        key = (state.machine, state.name)
        entered, known = self._settled.get(key, (0, Evidence()))
        if entered == state.entered:
            return known
        try:
            found = self._read(state)
        except (ClientError, DamagedRecordError) as error:
            # the tree goes on; what could not be read is said where it is missing
            found = Evidence((f"not shown: {str(error).splitlines()[0]}",), {"not_shown": str(error)})
        if state.ended:
            self._settled[key] = (state.entered, found)
        return found

    def _read(self, state: State) -> Evidence:
        objects = self.connection.world.objects
        if state.name in _RECORDS:
            record, shown = _RECORDS[state.name]
            found = stored_json(keys.decision(self.project, self.run_id, record), objects=objects)
            return shown(found) if found else Evidence()
        if state.name in _WATCHED:
            return self._bake()
        if state.name == "Clean Dataset":
            if prepared := prepared_data(self.project, self.run_id, objects=objects):
                return findings.data(prepared)
            return _of(jobs.cleaning(self.connection, self.run_id))
        if state.name == "Evaluate Candidate":
            if state.ended and (found := evaluation_if_any(self.project, self.run_id, objects=objects)):
                return findings.evaluation(found)
            planned = self._planned()
            return _of(jobs.processing(self.connection, planned.names.evaluation_job)) if planned else Evidence()
        return Evidence()

    def _bake(self) -> Evidence:
        objects = self.connection.world.objects
        try:
            return findings.bake(run_contract(self.project, self.run_id, objects=objects).release, self._speed)
        except NotFoundError:
            return Evidence()

    def _add_jobs(self, state: State) -> None:
        """The two jobs that train side by side. AWS's history names their states; the local cloud's does not."""
        planned = self._planned()
        if planned is None:
            return
        found = [
            child
            for name, ask, job_name in (
                ("Train Baseline", jobs.training, planned.names.baseline_job),
                ("Tune Candidates", jobs.tuning, planned.names.tuning_job),
            )
            if (child := self._job_state(name, ask, job_name)) is not None
        ]
        for child in found:
            if child.name == "Tune Candidates" and not child.ended:
                child.evidence = child.evidence.and_also(self._searched(planned))
        state.children = found + [child for child in state.children if child.name not in _TRAINING]

    def _job_state(self, name: str, ask: Callable[[Connection, str], jobs.Job | None], job_name: str) -> State | None:
        job = self._jobs.get(name)
        if job is None or job.ended is None:
            try:
                job = ask(self.connection, job_name)
            except ClientError as error:
                told = Evidence((f"not shown: {error}",), {"not_shown": str(error)})
                job = replace(self._jobs[name], evidence=told) if name in self._jobs else None
        if job is None:
            return None
        self._jobs[name] = job
        return State("BuildModel", name, job.began, ended=job.ended, failure=job.failure, evidence=job.evidence)

    def _searched(self, planned: TrainingPlan) -> Evidence:
        """How far `auto` is, while it searches."""
        if AUTO not in planned.tuning.families:
            return Evidence()
        if self._search is None:
            self._search = SearchLog(self.connection.client("logs"), planned.names.tuning_job)
        return self._search.evidence()

    def _planned(self) -> TrainingPlan | None:
        if self._plan is None:
            try:
                self._plan = training_plan(self.project, self.run_id, objects=self.connection.world.objects)
            except (NotFoundError, DamagedRecordError):
                return None
        return self._plan

    def _traffic(self, states: list[State], record: Json) -> dict[str, float]:
        """Variant → share, while a release is on."""
        on = any(state.status == "running" for state in every(states) if state.name in _RELEASES)
        if record.get("outcome") or not (on or any(state.machine == "Drill" for state in states)):
            return {}
        world = self.connection.world
        try:
            endpoint: Any = world.models.endpoint(names.endpoint(world.settings.stack, self.project))
        except (EndpointBusyError, ClientError):
            return {}
        total = sum(variant.weight for variant in endpoint.variants) if endpoint else 0.0
        return {variant.name: variant.weight / total for variant in endpoint.variants} if total else {}


def _of(job: jobs.Job | None) -> Evidence:
    if job is None:
        return Evidence()
    return Evidence(job.evidence.lines + ((job.failure,) if job.failure else ()), job.evidence.facts)
