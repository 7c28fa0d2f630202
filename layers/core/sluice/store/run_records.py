"""What the steps of a run share: its frozen contract, its decision records, keys of URIs."""

from __future__ import annotations

from sluice import keys
from sluice.contract import Contract
from sluice.errors import InputError, NotFoundError, UnknownProjectError
from sluice.ports import Ledger, ObjectStore
from sluice.records.evaluation import Evaluation
from sluice.records.run_inputs import RunInputs
from sluice.records.run_record import RunFacts, RunRecord
from sluice.records.training_plan import TrainingPlan
from sluice.store.json_objects import read_json as read_json
from sluice.store.json_objects import stored_json as stored_json
from sluice.store.json_objects import write_json as write_json

MAX_REASONS = 20
"""In a run's record and a state's output, which are small; the decision's record has every reason."""


def run_contract(project: str, run_id: str, *, objects: ObjectStore) -> Contract:
    """The contract that the run was planned with: a later edit must not change a run in progress."""
    return run_inputs(project, run_id, objects=objects).contract


def run_inputs(project: str, run_id: str, *, objects: ObjectStore) -> RunInputs:
    """What the run was started with. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "run.json")
    return RunInputs.parse(objects.read(key), objects.uri(key))


def training_plan(project: str, run_id: str, *, objects: ObjectStore) -> TrainingPlan:
    """What the run's execution is started with. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "plan.json")
    return TrainingPlan.parse(objects.read(key), objects.uri(key))


def evaluation_of(project: str, run_id: str, *, objects: ObjectStore) -> Evaluation:
    """What the evaluation job found. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "evaluation", "evaluation.json")
    return Evaluation.parse(objects.read(key), objects.uri(key))


def evaluation_if_any(project: str, run_id: str, *, objects: ObjectStore) -> Evaluation | None:
    """None before the evaluation. Raises DamagedRecordError."""
    try:
        return evaluation_of(project, run_id, objects=objects)
    except NotFoundError:
        return None


def project_contract(project: str, *, ledger: Ledger) -> Contract:
    """The contract that is registered now. Raises UnknownProjectError."""
    registered = ledger.contract(project)
    if registered is None:
        raise UnknownProjectError(f"project {project!r} has no contract; put one at {keys.contract(project)}")
    return Contract.model_validate(registered[0])


def run_record(project: str, run_id: str, *, ledger: Ledger) -> RunRecord | None:
    """None when there is no such run. Raises DamagedRecordError."""
    record = ledger.run(project, run_id)
    return None if record is None else RunRecord.of(record, f"the record of run {run_id} of {project}")


def run_records(project: str, *, ledger: Ledger) -> list[RunRecord]:
    """Newest first."""
    records = ledger.runs(project)
    return [RunRecord.of(record, f"the record of run {record.get('run_id')} of {project}") for record in records]


def update_run(project: str, run_id: str, facts: RunFacts, *, ledger: Ledger) -> bool:
    """Merges `facts` into the run's record. False when the run has no record: a failure path must go on without it."""
    try:
        ledger.update_run(project, run_id, facts.set_facts())
    except NotFoundError:
        return False
    return True


def report_line(report: str | None) -> str:
    """What an alert adds to its text: where the evaluation's report lies."""
    return f"\nReport: {report}" if report else ""


def key_of(uri: str, *, objects: ObjectStore) -> str:
    """The key of an `s3://` URI in the data bucket. Raises InputError for any other place."""
    prefix = f"s3://{objects.bucket}/"
    if not uri.startswith(prefix) or len(uri) == len(prefix):
        raise InputError(f"{uri}: not an object in s3://{objects.bucket}/")
    return uri.removeprefix(prefix)
