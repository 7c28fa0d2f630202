"""One file through the line: a contract, a dropped file, a run to its end, an endpoint that answers, its watch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import yaml

from cli.artefacts import ROOT
from cli.connection import Connection
from cli.following import Progress
from cli.text import say
from examples.generate_sessions import Knobs, as_csv, request, sessions
from scripts.smoke.record import FailedCheckError, Record
from sluice import keys, names
from sluice.bootstrap import World
from sluice.contract import Contract, load_contract
from sluice.contract.yaml_text import read_yaml
from sluice.datasets.report_misplaced import STACK
from sluice.ports import Json

PROJECT = "smoke"
_RUN_CONFIRMS = (
    "managed rules of `.sync`",
    "`iam:PassRole`",
    "`CreateModelPackage`",
    "**Glue**",
    "**Tuning**",
    "the optimised `createHyperParameterTuningJob.sync`",
    "`sourcedir.tar.gz` in script mode",
)
T = TypeVar("T")


def contract() -> Contract:
    """The example's columns with the smallest tuning, and gates that a model of these rows passes."""
    text = read_yaml((ROOT / "examples/shop/project.yaml").read_text(encoding="utf-8"))
    text |= {
        "project": PROJECT,
        "training": {
            "candidates": ["logistic_regression"],
            "tuning": {"max_jobs": 2, "parallel_jobs": 2, "max_minutes": 30},
        },
        "gates": [{"metric": "roc_auc", "min": 0.6}],
        "monitor": {"every": "1h", "window": "1d"},
    }
    return load_contract(yaml.safe_dump(text).encode())


def rows(count: int = 3_000) -> bytes:
    return as_csv(Knobs(rows=count, seed=7))


def run_line(record: Record, connection: Connection, minutes: float) -> None:
    """Each step needs the one before; the first that does not pass ends it."""
    deadline = time.monotonic() + 60 * minutes
    world = connection.world

    def registered() -> str:
        body = yaml.safe_dump(contract().model_dump(mode="json", exclude_none=True)).encode()
        world.objects.write(keys.contract(PROJECT), body, "application/yaml")
        _until("the contract to be registered", lambda: PROJECT in world.ledger.projects(), deadline, 300)
        return f"{PROJECT} is registered"

    def misplaced() -> str:
        key = f"Raw/{PROJECT}/first file+1.csv"
        world.objects.write(key, rows(), "text/csv")
        try:
            _until("the file to be reported", lambda: _reported(world, key), deadline, 300)
        finally:
            connection.client("s3").delete_object(Bucket=world.objects.bucket, Key=key)
        return key

    def accepted() -> str:
        world.objects.write(f"raw/{PROJECT}/first file+1.csv", rows(), "text/csv")
        found = _until("the file to be accepted", lambda: world.ledger.datasets(PROJECT), deadline, 600)
        return f"{found[0].get('rows', '?')} rows"

    def promoted() -> str:
        ended = _followed(connection, deadline)
        if ended["outcome"] != "promoted":
            raise FailedCheckError(f"run {ended['run_id']} ended {ended['outcome']}: {ended.get('error')}")
        return f"run {ended['run_id']}"

    steps: tuple[tuple[str, Callable[[], str], tuple[str, ...]], ...] = (
        ("a contract is registered by its upload", registered, ()),
        ("a file beside its place is reported", misplaced, ("`anything-but` with a list of prefixes",)),
        ("a file with a blank and a plus in its name is accepted", accepted, ("keys in EventBridge events",)),
        (
            "a run prepares, trains, tunes, evaluates, registers and releases",
            promoted,
            _RUN_CONFIRMS,
        ),
        ("the endpoint answers", lambda: _answers(connection), ("the serving container's start",)),
        (
            "a request that the contract refuses is a 400",
            lambda: _refuses(connection),
            ("**The scikit-learn container and `inference.py`**",),
        ),
        ("the alarms of the serving model are there", lambda: _alarms(connection), ()),
        ("the monitor's schedule is there", lambda: _schedule(connection), ()),
    )
    for what, look, confirms in steps:
        if record.check(what, look, *confirms) is None:
            say(f"  what follows needs this, and is not looked at: {what}")
            return


def _reported(world: World, key: str) -> bool:
    return any(each["key"] == key for each in world.ledger.ignored(STACK))


def stop_runs(connection: Connection) -> str:
    """Stops what still runs, so that nothing makes an endpoint anew while it is removed."""
    states, stopped = connection.client("stepfunctions"), 0
    pages = connection.client("cloudformation").get_paginator("list_stack_resources")
    machines = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=connection.stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::StepFunctions::StateMachine" and resource.get("PhysicalResourceId")
    ]
    for arn in machines:
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=arn, statusFilter="RUNNING"):
            for execution in page["executions"]:
                states.stop_execution(executionArn=execution["executionArn"], cause="the smoke run is being removed")
                stopped += 1
    return f"{stopped} were running"


def _followed(connection: Connection, deadline: float) -> Json:
    """The run's record once it has ended; prints the states that it enters."""
    ledger = connection.world.ledger
    record: Json = _until("a run to start", lambda: ledger.runs(PROJECT), deadline, 600)[0]
    progress, last = Progress(connection, PROJECT, record["run_id"]), ""
    while not record.get("outcome"):
        for step in progress.fresh():
            line = step.words
            if line != last:
                say(f"    {step.at:%H:%M:%S}  {line}")
            last = line
        if time.monotonic() > deadline:
            raise FailedCheckError(f"run {record['run_id']} has not ended within the time limit; last: {last}")
        time.sleep(2)
        record = ledger.run(PROJECT, record["run_id"]) or record
    return record


def _answers(connection: Connection) -> str:
    row = next(sessions(Knobs(rows=1, seed=99)))
    answer = _invoke(connection, json.dumps({"instances": [request(row)]}, default=str).encode())
    found = json.loads(answer["Body"].read())["predictions"][0]
    if not 0 <= found["probability"] <= 1:
        raise FailedCheckError(f"it answered {found}")
    return f"probability {found['probability']:.3f}"


def _refuses(connection: Connection) -> str:
    client = connection.client("sagemaker-runtime")
    try:
        _invoke(connection, json.dumps({"pages_viewed": "not a number"}).encode())
    except client.exceptions.ModelError as error:
        told: Any = error.response
        if told["OriginalStatusCode"] != 400:
            raise FailedCheckError(f"it answered {told['OriginalStatusCode']}: {told['OriginalMessage']}") from None
        return str(told["OriginalMessage"])
    raise FailedCheckError("it was answered as if it were right")


def _invoke(connection: Connection, body: bytes) -> Any:
    name = names.endpoint(connection.stack, PROJECT)
    return connection.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=body
    )


def _alarms(connection: Connection) -> str:
    cloudwatch, prefix = connection.client("cloudwatch"), names.alarm(connection.stack, PROJECT, "")
    found = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]]
    if not any(name.endswith("/drift") for name in found):
        raise FailedCheckError(f"there are {found or 'none'}, and none of drift")
    return ", ".join(found)


def _schedule(connection: Connection) -> str:
    name = names.monitor_schedule(connection.stack, PROJECT)
    return str(connection.client("scheduler").get_schedule(Name=name)["ScheduleExpression"])


def _until(what: str, look: Callable[[], T], deadline: float, patience: float) -> T:
    """What `look` gives once it is true. Raises FailedCheckError when that takes too long."""
    last = min(deadline, time.monotonic() + patience)
    while not (found := look()):
        if time.monotonic() > last:
            raise FailedCheckError(f"waited too long for {what}; see the stack's log group and its dead-letter queues")
        time.sleep(1)
    return found
