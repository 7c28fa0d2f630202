"""A project whose releases are begun, interfered with and ended, and all that its people can see of them."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from proofs.canaries.candidates import Canary
from proofs.canaries.lifecycle import Json, Project
from proofs.canaries.models import Learned, Shelf
from proofs.canaries.sight import Watch
from sluice import keys, names
from sluice.contract import Contract
from sluice.ports import ENDPOINT, Champion
from testing.line import Line, wait_for
from tests.strategies.customers import Customers

LIVE = 20.0
"""Requests a second of the customers."""


@dataclass(frozen=True)
class Begun:
    """A release that is on. `began` is of `time.time()`."""

    run_id: str
    variant: str
    package_arn: str
    execution: str
    model: Learned
    began: float


@dataclass(frozen=True)
class Ended(Begun):
    outcome: str = ""
    error: str = ""
    run: Json = field(default_factory=dict)
    states: list[str] = field(default_factory=list)


class Shop(Project):
    """`contract` without its `release` is that of all releases; each brings its own."""

    def __init__(self, line: Line, shelf: Shelf, name: str, contract: Json) -> None:
        super().__init__(line, shelf, name, contract)
        self._base = contract
        self.customers = Customers(line, self.endpoint, LIVE)
        self.model = shelf.learned[0]

    @property
    def contract(self) -> Json:
        return self._contract

    # --- releases ------------------------------------------------------------------------------------------------

    def asks_for(self, **release: Any) -> None:
        """The release of the contract from now on, of the runs and of the project."""
        content = {**self._base, "project": self.name, "release": {**self._base["release"], **release}}
        self._contract = Contract.model_validate(content).model_dump(mode="json")
        self.line.put_contract(self.name, json.dumps(self._contract))  # JSON is YAML
        _, self._version = wait_for(lambda: self.world.ledger.contract(self.name), f"{self.name}: its contract")

    def first(self) -> Ended:
        """The first champion, onto an endpoint that is made for it."""
        ended = self.end(self.begin())
        assert ended.outcome == "promoted", ended
        return ended

    def begin(self, **knobs: Any) -> Begun:
        """A release with a fault of canary_fault.py, or without one."""
        self._runs += 1
        canary = Canary(
            f"release-{self._runs}", not knobs, knobs.get("kind", "sound"), {"seed": 1, **knobs} if knobs else {}
        )
        run_id = names.run_id(self.name, self._version, [f"{self._runs:04d}"], canary.name)
        self._freeze(run_id)
        artifact_uri = self._build(run_id, canary, self.model)
        package = self._call("RegisterModelFunction", project=self.name, run_id=run_id, artifact_uri=artifact_uri)
        began, arn = time.time(), package["package_arn"]
        execution = self._start(run_id, arn, artifact_uri)
        return Begun(run_id, names.variant(run_id), arn, execution, self.model, began)

    def over(self, begun: Begun) -> bool:
        described = self.line.aws("stepfunctions").describe_execution(executionArn=begun.execution)
        return bool(described["status"] != "RUNNING")

    @staticmethod
    def pause(seconds: float = 1.0) -> None:
        """Real seconds."""
        time.sleep(seconds)

    def end(self, begun: Begun) -> Ended:
        """Waits for the release, and finishes its run as the lifecycle does."""
        described = self._await(begun.execution)
        outcome = json.loads(described["output"])["outcome"] if described["status"] == "SUCCEEDED" else "failed"
        error = {"state": "Release Model", "error": described.get("error"), "cause": described.get("cause")}
        more = {"error": error} if outcome == "failed" else {}
        self._call("FinishRunFunction", project=self.name, run_id=begun.run_id, outcome=outcome, **more)
        if outcome == "promoted":
            self.champion = begun.model
        run = self.world.ledger.run(self.name, begun.run_id) or {}
        said = f"{described.get('error')}: {described.get('cause')}" if more else ""
        states = self.line.states({"execution_arn": begun.execution})
        return Ended(**vars(begun), outcome=outcome, error=said, run=run, states=states)

    def release(self, **knobs: Any) -> Ended:  # type: ignore[override]
        return self.end(self.begin(**knobs))

    def until(self, begun: Begun, state: str) -> None:
        """Waits until the release has entered the state."""
        execution = {"execution_arn": begun.execution}
        wait_for(lambda: state in self.line.states(execution), f"{begun.run_id} to come to {state}")

    def ring(self, begun: Begun, alarm: str = "canary-errors") -> float:
        """Puts an alarm of the release into ALARM, as CloudWatch would; when that was."""
        at = time.time()
        self.line.ring(self.name, begun.run_id, alarm)
        return at

    def deliver(self, alarm: str, at: datetime, *parts: str) -> str:
        """Hands respond_to_alarm an event as EventBridge does, perhaps not for the first time; its decision."""
        name = names.alarm(self.line.stack.stack, self.name, *parts, alarm)
        detail = {"alarmName": name, "state": {"value": "ALARM", "timestamp": at.isoformat()}}
        return str(self._call("RespondToAlarmFunction", detail=detail)["decision"])

    def rolled_back(self, champion: Ended) -> None:
        """Waits until an earlier model serves again and nobody holds the endpoint."""

        def back() -> bool:
            lock = self.line.ledger.lock(self.name, of=ENDPOINT)
            return self.pointer().run_id == champion.run_id and lock is None

        wait_for(back, f"{self.name}: {champion.run_id} to be champion again", also=lambda: str(self.pointer()))

    # --- what people see -----------------------------------------------------------------------------------------

    def weights(self) -> dict[str, float]:
        return {each["VariantName"]: float(each["CurrentWeight"]) for each in self.described()["ProductionVariants"]}

    def described(self) -> Json:
        found = self.line.endpoint(self.name)
        assert found is not None, f"{self.endpoint} is gone"
        return found

    def pointer(self) -> Champion:
        champion = self.world.ledger.champion(self.name)
        assert champion is not None, f"{self.name} has no champion"
        return champion

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """What DescribeEndpoint says meanwhile."""
        stack = self.line.stack
        prefix = names.alarm(stack.stack, self.name, "")
        watch = Watch(stack.client("sagemaker"), self.endpoint, stack.client("cloudwatch"), prefix)
        watch.start()
        try:
            yield watch
        finally:
            watch.stop()

    def decision(self, begun: Begun, kind: str) -> Json:
        found: Json = self.line.read_json(keys.decision(self.name, begun.run_id, kind))
        return found

    def decided(self, begun: Begun, kind: str) -> Json | None:
        """The record, when it is there."""
        key = keys.decision(self.name, begun.run_id, kind)
        return self.decision(begun, kind) if self.line.listed(key) else None

    def monitor(self) -> Json:
        """A look of the monitor, now."""
        return self._call("MonitorModelFunction", project=self.name)

    def monitored(self) -> Json:
        """What it found."""
        return dict(self.line.read_json(self.monitor()["report"]))

    def why(self, begun: Begun) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert self.line.command("why", begun.run_id, "--project", self.name) == 0
        return said.getvalue()

    def told(self, kind: str, run_id: str = "") -> list[str]:
        """Subject and message of the alerts of this kind that name the run."""
        texts = [f"{alert.subject}\n{alert.message}" for alert in self.line.alerts(self.name, kind)]
        return [text for text in texts if run_id in text]

    def hear(self, kind: str, run_id: str = "") -> str:
        """The first such alert, once it is there."""
        return wait_for(lambda: self.told(kind, run_id), f"{self.name}: {kind} of {run_id}")[0]

    def until_captured(self, least: int = 1) -> None:
        """Waits until S3 has files of so many captured requests."""

        def lines() -> bool:
            stored = self.line.listed(keys.capture(self.name))
            return sum(self.line.read(key).count(b"\n") for key in stored) >= least

        wait_for(lines, f"{self.name}: {least} captured requests")

    def settled_on(self, champion: Ended, *others: Begun) -> None:
        """All agree that `champion` serves, and nothing is left of the releases of `others`."""
        pointer, endpoint = self.pointer(), self.described()
        assert pointer.run_id == champion.run_id
        assert endpoint["EndpointStatus"] == "InService"
        assert endpoint["EndpointConfigName"] == pointer.endpoint_config
        assert self.weights() == {pointer.variant: 1.0}
        assert self.line.package_status({"package_arn": champion.package_arn}) == "Approved"
        prefix = f"{self.line.stack.stack}/{self.name}/"
        found = self.line.aws("cloudwatch").describe_alarms(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        left = [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found[kind]]
        assert [name for name in left if name.count("/") > 2] == [], "alarms of releases that are over"
        assert self.line.ledger.lock(self.name) is None
        assert self.line.ledger.lock(self.name, of=ENDPOINT) is None
        for other in others:
            assert self.line.package_status({"package_arn": other.package_arn}) == "Rejected"
