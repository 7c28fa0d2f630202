"""What a person may do from a page, with the same rules and the same words as the command line's commands."""

from __future__ import annotations

import getpass
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from cli.arrivals import refuse_contract
from cli.commands import accept_drift as accept_drift_command
from cli.commands import end_fault as end_fault_command
from cli.commands import wake as wake_command
from cli.commands import withdraw as withdraw_command
from cli.commands.runs import outcome_told
from cli.connection import known_project
from cli.errors import CliError
from cli.outcomes import accepted, described
from console.reading.run import record_of
from console.source import Source
from sluice import names
from sluice.datasets.withdraw_dataset import withdraw_dataset
from sluice.errors import InputError
from sluice.ports import Json
from sluice.serving.wake_endpoint import wake_endpoint
from sluice.training.accept_drift import accept_drift
from sluice.training.end_fault import end_fault

AREAS = ("raw", "labels", "batch")
MAX_REASON = 500
MAX_UPLOAD = 5 * 1024**3
"""Bytes; what one upload may have. A larger file goes with `sluice drop`, which sends it in parts."""
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")


def decide(source: Source, project: str, run_id: str, status: str, reason: str) -> str:
    """Approves or rejects the model for which a run waits. Raises CliError when it waits for none."""
    record = record_of(source, project, run_id)
    approval = record.get("approval") or {}
    if record.get("outcome"):
        raise CliError(f"{run_id} has ended ({outcome_told(record)}) and waits for nothing")
    if approval.get("decision"):
        raise CliError(f"{run_id} was decided at {approval.get('decided_at')}: {approval['decision']}")
    if not approval.get("package_arn"):
        raise CliError(f"{run_id} does not wait for an approval (it is {record.get('status')})")
    source.world.registry.decide(str(approval["package_arn"]), status, _by(reason, status.lower()))
    if status == "Approved":
        return f"{run_id} is approved; its release begins"
    return f"{run_id} is rejected; the champion keeps serving"


def roll_back(source: Source, project: str, reason: str) -> str:
    """Asks for the champion's predecessor, as `sluice rollback` does. Raises CliError when there is none."""
    world = source.world
    project = known_project(world, project)
    champion = world.ledger.champion(project)
    if champion is None:
        raise CliError(f"no model of {project} has been released: there is nothing to roll back")
    if champion.serving == "asleep":
        raise CliError(f"the endpoint of {project} is asleep: `sluice wake {project}` first")
    if not champion.previous:
        raise CliError(f"{champion.run_id} has no predecessor to go back to")
    why = _by(_reason(reason), "asked")
    name = names.bounded(
        f"{project}-rollback-{names.digest(champion.run_id, world.clock.now().isoformat())}", names.EXECUTION_LIMIT
    )
    request = {"project": project, "reason": why, "from_run": champion.run_id}
    world.executions.start(world.settings.rollback_arn, name, request)
    return f"rolling {project} back from {champion.run_id} to {champion.previous['run_id']}"


def retrain(source: Source, project: str, reason: str) -> str:
    """Requests a run over all accepted data, as `sluice retrain` does. Raises CliError without data."""
    world = source.world
    project = known_project(world, project)
    if not [each for each in world.ledger.datasets(project) if "withdrawn_at" not in each]:
        raise CliError(f"{project} has no accepted data to learn from; drop a file first")
    at, why = world.clock.now().isoformat(), _by(_reason(reason), "asked")
    world.events.put("Training Requested", {"project": project, "trigger": "manual", "reason": why, "at": at})
    held = world.ledger.lock(project)
    if held:
        return f"requested; run {held['run_id']} is in progress, so the new one starts when it ends"
    return "requested: the run starts in a moment"


def accept_changes(source: Source, project: str, reason: str, changes: list[str]) -> str:
    """Says that held changes of the data are real, as `sluice accept-drift` does: the chosen ones, or all without any.

    Raises CliError, InputError, and NotFoundError where none is held.
    """
    return _as_command(source, accept_drift, accept_drift_command, project, getpass.getuser(), _here(reason), changes)


