"""The verdict about a window: broken data, real drift, or nothing."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sluice.watch.triage.comparison import Comparison, compare
from sluice.watch.triage.concept import labels_moved
from sluice.watch.triage.drift import drift
from sluice.watch.triage.finding import Finding, Hypothesis
from sluice.watch.triage.hypotheses import HYPOTHESES
from sluice.watch.triage.newcomers import new_segment
from sluice.watch.triage.onset import WHOLE
from sluice.watch.triage.other_rows import moved
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.standstill import others_move
from sluice.watch.triage.window import DRIFTS, Answer, Reason, Verdict, Window

FEWEST = 20
"""Rows of a window below which nothing is judged."""

ENOUGH = 300
"""Affected rows from which on a window confirms by itself what it shows; of a change that is certain, FEWEST.

With fewer rows a real change may seem to be of one column, since the others move less."""

SPIKE = 0.05
"""A formula may fit as well as a default by its flexibility, but it makes no spike: a default may fit so much worse."""

_profiles: weakref.WeakKeyDictionary[Window, Profile] = weakref.WeakKeyDictionary()


def judge(reference: Window, window: Window) -> Verdict:
    """Judge `window` against `reference`, a sample of the training rows. A reference is profiled once.

    A fault is answered with `hold`, real drift with `retrain`, a difference that nothing explains with `ask`.
    """
    judged = _judged(reference, window)
    verdict = judged.verdict
    if verdict.answer not in ("hold", "ask"):
        return verdict
    return replace(verdict, confirmed=confirmed(reference, window, judged))


@dataclass(frozen=True, eq=False)
class Judged:
    """A verdict with the places of the affected rows (of all, if rows are absent). `certain`: as of a finding."""

    verdict: Verdict
    rows: np.ndarray
    certain: bool = False

    @classmethod
    def of(cls, comparison: Comparison, verdict: Verdict, rows: np.ndarray, certain: bool = False) -> Judged:
        """With the arrivals of the first and the last affected row."""
        since, last = (comparison.since(int(rows[place])) for place in (0, -1))
        return cls(replace(verdict, since=since, last=last), rows, certain)


def confirmed(reference: Window, window: Window, judged: Judged) -> bool:
    """Whether the affected rows, judged by themselves, show the same change."""
    if judged.certain:
        return len(judged.rows) >= FEWEST
    first, last = int(judged.rows[0]), int(judged.rows[-1]) + 1
    if last - first < ENOUGH:
        return False
    if last - first > WHOLE * len(window):
        return True
    part = replace(window.take(np.arange(first, last)), total=None, usual=None)
    alone, verdict = _judged(reference, part).verdict, judged.verdict
    return alone.answer == verdict.answer and bool(set(alone.columns) & set(verdict.columns) or not verdict.columns)


def _judged(reference: Window, window: Window) -> Judged:
    left_out = not_tested(reference, window)
    every = np.arange(len(window))
    if len(window) < FEWEST or len(reference) < FEWEST:
        sentence = f"{len(window)} rows beside {len(reference)} of the reference are too few to judge."
        return Judged(Verdict("nothing", Reason.NONE, sentence=sentence, evidence={"not_tested": left_out}), every)
    comparison = compare(_profile(reference), window)
    found = findings(comparison)
    told: dict[str, Any] = {"not_tested": left_out}
    if found:
        first = found[0]
        told |= first.evidence
        told["also"] = [f"{', '.join(each.columns) or 'rows'}: {each.reason}" for each in found[1:6]]
        rows = first.rows if len(first.rows) else every
        verdict = Verdict("hold", first.reason, first.columns, faulty(first), evidence=told)
        return Judged.of(comparison, verdict, rows, first.certain)
    moved = drift(comparison)
    if moved is None:
        sentence = "All columns and labels are within chance."
        return Judged(Verdict("nothing", Reason.NONE, sentence=sentence, evidence=told), every)
    told |= moved.evidence
    rows = np.arange(moved.first, len(window) if moved.last is None else moved.last)
    if moved.reason in DRIFTS:
        sentence = f"Real drift: {moved.what}."
        return Judged.of(comparison, Verdict("retrain", moved.reason, moved.columns, sentence, evidence=told), rows)
    answer: Answer = "hold" if moved.reason is Reason.JUMP else "ask"
    sentence = f"{moved.what}. Check its source; if the change is real, accept it with sluice accept-drift."
    return Judged.of(comparison, Verdict(answer, moved.reason, moved.columns, sentence, evidence=told), rows)


def findings(comparison: Comparison) -> list[Finding]:
    """Faults that hold, the one that explains best first."""
    certain: list[Finding] = []
    unsure: list[Finding] = []
    for hypothesis in HYPOTHESES.values():
        for finding in hypothesis(comparison):
            unknown_time = not comparison.covered and any(map(comparison.follows_season, finding.columns))
            # of a column that says what the clock says, only the rows can be wrong
            right = bool(finding.columns) and all(map(comparison.told_by_clock, finding.columns))
            if right and finding.reason is not Reason.FEED:
                continue
            if new_segment(comparison, finding):
                continue
            if not finding.certain and any(map(comparison.without_precedent, finding.columns)):
                continue
            if not unknown_time and not usual(comparison, hypothesis, finding):
                (certain if finding.certain else unsure).append(finding)
    if certain:
        return certain + unsure
    changed = set(comparison.changed)
    if labels_moved(comparison):
        return []
    # a fault of one column leaves the others as they are; where they moved as well, the change may be real
    return sorted(
        (each for each in unsure if changed <= set(each.columns) and not accompanied(comparison, each)),
        key=lambda each: each.misfit - (SPIKE if each.reason is Reason.DEFAULT else 0.0),
    )


def accompanied(comparison: Comparison, finding: Finding) -> bool:
    """Whether the other columns move as well, by too little to be seen one by one. In all rows of the time: those that
    are affected may be chosen by their values."""
    if not finding.columns or not len(finding.rows):
        return False
    rows = np.arange(int(finding.rows[0]), int(finding.rows[-1]) + 1)
    if others_move(comparison, finding.columns, rows):
        return True
    others = moved(comparison, finding.columns[0], rows) if len(finding.columns) == 1 else None
    return others is not None and others.rows is True


def usual(comparison: Comparison, hypothesis: Hypothesis, finding: Finding) -> bool:
    """Whether a stretch of the reference shows the same against the rest of the reference."""
    if len(finding.columns) == 1 and (column := comparison.columns.get(finding.columns[0])) is not None:
        before = max((abs(each.columns[column.name].z) for each in comparison.precedents), default=0.0)
        if column.z and abs(column.z) > 3 * before:
            return False
    return any(
        each.reason is finding.reason and (not finding.columns or set(each.columns) & set(finding.columns))
        for precedent in comparison.precedents
        for each in kept(precedent, hypothesis)
    )


def kept(comparison: Comparison, hypothesis: Hypothesis) -> list[Finding]:
    """What a hypothesis finds in a precedent, computed once."""
    if hypothesis not in comparison.found:
        comparison.found[hypothesis] = list(hypothesis(comparison))
    return comparison.found[hypothesis]


def faulty(finding: Finding) -> str:
    name = f"Column {finding.columns[0]} " if len(finding.columns) == 1 else f"Columns {', '.join(finding.columns)}: "
    subject = name if finding.columns else "Rows: "
    return f"{subject}{finding.what}. The data look broken: do not train on them; check their source."


def not_tested(reference: Window, window: Window) -> list[str]:
    """What could not be tested, and why."""
    found = []
    if window.client is None and window.host is None:
        found.append("one client or host alone: neither is known")
    if window.usual is None:
        found.append("missing part of the feed: the usual number of rows is unknown")
    if window.arrived is None:
        found.append("clock, order and season: arrivals are unknown")
    elif reference.arrived is None:
        found.append("clock and season, and how long values usually last: the training rows have no time (data.time)")
    if window.labels is None or reference.labels is None:
        found.append("labels and concept drift: no labels are known")
    if window.total is not None and window.total > len(window):
        found.append(f"{window.total - len(window):,} rows of the window: a sample of {len(window):,} is judged")
    return found


def _profile(reference: Window) -> Profile:
    if reference not in _profiles:
        _profiles[reference] = Profile(reference)
    return _profiles[reference]
