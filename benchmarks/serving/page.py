"""The figures of a run as the two tables of docs/serving.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.serving.servers import ROOT

PATH = ROOT / "docs" / "serving.md"
BEGIN = "<!-- begin of what `make bench-serving WRITE=1` writes -->\n"
END = "<!-- end of what `make bench-serving WRITE=1` writes -->\n"
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
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PATH.name} has lost its marker lines {BEGIN.strip()!r} and {END.strip()!r}")
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
    return before + begin + "\n".join([about + "\n", *tables]) + end + after


def _sign(goal: str) -> str:
    return goal.replace("<=", "≤").replace(">=", "≥")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
