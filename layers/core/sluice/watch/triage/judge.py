"""The verdict about a window: broken data, real drift, or nothing."""

from __future__ import annotations

import weakref
from typing import Any

from sluice.watch.triage.comparison import Comparison, compare
from sluice.watch.triage.concept import labels_moved
from sluice.watch.triage.drift import drift
from sluice.watch.triage.finding import Finding, Hypothesis
from sluice.watch.triage.hypotheses import HYPOTHESES
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.window import DRIFTS, Reason, Verdict, Window

FEWEST = 20
"""Rows of a window below which nothing is judged."""

SPIKE = 0.05
"""A formula may fit as well as a default by its flexibility, but it makes no spike: a default may fit so much worse."""

_profiles: weakref.WeakKeyDictionary[Window, Profile] = weakref.WeakKeyDictionary()


def judge(reference: Window, window: Window) -> Verdict:
    """Judge `window` against `reference`, a sample of the training rows. A reference is profiled once.

    A fault is answered with `hold`, real drift with `retrain`, a difference that nothing explains with `ask`.
    """
    left_out = not_tested(reference, window)
    if len(window) < FEWEST or len(reference) < FEWEST:
        sentence = f"{len(window)} rows beside {len(reference)} of the reference are too few to judge."
        return Verdict("nothing", Reason.NONE, sentence=sentence, evidence={"not_tested": left_out})
    comparison = compare(_profile(reference), window)
    found = findings(comparison)
    told: dict[str, Any] = {"not_tested": left_out}
    if found:
        first = found[0]
        told |= first.evidence
        told["also"] = [f"{', '.join(each.columns) or 'rows'}: {each.reason}" for each in found[1:6]]
        row = int(first.rows[0]) if len(first.rows) else 0
        return Verdict("hold", first.reason, first.columns, faulty(first), comparison.since(row), told)
    moved = drift(comparison)
    if moved is None:
        return Verdict("nothing", Reason.NONE, sentence="All columns and labels are within chance.", evidence=told)
    told |= moved.evidence
    since = comparison.since(moved.first)
    if moved.reason in DRIFTS:
        return Verdict("retrain", moved.reason, moved.columns, f"Real drift: {moved.what}.", since, told)
    answer = "hold" if moved.reason is Reason.JUMP else "ask"
    sentence = f"{moved.what}. Check its source; if the change is real, accept it with sluice accept-drift."
    return Verdict(answer, moved.reason, moved.columns, sentence, since, told)  # type: ignore[arg-type]


def findings(comparison: Comparison) -> list[Finding]:
    """Faults that hold, the one that explains best first."""
    certain: list[Finding] = []
    unsure: list[Finding] = []
    for hypothesis in HYPOTHESES.values():
        for finding in hypothesis(comparison):
            unknown_time = not comparison.covered and any(map(comparison.follows_season, finding.columns))
            if not unknown_time and not usual(comparison, hypothesis, finding):
                (certain if finding.certain else unsure).append(finding)
    if certain:
        return certain + unsure
    changed = set(comparison.changed)
    if labels_moved(comparison):
        return []
    # a fault of one column leaves the others as they are; where they moved as well, the change may be real
    return sorted(
        (each for each in unsure if changed <= set(each.columns)),
        key=lambda each: each.misfit - (SPIKE if each.reason is Reason.DEFAULT else 0.0),
    )


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
    if window.arrived is None or reference.arrived is None:
        found.append("clock, order and season: arrivals are unknown")
    if window.labels is None or reference.labels is None:
        found.append("labels and concept drift: no labels are known")
    if window.total is not None and window.total > len(window):
        found.append(f"{window.total - len(window):,} rows of the window: a sample of {len(window):,} is judged")
    return found


def _profile(reference: Window) -> Profile:
    if reference not in _profiles:
        _profiles[reference] = Profile(reference)
    return _profiles[reference]
