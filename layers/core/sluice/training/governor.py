"""The governor of retrainings: how often a project may retrain, and when it must not, whatever asks for it.

The rules are in `limits`. That runs do not overlap is the planner's rule: it starts one at a time, and what is asked
for meanwhile waits for its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.moments import utc
from sluice.ports import Clock, Json, Ledger
from sluice.records.run_record import RunRecord
from sluice.records.words import in_words
from sluice.store.held_changes import FIRST, HeldChange, held_changes
from sluice.store.run_records import run_records
from sluice.training.chosen_rows import drift_began, left_out_rows
from sluice.training.usable_rows import rows_of, run_on_the_same_rows, usable_datasets

WEEK = timedelta(days=7)
ALARMS = ("drift", "quality")
"""Triggers that `retrain.on` names."""
UNBOUND = ("schedule",)
"""Triggers that the cooldown does not delay."""
TRIED = ("rejected", "not_approved", "rolled_back", "promoted")
"""Outcomes of a run that has shown what its rows teach: the same rows give the same model. A failed run has shown
nothing."""
MORE_ROWS = 1.1
MORE_LOSS = 1.5
"""Evidence has grown if there are a tenth more accepted rows than the last try had, or if the drift or the loss is
half as large again. Fewer rows hardly change a model; a smaller difference between two measurements is their noise.
After a try that was promoted, `retrain.min_rows` new rows are enough: the cause is back under another model."""


@dataclass(frozen=True)
class Request:
    """What asks for a retraining. `size`: of the drift or the loss, where it was measured; `rows`: accepted rows."""

    trigger: str
    event_id: str
    reason: str = ""
    columns: tuple[str, ...] = ()
    size: float | None = None
    rows: int = 0
    contract_version: str = ""
    enough_rows: int | None = None
    """New rows that are enough after a try that was promoted: `retrain.min_rows`."""
    since: datetime | None = None
    """When the change began that is to be learned."""
    by_person: bool = False

    def facts(self) -> Json:
        """What the entry of the retraining keeps, for the next one to be compared with."""
        return {
            "cause": {"reason": self.reason, "columns": list(self.columns)},
            "evidence": {"rows": self.rows, "size": self.size, "contract_version": self.contract_version},
            "since": self.since and self.since.isoformat(),
        }


def limits(
    project: str, contract: Contract, request: Request, told: HeldChange | None = None, *, ledger: Ledger, clock: Clock
) -> list[str]:
    """Why there is no retraining now, all reasons at once; none if it may start. `told` is a fault that the caller
    reports itself."""
    retrain, reasons = contract.retrain, []
    earlier = earlier_retrainings(project, contract, request.event_id, ledger=ledger, clock=clock)
    if request.trigger in ALARMS and request.trigger not in retrain.on and not request.by_person:
        reasons.append(f"the contract's retrain.on does not name {request.trigger}")
    if earlier and request.trigger not in UNBOUND:
        free = datetime.fromisoformat(earlier[-1]["at"]) + timedelta(seconds=seconds(retrain.cooldown))
        if clock.now() < free:
            reasons.append(f"cooldown until {utc(free)}")
    reasons += over_the_limit(contract, earlier, clock=clock)
    known = told.change_id if told else None
    faults = [each for each in held_changes(project, ledger=ledger) if each.fault and each.open]
    reasons += [_fault(project, change) for change in faults if change.change_id != known]
    last = tried_before(project, request, ledger=ledger)
    if last and not last.grown:
        reasons.append(last.text(request))
    elif answered := _answered_by(project, contract, request, last, ledger=ledger):
        reasons.append(_same_rows(project, answered, ledger=ledger))
    return reasons


def _answered_by(
    project: str, contract: Contract, request: Request, last: LastTry | None, *, ledger: Ledger
) -> RunRecord | None:
    """The run that has learned from the rows that a retraining for this alarm would learn from.

    None if there are other rows, if the same rows would be another window of them, or if that run was `last`, whose
    model does not serve and whose evidence has grown.
    """
    if request.trigger not in ALARMS or request.by_person:
        return None
    entries = ledger.responses(project, FIRST)
    if any(each.get("kind") == "retrain" and each.get("event_id") == request.event_id for each in entries):
        # this event was allowed before, and that run may be its own
        return None
    since = request.since and request.since.isoformat()
    if since and "since_drift" in contract.retrain.windows and since != drift_began(project, ledger=ledger):
        return None
    run = run_on_the_same_rows(project, request.contract_version, ledger=ledger)
    again = run and last and last.run_id == run.run_id and last.outcome != "promoted"
    return None if again else run


def _same_rows(project: str, run: RunRecord, *, ledger: Ledger) -> str:
    outcome = in_words(run.outcome) if run.outcome else "in progress"
    rows = rows_of(usable_datasets(project, ledger=ledger))
    out = sum(fault.rows for fault in left_out_rows(project, ledger=ledger))
    kept_out = (
        f"; {out:,} rows are left out because of data faults, and `sluice accept-drift {project}` brings back those of "
        "a change that is real"
        if out
        else ""
    )
    return (
        f"{run.run_id} ({outcome}) has learned from the same {rows:,} accepted rows under this contract, and they give "
        f"the same model again; an alarm retrains when new rows arrive in raw/{project}/{kept_out}"
    )


def earlier_retrainings(project: str, contract: Contract, event_id: str, *, ledger: Ledger, clock: Clock) -> list[Json]:
    """Retrainings within the cooldown or the last seven days, oldest first, without that of `event_id` itself."""
    since = clock.now() - max(WEEK, timedelta(seconds=seconds(contract.retrain.cooldown)))
    return [
        entry
        for entry in ledger.responses(project, since)
        if entry.get("kind") == "retrain" and entry.get("event_id") != event_id
    ]


def in_week(earlier: list[Json], *, clock: Clock) -> int:
    """How many of `earlier` lie in the last seven days."""
    return sum(datetime.fromisoformat(entry["at"]) >= clock.now() - WEEK for entry in earlier)


def over_the_limit(contract: Contract, earlier: list[Json], *, clock: Clock) -> list[str]:
    """The weekly limit's reason against one more retraining; none when there may be one."""
    count, limit = in_week(earlier, clock=clock), contract.retrain.max_per_week
    return (
        [f"retrainings in the last 7 days: {count}, the most that retrain.max_per_week allows"]
        if count >= limit
        else []
    )


