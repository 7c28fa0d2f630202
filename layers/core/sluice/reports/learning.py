"""How the model came about: trials of its training, and what more rows would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sluice import figures
from sluice.escaping import short
from sluice.figures import SERIES, Axis, Line
from sluice.model.family_names import family_name
from sluice.model.metric_ranges import LOWER_IS_BETTER
from sluice.model.shortening import more
from sluice.page import Child, Safe, element, row, table
from sluice.reports.facts import Facts, card, heading, number

_SHOWN = 20


def sections(facts: Facts) -> list[Safe]:
    parts = [*_curve(facts), *_trials(facts)]
    return [heading("How the model came about"), element("div", parts, class_="plots")] if parts else []


def _trials(facts: Facts) -> list[Safe]:
    """The trials of a training that tries several configurations in one job; `jobs/learn/auto` records them."""
    problem = facts.evaluation.problem
    trials = facts.plots.trials
    known = [each for each in trials if _number(each.get("score")) is not None]
    if not known:
        return []
    metric = facts.evaluation.metric
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    ranked = sorted(known, key=lambda each: -sign * (_number(each.get("score")) or 0.0))
    return [_course(known, metric, sign, problem), _ranking(ranked, len(trials) - len(known), metric, problem)]


def _course(trials: list[dict[str, Any]], metric: str, sign: float, problem: str) -> Safe:
    scores = [_number(each.get("score")) or 0.0 for each in trials]
    best = [sign * max(sign * score for score in scores[: i + 1]) for i in range(len(scores))]
    places = [float(i + 1) for i in range(len(scores))]
    named = [family_name(each.get("family"), problem) for each in trials]
    families = list(dict.fromkeys(named))
    series = [Line("best so far", places, best, "thin dashed", 2)]
    for i, family in enumerate(families):
        mine = [k for k, name in enumerate(named) if name == family]
        series.append(Line(family, [places[k] for k in mine], [scores[k] for k in mine], "dots", i))
    # a failed start must not leave all others on one line
    middle = sorted(scores)[len(scores) // 2]
    near = [score for score in scores if abs(score - middle) <= 4 * (abs(best[-1] - middle) or 1.0)]
    figure = figures.lines("trials", Axis.around("trial", places), Axis.around(metric, [*near, *best[-1:]]), series)
    told = f"{metric} of each trial on rows that it was not fitted on, in the order in which they ended."
    if far := len(scores) - len(near):
        told += f" {far:,} far from the others {'is' if far == 1 else 'are'} drawn at the edge."
    if len(families) > SERIES:
        told += " Some families share a colour."
    return card("Trials", figure, figures.key(families), element("p", told))


def _ranking(ranked: list[dict[str, Any]], without: int, metric: str, problem: str) -> Safe:
    merged = _equal_in_one(ranked, problem)
    shown = merged[:_SHOWN]
    header: list[tuple[str, str | None]] = [
        ("Family", None),
        ("Trials", "n"),
        (metric, "n"),
        ("Weight", "n"),
        ("Seconds", "n"),
        ("From", None),
    ]
    rows = [
        row(
            short(family, 60),
            (f"{len(trials)}", "n"),
            (score, "n"),
            (_share(trials), "n"),
            (_seconds(trials), "n"),
            short(", ".join(dict.fromkeys(str(each.get("from") or "–") for each in trials)), 40),
        )
        for family, score, trials in shown
    ]
    told: list[str] = []
    if hidden := more(sum(len(trials) for *_, trials in merged[_SHOWN:]), "plots.json", before=""):
        told.append(hidden)
    if without:
        one = "1 trial has no score: it" if without == 1 else f"{without:,} trials have no score: they"
        told.append(f"{one} failed, or the time was over")
    notes: Child = element("p", "; ".join(told) + ".") if told else None
    return card("The best trials", table(header, rows, slim=True), notes, wide=True)


def _equal_in_one(ranked: list[dict[str, Any]], problem: str) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """(family, score, its trials) in the order of `ranked`: trials of a family whose scores look the same are one."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in ranked:
        place = (family_name(each.get("family"), problem), number(_number(each.get("score"))))
        found.setdefault(place, []).append(each)
    return [(family, score, trials) for (family, score), trials in found.items()]


def _curve(facts: Facts) -> list[Safe]:
    curve = facts.evaluation.learning_curve
    if curve is None:
        return []
    points = [each for each in curve.points if each.validation is not None]
    told = element("p", short(curve.verdict or curve.skipped or "It has no verdict.", 600))
    if len(points) < 2:
        return [card("Learning curve", told)]
    lines = []
    for name, seen in (
        ("validation rows", [each.validation for each in points]),
        ("training rows", [each.train for each in points]),
    ):
        known = [(float(each.rows), value) for each, value in zip(points, seen) if value is not None]
        lines.append(
            Line(name, [at for at, _ in known], [value for _, value in known], "" if name[0] == "v" else "thin")
        )
    values = [value for line in lines for value in line.ys]
    x = Axis.around("rows that were learned from", [each.rows for each in points])
    metric = curve.metric or facts.evaluation.metric
    level = curve.constant
    near = [] if level is None else [level]
    figure = figures.lines("learning curve", x, Axis.around(metric, [*values, *near]), lines, level=level)
    note = " The dashed line is a model that knows no column." if level is not None else ""
    return [
        card(
            "Learning curve",
            figure,
            figures.key([line.name for line in lines]),
            told,
            element("p", note) if note else None,
        )
    ]


def _seconds(trials: Sequence[Mapping[str, Any]]) -> str:
    known = [seconds for each in trials if (seconds := _number(each.get("seconds"))) is not None]
    return f"{sum(known):,.1f}" if known else "–"


def _share(trials: Sequence[Mapping[str, Any]]) -> str:
    weight = sum(_number(each.get("weight")) or 0.0 for each in trials)
    return f"{weight:.0%}" if weight else "–"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
