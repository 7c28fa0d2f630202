"""Plots with axes for pages: SVG made of `sluice.page` elements, coloured by classes of the page's style.

Each figure has a fixed coordinate system of WIDTH units and scales with the page. Series have the classes s0 to s5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sluice.escaping import short
from sluice.page import Child, Safe, element

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 18, 10, 40
# of figures of named rows: the width, what names and notes take of it, and where the first row begins
_ROW, _NAMES, _NOTES, _ROWS_TOP = 470, 146, 74, 6
SERIES = 6
"""Colours; the next series begins with the first again."""


@dataclass(frozen=True)
class Axis:
    label: str
    low: float
    high: float
    form: Callable[[float], str] = lambda value: f"{value:g}"

    @classmethod
    def around(cls, label: str, values: Sequence[float], form: Callable[[float], str] | None = None) -> Axis:
        """An axis that holds all of `values`."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        if low == high:
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        return cls(label, low, high, form or compact)

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one; what lies beyond is drawn at the end."""
        return min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))

    def ticks(self) -> list[float]:
        """Three to six round numbers."""
        span = (self.high - self.low) or 1.0
        step: float = 10.0 ** math.floor(math.log10(span / 4))
        step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 5)
        first = math.ceil(self.low / step - 1e-9)
        return [round(i * step, 12) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def compact(value: float) -> str:
    """A short number for an axis.

    >>> compact(1234567.0), compact(0.25), compact(-15000.0)
    ('1.23M', '0.25', '-15k')
    """
    for size, unit, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= size:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.4g}"


def percent(value: float) -> str:
    return f"{value:.0%}"


def share(label: str) -> Axis:
    """An axis from 0 to 100 %."""
    return Axis(label, 0.0, 1.0, percent)


@dataclass(frozen=True)
class Line:
    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    kind: str = ""
    """A class beside the colour: `thin`, `dashed`, `dots`."""
    colour: int | None = None


def lines(
    what: str,
    x: Axis,
    y: Axis,
    series: Sequence[Line],
    *,
    diagonal: bool = False,
    bands: Sequence[tuple[float, float, float]] = (),
    mark: float | None = None,
    level: float | None = None,
) -> Safe:
    """Curves; `bands`: (x, low, high) whiskers; `mark`: a vertical line; `level`: a horizontal one."""
    parts: list[Child] = [_axes(x, y)]
    if diagonal:
        parts.append(element("path", d=_path(x, y, [x.low, x.high], [y.low, y.high]), class_="guide"))
    if level is not None:
        parts.append(element("path", d=_path(x, y, [x.low, x.high], [level, level]), class_="guide"))
    if mark is not None:
        parts.append(element("path", d=_path(x, y, [mark, mark], [y.low, y.high]), class_="guide"))
    for at, low, high in bands:
        parts.append(element("path", d=_path(x, y, [at, at], [low, high]), class_="whisker"))
    for i, line in enumerate(series):
        colour = f"s{(i if line.colour is None else line.colour) % SERIES}"
        # a line of one point would not be seen
        if line.kind != "dots" and len(line.xs) != 1:
            parts.append(element("path", d=_path(x, y, line.xs, line.ys), class_=f"curve {colour} {line.kind}".strip()))
        else:
            parts += [
                element("circle", cx=_x(x, a), cy=_y(y, b), r=3.5, class_=f"dot {colour}")
                for a, b in zip(line.xs, line.ys)
            ]
    return _figure(what, parts)


def key(names: Sequence[str], colours: Sequence[int] | None = None) -> Safe:
    """What the colours of the series mean."""
    spans = [
        element("span", element("span", class_=f"swatch s{colour % SERIES}"), short(name, 30))
        for name, colour in zip(names, colours if colours is not None else range(len(names)))
    ]
    return element("div", spans, class_="key-line")


def bars(what: str, x: Axis, edges: Sequence[float], groups: Sequence[Sequence[float]], label: str) -> Safe:
    """Histograms over the same edges, drawn over each other; each is drawn as shares of its own sum."""
    shares = [[count / (sum(group) or 1) for count in group] for group in groups]
    y = Axis(label, 0.0, max((max(group, default=0.0) for group in shares), default=0.0) or 1.0, percent)
    parts: list[Child] = [_axes(x, y)]
    for i, group in enumerate(shares):
        steps = [f"M{_x(x, edges[0])} {_y(y, 0)}"]
        steps += [f"V{_y(y, share)}H{_x(x, right)}" for share, right in zip(group, edges[1:])]
        area = "".join(steps) + f"V{_y(y, 0)}Z"
        parts.append(element("path", d=area, class_=f"area s{i % SERIES}"))
    return _figure(what, parts)


def grid(what: str, x: Axis, y: Axis, edges: Sequence[float], counts: Sequence[Sequence[int]]) -> Safe:
    """Squares, darker for more rows: `counts[i][j]` between edges i, i + 1 across and j, j + 1 upwards."""
    most = max((max(line, default=0) for line in counts), default=0) or 1
    parts: list[Child] = [_axes(x, y)]
    for i, line in enumerate(counts):
        for j, count in enumerate(line):
            if not count:
                continue
            left, right, low, high = _x(x, edges[i]), _x(x, edges[i + 1]), _y(y, edges[j]), _y(y, edges[j + 1])
            shade = f"{0.12 + 0.88 * math.sqrt(count / most):.2f}"
            size = {"width": round(right - left, 1), "height": round(low - high, 1)}
            parts.append(element("rect", x=left, y=high, **size, fill_opacity=shade, class_="bar"))
    parts.append(element("path", d=_path(x, y, [x.low, x.high], [y.low, y.high]), class_="guide"))
    return _figure(what, parts)


def matrix(what: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Safe:
    """A confusion matrix: truth down, prediction across; a cell is as dark as its share of the row's rows."""
    n = len(names)
    cell = max(18, min(96, round(288 / max(1, n))))
    letters = max(4, min(16, 3 * cell // 8)) if n > 4 else 14
    # no narrower than "true ↓"
    left = min(120, max(54, 14 + 7 * max((min(letters, len(short(name, letters))) for name in names), default=1)))
    top = 46 if n <= 4 else left + 22
    parts: list[Child] = []
    for i, line in enumerate(counts):
        y = top + i * cell
        label = short(names[i], letters)
        parts.append(_text(label, left - 6, y + cell / 2 + 4, "end"))
        across = left + i * cell + cell / 2
        if n <= 4:
            parts.append(_text(label, across, top - 8, "middle"))
        else:
            turned = f"rotate(-90 {across + 4} {top - 8})"
            parts.append(element("text", label, x=across + 4, y=top - 8, transform=turned, class_="tick"))
        for j, count in enumerate(line):
            share = count / (sum(line) or 1)
            at = left + j * cell
            hue = "hit" if i == j else "miss"
            box = {"x": at, "y": y, "width": cell - 1, "height": cell - 1}
            parts.append(element("rect", **box, class_="track"))
            parts.append(element("rect", **box, fill_opacity=f"{share**0.7:.2f}", class_=hue))
            if count and (cell >= 30 or share >= 0.005):
                shown = f"{count:,}" if cell >= 44 else compact(count)
                kind = f"cell on {hue}" if share > 0.45 else "cell"
                middle = y + cell / 2 + (0 if cell >= 60 else 4)
                parts.append(_text(shown, at + cell / 2, middle, "middle", kind))
                if cell >= 60:
                    parts.append(_text(f"{share:.1%}", at + cell / 2, middle + 17, "middle", f"{kind} small"))
    wide, high = left + n * cell + 4, top + n * cell + 4
    parts.append(_text("predicted →", left, 14, "start", "axis"))
    parts.append(_text("true ↓", left - 6, 30 if n <= 4 else top - 8, "end", "axis"))
    return _figure(what, parts, wide, high)


def whiskers(what: str, axis: Axis, rows: Sequence[tuple[str, float, float, float, str]], level: float | None) -> Safe:
    """A point with its interval for each (name, value, low, high, note); `level`: a vertical line to compare with."""
    step = 24
    bottom = _ROWS_TOP + step * len(rows) + 2
    parts = _rules(axis, bottom, level)
    for i, (name, value, low, end, note) in enumerate(rows):
        y = _ROWS_TOP + step * i + step / 2
        parts.append(_text(short(name, 20), _NAMES - 8, y + 4, "end", "name"))
        parts.append(element("line", x1=_across(axis, low), x2=_across(axis, end), y1=y, y2=y, class_="whisker"))
        parts.append(element("circle", cx=_across(axis, value), cy=y, r=4, class_="dot s0"))
        parts.append(_text(note, _ROW, y + 4, "end", "tick"))
    return _figure(what, parts, _ROW, bottom + 24)


def _across(axis: Axis, value: float) -> float:
    """Where a value stands in a figure of named rows."""
    return round(_NAMES + axis.place(value) * (_ROW - _NAMES - _NOTES), 1)


def _rules(axis: Axis, bottom: float, level: float | None) -> list[Child]:
    """The ticks of a figure of named rows, and a dashed line at `level`."""
    parts: list[Child] = []
    for tick in axis.ticks():
        x = _across(axis, tick)
        parts.append(element("line", x1=x, x2=x, y1=_ROWS_TOP, y2=bottom, class_="rule"))
        parts.append(_text(axis.form(tick), x, bottom + 14, "middle"))
    if level is not None:
        x = _across(axis, level)
        parts.append(element("line", x1=x, x2=x, y1=_ROWS_TOP, y2=bottom, class_="guide"))
    return parts


def dots(what: str, size: int, marks: Sequence[tuple[int, int, int, float]]) -> Safe:
    """A dot in each cell of a square grid, for (place across, place upwards, colour, share of the greatest count)."""
    step = HEIGHT / size
    parts: list[Child] = []
    for across, up, colour, share in marks:
        radius = round(max(0.14 * step, 0.5 * step * math.sqrt(share)), 1)
        x, y = round((across + 0.5) * step, 1), round(HEIGHT - (up + 0.5) * step, 1)
        parts.append(element("circle", cx=x, cy=y, r=radius, fill_opacity="0.75", class_=f"dot s{colour}"))
    return _figure(what, parts, HEIGHT, HEIGHT)


def strips(
    what: str,
    axis: Axis,
    edges: Sequence[float],
    rows: Sequence[tuple[str, Sequence[int], Sequence[float | None], str]],
) -> Safe:
    """For each (name, counts, ranks, note) a band that is as thick as there are rows in a bin between the edges.

    Ranks from 0 to 1 go from the first colour over grey to the second; None has a colour of its own.
    """
    step = 26
    bottom = _ROWS_TOP + step * len(rows) + 2
    parts = _rules(axis, bottom, 0.0)
    parts.append(_text(axis.label, (_NAMES + _ROW - _NOTES) / 2, bottom + 31, "middle", "axis"))
    for i, (name, counts, ranks, note) in enumerate(rows):
        middle, most = _ROWS_TOP + step * i + step / 2, max(counts, default=0) or 1
        parts.append(_text(short(name, 20), _NAMES - 8, middle + 4, "end", "name"))
        for count, rank, begin, end in zip(counts, ranks, edges, edges[1:]):
            if not count:
                continue
            thick = round(max(2.0, (step - 4) * math.sqrt(count / most)), 1)
            colour, shade = _ranked(rank)
            x = _across(axis, begin)
            box = {"x": x, "y": round(middle - thick / 2, 1), "height": thick}
            size = round(max(1.0, _across(axis, end) - x), 1)
            parts.append(element("rect", **box, width=size, fill_opacity=shade, class_=f"dot s{colour}"))
        parts.append(_text(note, _ROW, middle + 4, "end", "tick"))
    return _figure(what, parts, _ROW, bottom + 36)


def _ranked(rank: float | None) -> tuple[int, str]:
    """The colour and its shade."""
    if rank is None:
        return 4, "0.8"
    return [(0, "1"), (0, "0.55"), (2, "0.55"), (1, "0.55"), (1, "1")][min(4, int(rank * 5))]


def _figure(what: str, parts: Child, wide: float = WIDTH, high: float = HEIGHT) -> Safe:
    # names would be too small on a phone, where the card scrolls
    kind = "plot named" if wide == _ROW else "plot"
    return element("svg", parts, viewBox=f"0 0 {wide:g} {high:g}", role="img", aria_label=what, class_=kind)


def _axes(x: Axis, y: Axis) -> list[Child]:
    parts: list[Child] = []
    for tick in x.ticks():
        at = _x(x, tick)
        parts.append(element("line", x1=at, x2=at, y1=_TOP, y2=HEIGHT - _BOTTOM, class_="rule"))
        parts.append(_text(x.form(tick), at, HEIGHT - _BOTTOM + 15, "middle"))
    for tick in y.ticks():
        at = _y(y, tick)
        parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at, class_="rule"))
        parts.append(_text(y.form(tick), _LEFT - 6, at + 4, "end"))
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    parts.append(_text(x.label, (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 5, "middle", "axis"))
    turned = f"rotate(-90 11 {middle:g})"
    parts.append(element("text", y.label, x=11, y=middle, transform=turned, text_anchor="middle", class_="axis"))
    return parts


def _text(text: str, x: float, y: float, anchor: str, kind: str = "tick") -> Safe:
    return element("text", text, x=round(x, 1), y=round(y, 1), text_anchor=anchor, class_=kind)


def _x(axis: Axis, value: float) -> float:
    return round(_LEFT + axis.place(value) * (WIDTH - _LEFT - _RIGHT), 1)


def _y(axis: Axis, value: float) -> float:
    return round(HEIGHT - _BOTTOM - axis.place(value) * (HEIGHT - _TOP - _BOTTOM), 1)


def _path(x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float]) -> str:
    return "M" + "L".join(f"{_x(x, a):g} {_y(y, b):g}" for a, b in zip(xs, ys))
