"""What the model relies on, and what damaged data does to it."""

from __future__ import annotations

from sluice import figures
from sluice.escaping import short
from sluice.figures import Axis
from sluice.model.shortening import more
from sluice.page import Safe, element, row, table
from sluice.records.evaluation import Contributions, Importance, Robustness
from sluice.records.plots import Strips
from sluice.reports.facts import Facts, card, heading, number, numbers

_COLUMNS = 25


def sections(facts: Facts) -> list[Safe]:
    found = facts.evaluation
    parts = []
    if found.importance and found.importance.columns:
        parts.append(_importance(found.importance))
    if found.contributions:
        parts.append(_contributions(found.contributions, facts.plots.contributions))
    if found.robustness:
        parts.append(_robustness(found.robustness))
    return [heading("What the model relies on"), element("div", parts, class_="plots")] if parts else []


def _importance(found: Importance) -> Safe:
    known = [(name, *ends) for name, (mean, low, high) in found.columns.items() if (ends := _all(mean, low, high))]
    ranked = sorted(known, key=lambda each: -each[1])
    shown = ranked[:_COLUMNS]
    axis = Axis.around("loss", [0.0, *(value for _, *ends in shown for value in ends)])
    # beside greater ones, what is tiny is nothing
    notes = numbers([mean for _, mean, *_ in shown])
    rows = [(name, mean, low, high, note) for (name, mean, low, high), note in zip(shown, notes)]
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


def _contributions(found: Contributions, strips: Strips) -> Safe:
    title = "Contributions (SHAP values)"
    if found.why_not:
        return card(
            title, element("p", f"{short(found.why_not, 400)}. Permutation importance is measured for any model.")
        )
    means = {name: value for name, value in found.columns.items() if value is not None}
    ranked = sorted(means, key=lambda name: -means[name])
    scale = {"value": "predicted value", "probability": "probability"}.get(found.scale, "log-odds")
    told = (
        f"What a column adds to the {scale} of a row, compared with not knowing the column; {found.rows:,} test rows. "
        "What the columns of a row add, and the score without any column, are together the row's score. At the right: "
        "mean absolute contribution" + (f" over rows and {found.outputs} classes." if found.outputs > 1 else ".")
    )
    if bands := [(name, each.counts, each.ranks, number(means[name])) for name, each in strips.columns.items()]:
        axis = Axis.around(f"contribution to the {scale}", strips.edges)
        figure = figures.strips("contributions", axis, strips.edges, bands)
        key = figures.key(["low values", "middle values", "high values", "no order, or missing"], [0, 2, 1, 4])
        told += " A band is as thick as there are rows."
    else:
        axis = Axis.around("mean absolute contribution", [0.0, *means.values()])
        rows = [(name, means[name], 0.0, means[name], number(means[name])) for name in ranked[:_COLUMNS]]
        figure, key = figures.whiskers("contributions", axis, rows, 0.0), None
    if hidden := more(len(ranked) - (len(bands) or len(ranked[:_COLUMNS])), "evaluation.json", before=" Not shown: "):
        told += f"{hidden}."
    return card(title, figure, key, element("p", told), wide=True)


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