def _fault(project: str, change: HeldChange) -> str:
    if not change.confirmed:
        return (
            f"one measurement may show a data fault ({change.name}, since {change.since.isoformat()}); "
            "nothing is trained until the next one has decided"
        )
    return (
        f"a data fault lasts ({change.name}, since {change.since.isoformat()}); nothing is trained until it "
        f"is over, or until somebody says that it is real: `sluice accept-drift {project}`, or that it is over: "
        f"`sluice end-fault {project}`"
    )


def count_retraining(project: str, request: Request, at: datetime, *, ledger: Ledger) -> None:
    """Counts it for the cooldown and the week, once for each event, before it is asked for: a crash in between must
    not start one that nothing counts."""
    known = [each for each in ledger.responses(project, at) if each.get("event_id") == request.event_id]
    if not any(each.get("kind") == "retrain" for each in known):
        facts = {"kind": "retrain", "trigger": request.trigger, "event_id": request.event_id}
        ledger.add_response(project, at, {**facts, **request.facts()})


@dataclass(frozen=True)
class LastTry:
    """The last retraining for the same cause, which still lasts."""

    run_id: str
    outcome: str
    evidence: Mapping[str, object]
    grown: str | None
    """By how much the evidence has grown since, in words; None if it has not, or not enough."""

    def text(self, request: Request) -> str:
        first = f"the last retraining for the same cause, {self.run_id}, was {in_words(self.outcome)}"
        if self.grown:
            return f"{first}; it is tried again, because {self.grown}"
        rows, size = self.evidence.get("rows"), self.evidence.get("size")
        had = f"{rows:,}" if isinstance(rows, int) else "an unknown number"
        by = f"a tenth or {request.enough_rows:,}" if self.outcome == "promoted" and request.enough_rows else "a tenth"
        awaited = [f"accepted rows by {by} ({had} then, {request.rows:,} now)"]
        if request.size is not None and isinstance(size, int | float):
            what = "drift" if request.trigger == "drift" else "loss of quality"
            awaited.append(f"the {what} by half ({size:.4g} then, {request.size:.4g} now)")
        return (
            f"{first}; it is tried again when the evidence has grown: {', or '.join(awaited)}, or when the contract "
            "changes"
        )


def tried_before(project: str, request: Request, *, ledger: Ledger) -> LastTry | None:
    """The last try for the cause of an alarm, if it came to a verdict. A person's request needs no more evidence."""
    if request.trigger not in ALARMS or request.by_person:
        return None
    tries = [
        entry
        for entry in ledger.responses(project, FIRST)
        if entry.get("kind") == "retrain" and entry.get("event_id") != request.event_id and _same(entry, request)
    ]
    run = _run_of(tries[-1], run_records(project, ledger=ledger)) if tries else None
    if run is None:
        return None
    outcome = "rolled_back" if run.rolled_back else str(run.outcome)
    if outcome not in TRIED:
        return None
    evidence = tries[-1].get("evidence") or {}
    enough = request.enough_rows if outcome == "promoted" else None
    return LastTry(run.run_id, outcome, evidence, growth(evidence, request, enough))


def growth(then: Mapping[str, object], request: Request, enough: int | None = None) -> str | None:
    """In words, by how much the evidence has grown since the last try; None if it has not, or not enough.

    `enough`: new rows that are enough, where a tenth of the rows is more.
    """
    rows, size, version = then.get("rows"), then.get("size"), then.get("contract_version")
    if version is not None and version != request.contract_version:
        return "the contract has changed since the last try"
    if (
        isinstance(rows, int)
        and request.rows > rows
        and request.rows >= min(MORE_ROWS * rows, rows + (enough or math.inf))
    ):
        return f"there are {request.rows:,} accepted rows; the last try had {rows:,}"
    if isinstance(size, int | float) and request.size is not None and request.size >= MORE_LOSS * size:
        return f"it is {request.size:.4g} now; at the last try it was {size:.4g}"
    if rows is None and size is None:
        # of an older deployment, which kept no evidence
        return "what the last try knew is not recorded"
    return None


def _same(entry: Json, request: Request) -> bool:
    """Whether an earlier retraining had the same cause: the same trigger, and a column in common where columns are
    known."""
    if entry.get("trigger") != request.trigger:
        return False
    columns = set((entry.get("cause") or {}).get("columns") or ())
    return not columns or not request.columns or bool(columns & set(request.columns))


def _run_of(entry: Json, newest_first: Iterable[RunRecord]) -> RunRecord | None:
    """The run that a retraining started: the first of its trigger after it."""
    after = [run for run in newest_first if run.trigger == entry["trigger"] and run.started_at >= str(entry["at"])]
    return after[-1] if after else None
