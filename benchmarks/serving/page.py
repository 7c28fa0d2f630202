"""The figures of a run as the tables of docs/serving.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.serving.servers import ROOT

PATH = ROOT / "docs" / "serving.md"
BEGIN = "<!-- begin of what `make bench-serving WRITE=1` writes -->\n"
END = "<!-- end of what `make bench-serving WRITE=1` writes -->\n"
FAMILIES_BEGIN = "<!-- begin of what `make bench-families WRITE=1` writes -->\n"
FAMILIES_END = "<!-- end of what `make bench-families WRITE=1` writes -->\n"
SERVERS = {
    "aws": "AWS's container stack, AWS's way",
    "container": "AWS's container stack, our `inference.py`",
    "local": "local cloud's worker",
    "mlflow": "MLflow `models serve`",
    "bentoml": "BentoML",
}
COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "p50_ms": ("one row, one client: p50", lambda value: f"{value:.3g} ms"),
    "per_second": ("one row, eight clients", lambda value: f"{value:,.0f} /s"),
    "batch_per_second": ("100 rows, eight clients", lambda value: f"{value:,.0f} /s"),
    "cpu_ms": ("processor time a request", lambda value: f"{value:.3g} ms"),
    "start_s": ("start to first answer", lambda value: f"{value:.1f} s"),
    "memory_mb": ("memory, all processes", lambda value: f"{value:.0f} MB"),
}


class Goal(NamedTuple):
    """`goal`: as `>= 10`."""

    name: str
    value: float
    goal: str
    ok: bool


def written(text: str, about: str, middle: Mapping[tuple[str, str], float], goals: Sequence[Goal]) -> str:
    """The page with the figures of a run. Raises ValueError where it has lost its marker lines."""
    servers = [
        [name, *(show(middle[server, unit]) for unit, (_, show) in COLUMNS.items())] for server, name in SERVERS.items()
    ]
    reached = [
        [f"{goal.name} {_sign(goal.goal)}", f"{goal.value:.4g}", "met" if goal.ok else "missed"] for goal in goals
    ]
    tables = [
        _table(["server", *(heading for heading, _ in COLUMNS.values())], servers),
        _table(["goal", "measured", ""], reached),
    ]
    return _between(text, BEGIN, END, "\n".join([about + "\n", *tables]))


class Served(NamedTuple):
    """A model of a family: its p50 of one row in ms, None where it was not measured, and its greatest difference."""

    model: str
    size: str
    p50_ms: float | None
    difference: float | None


def families_written(text: str, about: str, served: Sequence[Served]) -> str:
    """The page with the figures of the families, a line for each model and a column for each size. Raises ValueError
    where it has lost its marker lines."""
    sizes = list(dict.fromkeys(each.size for each in served))
    lines = []
    for model in dict.fromkeys(each.model for each in served):
        own = {each.size: each for each in served if each.model == model}
        times = [_shown(own[size].p50_ms, "not measured") if size in own else "" for size in sizes]
        apart = [each.difference for each in own.values() if each.difference is not None]
        lines.append([f"`{model}`", *times, _shown(max(apart, default=None), "not measured")])
    head = ["model", *(f"{size}: p50 of one row, ms" for size in sizes), "greatest difference"]
    return _between(text, FAMILIES_BEGIN, FAMILIES_END, f"{about}\n\n{_table(head, lines)}")


def _shown(value: float | None, absent: str) -> str:
    return absent if value is None else f"{value:.2g}"


def _between(text: str, begin: str, end: str, content: str) -> str:
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PATH.name} has lost its marker lines {begin.strip()!r} and {end.strip()!r}")
    return before + begin + content + end + after


def _sign(goal: str) -> str:
    return goal.replace("<=", "≤").replace(">=", "≥")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
