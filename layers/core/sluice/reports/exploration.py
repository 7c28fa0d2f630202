"""What the training rows look like: topics of texts, and clusters and outlying rows by density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice import figures
from sluice.escaping import short
from sluice.figures import Axis, Line
from sluice.page import Child, Safe, element, row, table
from sluice.records.exploration import Cluster, Density, Outcome, Topics
from sluice.reports.facts import Facts, card, heading, number

_SHOWN = 6
"""Clusters with a row of their own; `jobs/learn/exploring` describes as many."""


def sections(facts: Facts) -> list[Safe]:
    found = facts.evaluation.exploration
    if found is None:
        return []
    parts = [part for each in found.topics for part in _topics(each)]
    parts += _density(found.density) if found.density else []
    told = [element("p", f"{short(note, 300)}.") for note in found.notes]
    if not parts and not told:
        return []
    return [
        heading("What the training rows look like"),
        element("p", "For people to read: no model learns from it, and no gate asks for it.", class_="sub"),
        element("div", [*parts, card("Not looked at", *told) if told else None], class_="plots"),
    ]


def _topics(found: Topics) -> list[Safe]:
    what = f"Topics of {short(found.column, 40)}"
    names = list(found.outcome)
    header: list[tuple[str, str | None]] = [("Words", None), ("Rows", "n"), ("Coherence", "n")]
    header += [(short(name, 24), "n") for name in names]
    shares = any(number_ is not None and 0 <= number_ <= 1 for number_ in found.outcome.values())
    rows = [
        row(
            ", ".join(short(word, 24) for word in each.words) or "–",
            (f"{each.rows / max(1, found.rows):.0%}", "n"),
            (number(each.coherence), "n"),
            *((_value(each.outcome.get(name), shares=shares), "n") for name in names),
        )
        for each in found.topics
    ]
    tried = ", ".join(
        f"{count}: {number(value)}" for count, value in sorted(found.tried.items(), key=lambda each: int(each[0]))
    )
    told = (
        f"{found.rows:,} of {found.texts:,} texts, {found.words:,} words that at least {found.least} of these have. "
        "Shown are the words that count most in a topic, and the share of texts in which it is the strongest. "
        "Coherence is 1 for words that never occur apart and 0 for independent ones. "
        f"Mean coherence by number of topics: {tried}."
        + (f" {found.without:,} texts have no word of any topic." if found.without else "")
    )
    parts = [card(what, table(header, rows, slim=True), element("p", told), wide=True)]
    if names:
        groups = [(", ".join(each.words[:3]), each.outcome) for each in found.topics]
        parts.append(_by_group(f"{names[0]} by topic", names[0], groups, found.outcome))
    return parts


def _density(found: Density) -> list[Safe]:
    told = (
        f"DBSCAN on {found.rows:,} of {found.all_rows:,} rows and {found.columns} columns. Clusters: {found.clusters}. "
        f"Noise: {found.noise:,} rows ({found.noise / max(1, found.rows):.1%}), with fewer than {found.neighbours} "
        "rows within the radius, and no dense row near. "
    )
    if found.clusters <= 1:
        told += "One cluster, or none, means that no gap of thinly settled space divides the rows. "
    parts = [card("Clusters by density", _picture(found), element("p", told + _axes(found)))]
    x, y = found.curve
    axis = Axis.around("distance", y)
    line = Line("distance", x, y)
    curve = figures.lines("distance to the neighbours", figures.share("rows"), axis, [line], level=found.reach)
    said = (
        f"Distance of a row to the last of its {found.neighbours} nearest rows, itself included; rows in order. The "
        f"dashed line is the radius, {number(found.reach)}: the curve bends there, at {found.bend:.0%} of the rows."
    )
    parts.append(card("Choice of DBSCAN’s radius (eps)", curve, element("p", said)))
    parts.append(_clusters(found))
    if names := list(found.outcome):
        groups = [(f"cluster {k + 1}", each.outcome) for k, each in enumerate(found.largest)]
        groups.append(("noise", found.outcome_of_noise))
        parts.append(_by_group(f"{names[0]} by cluster", names[0], groups, found.outcome))
    return parts


def _axes(found: Density) -> str:
    if len(found.explained) != 2:
        return ""
    return (
        f"The picture shows the two greatest principal components ({found.explained[0]:.0%} and "
        f"{found.explained[1]:.0%} of the variance): clusters that overlap here may be apart in other directions."
    )


def _picture(found: Density) -> Child:
    """Every cell with its rows as a dot; the place is that of the cell, so no single row can be recognised."""
    if not found.cells:
        return None
    most = max(count for *_, count in found.cells)
    kinds = sorted({cluster for _, _, cluster, _ in found.cells}, key=lambda cluster: (cluster < 0, cluster))
    names = {-1: "noise", _SHOWN: "smaller clusters"}
    # noise comes last, on top of what is dense
    cells = sorted(found.cells, key=lambda cell: -cell[2])
    marks = [(across, up, _colour(cluster), count / most) for across, up, cluster, count in cells]
    size = 1 + max(max(across, up) for across, up, *_ in found.cells)
    shown = [names.get(cluster, f"cluster {cluster + 1}") for cluster in kinds]
    return [figures.dots("clusters", size, marks), figures.key(shown, [_colour(cluster) for cluster in kinds])]


def _colour(cluster: int) -> int:
    """Noise has the second colour, which stands out; the smallest clusters share one."""
    return 1 if cluster < 0 else [0, 3, 4, 5, 2, 2, 2][min(cluster, _SHOWN)]


def _clusters(found: Density) -> Safe:
    rows = [
        row(f"cluster {k + 1}", (f"{each.rows / max(1, found.rows):.1%}", "n"), _apart(each))
        for k, each in enumerate(found.largest)
    ]
    rest = found.rows - found.noise - sum(each.rows for each in found.largest)
    if rest > 0:
        rows.append(row(f"{found.clusters - len(found.largest)} smaller ones", (f"{rest / found.rows:.1%}", "n"), "–"))
    rows.append(row("noise", (f"{found.noise / max(1, found.rows):.1%}", "n"), "–"))
    header: list[tuple[str, str | None]] = [("", None), ("Rows", "n"), ("Apart by (standard deviations)", None)]
    return card("What sets the clusters apart", table(header, rows, slim=True), wide=True)


def _apart(each: Cluster) -> str:
    return "; ".join(f"{short(name, 30)} {value:+.1f}" for name, value in each.apart) or "no single column"


def _by_group(
    title: str, name: str, groups: Sequence[tuple[str, Outcome]], overall: Mapping[str, float | None]
) -> Safe:
    rows = []
    for label, outcome in groups:
        ends = outcome.get(name)
        if ends is None or None in ends:
            continue
        middle, low, high = (float(value or 0.0) for value in ends)
        rows.append((label, middle, low, high, number(middle)))
    level = overall.get(name)
    spread = [value for _, *ends, _ in rows for value in ends] + ([level] if level is not None else [])
    figure = figures.whiskers(title, Axis.around(name, spread or [0.0]), rows, level)
    told = "Mean, or share of the rows, with its 95 % interval; the dashed line is that of all rows looked at."
    return card(title, figure, element("p", told), wide=True)


def _value(ends: tuple[float | None, float | None, float | None] | None, *, shares: bool) -> str:
    if ends is None or ends[0] is None:
        return "–"
    return f"{ends[0]:.0%}" if shares else number(ends[0])
