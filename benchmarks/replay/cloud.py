"""Sluice's own monitor, alarms, responses and gates over services in memory, on a clock that the replay moves.

What is real: the entry points plan_training, monitor_model, respond_to_alarm, answer_lasting_alarms and
validate_dataset (for labels), ensure_monitoring, the governor, the gates, and the jobs. What is in memory: S3,
DynamoDB, CloudWatch (its alarms compare the newest datapoint), and the endpoint. A model that passes its gates serves
at once, without a canary, and no anchor is compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import gt, lt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.replay.jobs import Jobs
from sluice import keys
from sluice.contract import Contract
from sluice.gates import judge
from sluice.ports import Champion, Variant
from sluice.records.evaluation import Evaluation
from sluice.records.run_inputs import RunInputs
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_training import plan_training
from sluice.steps.respond_to_alarm import respond_to_alarm
from sluice.steps.validate_dataset import validate_dataset
from sluice.store.run_records import run_inputs
from sluice.training.responses import latest_report
from testing import fakes

START = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = "replay"
_COMPARED: dict[str, Callable[[float, float], bool]] = {"GreaterThanThreshold": gt, "LessThanThreshold": lt}


class Cloud:
    """One project under the judge and the governor."""

    def __init__(self, jobs: Jobs, contract: dict[str, Any]) -> None:
        self.jobs, self.stream = jobs, jobs.stream
        self.world: Any = fakes.world()  # with what only the services in memory have
        self.contract = Contract.model_validate(contract)
        self.world.ledger.save_contract(PROJECT, self.contract.model_dump(mode="json"), "v1")
        self.at(0)
        self.datasets: dict[str, np.ndarray] = {}
        """Rows by the id of the dataset with which they arrived."""
        self.serving: Path | None = None
        self.history: list[dict[str, Any]] = []
        """What became of each run, in order."""
        self.measured: list[dict[str, Any]] = []
        """What each measurement found: its time, triage's answer, reason, columns and sentence."""
        self._asked = 0

    def watch(self, contract: dict[str, Any]) -> None:
        """Registers another version of the contract; its alarms are made at once."""
        self.contract = Contract.model_validate(contract)
        self.world.ledger.save_contract(PROJECT, self.contract.model_dump(mode="json"), "v2")
        self.world.call(ensure_monitoring, PROJECT)

    def at(self, day: float) -> None:
        """Moves the clock to `day` of the replay."""
        self.world.clock.advance((START + timedelta(days=day) - self.world.clock.now()).total_seconds())

    def accept(self, rows: np.ndarray, name: str) -> None:
        """A dataset with labels arrives; where the contract lets arrivals start a run, there is one."""
        dataset = f"d-{name}"
        self.datasets[dataset] = rows
        facts = {"rows": len(rows), "key": f"raw/{PROJECT}/{name}.csv"}
        self.world.ledger.add_dataset(PROJECT, dataset, self.world.clock.now(), facts)
        self.run("data", f"dataset {name} arrived", dataset)

    def run(self, trigger: str, reason: str, dataset: str | None = None) -> None:
        """Asks the planner for a run. If it starts one: training, evaluation, gates; a model that passes serves."""
        now = self.world.clock.now()
        planned = self.world.call(plan_training, PROJECT, trigger, dataset, reason, now.isoformat())
        said = {"at": now.isoformat(), "trigger": trigger, "reason": reason}
        if planned["status"] != "started":
            if planned["status"] not in ("waits for rows", "already run"):
                self.history.append({**said, "outcome": planned["status"], "why": [], "rows": 0})
            return
        run_id = planned["run_id"]
        learn = self._rows_of(run_inputs(PROJECT, run_id, objects=self.world.objects))
        candidate, baseline = self.jobs.train(learn), self.jobs.train(learn, "baseline")
        made = self.jobs.evaluate(candidate, baseline, self.serving, learn)
        evaluation = Evaluation.parse((made / "evaluation.json").read_bytes(), str(made))
        found = judge(self.contract.gates, evaluation)
        approved = found.decision == "approved"
        outcome = "promoted" if approved else "rejected"
        for each in made.iterdir():
            if each.is_file():
                self.world.objects.write(keys.run(PROJECT, run_id, "evaluation", each.name), each.read_bytes())
        self.world.ledger.update_run(PROJECT, run_id, {"status": "finished", "outcome": outcome, "finished": True})
        self.world.ledger.release_lock(PROJECT, run_id)
        self.history.append({**said, "outcome": outcome, "why": found.reasons, "rows": len(learn)})
        if approved:
            self._promote(run_id)
            self.serving = candidate

    @property
    def trainings(self) -> int:
        return sum(each["outcome"] in ("promoted", "rejected") for each in self.history)

    def _rows_of(self, inputs: RunInputs) -> np.ndarray:
        """The rows that a run learns from; the replay carries out no window but that of all rows."""
        if inputs.window is not None and (inputs.window.kind != "all" or inputs.window.half_life):
            raise ValueError(f"the replay learns from all rows, not from the window {inputs.window.text}")
        return np.unique(np.concatenate([self.datasets[each] for each in inputs.datasets]))

    def _promote(self, run_id: str) -> None:
        world, endpoint, config = self.world, f"sluice-{PROJECT}", f"only-{run_id}"
        models = world.models
        models.ensure_model(run_id, f"s3://data/{run_id}", "image", {})
        models.ensure_endpoint_config(config, [Variant(f"v-{run_id}", run_id, 1.0, "ml.m5.large", 1)], "s3://c", 100)
        models.put_endpoint(endpoint, config)
        before, now = world.ledger.champion(PROJECT), world.clock.now()
        new = Champion(
            run_id=run_id,
            variant=f"v-{run_id}",
            endpoint=endpoint,
            endpoint_config=config,
            model=run_id,
            package_arn=f"arn:{run_id}",
            promoted_at=now,
            probation_until=now,
            metrics={"artifact_uri": f"s3://data/{run_id}"},
        )
        world.ledger.set_champion(PROJECT, new, before.run_id if before else None)
        world.call(ensure_monitoring, PROJECT, reset=True)

    def serve(self, rows: np.ndarray, scores: np.ndarray) -> None:
        """Captures the requests of one hour and their answers."""
        champion = self.world.ledger.champion(PROJECT)
        assert champion is not None
        at = self.world.clock.now()
        lines = []
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            answer = {"prediction": self._said(score >= 0.5), "probability": score}
            body = {"predictions": [answer], "model": champion.run_id}
            data = {
                "endpointInput": {"data": json.dumps(self.stream.records[row]), "encoding": "JSON"},
                "endpointOutput": {"data": json.dumps(body), "encoding": "JSON"},
            }
            told = {"inferenceId": f"q{row}", "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
            lines.append(json.dumps({"captureData": data, "eventMetadata": told, "eventVersion": "0"}))
        place = f"{keys.capture(PROJECT)}{champion.endpoint}/{champion.variant}/{at.strftime('%Y/%m/%d/%H')}/a.jsonl"
        self.world.objects.write(place, "\n".join(lines).encode())

    def label(self, rows: np.ndarray) -> None:
        """A file with the labels of earlier requests arrives."""
        target = self.stream.target
        said = [f"q{row},{self._text(row)}" for row in rows.tolist()]
        body = "\n".join([f"inference_id,{target}", *said]).encode()
        key = f"labels/{PROJECT}/{self.world.clock.now().strftime('%Y%m%d')}.csv"
        self.world.objects.write(key, body)
        version = self.world.objects.version(key)
        self.world.call(validate_dataset, self.world.objects.bucket, key, version, len(body))

    def look(self) -> None:
        """A measurement, and what follows from it."""
        world = self.world
        measured = len(world.metrics.published)
        world.call(monitor_model, PROJECT)
        self._note(latest_report(PROJECT, objects=world.objects))
        newest = {each.name: each.value for each in world.metrics.published[measured:]}
        at = world.clock.now().isoformat()
        for name, alarm in list(world.alarms.alarms.items()):
            if alarm.namespace != "Sluice" or alarm.metric not in newest:
                continue
            state: dict[str, str] = world.alarms.state
            before = state.get(name)
            rings = _COMPARED[alarm.comparison](newest[alarm.metric], alarm.threshold)
            state[name] = "ALARM" if rings else "OK"
            if rings and before != "ALARM":
                world.call(respond_to_alarm, {"alarmName": name, "state": {"value": "ALARM", "timestamp": at}})
        world.call(answer_lasting_alarms, PROJECT, at)
        events = [detail for kind, detail in world.events.put_events if kind == "Training Requested"]
        fresh, self._asked = events[self._asked :], len(events)
        for each in fresh:
            self.run(each["trigger"], each["reason"])

    def _note(self, report: dict[str, Any]) -> None:
        verdict = report.get("triage") or {}
        told = {name: verdict.get(name) for name in ("answer", "reason", "columns", "sentence")}
        self.measured.append({"at": report["at"], "drift": report.get("decision"), **told})

    def _said(self, positive: bool) -> Any:
        if self.stream.types[self.stream.target] == "boolean":
            return positive == self.stream.positive
        others = [value for value in self.stream.frame[self.stream.target].unique() if value != self.stream.positive]
        return self.stream.positive if positive else others[0]

    def _text(self, row: int) -> str:
        value = self.stream.frame[self.stream.target].iloc[row]
        return str(value).lower() if self.stream.types[self.stream.target] == "boolean" else str(value)
