"""An account in which one project's releases happen: the real machines and doors, the fakes, faults on order.

Time stands until `pass_time` or `rest` moves it. Whatever may go wrong on AWS goes wrong here when a test orders it:
a Lambda that dies at its n-th call, an answer that is lost, a refusal, throttling, an execution that is stopped.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from proofs.stateful.asl import ROOT, Execution, TaskError, function_of
from sluice import bootstrap, keys, names
from sluice.bootstrap import World
from sluice.ports import Alarm, Answer, Champion, EndpointState
from sluice.steps.register_model import register_model
from sluice.steps.seal_model import seal_model
from sluice.store import json_objects
from testing.fakes import ClientError, Crash, FakeModels, Invocation, Published, failing, interrupted
from testing.release_world import (
    ENDPOINT,
    JOB,
    NEW,
    OLD,
    PROJECT,
    artifact,
    build,
    evaluated,
    evaluation,
    freeze,
)

DIED = ("Runtime.ExitError", "Sandbox.Timedout", "Lambda.Unknown")
"""What Step Functions hears of a function whose process was killed, which took too long, or of which AWS knows
nothing."""
PREDICTION = b'{"predictions": [{"prediction": true, "probability": 0.5}], "model": "x"}'
# what steps start, by the names of the fakes' settings
_MACHINES = {"sluice-rollback": "roll_back", "sluice-release": "release_model"}
_OPTIMISED, _SDK = "SageMaker.AmazonSageMakerException", "SageMaker.SageMakerException"
# SageMaker's errors that its service model names
_NAMED = {"ResourceLimitExceeded", "ResourceInUse", "ResourceNotFound", "Conflict"}


@dataclass(frozen=True)
class Fault:
    """What a call of `where` (a function or one of SageMaker's operations; empty: any) meets, the `after`-th from now.

    crash: the Lambda dies at its `at`-th port call. lost: done, but the caller hears of an error. refused: not done,
    and may be tried again. denied: not done by SageMaker, and no machine retries it (a quota).
    """

    kind: str
    at: int = 1
    error: str = DIED[0]
    where: str = ""
    after: int = 0


_COMPACT = SimpleNamespace(
    dumps=lambda content, **options: json.dumps(content, **{**options, "indent": None}), loads=json.loads
)


@functools.cache
def door(name: str) -> Callable[[dict[str, Any], Any], Any]:
    """functions/<name>/app.py's handler, without the logger around it."""
    path = ROOT / "functions" / name / "app.py"
    spec = importlib.util.spec_from_file_location(f"stateful_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return inspect.unwrap(module.handler)


@contextmanager
def _world(world: World) -> Iterator[None]:
    """`world` is the one that doors find. Records are written without their indentation, which took half the time."""
    real = bootstrap.world, json_objects.json  # type: ignore[attr-defined]
    bootstrap.world = lambda: world  # type: ignore[assignment]
    json_objects.json = _COMPACT  # type: ignore[attr-defined,assignment]
    try:
        yield
    finally:
        bootstrap.world, json_objects.json = real  # type: ignore[attr-defined]


@functools.cache
def _archive(run_id: str) -> bytes:
    return artifact(run_id=run_id)[0]


class Cloud:
    """`health`: run → good | failing | slow; `executions`: ARN → execution, in the order of their start."""

    def __init__(self, champion: bool = True, settle: float = 20.0, captures: int = 0, **release: Any) -> None:
        logging.disable(logging.CRITICAL)
        self.world = build(champion=champion, **release)
        self.models: FakeModels = self.world.models  # type: ignore[assignment]
        self.models.settle = settle
        self.models.answer = self._answer
        self.world.ledger.release_lock(PROJECT, NEW)
        self.executions: dict[str, Execution] = {}
        self.health: dict[str, str] = {OLD: "good"}
        self.runs: list[str] = []
        self.faults: list[Fault] = []
        self.events: list[dict[str, Any]] = []
        self.invoked: list[tuple[str, str, str]] = []
        """(execution, function, the fault that it met or nothing) of every Lambda call."""
        self.changes: list[tuple[str, str]] = []
        """(execution, operation) of every change of the endpoint that SageMaker took."""
        self.meanwhile: tuple[int, Callable[[], Any]] | None = None
        """What else happens right before the n-th port call of the next Lambda: two of them at once."""
        self.busy: Execution | None = None
        """The execution whose Lambda runs."""
        self.overlaps: list[tuple[str, str]] = []
        """Executions that changed the endpoint while another one, which had changed it, was not through with it."""
        self.completed: set[str] = set()
        """Executions whose last step was done, whether or not they heard of it: they change nothing any more."""

        self.captures = captures
        """How many of the requests that arrive at a time are captured."""
        # what the champion was asked a while ago
        self._capture(f"v-{OLD}", captures, self.now() - timedelta(minutes=10))

    # --- what people and schedulers do ----------------------------------------------------------------------------

    def new_run(self, health: str) -> str:
        """A run whose candidate is sealed, judged and registered, as the line before the release leaves it."""
        run_id = f"r{len(self.runs) + 2}"
        world, now = self.world, self.world.clock.now()
        contract = world.ledger.contract(PROJECT)
        assert contract is not None
        total = artifact(run_id=run_id)[1] if run_id == NEW else _sum(run_id)
        freeze(world, run_id, contract[0], [f"d-{run_id}"])
        evaluated(world, run_id, evaluation(artifact_sha256=total))
        if run_id != NEW:
            trained = keys.run(PROJECT, run_id, "training", "model.tar.gz")
            world.objects.write(trained, _archive(run_id))
            world.call(seal_model, PROJECT, run_id, world.objects.uri(trained), JOB)
            world.ledger.start_run(PROJECT, run_id, now, {"status": "running"})
        self.health[run_id] = health
        self.runs.append(run_id)
        return run_id

    def start_run(self, run_id: str, by_hand: bool = False) -> Execution | None:
        """The lifecycle from its release on, when the run gets the project's lock, as plan_training takes it.

        By hand: a person starts (or redrives) the execution, whatever runs now.
        """
        world = self.world
        if not by_hand and not world.ledger.acquire_lock(PROJECT, run_id, world.clock.now()):
            world.ledger.add_pending(PROJECT, f"d-{run_id}", "it arrived during a run")
            return None
        package = world.call(register_model, PROJECT, run_id, self._archive_uri(run_id))
        plan = {"project": PROJECT, "run_id": run_id, "names": {"release_execution": f"{run_id}-release"}}
        known = {"plan": plan, "package": package, "candidate": {"artifact_uri": self._archive_uri(run_id)}}
        return self._add(Execution("ml_lifecycle", run_id, plan, self, "Release Model", known))

    def ask_to_abort(self, run_id: str) -> None:
        self.world.ledger.update_run(PROJECT, run_id, {"abort_requested": {"reason": "a person", "by": "test"}})

    # --- time and traffic -----------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.world.clock.now()

    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(seconds)  # type: ignore[attr-defined]

    def traffic(self, requests: int) -> None:
        """`requests` fall on the models by their variants' weights; then the alarms look."""
        now, metrics, seen = self.now(), self.world.metrics, {}
        captured = min(requests, self.captures)
        for variant, runs in self.variants().items():
            failed, latency, whole = 0, 20.0, 0
            for run_id, share in runs:
                count = round(requests * share)
                whole += count
                failed += count if self.health[run_id] == "failing" else 0
                latency = 900.0 if self.health[run_id] == "slow" and count else latency
                self._capture(variant, round(captured * share), now)
            seen[variant] = (whole, failed, latency)
            for name, value in (("Invocations", whole), ("Invocation5XXErrors", failed)):
                metrics.add(ENDPOINT, variant, name, now, value)  # type: ignore[attr-defined]
            if whole:
                metrics.add_latency(ENDPOINT, variant, now, latency)  # type: ignore[attr-defined]
        self._ring(seen)

    def variants(self) -> dict[str, list[tuple[str, float]]]:
        """Variant → the runs whose models answer for it now, with their shares of all requests.

        A swap of fleets sends half of a variant's requests to the new one, which answers under the same name.
        """
        state = self.models.seen(ENDPOINT)
        if state is None:
            return {}
        active, coming = self._models_of(state.config), self._models_of(self.models.coming(ENDPOINT) or state.config)
        swaps = self.models.coming(ENDPOINT) not in (None, state.config) and set(active) == set(coming)
        found = {}
        for variant in state.variants:
            old, new = active[variant.name], coming.get(variant.name, "")
            half = variant.weight / 2
            found[variant.name] = [(old, half), (new, half)] if swaps and new != old else [(old, variant.weight)]
        return found

    def shares(self) -> dict[str, float]:
        """Run → its share of the requests, where it has one."""
        found: dict[str, float] = {}
        for runs in self.variants().values():
            for run_id, share in runs:
                if share > 0:
                    found[run_id] = found.get(run_id, 0.0) + share
        return found

    def _models_of(self, config: str) -> dict[str, str]:
        """Variant → run of its model."""
        runs = {self.model_of(run_id): run_id for run_id in self.health}
        return {variant.name: runs[variant.model] for variant in self.models.configs[config].variants}

    def _ring(self, seen: Mapping[str, tuple[int, int, float]]) -> None:
        """Alarms change their states by this traffic; each change into ALARM is an event."""
        fake: Any = self.world.alarms
        for name, alarm in fake.alarms.items():
            variant = alarm.dimensions.get("VariantName")
            if variant in seen:
                self._turn(name, _breaches(alarm, *seen[variant]))
        for name, children in fake.composites.items():
            self._turn(name, any(fake.state.get(child) == "ALARM" for child in children))

    def _turn(self, name: str, rings: bool) -> None:
        state: dict[str, str] = self.world.alarms.state  # type: ignore[attr-defined]
        before, state[name] = state[name], "ALARM" if rings else "OK"
        if rings and before != "ALARM":
            self.events.append(self.alarm_event(name))
            self.models.rings(name)

    def alarm_event(self, name: str) -> dict[str, Any]:
        stamp = self.now().isoformat(timespec="milliseconds").replace("+00:00", "+0000")
        return {"alarmName": name, "state": {"value": "ALARM", "timestamp": stamp}, "previousState": {"value": "OK"}}

    def deliver(self, event: dict[str, Any]) -> bool:
        """EventBridge calls respond_to_alarm; False when the function failed, and the event will be delivered again."""
        try:
            self._lambda("events", "respond_to_alarm", {"detail": event})
        except TaskError:
            return False
        return True

    # --- running --------------------------------------------------------------------------------------------------

    @property
    def active(self) -> list[Execution]:
        return [each for each in self.executions.values() if each.running]

    def advance(self, execution: Execution, states: int) -> None:
        """Up to `states` states or attempts of one execution; time goes on only where nothing else is to be done."""
        for _ in range(states):
            if not execution.advance():
                break

    def advance_unless_busy(self, execution: Execution, states: int) -> None:
        if execution is not self.busy:
            self.advance(execution, states)

    def wait(self) -> None:
        """Time goes on to when the first execution that only waits goes on."""
        wakes = [wake for each in self.active if (wake := each.wakes()) is not None]
        if wakes and not any(each.ready() for each in self.active):
            self.pass_time((min(wakes) - self.now()).total_seconds())

    def rest(self, requests: int = 0, limit: int = 4_000) -> None:
        """Runs everything to its end, with `requests` before each wait; then the endpoint settles."""
        for _ in range(limit):
            ready = [each for each in self.active if each.ready()]
            for each in ready:
                each.advance()
            if not ready:
                if not self.active:
                    break
                self.traffic(requests)
                self.wait()
        else:
            raise AssertionError(f"{[(each.name, each.trail[-5:]) for each in self.active]} do not come to an end")
        self.pass_time(self.models.settle + 1)

    # --- what stands behind the Tasks -----------------------------------------------------------------------------

    def call(self, execution: Execution, resource: str, arguments: Any) -> Any:
        if resource == "lambda:invoke":
            self.busy = execution
            try:
                payload = self._lambda(execution.arn, function_of(arguments["FunctionName"]), arguments["Payload"])
            finally:
                self.busy = None
            return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}
        optimised = not resource.startswith("aws-sdk:")
        operation = resource.rsplit(":", 1)[-1]
        fault = self._fault(operation, ("lost", "refused", "denied"))
        if fault and fault.kind in ("refused", "denied"):
            unnamed = _OPTIMISED if optimised else _SDK
            error = "SageMaker.ResourceLimitExceededException" if fault.kind == "denied" else unnamed
            raise TaskError(error, f"{operation} was refused by order")
        try:
            self._change(operation, arguments)
        except ClientError as error:
            named = f"SageMaker.{error.code}Exception" if error.code in _NAMED else None
            raise TaskError(named or (_OPTIMISED if optimised else _SDK), str(error)) from None
        self._changed(execution, operation)
        if fault:
            raise TaskError("SageMaker.SdkClientException", f"{operation}: the connection was reset")
        return {"EndpointArn": f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{arguments['EndpointName']}"}

    def answer(self, token: str) -> Any:
        fake: Any = self.world.executions
        if token in fake.failed:
            raise TaskError(*fake.failed[token])
        return fake.succeeded.get(token)

    def child(self, execution: Execution, arguments: Any) -> Execution:
        machine = function_of(arguments["StateMachineArn"]).removesuffix("_arn")
        child = Execution(machine, arguments["Name"], arguments["Input"], self)
        # the same name again is the same execution while it runs; afterwards it is refused
        present = self.executions.get(child.arn)
        if present is not None:
            if present.running and present.input == child.input:
                return present
            raise TaskError("StepFunctions.ExecutionAlreadyExistsException", child.arn)
        return self._add(child)

    def _change(self, operation: str, arguments: dict[str, Any]) -> None:
        given, endpoint = dict(arguments), arguments["EndpointName"]
        given.pop("EndpointName")
        given.pop("Tags", None)
        if operation == "createEndpoint":
            self.models.create(endpoint, given.pop("EndpointConfigName"))
        elif operation == "updateEndpoint":
            kept = (
                {"DesiredWeight", "DesiredInstanceCount"} if given.pop("RetainAllVariantProperties", False) else set()
            )
            kept -= {each["VariantPropertyType"] for each in given.pop("ExcludeRetainedVariantProperties", [])}
            guards = _guardrails(given.pop("DeploymentConfig", {}))
            self.models.update(endpoint, given.pop("EndpointConfigName"), *guards, keep=kept)
        elif operation == "updateEndpointWeightsAndCapacities":
            wanted = given.pop("DesiredWeightsAndCapacities")
            self.models.reweigh(endpoint, {item["VariantName"]: item["DesiredWeight"] for item in wanted})
        else:
            raise AssertionError(f"SageMaker's {operation} is not played here")
        assert not given, f"{operation}: {sorted(given)} are not played here"

    def _changed(self, execution: Execution, operation: str) -> None:
        others = {arn for arn, _ in self.changes if self.executions[arn].running}
        others -= {execution.arn, *self.completed}
        self.overlaps += [(other, execution.arn) for other in others]
        self.changes.append((execution.arn, operation))

    def _lambda(self, caller: str, name: str, event: dict[str, Any]) -> Any:
        fault = self._fault(name, ("crash", "lost", "refused"))
        if fault and fault.kind == "refused":
            raise TaskError("Lambda.TooManyRequestsException", "Rate Exceeded.")
        self.invoked.append((caller, name, fault.kind if fault else ""))
        world, meanwhile = self.world, self.meanwhile
        if fault and fault.kind == "crash":
            world = failing(world, fault.at)
        elif meanwhile:
            self.meanwhile = None
            world = interrupted(world, *meanwhile)
        try:
            with _world(world):
                result = door(name)(json.loads(json.dumps(event)), None)
        except Crash as crash:
            assert fault is not None
            raise TaskError(fault.error, f"{name} died at {crash}") from None
        except Exception as error:
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            raise TaskError(type(error).__name__, json.dumps(told)) from error
        finally:
            self._start_requested()
        if name.startswith("complete_"):
            self.completed.add(caller)
        if fault and fault.kind == "crash":
            raise TaskError(fault.error, f"{name} died at its end")
        if fault:
            raise TaskError("Lambda.SdkClientException", f"{name}: the connection was reset")
        return json.loads(json.dumps(result))

    def _fault(self, where: str, kinds: tuple[str, ...]) -> Fault | None:
        """The first fault that this call meets; for those that are for a later one it is one call less."""
        met = [each for each in self.faults if each.kind in kinds and each.where in ("", where)]
        found = next((each for each in met if each.after == 0), None)
        for each in met:
            if each is found or each.after:
                self.faults.remove(each)
            if each.after:
                self.faults.append(replace(each, after=each.after - 1))
        return found

    def _start_requested(self) -> None:
        """What a step started through its port runs."""
        fake: Any = self.world.executions
        for arn, payload in fake.started.items():
            machine, name = arn.split(":")[-2:]
            execution = Execution(_MACHINES[machine], name, payload, self)
            if execution.arn not in self.executions:
                self._add(execution)

    def _answer(self, invocation: Invocation) -> Answer:
        state = self.models.seen(invocation.endpoint)
        if state is None or not state.variants:
            raise ClientError("ValidationError", f"{invocation.endpoint} is not in service")
        heaviest = max(state.variants, key=lambda variant: variant.weight).name
        variant = invocation.variant or heaviest
        if self.health[self._models_of(state.config)[variant]] == "failing":
            return Answer(500, b"boom", variant)
        return Answer(200, PREDICTION, variant)

    def _add(self, execution: Execution) -> Execution:
        self.executions[execution.arn] = execution
        return execution

    def _archive_uri(self, run_id: str) -> str:
        return self.world.objects.uri(keys.sealed(PROJECT, run_id, "model.tar.gz"))

    def _capture(self, variant: str, requests: int, at: datetime) -> None:
        if not requests:
            return
        line: dict[str, Any] = {
            "captureData": {
                "endpointInput": _captured('{"pages": 1.0}'),
                "endpointOutput": _captured(PREDICTION.decode()),
            },
            "eventMetadata": {"inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }
        many = [{**line, "eventMetadata": {**line["eventMetadata"], "inferenceId": f"q{n}"}} for n in range(requests)]
        body = "\n".join(json.dumps(line) for line in many).encode()
        where = f"{keys.capture(PROJECT)}{ENDPOINT}/{variant}/{at:%Y/%m/%d/%H}"
        self.world.objects.write(f"{where}/{at:%M%S}-{len(self.world.objects.list(where))}.jsonl", body)

    # --- what a test looks at -------------------------------------------------------------------------------------

    @property
    def left_alone(self) -> bool:
        """Whether a rollback that changed the endpoint last was stopped by a person, whom nobody has to tell of it."""
        last = self.executions[self.changes[-1][0]] if self.changes else None
        return last is not None and last.machine == "roll_back" and last.status == "ABORTED"

    @property
    def alerts(self) -> list[Published]:
        return self.world.alerts.published  # type: ignore[attr-defined]

    @property
    def champion(self) -> Champion | None:
        return self.world.ledger.champion(PROJECT)

    @property
    def endpoint(self) -> EndpointState | None:
        return self.models.seen(ENDPOINT)

    def model_of(self, run_id: str) -> str:
        return "m1" if run_id == OLD else names.model("sluice", PROJECT, run_id)

    def canary_alarms(self, run_id: str) -> set[str]:
        prefix = names.alarm("sluice", PROJECT, run_id) + "/"
        fake: Any = self.world.alarms
        return {name for name in fake.state if name.startswith(prefix)}

    def package(self, run_id: str) -> str | None:
        packages = self.world.registry.packages.values()  # type: ignore[attr-defined]
        return next((each["status"] for each in packages if each["facts"].get("run_id") == run_id), None)


def _breaches(alarm: Alarm, requests: int, failed: int, latency: float) -> bool:
    sums = {"Invocations": float(requests), "Invocation5XXErrors": float(failed)}
    if alarm.metric == "ModelLatency":
        value = latency * 1_000 if requests else 0.0
    elif alarm.share_of is None:
        value = sums[alarm.metric]
    else:
        enough = sums[alarm.metric] >= alarm.at_least
        value = sums[alarm.metric] / sums[alarm.share_of] if enough and sums[alarm.share_of] else 0.0
    if alarm.comparison == "GreaterThanOrEqualToThreshold":
        return value >= alarm.threshold
    assert alarm.comparison == "GreaterThanThreshold", alarm.comparison
    return value > alarm.threshold


@functools.cache
def _sum(run_id: str) -> str:
    return artifact(run_id=run_id)[1]


def _captured(text: str) -> dict[str, str]:
    return {"observedContentType": "application/json", "data": text, "encoding": "JSON"}


def _guardrails(deployment: dict[str, Any]) -> tuple[list[str], float]:
    """Alarms of a DeploymentConfig, and the seconds that its traffic routing takes."""
    if not deployment:
        return [], 0.0
    routing = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    steps = {"ALL_AT_ONCE": 1.0, "CANARY": 1.0, "LINEAR": 100 / routing.get("LinearStepSize", {"Value": 100})["Value"]}
    alarms = [each["AlarmName"] for each in deployment["AutoRollbackConfiguration"]["Alarms"]]
    return alarms, routing["WaitIntervalInSeconds"] * steps[routing["Type"]]
