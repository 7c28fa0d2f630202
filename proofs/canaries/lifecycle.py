"""What the lifecycle does around a release, without the training: its files, its records, the calls of its functions.

Everything that judges or moves traffic is the deployed stack's own: the functions that seal, register and finish, the
state machines that release and roll back.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from proofs.canaries.candidates import Canary
from proofs.canaries.models import Learned, Shelf, packed
from sluice import keys, names
from sluice.contract import Contract
from sluice.records.run_inputs import RunInputs
from testing.line import Line, wait_for

Json = dict[str, Any]
PATIENCE = 300.0
"""Real seconds for one release."""
SOUND: Json = {"kind": "sound"}


class FunctionError(AssertionError):
    """A deployed function answered with an error."""


@dataclass(frozen=True)
class Release:
    """One release, from the start of its execution to its end. Times are those of `time.time()`."""

    run_id: str
    variant: str
    began: float
    ended: float
    outcome: str
    decided_at: float | None
    """When the judge, the replay or an alarm decided against the canary; None when nothing did."""
    reasons: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)


class Project:
    """One project of the stack. Not thread-safe; several projects side by side are."""

    def __init__(self, line: Line, shelf: Shelf, name: str, contract: Json) -> None:
        self.line, self.shelf, self.name = line, shelf, name
        self.world = line.stack.world
        self._contract = Contract.model_validate({**contract, "project": name}).model_dump(mode="json")
        self._version = ""
        self._runs = 0
        self.champion: Learned | None = None

    @property
    def endpoint(self) -> str:
        return self.line.endpoint_name(self.name)

    def register(self) -> None:
        """The contract, as a person uploads it."""
        body = json.dumps(self._contract).encode()  # JSON is YAML
        self.world.objects.write(keys.contract(self.name), body)
        _, self._version = wait_for(lambda: self.world.ledger.contract(self.name), f"{self.name}: its contract")

    def release(self, canary: Canary, model: Learned) -> Release:
        """A whole run, as far as a release is concerned; a promoted `model` is the new champion."""
        self._runs += 1
        run_id = names.run_id(self.name, self._version, [f"{self._runs:04d}"], canary.name)
        self._freeze(run_id)
        artifact_uri = self._build(run_id, canary, model)
        package = self._call("RegisterModelFunction", project=self.name, run_id=run_id, artifact_uri=artifact_uri)
        began = time.time()
        execution = self._start(run_id, package["package_arn"], artifact_uri)
        described = self._await(execution)
        ended = time.time()
        outcome = json.loads(described["output"])["outcome"] if described["status"] == "SUCCEEDED" else "failed"
        error = {"state": "Release Model", "error": described.get("error"), "cause": described.get("cause")}
        more = {"error": error} if outcome == "failed" else {}
        self._call("FinishRunFunction", project=self.name, run_id=run_id, outcome=outcome, **more)
        if outcome == "promoted":
            self.champion = model
        decided_at, reasons, tests = self._decision(run_id)
        if outcome == "failed":
            reasons.append(f"{described.get('error')}: {str(described.get('cause'))[:300]}")
        states = self.line.states({"execution_arn": execution})
        variant = names.variant(run_id)
        return Release(run_id, variant, began, ended, outcome, decided_at, reasons, tests, states)

    def roll_back(self, champion: Learned) -> None:
        """Undoes a promotion that should not have been, as an alarm in probation does, so that others can be tried."""
        machine = self.line.stack.outputs["RollBackArn"]
        started = self.line.aws("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps({"project": self.name, "reason": "the proof undoes it"})
        )
        described = self._await(started["executionArn"])
        if described["status"] != "SUCCEEDED":
            raise AssertionError(f"{self.name}: the rollback of a wrong promotion ended as {described}")
        self.champion = champion

    def _freeze(self, run_id: str) -> None:
        inputs = RunInputs(
            project=self.name,
            run_id=run_id,
            trigger="manual",
            reason="a canary of the proof",
            contract=Contract.model_validate(self._contract),
            contract_version=self._version,
            datasets=[],
            created_at=self.world.clock.now().isoformat(),
        ).plain()
        self._write(keys.run(self.name, run_id, "contract", "contract.json"), self._contract)
        self._write(keys.run(self.name, run_id, "run.json"), inputs)
        if not self.world.ledger.acquire_lock(self.name, run_id, self.world.clock.now()):
            raise AssertionError(f"{self.name}: the lock is held: {self.world.ledger.lock(self.name)}")
        facts = {name: inputs[name] for name in ("trigger", "reason", "datasets", "contract_version")}
        self.world.ledger.start_run(self.name, run_id, self.world.clock.now(), {**facts, "status": "running"})

    def _build(self, run_id: str, canary: Canary, model: Learned) -> str:
        """What Build Model leaves: a sealed archive and its evaluation."""
        archive = packed(model, run_id, canary.knobs or SOUND)
        key = keys.run(self.name, run_id, "training", f"{run_id}-t-001", "output", "model.tar.gz")
        self.world.objects.write(key, archive, "application/gzip")
        sealed = self._call(
            "SealModelFunction",
            project=self.name,
            run_id=run_id,
            artifact_uri=self.world.objects.uri(key),
            training_job=f"arn:aws:sagemaker:eu-west-1:000000000000:training-job/{run_id}-t-001",
        )
        for name, body in self.shelf.evaluation(model, self.champion).items():
            if name == "evaluation.json":
                evaluation = json.loads(body)
                evaluation["candidate"] |= {"run_id": run_id, "artifact_sha256": sealed["artifact_sha256"]}
                body = json.dumps(evaluation).encode()
            self.world.objects.write(keys.run(self.name, run_id, "evaluation", name), body)
        return str(sealed["artifact_uri"])

    def _start(self, run_id: str, package_arn: str, artifact_uri: str) -> str:
        payload = {"project": self.name, "run_id": run_id, "package_arn": package_arn, "artifact_uri": artifact_uri}
        started = self.line.aws("stepfunctions").start_execution(
            stateMachineArn=self.line.resources["ReleaseModel"],
            name=names.bounded(f"{self.name}-{run_id}-release", names.EXECUTION_LIMIT),
            input=json.dumps(payload),
        )
        self.world.ledger.update_run(self.name, run_id, {"execution_arn": started["executionArn"]})
        return str(started["executionArn"])

    def _await(self, execution: str) -> Json:
        states, deadline = self.line.aws("stepfunctions"), time.monotonic() + PATIENCE
        while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                entered = self.line.states({"execution_arn": execution})
                raise AssertionError(f"{execution} is still running after {PATIENCE:g} s; it entered {entered[-8:]}")
            time.sleep(0.2)
        return described

    def _call(self, function: str, **payload: Any) -> Json:
        answer = self.line.aws("lambda").invoke(
            FunctionName=self.line.resources[function], Payload=json.dumps(payload).encode()
        )
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FunctionError(f"{function} of {payload}: {body}")
        return body

    def _write(self, key: str, content: Any) -> None:
        self.world.objects.write(key, json.dumps(content).encode(), "application/json")

    def _decision(self, run_id: str) -> tuple[float | None, list[str], list[str]]:
        """(when it was first decided to abort, why, the tests that proved it), from the decision records."""
        moments: list[float] = []
        reasons: list[str] = []
        tests: list[str] = []
        run = self.world.ledger.run(self.name, run_id) or {}
        if asked := run.get("abort_requested"):
            moments.append(_moment(asked["at"]))
            reasons.append(str(asked["reason"]))
        for stored in self.world.objects.list(keys.run(self.name, run_id, "decisions/")):
            record = json.loads(self.world.objects.read(stored.key))
            last = (record.get("looks") or [record])[-1]
            if record.get("decision") != "abort":
                continue
            if at := last.get("at") or record.get("at"):
                moments.append(_moment(at))
            reasons += [text for text in record.get("reasons") or [] if text not in reasons]
            tests += proven(last.get("statistic") or {})
        moments += self._alarms(run_id)
        reasons += [text for text in run.get("reasons") or [] if text not in reasons]
        return min(moments, default=None), reasons, tests

    def _alarms(self, run_id: str) -> list[float]:
        """When alarms of the canary rang that were answered by an abort."""
        where = keys.monitor(self.name, "responses/")
        answered = [json.loads(self.world.objects.read(o.key)) for o in self.world.objects.list(where)]
        return [
            _moment(record["inputs"]["at"])
            for record in answered
            if record["decision"] == "abort" and f"/{run_id}/" in record["inputs"]["alarm"]
        ]


def proven(statistic: Json) -> list[str]:
    """Names of the tests whose evidence reached the limit, as the records keep it."""
    limit = statistic.get("log_limit")
    return [name for name, value in (statistic.get("log_e") or {}).items() if limit is not None and value >= limit]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
