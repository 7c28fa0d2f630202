"""What the model relies on, and what damaged data does to it."""

from __future__ import annotations

from sluice import figures
from sluice.figures import Axis
from sluice.model.shortening import more
from sluice.page import Safe, element, row, table
from sluice.records.evaluation import Importance, Robustness
from sluice.reports.facts import Facts, card, heading, number

_COLUMNS = 25


def sections(facts: Facts) -> list[Safe]:
    found = facts.evaluation
    parts = []
    if found.importance and found.importance.columns:
        parts.append(_importance(found.importance))
    if found.robustness:
        parts.append(_robustness(found.robustness))
    return [heading("What the model relies on"), element("div", parts, class_="plots")] if parts else []


def _importance(found: Importance) -> Safe:
    known = [(name, *ends) for name, (mean, low, high) in found.columns.items() if (ends := _all(mean, low, high))]
    ranked = sorted(known, key=lambda each: -each[1])
    shown = ranked[:_COLUMNS]
    axis = Axis.around("loss", [0.0, *(value for _, *ends in shown for value in ends)])
    # beside greater ones, what is tiny is nothing
    form = "{:.4f}".format if shown and shown[0][1] >= 0.01 else number
    rows = [(name, mean, low, high, form(mean)) for name, mean, low, high in shown]
    told = (
        f"How much worse {found.metric} becomes if a column's values are shuffled among {found.rows:,} test rows: mean "
        f"and range of {found.repeats} repeats. Columns that say the same share their importance."
    )
    told += more(len(ranked) - len(shown), "evaluation.json", before=" Not shown: ")
    if found.not_measured:
        told += f" Not measured for lack of time: {len(found.not_measured)} columns."
    return card(
        "Permutation importance",
        figures.whiskers("permutation importance", axis, rows, 0.0),
        element("p", told),
        wide=True,
    )


def _all(*values: float | None) -> tuple[float, float, float] | None:
    known = [value for value in values if value is not None]
    return (known[0], known[1], known[2]) if len(known) == 3 else None


def _robustness(found: Robustness) -> Safe:
    rows = [row("as they are", (number(found.undamaged), "n"))]
    rows += [
        row(f"{float(share):.0%} of the cells emptied", (number(value), "n")) for share, value in found.missing.items()
    ]
    rows += [
        row(f"numbers moved by {float(share):g} standard deviations", (number(value), "n"))
        for share, value in found.noise.items()
    ]
    return card(
        "Robustness",
        table([(f"{found.rows:,} test rows", None), (found.metric, "n")], rows, slim=True),
        element("p", "Cells and directions are chosen at random."),
    )
