"""Changes of the data for which a project does not retrain: faults, and changes that a person is asked about.

A held change begins with the first measurement whose triage says `hold` or `ask`, and is over with the first one that
says `nothing` or `retrain`. A person may accept it (`sluice accept-drift`): then it is real, and is learned from.

Each of these is an entry of the project's responses, which are only added to. An entry has the time of its
measurement, so a repeated event adds nothing, and two functions at once write the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sluice import names
from sluice.ports import Json, Ledger
from sluice.watch.verdicts import ReportedVerdict

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
BEGINS, ENDS, ACCEPTED = "held-change", "held-change-over", "held-change-accepted"
"""Kinds of the entries."""


@dataclass(frozen=True)
class HeldChange:
    change_id: str
    answer: str
    """`hold`: a fault, whose rows stay out of the training data. `ask`: a person decides."""
    reason: str
    columns: tuple[str, ...]
    sentence: str
    since: datetime
    """The first affected request, or where that is unknown the beginning of the window that showed the change."""
    found_at: datetime
    """The measurement that found it."""
    champion: str
    """The run whose model the measurement was of."""
    over: datetime | None = None
    """The first measurement without it."""
    accepted: Json | None = None
    """`{"at", "by", "reason"}`."""

    @property
    def fault(self) -> bool:
        return self.answer == "hold"

    @property
    def open(self) -> bool:
        """It lasts, and nobody has said that it is real."""
        return self.over is None and self.accepted is None

    @property
    def left_out(self) -> bool:
        """Whether rows of its time stay out of the training data."""
        return self.fault and self.accepted is None

    def alike(self, verdict: ReportedVerdict) -> bool:
        """Whether a verdict is about the same change: the same reason, and a column in common."""
        return self.reason == verdict.reason and _shared(self.columns, verdict.columns)

    def touches(self, verdict: ReportedVerdict) -> bool:
        return _shared(self.columns, verdict.columns)

    def covers(self, moment: datetime) -> bool:
        return self.since <= moment and (self.over is None or moment < self.over)

    def plain(self) -> Json:
        times = {name: getattr(self, name) for name in ("since", "found_at", "over")}
        return {
            "change_id": self.change_id,
            "answer": self.answer,
            "reason": self.reason,
            "columns": list(self.columns),
            "sentence": self.sentence,
            "champion": self.champion,
            "accepted": self.accepted,
            **{name: moment and moment.isoformat() for name, moment in times.items()},
        }


def held_changes(project: str, *, ledger: Ledger) -> list[HeldChange]:
    """All of the project, in the order in which they were found."""
    found: dict[str, HeldChange] = {}
    for entry in ledger.responses(project, FIRST):
        change_id, at = str(entry.get("change_id")), datetime.fromisoformat(entry["at"])
        known = found.get(change_id)
        if entry.get("kind") == BEGINS:
            since = datetime.fromisoformat(entry["since"])
            if known is None:
                found[change_id] = HeldChange(
                    change_id=change_id,
                    answer=entry["answer"],
                    reason=entry["reason"],
                    columns=tuple(entry["columns"]),
                    sentence=entry["sentence"],
                    since=since,
                    found_at=at,
                    champion=entry["champion"],
                )
            else:
                # it is back, or was found to have begun earlier
                found[change_id] = replace(known, since=min(known.since, since), over=None)
        elif known and entry.get("kind") == ENDS:
            found[change_id] = replace(known, over=at)
        elif known and entry.get("kind") == ACCEPTED:
            accepted = {"at": at.isoformat(), "by": entry.get("by"), "reason": entry.get("reason")}
            found[change_id] = replace(known, accepted=accepted)
    return sorted(found.values(), key=lambda change: (change.found_at, change.change_id))


def note_verdict(
    project: str,
    verdict: ReportedVerdict,
    at: datetime,
    champion: str,
    window: timedelta,
    *,
    ledger: Ledger,
) -> HeldChange | None:
    """Notes what a measurement `at` says: a change begins, lasts or is over. Returns the one that it holds, if any.

    `window` is how far back the measurement reads. A change that comes back within it is the same one; a change
    whose first request is unknown is taken to have begun with it.
    """
    known = held_changes(project, ledger=ledger)
    if not verdict.holds:
        _end([change for change in known if change.over is None], project, at, ledger=ledger)
        return None
    alike = [
        change
        for change in known
        if change.alike(verdict)
        and change.champion == champion
        and change.answer == verdict.answer
        and (change.over is None or at - change.over <= window)
    ]
    since = min(verdict.since or at - window, at)
    change = (
        alike[-1]
        if alike
        else HeldChange(
            change_id=names.digest("held", project, champion, verdict.reason, *verdict.columns, at.isoformat()),
            answer=verdict.answer,
            reason=verdict.reason,
            columns=verdict.columns,
            sentence=verdict.sentence,
            since=since,
            found_at=at,
            champion=champion,
        )
    )
    # a change that the verdict does not touch is over; one that it names otherwise may be the same
    others = [other for other in known if other.over is None and other.change_id != change.change_id]
    _end([other for other in others if not other.touches(verdict)], project, at, ledger=ledger)
    if alike and change.over is None and since >= change.since:
        return change
    facts = {name: getattr(change, name) for name in ("change_id", "answer", "reason", "sentence", "champion")}
    begun = {"kind": BEGINS, **facts, "columns": list(change.columns), "since": since.isoformat()}
    ledger.add_response(project, at, begun)
    return replace(change, since=min(change.since, since), over=None)


def _end(changes: Iterable[HeldChange], project: str, at: datetime, *, ledger: Ledger) -> None:
    for change in changes:
        if at > change.found_at:
            ledger.add_response(project, at, {"kind": ENDS, "change_id": change.change_id})


def arrived_within(change: HeldChange, datasets: Iterable[Json]) -> list[Json]:
    """Accepted datasets, not withdrawn, that arrived in the time of a change."""
    present = [each for each in datasets if "withdrawn_at" not in each]
    return [each for each in present if change.covers(datetime.fromisoformat(each["accepted_at"]))]


def note_accepted(project: str, change: HeldChange, at: datetime, by: str, reason: str, *, ledger: Ledger) -> None:
    """A person says that the change is real. Rows of its time are learned from, from now on."""
    facts = {"kind": ACCEPTED, "change_id": change.change_id, "by": by, "reason": reason}
    ledger.add_response(project, at, facts)


def _shared(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two sets of columns have one in common; no columns stand for whole rows."""
    first, second = set(one), set(other)
    return not first or not second or bool(first & second)
