"""What the state machine judge_parts asks for of a file that is too large for one function: one task at a time."""

from __future__ import annotations

from sluice.datasets.large_files import cut_file, join_parts, judge_part, record_failure
from sluice.errors import InputError
from sluice.ports import Alerts, Clock, Events, Json, Ledger, ObjectStore, Settings


def judge_parts(
    task: str,
    file: Json,
    part: int | None = None,
    failure: Json | None = None,
    seconds: float | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> Json:
    """`task`: cut the file, judge one `part`, join all of them, or fail because of the `failure` that was kept.

    `file` is what `hand_over` starts the machine with; `seconds`: the time for reading. Cutting answers with the number
    of `parts`; joining and failing with the `status` of the terminal record. Raises InputError and NotFoundError.
    """
    if task == "cut":
        return cut_file(file, seconds, settings=settings, objects=objects, ledger=ledger, clock=clock)
    if task == "judge" and part is not None:
        return judge_part(file, part, seconds, settings=settings, objects=objects)
    if task == "join":
        record = join_parts(file, objects=objects, ledger=ledger, alerts=alerts, events=events)
    elif task == "fail" and failure is not None:
        record = record_failure(file, failure, objects=objects, ledger=ledger, alerts=alerts, events=events)
    else:
        raise InputError(f"task {task!r} is not known, or lacks an argument")
    return {"status": record["status"], "rows": record["rows"]}
