"""Calls that are throttled, and calls whose answer is lost, to test how a caller reacts.

A file `<state>/faults/<Operation>` has lines `<kind> <times> [<beginning of a resource's name>]`. The first line that
fits a call of that operation is used, and is gone after this many calls:

- `throttle`: the call is refused with ThrottlingException before anything happens;
- `lose`: the call is carried out, and its caller receives InternalFailure (HTTP 500) whatever the result.

SDKs try both again by themselves, and each try counts. The file `<state>/faults/TrainingJob` has lines of a third kind:

- `fail`: the training job starts and ends as Failed for lack of capacity, as one of the cloud's own failures.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from localcloud import extension
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.faults")

SERVICES = ("sagemaker", "monitoring", "states", "application-autoscaling")
KINDS = ("throttle", "lose", "fail")
TRAINING_JOB = "TrainingJob"
_lock = threading.Lock()


class Fault(NamedTuple):
    """One line of a file: it applies to the next `times` calls about resources whose names begin with `name`."""

    kind: str
    times: int
    name: str = ""

    @classmethod
    def read(cls, line: str) -> Fault:
        """Raises ValueError for a line of another form."""
        kind, times, *rest = line.split()
        if kind not in KINDS or int(times) < 1 or len(rest) > 1:
            raise ValueError(f"{line!r} is not '<{'|'.join(KINDS)}> <times> [<beginning of a name>]'")
        return cls(kind, int(times), rest[0] if rest else "")

    def __str__(self) -> str:
        return f"{self.kind} {self.times} {self.name}".rstrip()


def lay(state: Path, operation: str, *faults: Fault) -> None:
    """Lays `faults` down for the next calls of `operation`, in this order; without any, what was there is gone."""
    path = state / "faults" / operation
    if not faults:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f".{operation}")
    draft.write_text("".join(f"{fault}\n" for fault in faults))
    draft.replace(path)


def install(settings: Settings) -> None:
    """Stands before the handlers of SERVICES."""
    from ministack import app

    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _faulty(service, app.SERVICE_HANDLERS[service])


def shutdown() -> None:
    """Nothing to end."""


def _faulty(service: str, handler: Any) -> Any:
    async def handle(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        # The SDKs name the operation in a header or, with CBOR, at the end of the path.
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or path.rpartition("/operation/")[2]
        try:
            kind = take(Settings.current().state, operation, body)
        except ValueError as error:
            return extension.json_error(extension.ServiceError("InternalFailure", f"faults/{operation}: {error}", 500))
        if kind == "fail":
            text = f"faults/{operation}: only a {TRAINING_JOB} can fail"
            return extension.json_error(extension.ServiceError("InternalFailure", text, 500))
        if kind is None:
            return await handler(method, path, headers, body, query_params)
        logger.warning("%s %s: %s", service, operation, kind)
        if kind == "throttle":
            code = "Throttling" if service == "monitoring" else "ThrottlingException"
            return extension.json_error(extension.ServiceError(code, "Rate exceeded"))
        await handler(method, path, headers, body, query_params)
        return extension.json_error(extension.ServiceError("InternalFailure", "the answer was lost", 500))

    return handle


def fails(state: Path, training_job: str) -> bool:
    """Whether this training job is to fail; the fault is thereby used."""
    return take(state, TRAINING_JOB, json.dumps({"TrainingJobName": training_job}).encode()) == "fail"


def take(state: Path, operation: str, body: bytes) -> str | None:
    """The kind of the fault for this call, whose count is reduced; None without one."""
    path = state / "faults" / Path(operation).name
    if not operation or not path.exists():
        return None
    with _lock:
        try:
            faults = [Fault.read(line) for line in path.read_text().splitlines() if line.strip()]
        except FileNotFoundError:  # used up meanwhile
            return None
        names = list(_names(body))
        for place, fault in enumerate(faults):
            if not fault.name or any(name.startswith(fault.name) for name in names):
                left = [fault._replace(times=fault.times - 1)] if fault.times > 1 else []
                lay(state, operation, *faults[:place], *left, *faults[place + 1 :])
                return fault.kind
    return None


def _names(body: bytes) -> Iterator[str]:
    """Names of the resources that a request is about: its members EndpointName, AlarmNames and so on."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return
    for member, value in request.items() if isinstance(request, dict) else ():
        if member.endswith(("Name", "Names")):
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))
