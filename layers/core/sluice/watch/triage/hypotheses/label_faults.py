"""Labels that are wrong, while the rows are as usual: not come, inverted, of other rows, of one class only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.concept import Concept
from sluice.watch.triage.distance import shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.standstill import all_move
from sluice.watch.triage.window import Reason


def labels_come(comparison: Comparison) -> Iterator[Finding]:
    """Fewer labels than the delays of the reference lead to expect."""
    window, base = comparison.window, comparison.reference.window
    if window.labels is None or base.labels is None or base.labelled is None or base.arrived is None:
        return
    if window.arrived is None or window.now is None or window.labels.dtype == object:
        return
    delays = np.sort((base.labelled - base.arrived)[np.isfinite(base.labelled)])
    if len(delays) < 30:
        return
    ever = len(delays) / len(base)
    age = window.now - window.arrived
    expected = float((np.searchsorted(delays, age) / len(delays)).mean()) * ever
    come = np.isfinite(window.labels)
    now = float(come.mean())
    if now > expected - 0.1 or shares_differ(come.sum(), len(come), expected * len(base), len(base)) < 6:
        return
    yield Finding(
        Reason.LABELS, (), f"labels have come for {now:.0%} of the rows, where {expected:.0%} are usual by now",
        np.flatnonzero(~come), 0.0, True, {"come": round(now, 4), "expected": round(expected, 4)},
    )  # fmt: skip


def labels_wrong(comparison: Comparison) -> Iterator[Finding]:
    """Labels that contradict the columns in a way that no market makes: reversed, unrelated, or thinned out alike."""
    if comparison.changed or all_move(comparison):
        return  # what predicts the labels is not as usual, so that nothing can be said about the labels
    concept = Concept.of(comparison)
    if concept is None or not concept.changed:
        return
    fault = concept.fault()
    if fault is not None:
        what, evidence = fault
        yield Finding(Reason.LABELS, (), what, concept.stretch.places, 0.0, True, evidence)