def end_changes(source: Source, project: str, reason: str, changes: list[str], until: str = "") -> str:
    """Says that held changes were broken data and are over, as `sluice end-fault` does: the chosen ones, or all.

    `until`: when they ended, in UTC; "" for now. Raises CliError, InputError, and NotFoundError where none is held.
    """
    over = end_fault_command.ended_at(until)
    return _as_command(source, end_fault, end_fault_command, project, getpass.getuser(), _here(reason), changes, over)


def withdraw(source: Source, project: str, dataset: str, reason: str) -> str:
    """Leaves a dataset out of every later run, as `sluice withdraw` does.

    Raises CliError, InputError, and NotFoundError where there is no such dataset.
    """
    return _as_command(source, withdraw_dataset, withdraw_command, project, dataset, _by(_reason(reason), "asked"))


def wake(source: Source, project: str) -> str:
    """Makes a project's endpoint again, as `sluice wake` does.

    Raises CliError, and as `wake_endpoint` NotFoundError, ConflictError, EndpointBusyError, ArtifactError.
    """
    return _as_command(source, wake_endpoint, wake_command, project)


def _as_command(source: Source, step: Callable[..., Json], command: Any, project: str, *arguments: Any) -> str:
    """Calls the step that a command calls, and says about its answer what the command's `told` says."""
    project = known_project(source.world, project)
    answer: Json = source.world.call(step, project, *arguments)
    return "\n".join(command.told(project, answer))


async def received(stream: AsyncIterator[bytes], folder: Path) -> Path:
    """The bytes of an upload in a file of `folder`. Raises InputError for more than MAX_UPLOAD."""
    path, size = folder / "upload", 0
    with path.open("wb") as out:
        async for piece in stream:
            size += len(piece)
            if size > MAX_UPLOAD:
                raise InputError("the file is larger than 5 GiB: use `sluice drop`, which sends it in parts")
            out.write(piece)
    return path


def folder() -> tempfile.TemporaryDirectory[str]:
    """Where an upload waits until S3 has it; gone afterwards."""
    return tempfile.TemporaryDirectory(prefix="sluice-console-")


def drop(source: Source, project: str, area: str, name: str, path: Path) -> Json:
    """Uploads a file; `{"key", "version"}`, by which its verdict can be asked for. Raises CliError, InputError."""
    if area not in AREAS:
        raise InputError(f"files go to {', '.join(AREAS)}; not to {area!r}")
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise InputError(f"{name[:60]!r} cannot be the name of a file here: no slashes, no control characters")
    refuse_contract(area, project, name)
    world = source.world
    project = known_project(world, project)
    key = f"{area}/{project}/{name}"
    world.objects.upload(path, key)
    return {"key": key, "version": world.objects.version(key) or "null", "uri": world.objects.uri(key)}


def verdict(source: Source, project: str, key: str, version: str) -> Json:
    """What became of an upload: `{"over", "accepted", "lines"}`."""
    if key.split("/")[1:2] != [project]:
        raise InputError("that file is not one of this project's")
    record = source.world.ledger.arrival(source.world.objects.bucket, key, version)
    if record is None:
        return {"over": False, "accepted": None, "lines": []}
    known: list[Any] = described(record)
    return {"over": True, "accepted": accepted(record), "lines": [str(line) for line in known]}


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InputError("give a reason; it stays in the records")
    return reason


def _here(reason: str) -> str:
    """For commands that record the person's name beside the reason."""
    return f"{_reason(reason).strip()[:MAX_REASON]} (in the console)"


def _by(reason: str, did: str) -> str:
    """As the command line writes it: the reason, and the person's name on this machine."""
    return f"{reason.strip()[:MAX_REASON]} ({did} by {getpass.getuser()}, in the console)".strip()
