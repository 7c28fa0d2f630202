"""Metrics of each group, and how far the groups lie apart."""

from __future__ import annotations

from collections.abc import Mapping

from sluice import figures
from sluice.escaping import short
from sluice.figures import Axis
from sluice.model.shortening import more
from sluice.page import Child, Safe, element, row, table
from sluice.records.evaluation import Fairness
from sluice.records.words import in_words
from sluice.reports.facts import Facts, card, heading, number, with_ends

_GROUPS = 15
_RATES = ("selection_rate", "recall", "false_positive_rate", "error_rate", "calibration_gap", "mean_error", "mae")


def sections(facts: Facts) -> list[Safe]:
    found = facts.evaluation
    if not found.fairness and not found.slices:
        return []
    parts = [_column(name, each, facts) for name, each in found.fairness.items()]
    parts += [_slices(name, facts) for name in found.slices if name not in found.fairness]
    rare = [
        element(
            "li", f"{short(name)}: values that are too rare to be measured: {each.values:,}, with {each.rows:,} rows"
        )
        for name, each in found.slices_left_out.items()
    ]
    return [heading("Groups and fairness"), element("div", parts, class_="plots"), element("ul", rare)]


def _slices(name: str, facts: Facts) -> Safe:
    """The contract's metric by group, for a problem without rates to compare or a column with one group."""
    metric = facts.evaluation.metric
    groups = sorted(facts.evaluation.slices[name].items(), key=lambda item: -(item[1].get("rows") or 0))
    rows = [
        row(short(value, 40), (f"{int(each.get('rows') or 0):,}", "n"), (number(each.get(metric)), "n"))
        for value, each in groups[:_GROUPS]
    ]
    cut = more(len(groups) - _GROUPS, "evaluation.json", before="and ")
    body = table([("Group", None), ("Rows", "n"), (metric, "n")], rows, slim=True)
    return card(short(name, 60), body, element("p", cut) if cut else None)


def _column(name: str, fairness: Fairness, facts: Facts) -> Safe:
    metric, measured = facts.evaluation.metric, facts.evaluation.slices.get(name, {})
    groups = sorted(fairness.groups.items(), key=lambda item: -(item[1].get("rows") or 0))
    rates = [rate for rate in _RATES if any(rate in each for _, each in groups)]
    shown = groups[:_GROUPS]
    figure = (
        _whiskers(name, shown, rates[1] if len(rates) > 1 and rates[0] == "selection_rate" else rates[0])
        if rates
        else None
    )
    rows = [
        row(
            short(value, 40),
            (f"{int(each.get('rows') or 0):,}", "n"),
            (number(measured.get(value, {}).get(metric)), "n"),
            *((with_ends(each.get(rate), _ends(each, rate)), "n wrap") for rate in rates),
        )
        for value, each in shown
    ]
    header: list[tuple[str, str | None]] = [("Group", None), ("Rows", "n"), (metric, "n")]
    header += [(_words(rate), "n") for rate in rates]
    gaps: list[Child] = [
        element("li", f"{_words(what)}: ", with_ends(gap.value, _pair(gap.low, gap.high)))
        for what, gap in fairness.gaps.items()
    ]
    cut = more(len(groups) - len(shown), "evaluation.json", before="and ")
    return card(
        short(name, 60),
        figure,
        table(header, rows, slim=True),
        element("ul", gaps),
        element("p", cut) if cut else None,
        wide=True,
    )


def _whiskers(name: str, groups: list[tuple[str, dict[str, float | None]]], rate: str) -> Safe | None:
    drawn = []
    for value, each in groups:
        middle, ends = each.get(rate), _ends(each, rate)
        if middle is not None and ends:
            drawn.append((value, middle, *ends, f"{number(middle)}"))
    if not drawn:
        return None
    told = f"{_words(rate)} of each group, with its 95 % interval"
    if without := len(groups) - len(drawn):
        told += f"; {without:,} without a value {'is' if without == 1 else 'are'} not drawn"
    axis = Axis.around(rate, [edge for _, middle, low, high, _ in drawn for edge in (middle, low, high)])
    return element(
        "div",
        element("p", told),
        figures.whiskers(f"{rate} by {short(name, 60)}", axis, drawn, 0.0 if rate == "mean_error" else None),
    )


def _ends(each: Mapping[str, float | None], rate: str) -> tuple[float, float] | None:
    return _pair(each.get(f"{rate}_low"), each.get(f"{rate}_high"))


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _words(name: str) -> str:
    return (
        "Mean absolute error" if name == "mae" else in_words(name).replace("mae ", "mean absolute error ").capitalize()
    )
