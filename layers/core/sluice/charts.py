"""Small drawings for pages: SVG made of `sluice.page` elements, coloured by the page's style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sluice.digits import percent
from sluice.escaping import short
from sluice.page import Safe, element

_HEIGHT = 40
_WIDTH = 192


def meter(share: float, limit: float | None = None, width: int = 120, *, alarming: bool = True) -> Safe:
    """A bar of `share` (0 to 1), red above `limit`, which is marked, if that is `alarming`."""
    filled = max(1, round(width * min(1.0, share))) if share > 0 else 0
    over = alarming and limit is not None and share > limit
    parts = [element("rect", width=width, height=10, class_="track")]
    parts.append(element("rect", width=filled, height=10, class_="over" if over else "bar"))
    if limit is not None:
        parts.append(_line(width * min(1.0, limit), 10, "limit"))
    return element("svg", parts, width=width, height=10, aria_hidden="true")


def histogram(shares: Sequence[float], expected: Sequence[float] | None = None) -> Safe:
    """Bars of `shares`; `expected`, over the same bins, is a line above them."""
    most = max([*shares, *(expected or ())], default=0.0) or 1.0
    wide = min(24, _WIDTH // max(1, len(shares)))
    bars = [
        element("rect", x=i * wide, y=_HEIGHT - height, width=wide - 1, height=height, class_="bar")
        for i, share in enumerate(shares)
        if (height := _height(share, most))
    ]
    line = None
    if expected:
        steps = [f"H{i * wide}V{_HEIGHT - _height(share, most)}" for i, share in enumerate(expected)]
        line = element("path", d=f"M0 {_HEIGHT}{''.join(steps)}H{len(expected) * wide}V{_HEIGHT}", class_="base")
    label = "histogram, with the baseline as a line" if expected else "histogram"
    return element(
        "svg",
        bars,
        line,
        width=len(shares) * wide,
        height=_HEIGHT + 1,
        viewBox=f"0 0 {len(shares) * wide} {_HEIGHT + 1}",
        role="img",
        aria_label=label,
    )


def ranked(values: Iterable[tuple[str, float, float | None]]) -> Safe:
    """A bar for each (name, share, expected share), as long as the share is of the greatest."""
    shown = list(values)
    most = max((max(share, expected or 0.0) for _, share, expected in shown), default=0.0) or 1.0
    lines = []
    for name, share, expected in shown:
        bar = element("rect", width=max(1, round(120 * share / most)) if share else 0, height=10, class_="bar")
        mark = None if expected is None else _line(120 * expected / most, 10, "base")
        drawn = element("svg", bar, mark, width=121, height=10, aria_hidden="true")
        number = element("span", percent(share), class_="n")
        lines.append(element("div", element("span", short(name, 60)), number, drawn))
    return element("div", lines, class_="rows")


def legend() -> Safe:
    """What the colours of `histogram` and `ranked` mean."""
    now = (element("span", class_="key"), "this data")
    then = (element("span", class_="key line"), "the serving model’s training data")
    return element("span", now, " \u2002", then)


def rebinned(edges: Sequence[float], shares: Sequence[float], low: float, step: float, bins: int) -> list[float]:
    """Shares between `edges`, even within each, as shares of `bins` bins of width `step` from `low`.

    What lies outside belongs to the first or last bin.

    >>> rebinned([0, 2, 4], [0.5, 0.5], 0, 1, 4)
    [0.25, 0.25, 0.25, 0.25]
    """
    found = [0.0] * bins
    for start, end, share in zip(edges, edges[1:], shares):
        width = end - start
        for i in range(bins):
            left = start if i == 0 else max(start, low + i * step)
            right = end if i == bins - 1 else min(end, low + (i + 1) * step)
            if width <= 0:
                # a single value: in the bin that holds it
                inside = (i == 0 or start >= low + i * step) and (i == bins - 1 or start < low + (i + 1) * step)
                found[i] += share if inside else 0.0
            elif right > left:
                found[i] += share * (right - left) / width
    return found


def _height(share: float, most: float) -> int:
    return max(1, round((_HEIGHT - 2) * share / most)) if share > 0 else 0


def _line(at: float, height: int, kind: str) -> Safe:
    x = round(max(1.0, at), 1)
    return element("line", x1=x, x2=x, y1=0, y2=height, class_=kind)
