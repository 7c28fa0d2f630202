"""Every hypothesis about broken data: a function in a file of its family, and a line in HYPOTHESES.

To add one: write a function `Comparison → Iterator[Finding]` beside its relatives, and put it into the list at the
place of its precedence. Where two hypotheses hold, the earlier one explains more: a repeated row also repeats its
values.
"""

from sluice.watch.triage.finding import Hypothesis
from sluice.watch.triage.hypotheses.clock import clocks, contradicted
from sluice.watch.triage.hypotheses.columns import included, misplaced
from sluice.watch.triage.hypotheses.feed import missing_rows
from sluice.watch.triage.hypotheses.joins import loosened, uncombinable
from sluice.watch.triage.hypotheses.label_faults import labels_come, labels_wrong
from sluice.watch.triage.hypotheses.precision import coarser, noisy
from sluice.watch.triage.hypotheses.repeats import repeated
from sluice.watch.triage.hypotheses.sources import one_source
from sluice.watch.triage.hypotheses.spelling import remapped, respelled
from sluice.watch.triage.hypotheses.transformed import transformed
from sluice.watch.triage.hypotheses.values import counters, nulls, spikes, sticking

HYPOTHESES: dict[str, Hypothesis] = {
    "repeated rows": repeated,
    "clock": clocks,
    "part of the feed missing": missing_rows,
    "one source": one_source,
    "spelling": respelled,
    "values in the wrong column": misplaced,
    "nulls": nulls,
    "values that stick": sticking,
    "counters": counters,
    "coarser grid": coarser,
    "spikes": spikes,
    "one formula": transformed,
    "another column included": included,
    "mapping of categories": remapped,
    "another time than the clock's": contradicted,
    "noise": noisy,
    "broken join": loosened,
    "combinations that cannot be": uncombinable,
    "labels that have not come": labels_come,
    "wrong labels": labels_wrong,
}
"""By precedence."""

__all__ = ["HYPOTHESES"]
