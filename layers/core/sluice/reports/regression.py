"""Plots of a problem that predicts a number."""

from __future__ import annotations

from sluice import figures
from sluice.escaping import short
from sluice.figures import Axis, Line, compact
from sluice.page import Safe, element, row, table
from sluice.reports.facts import Facts, card, number

_NAMES = {
    "mean": "mean",
    "standard_deviation": "standard deviation",
    "q01": "1 % quantile",
    "q05": "5 % quantile",
    "q25": "25 % quantile",
    "median": "median",
    "q75": "75 % quantile",
    "q95": "95 % quantile",
    "q99": "99 % quantile",
}


def plots(facts: Facts) -> list[Safe]:
    drawn = facts.plots
    found: list[Safe] = []
    if drawn.predicted:
        edges = drawn.predicted.edges
        target = short(facts.inputs.contract.problem.target or "value", 30)
        x, y = (Axis(f"{label} {target}", edges[0], edges[-1], compact) for label in ("predicted", "true"))
        figure = figures.grid("true against predicted values", x, y, edges, drawn.predicted.counts)
        note = (
            "Stronger colour: more rows. On the dashed line, predictions are right. Outliers are in the outer squares."
        )
        found.append(card("True and predicted values", figure, element("p", note)))
    if drawn.residuals:
        edges = drawn.residuals.edges
        x = Axis("prediction − truth", edges[0], edges[-1], compact)
        figure = figures.bars("residuals", x, edges, [drawn.residuals.counts], "share of the rows")
        found.append(card("Residuals", figure, element("p", "The outermost 1 % are in the outer bars.")))
    if drawn.by_prediction:
        found.append(_bands(facts))
    if facts.evaluation.residuals:
        found.append(_summary(facts))
    return found


def _bands(facts: Facts) -> Safe:
    bands = facts.plots.by_prediction
    x = Axis.around("predicted, mean of a tenth of the rows", [each.predicted for each in bands])
    y = Axis.around("prediction − truth", [0.0, *(each.low for each in bands), *(each.high for each in bands)])
    at = [each.predicted for each in bands]
    series = [Line("median", at, [each.mid for each in bands], "dots")]
    whiskers = [(each.predicted, each.low, each.high) for each in bands]
    figure = figures.lines("residuals by prediction", x, y, series, bands=whiskers, level=0.0)
    return card("Residuals by prediction", figure, element("p", "Median, and the middle 80 % of the rows."))


def _summary(facts: Facts) -> Safe:
    found = facts.evaluation.residuals
    rows = [row(name, (number(found.get(key)), "n")) for key, name in _NAMES.items()]
    zeros = int(found.get("zeros") or 0)
    note = f"{zeros:,} rows have a true value of 0; mape leaves them out." if zeros else None
    return card(
        "Residual summary",
        table([("Prediction − truth", None), ("", "n")], rows, slim=True),
        element("p", note) if note else None,
    )
