"""Changes of the data for which a project does not retrain: faults, and changes that a person is asked about.

A held change begins with the first measurement whose triage says `hold` or `ask`, and is over with the first one that
says `nothing` or `retrain`. From its beginning on nothing is trained; people are alerted when it is confirmed: by the
verdict itself, or by a second measurement. At the start of a real drift, old and new requests are in one window, and
the first measurement may take it for a fault.

A person may accept a change (`sluice accept-drift`): then it is real, and is learned from. Or a person may say that it
was broken data and is over (`sluice end-fault`): then its rows stay out, though no measurement has shown its end.

Each of these is an entry of the project's responses, which are only added to. An entry has the time of its
measurement, so a repeated event adds nothing, and two functions at once write the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sluice import names
from sluice.contract import nearest
from sluice.errors import InputError, NotFoundError
from sluice.escaping import visible
from sluice.ports import Json, Ledger
from sluice.watch.verdicts import ReportedVerdict

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
BEGINS, CONFIRMED, ENDS, ACCEPTED = "held-change", "held-change-confirmed", "held-change-over", "held-change-accepted"
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
    confirmed: bool = True
    """False while one measurement alone has shown it, and could not be sure: it is held, and nobody is alerted."""
    over: datetime | None = None
    """The first measurement without it, or when it ended as a person says."""
    real: bool = False
    """Whether the measurement that ended it found real drift."""
    accepted: Json | None = None
    """`{"at", "by", "reason"}`."""
    ended: Json | None = None
    """`{"at", "by", "reason"}` of the person who said that it was broken data and is over."""

    @property
    def where(self) -> str:
        """` in <columns>`, escaped; empty if it concerns whole rows."""
        return f" in {', '.join(map(visible, self.columns))}" if self.columns else ""

    @property
    def name(self) -> str:
        """For people: the reason and the columns."""
        return f"{self.reason}{self.where}"

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
        return self.accepted is None and (self.ended is not None or (self.fault and not self.mistaken))

    @property
    def mistaken(self) -> bool:
        """Whether it was the beginning of a real drift: never confirmed, and the next measurement found real drift."""
        return self.real and not self.confirmed

    @property
    def doubted(self) -> bool:
        """Whether people were alerted of a fault that the measurement which ended it took for real drift. Its rows stay
        out until a person says that it was real."""
        return self.left_out and self.real and self.ended is None

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
            "confirmed": self.confirmed,
            "real": self.real,
            "accepted": self.accepted,
            "ended": self.ended,
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
                    confirmed=entry.get("confirmed", True),
                )
            else:
                # it is back, or was found to have begun earlier
                confirmed = known.confirmed or entry.get("confirmed", True)
                found[change_id] = replace(
                    known, since=min(known.since, since), confirmed=confirmed, over=None, real=False
                )
        elif known and entry.get("kind") == CONFIRMED:
            found[change_id] = replace(known, confirmed=True)
        elif known and entry.get("kind") == ENDS:
            over = datetime.fromisoformat(str(entry.get("over") or entry["at"]))
            ended = _by(entry) if "by" in entry else known.ended
            found[change_id] = replace(known, over=over, real=bool(entry.get("real")), ended=ended)
        elif known and entry.get("kind") == ACCEPTED:
            found[change_id] = replace(known, accepted=_by(entry))
    return sorted(found.values(), key=lambda change: (change.found_at, change.change_id))


def _by(entry: Json) -> Json:
    at = datetime.fromisoformat(entry["at"]).isoformat()
    return {"at": at, "by": entry.get("by"), "reason": entry.get("reason")}


def change_of(project: str, changes: Iterable[HeldChange], change_id: str) -> HeldChange:
    """The change with this id, or whose id begins so. Raises NotFoundError, or InputError if several do."""
    known = {change.change_id: change for change in changes}
    found = [change for change_id_of, change in known.items() if change_id_of.startswith(change_id)]
    if not found:
        raise NotFoundError(f"{project} has no held change {change_id!r}{nearest(change_id, list(known))}")
    if len(found) > 1:
        raise InputError(f"{change_id!r} is the beginning of several held changes: {listed_changes(found)}")
    return found[0]


def listed_changes(changes: Iterable[HeldChange]) -> str:
    return "; ".join(f"{each.change_id} ({each.name}, since {each.since.isoformat()})" for each in changes)


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
    whose first request is unknown is taken to have begun with it. A change that a person has ended is not held again
    for its old requests, which the window still shows.
    """
    known = held_changes(project, ledger=ledger)
    lasting = [change for change in known if change.over is None]
    if not verdict.holds:
        _end(lasting, project, at, real=verdict.answer == "retrain", ledger=ledger)
        return None
    last = verdict.last or at - window
    if any(each.ended and each.over and each.touches(verdict) and last < each.over for each in known):
        _end([each for each in lasting if not each.touches(verdict)], project, at, ledger=ledger)
        return None
    since = min(verdict.since or at - window, at)
    alike = [each for each in known if _continues(each, verdict, at, champion, window)]
    # an earlier measurement has seen it, perhaps under another reason
    related = [each for each in lasting if each.answer == verdict.answer and each.touches(verdict)]
    confirmed = verdict.confirmed or any(each.found_at < at for each in [*alike, *related])
    change = alike[-1] if alike else _new(project, verdict, at, champion, since)
    # a change that the verdict does not touch is over; one that it names otherwise may be the same
    others = [other for other in lasting if other.change_id != change.change_id]
    _end([other for other in others if not other.touches(verdict)], project, at, ledger=ledger)
    confirmed = confirmed or change.confirmed
    if alike and change.over is None and since >= change.since:
        if confirmed and not change.confirmed:
            ledger.add_response(project, at, {"kind": CONFIRMED, "change_id": change.change_id})
        return replace(change, confirmed=confirmed)
    facts = {name: getattr(change, name) for name in ("change_id", "answer", "reason", "sentence", "champion")}
    begun = {"kind": BEGINS, **facts, "columns": list(change.columns), "since": since.isoformat()}
    ledger.add_response(project, at, begun if confirmed else {**begun, "confirmed": False})
    return replace(change, since=min(change.since, since), confirmed=confirmed, over=None, real=False)


