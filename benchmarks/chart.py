"""Line charts as small SVG files, without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 300, 52, 44, 52
COLOURS = ("#1b6ca8", "#c7622b", "#2e8b57", "#7a4fa3", "#666666")


@dataclass(frozen=True)
class Panel:
    """`lines`: name → (x, y) points; x runs over `x_range`, y from 0 to 1."""

    title: str
    x_label: str
    lines: dict[str, list[tuple[float, float]]]
    x_range: tuple[float, float]
    x_ticks: Sequence[float]
    percent: bool = True


def svg(panels: Sequence[Panel], caption: str) -> str:
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 24}" width="{width}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number * WIDTH} 0)">{_panel(panel)}</g>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT + 14}" fill="#555">{escape(caption)}</text></svg>')
    return "\n".join(parts) + "\n"


def _panel(panel: Panel) -> str:
    low, high = panel.x_range

    def x(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - 20), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text x="{LEFT}" y="22" font-weight="bold">{escape(panel.title)}</text>']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(tick)}" y2="{y(tick)}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:.0%}</text>')
    for tick in panel.x_ticks:
        label = f"{tick:.3g}" if not panel.percent else f"{100 * tick:g} %"
        parts.append(f'<text x="{x(tick)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 16}" text-anchor="middle">{escape(panel.x_label)}</text>'
    )
    for number, (name, points) in enumerate(panel.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn = " ".join(f"{x(a)},{y(b)}" for a, b in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{WIDTH - 26}" y="{HEIGHT - BOTTOM - 12 - 16 * number}" fill="{colour}" '
            f'text-anchor="end">{escape(name)}</text>'
        )
    return "\n".join(parts)
