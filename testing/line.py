"""The deployed line as its users touch it: files in, alerts and predictions out; the ledger to see what came of it."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from botocore.config import Config

from cli.app import main
from cli.artefacts import ROOT, for_local_cloud
from cli.demo.traffic import Traffic
from cli.stack import LocalStack
from sluice import keys, names
from sluice.contract.yaml_text import read_yaml
from testing.inbox import Alert, Arrivals, Inbox

Json = dict[str, Any]
T = TypeVar("T")
PATIENCE = 300.0
"""Real seconds that a story may wait for one thing. Runs take about 25 s of CPU each and share two cores."""
SERVICES = (
    *("cloudformation", "cloudwatch", "dynamodb", "lambda", "s3"),
    *("sagemaker", "sagemaker-runtime", "sqs", "stepfunctions"),
)


def contract(project: str, **changes: Any) -> str:
    """sessions.yaml for `project`, with mappings merged and everything else replaced by `changes`."""
    base = read_yaml((Path(__file__).with_name("sessions.yaml")).read_text())
    return yaml.safe_dump(_merged(base, {"project": project, **changes}), sort_keys=False)


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    return base | {name: _merged(base.get(name), value) for name, value in changes.items()}


class Line:
    """Helpers over one LocalStack. Thread-safe: the stories of the tests run side by side."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.bucket = stack.outputs["DataBucketName"]
        config = Config(retries={"max_attempts": 2}, read_timeout=60, max_pool_connections=40)
        # made before any story starts: boto3 may not make clients in several threads
        self._clients = {service: stack.client(service, config) for service in SERVICES}
        self._making = threading.Lock()
        self.ledger = stack.world.ledger
        self.ledger.projects()
        self.inbox = Inbox(stack)
        self.arrivals = Arrivals(stack)

    def aws(self, service: str) -> Any:
        return self._clients[service]

    def stop(self) -> None:
        self.inbox.stop()
        self.arrivals.stop()

    # --- what people do ------------------------------------------------------------------------------------------

    def put(self, key: str, body: bytes) -> str:
        """Version id of the new object."""
        return str(self.aws("s3").put_object(Bucket=self.bucket, Key=key, Body=body)["VersionId"])

    def put_contract(self, project: str, text: str) -> str:
        """Uploads the contract and waits until it is answered; its version id."""
        before = len(self.alerts(project))
        version = self.put(keys.contract(project), text.encode())
        answers = ("Contract Registered", "Contract Refused")
        wait_for(lambda: [a for a in self.alerts(project)[before:] if a.kind in answers], f"{project}: its contract")
        return version

    def drop(self, project: str, name: str, body: bytes, area: str = "raw") -> str:
        return self.put(f"{area}/{project}/{name}", body)

    def decide(self, run: Json, status: str) -> None:
        """Sets the status of the run's model package, as a person does in the registry."""
        arn = run["package_arn"]
        self.aws("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    def ring(self, project: str, *parts: str) -> None:
        """Puts one of the project's alarms into ALARM."""
        name = names.alarm(self.stack.stack, project, *parts)
        self.aws("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test rings it")

    def invoke(self, project: str, rows: list[Json]) -> Json:
        """The endpoint's answer to `rows`; `variant` says who answered."""
        answer = self.aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint_name(project),
            ContentType="application/json",
            Body=json.dumps({"instances": rows}),
        )
        return {**json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}

    def traffic(self, project: str, per_second: float = 30.0) -> Traffic:
        with self._making:
            return Traffic(self.stack, self.endpoint_name(project), per_second)

    def command(self, *arguments: str) -> int:
        """What `sluice` with these arguments ends with."""
        with self._making:
            return main(arguments, lambda _stack: self.stack.connection)

    # --- what became of it ---------------------------------------------------------------------------------------

    def endpoint_name(self, project: str) -> str:
        return names.endpoint(self.stack.stack, project)

    def endpoint(self, project: str) -> Json | None:
        client = self.aws("sagemaker")
        try:
            return client.describe_endpoint(EndpointName=self.endpoint_name(project))
        except client.exceptions.ClientError as error:
            if "Could not find" in str(error) or "does not exist" in str(error):
                return None
            raise

    def record(self, project: str, name: str, version: str, area: str = "raw") -> Json:
        """The terminal record of an arrival, once it is there."""
        key = f"{area}/{project}/{name}"
        return wait_for(lambda: self.ledger.arrival(self.bucket, key, version), f"the terminal record of {key}")

    def runs(self, project: str) -> list[Json]:
        """Oldest first."""
        return list(reversed(self.ledger.runs(project)))

    def run(self, project: str, number: int, until: str = "finished", outcome: str | None = None) -> Json:
        """The project's `number`-th run (1 is the first), once its record has a true `until`.

        Raises AssertionError when it ends without, or otherwise than by `outcome`.
        """

        def reached() -> Json | None:
            runs = self.runs(project)
            if len(runs) < number:
                return None
            chosen = runs[number - 1]
            if until != "finished" and chosen.get("finished") and not chosen.get(until):
                raise AssertionError(f"{project}: run {number} ended without {until!r}: {chosen}")
            if outcome and chosen.get("finished") and chosen["outcome"] != outcome:
                raise AssertionError(f"{project}: run {number} did not end as {outcome}: {chosen}")
            return chosen if chosen.get(until) else None

        return wait_for(reached, f"{project}: run {number} to have {until!r}", also=lambda: str(self.runs(project)))

    def alerts(self, project: str, kind: str | None = None) -> list[Alert]:
        return [a for a in self.inbox.alerts() if a.project == project and kind in (None, a.kind)]

    def kinds(self, project: str) -> list[str]:
        return [alert.kind for alert in self.alerts(project)]

    def alert(self, project: str, kind: str, number: int = 1) -> Alert:
        """The `number`-th alert of this kind, once it is there."""
        told = wait_for(
            lambda: self.alerts(project, kind)[number - 1 : number],
            f"{project}: alert {kind!r} number {number}",
            also=lambda: (
                f"{self.kinds(project)}; the last ones say {[alert.message for alert in self.alerts(project)[-3:]]}"
            ),
        )
        return told[0]

    def read(self, key: str) -> bytes:
        return self.aws("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def listed(self, prefix: str) -> list[str]:
        pages = self.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def package_status(self, run: Json) -> str:
        described = self.aws("sagemaker").describe_model_package(ModelPackageName=run["package_arn"])
        return str(described["ModelApprovalStatus"])

    def states(self, run: Json) -> list[str]:
        """Names of the states that the run's execution entered, in order."""
        return self._entered(run["execution_arn"])

    def release_states(self, project: str, run: Json) -> list[str]:
        """The same of its release's execution."""
        plan = self.read_json(keys.run(project, run["run_id"], "plan.json"))
        machine = self.stack.outputs["ReleaseModelArn"].replace(":stateMachine:", ":execution:")
        return self._entered(f"{machine}:{plan['names']['release_execution']}")

    def _entered(self, execution_arn: str) -> list[str]:
        pages = self.aws("stepfunctions").get_paginator("get_execution_history")
        events = [e for p in pages.paginate(executionArn=execution_arn) for e in p["events"]]
        return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]

    @cached_property
    def resources(self) -> dict[str, str]:
        """Logical id → physical id of the deployed stack."""
        found: dict[str, str] = {}
        pages = self.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack.stack)
        for page in pages:
            found |= {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in page["StackResourceSummaries"]}
        return found

    def calls(self) -> list[Json]:
        """Every permission check so far."""
        return [json.loads(text) for text in (self.stack.state / "calls.jsonl").read_text().splitlines()]


@contextmanager
def deployed(state: Path, speed: float, stack: LocalStack | None = None) -> Iterator[Line]:
    """A line of its own: built, deployed and subscribed to; on `stack`, if it is given."""
    stack = stack or LocalStack(state=state, speed=speed)
    (ROOT / "build").mkdir(exist_ok=True)
    stack.start()
    try:
        # .aws-sam is one folder for the whole checkout
        with (ROOT / "build" / "sam.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for_local_cloud().build()
            stack.deploy()
        line = Line(stack)
        yield line
        line.stop()
    finally:
        stack.stop()


def wait_for(what: Callable[[], T | None], name: str, also: Callable[[], str] | None = None) -> T:
    """Asks until the answer is truthy. Raises AssertionError with `name`, and `also`, after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:g} s in vain for {name}" + (f"; {also()}" if also else ""))
        time.sleep(0.25)
    return answer
