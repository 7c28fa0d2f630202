"""What the steps of a run share: its frozen contract, its decision records, keys of URIs."""

from __future__ import annotations

import json
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.errors import DamagedRecordError, InputError, NotFoundError, UnknownProjectError
from sluice.ports import World
from sluice.records.baseline import Baseline
from sluice.records.evaluation import Evaluation
from sluice.records.run_inputs import RunInputs
from sluice.records.run_record import RunFacts, RunRecord
from sluice.records.training_plan import TrainingPlan

MAX_REASONS = 20
"""In a run's record and a state's output, which are small; the decision's record has every reason."""


def read_json(world: World, key: str) -> Any:
    """Raises NotFoundError, and DamagedRecordError for what is not JSON."""
    body = world.objects.read(key)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # the parser's message may quote the object
        raise DamagedRecordError(f"{world.objects.uri(key)} is not JSON; restore its last version") from None


def stored_json(world: World, key: str, otherwise: Any = None) -> Any:
    """`otherwise` where there is no such object yet. Raises DamagedRecordError."""
    try:
        return read_json(world, key)
    except NotFoundError:
        return otherwise


def write_json(world: World, key: str, content: Any) -> None:
    body = json.dumps(content, indent=1, sort_keys=True, default=str).encode()
    world.objects.write(key, body, "application/json")


def run_contract(world: World, project: str, run_id: str) -> Contract:
    """The contract that the run was planned with: a later edit must not change a run in progress."""
    return run_inputs(world, project, run_id).contract


def run_inputs(world: World, project: str, run_id: str) -> RunInputs:
    """What the run was started with. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "run.json")
    return RunInputs.parse(world.objects.read(key), world.objects.uri(key))


def training_plan(world: World, project: str, run_id: str) -> TrainingPlan:
    """What the run's execution is started with. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "plan.json")
    return TrainingPlan.parse(world.objects.read(key), world.objects.uri(key))


def evaluation_of(world: World, project: str, run_id: str) -> Evaluation:
    """What the evaluation job found. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "evaluation", "evaluation.json")
    return Evaluation.parse(world.objects.read(key), world.objects.uri(key))


def evaluation_if_any(world: World, project: str, run_id: str) -> Evaluation | None:
    """None before the evaluation. Raises DamagedRecordError."""
    try:
        return evaluation_of(world, project, run_id)
    except NotFoundError:
        return None


def baseline_of(world: World, project: str, run_id: str) -> Baseline:
    """The data that the run's model learned from. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "evaluation", "baseline.json")
    return Baseline.parse(world.objects.read(key), world.objects.uri(key))


def project_contract(world: World, project: str) -> Contract:
    """The contract that is registered now. Raises UnknownProjectError."""
    registered = world.ledger.contract(project)
    if registered is None:
        raise UnknownProjectError(f"project {project!r} has no contract; put one at {keys.contract(project)}")
    return Contract.model_validate(registered[0])


def run_record(world: World, project: str, run_id: str) -> RunRecord | None:
    """None when there is no such run. Raises DamagedRecordError."""
    record = world.ledger.run(project, run_id)
    return None if record is None else RunRecord.of(record, f"the record of run {run_id} of {project}")


def run_records(world: World, project: str) -> list[RunRecord]:
    """Newest first."""
    records = world.ledger.runs(project)
    return [RunRecord.of(record, f"the record of run {record.get('run_id')} of {project}") for record in records]


def update_run(world: World, project: str, run_id: str, facts: RunFacts) -> bool:
    """Merges `facts` into the run's record. False when the run has no record: a failure path must go on without it."""
    try:
        world.ledger.update_run(project, run_id, facts.set_facts())
    except NotFoundError:
        return False
    return True


def key_of(world: World, uri: str) -> str:
    """The key of an `s3://` URI in the data bucket. Raises InputError for any other place."""
    prefix = f"s3://{world.objects.bucket}/"
    if not uri.startswith(prefix) or len(uri) == len(prefix):
        raise InputError(f"{uri}: not an object in s3://{world.objects.bucket}/")
    return uri.removeprefix(prefix)