def _continues(change: HeldChange, verdict: ReportedVerdict, at: datetime, champion: str, window: timedelta) -> bool:
    """Whether the verdict of a measurement `at` is about this change, which lasts or was over within `window`."""
    return (
        change.alike(verdict)
        and change.champion == champion
        and change.answer == verdict.answer
        and change.ended is None
        and not change.mistaken
        and (change.over is None or at - change.over <= window)
    )


def _new(project: str, verdict: ReportedVerdict, at: datetime, champion: str, since: datetime) -> HeldChange:
    """Not confirmed, as far as the change itself knows."""
    return HeldChange(
        change_id=names.digest("held", project, champion, verdict.reason, *verdict.columns, at.isoformat()),
        answer=verdict.answer,
        reason=verdict.reason,
        columns=verdict.columns,
        sentence=verdict.sentence,
        since=since,
        found_at=at,
        champion=champion,
        confirmed=False,
    )


def _end(changes: Iterable[HeldChange], project: str, at: datetime, *, real: bool = False, ledger: Ledger) -> None:
    for change in changes:
        if at > change.found_at:
            facts = {"kind": ENDS, "change_id": change.change_id}
            ledger.add_response(project, at, {**facts, "real": True} if real else facts)


def arrived_within(change: HeldChange, datasets: Iterable[Json]) -> list[Json]:
    """Accepted datasets, not withdrawn, that arrived in the time of a change."""
    present = [each for each in datasets if "withdrawn_at" not in each]
    return [each for each in present if change.covers(datetime.fromisoformat(each["accepted_at"]))]


def arrived_meanwhile(changes: Iterable[HeldChange], datasets: Sequence[Json]) -> Json:
    """`{"datasets", "rows"}`: ids, sorted, and accepted rows of what arrived while any of the changes held."""
    found = {str(each["dataset_id"]): each for change in changes for each in arrived_within(change, datasets)}
    return {"datasets": sorted(found), "rows": sum(int(each.get("rows") or 0) for each in found.values())}


def note_accepted(project: str, change: HeldChange, at: datetime, by: str, reason: str, *, ledger: Ledger) -> None:
    """A person says that the change is real. Rows of its time are learned from, from now on."""
    facts = {"kind": ACCEPTED, "change_id": change.change_id, "by": by, "reason": reason}
    ledger.add_response(project, at, facts)


def note_ended(
    project: str, change: HeldChange, over: datetime, at: datetime, by: str, reason: str, *, ledger: Ledger
) -> HeldChange:
    """A person says that the change was broken data, and ended at `over`. Rows of its time stay out. Returns it so."""
    facts = {"kind": ENDS, "change_id": change.change_id, "over": over.isoformat(), "by": by, "reason": reason}
    ledger.add_response(project, at, facts)
    return replace(change, over=over, ended={"at": at.isoformat(), "by": by, "reason": reason})


def _shared(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two sets of columns have one in common; no columns stand for whole rows."""
    first, second = set(one), set(other)
    return not first or not second or bool(first & second)
