"""Plots of a yes-or-no problem, and of probabilities in general."""

from __future__ import annotations

from sluice import figures
from sluice.figures import Axis, Line, share
from sluice.page import Safe, element, row, table
from sluice.records.plots import CalibrationBin, Curve
from sluice.reports.facts import MODELS, Facts, card, number, numbers


def plots(facts: Facts) -> list[Safe]:
    drawn = facts.plots
    found: list[Safe] = []
    if any(drawn.roc.values()):
        found.append(
            curves(
                "ROC curve",
                drawn.roc,
                "false positive rate",
                "true positive rate",
                diagonal=True,
                note=_value(facts, "roc_auc"),
            )
        )
    if any(drawn.precision_recall.values()):
        found.append(
            curves("Precision and recall", drawn.precision_recall, "recall", "precision", note=_value(facts, "pr_auc"))
        )
    if drawn.calibration:
        found.append(
            calibration(drawn.calibration, "mean predicted probability", "share of positives", _value(facts, "ece"))
        )
    if drawn.scores:
        found.append(
            scores(
                facts,
                "Scores of each class",
                "score" if facts.evaluation.unlabelled else "probability of the positive class",
            )
        )
    if drawn.confusion:
        threshold = facts.evaluation.thresholds.get("classification", 0.5)
        matrix = figures.matrix("confusion matrix", drawn.confusion.classes, drawn.confusion.counts)
        found.append(
            card("Confusion matrix", matrix, element("p", f"Positive: a {_scored(facts)} of at least {threshold:g}."))
        )
    if any(drawn.gain.values()):
        found.append(_gain(facts))
    if any(drawn.profit.values()):
        found.append(_profit(facts))
    if drawn.thresholds:
        found.append(_thresholds(facts))
    return found


def _scored(facts: Facts) -> str:
    return "score" if facts.evaluation.unlabelled else "probability"


def curves(title: str, by_name: dict[str, Curve], x: str, y: str, *, diagonal: bool = False, note: str = "") -> Safe:
    """One curve for each model, or for each class; all axes are shares."""
    names = ordered(by_name)
    series = [
        Line(name, by_name[name][0], by_name[name][1], "" if i == 0 else "thin", colour(name, i))
        for i, name in enumerate(names)
        if by_name[name]
    ]
    figure = figures.lines(title, share(x), share(y), series, diagonal=diagonal)
    shown = [line.name for line in series]
    return card(title, figure, key(shown), element("p", note) if note else None)


def ordered(by_name: dict) -> list[str]:
    known = [who for who in MODELS if who in by_name]
    return known or list(by_name)


def colour(name: str, place: int) -> int:
    return MODELS.index(name) if name in MODELS else place


def key(names: list[str]) -> Safe | None:
    return figures.key(names, [colour(name, i) for i, name in enumerate(names)]) if len(names) > 1 else None


def calibration(by_model: dict[str, list[CalibrationBin]], x: str, y: str, note: str) -> Safe:
    ours = by_model.get("candidate", [])
    series = []
    for i, who in enumerate(ordered(by_model)):
        bins = by_model[who]
        at, seen = [each.predicted for each in bins], [each.observed for each in bins]
        series.append(Line(who, at, seen, "thin dashed" if i else "", colour(who, i)))
    series.append(Line("candidate", [b.predicted for b in ours], [b.observed for b in ours], "dots", 0))
    bands = [(each.predicted, each.low, each.high) for each in ours]
    figure = figures.lines("calibration", share(x), share(y), series, diagonal=True, bands=bands)
    return card(
        "Calibration",
        figure,
        key(ordered(by_model)),
        element("p", f"{note} On the dashed line, probabilities are right. Whiskers: 95 %.".strip()),
    )


def scores(facts: Facts, title: str, x: str) -> Safe:
    drawn = facts.plots.scores
    if drawn is None:
        return element("div")
    names = list(drawn.counts)
    figure = figures.bars(title, share(x), drawn.edges, [drawn.counts[name] for name in names], "share of the class")
    return card(title, figure, figures.key(names))


def _value(facts: Facts, metric: str) -> str:
    value, ends = facts.value("candidate", metric), facts.ends("candidate", metric)
    if value is None:
        return ""
    return f"{metric} {number(value)}" + (f" [{', '.join(numbers(ends))}]." if ends else ".")


def _gain(facts: Facts) -> Safe:
    title = "Gain: positives found"
    by_name = facts.plots.gain
    lift = facts.value("candidate", "lift_at_10")
    note = (
        f"The 10 % with the greatest scores hold {lift:.2g} times as many positives as 10 % at random." if lift else ""
    )
    return curves(
        title, by_name, "share of the rows, greatest scores first", "share of the positives", diagonal=True, note=note
    )


def _profit(facts: Facts) -> Safe:
    by_name = facts.plots.profit
    names = ordered(by_name)
    series = [
        Line(name, by_name[name][0], by_name[name][1], "" if i == 0 else "thin", colour(name, i))
        for i, name in enumerate(names)
    ]
    y = Axis.around("profit", [value for line in series for value in line.ys])
    figure = figures.lines("profit", share("share of the rows that are contacted"), y, series, level=0.0)
    value, per = facts.value("candidate", "profit"), facts.value("candidate", "value_per_decision")
    border = facts.evaluation.thresholds.get("profit")
    note = ""
    if value is not None and border is not None:
        note = (
            f"Contacting from a probability of {border:.3g} earns {number(value)} on these rows, {number(per)} per row."
        )
    return card("Profit", figure, key(names), element("p", note))


def _thresholds(facts: Facts) -> Safe:
    drawn = facts.plots.thresholds
    money = any(each.profit is not None for each in drawn)
    used = facts.evaluation.thresholds.get("classification")
    rows = []
    for each in drawn:
        precision = f"{each.precision:.3f}" if each.rows else "–"
        cells = [(f"{each.rows:,}", "n"), (precision, "n"), (f"{each.recall:.3f}", "n"), (f"{each.f1:.3f}", "n")]
        if money:
            cells.append((number(each.profit), "n"))
        name = f"{each.threshold:g}"
        rows.append(row([name, element("span", " in use", class_="quiet") if used == each.threshold else None], *cells))
    header: list[tuple[str, str | None]] = [
        ("Positive from", None),
        ("Rows", "n"),
        ("Precision", "n"),
        ("Recall", "n"),
        ("F1", "n"),
    ]
    if money:
        header.append(("Profit", "n"))
    return card(f"Thresholds: what each {_scored(facts)} would do", table(header, rows, slim=True), wide=True)
