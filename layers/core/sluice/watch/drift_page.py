"""The parts of a measurement's page that are about drift: its verdict, distances, refusals, and estimated quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.escaping import short
from sluice.page import Child, Safe, element, row, table, tag

_ANSWERS = {
    "hold": ("broken data", "bad"),
    "retrain": ("real drift", "warn"),
    "ask": ("undecided", "warn"),
    "nothing": ("no change", "good"),
}
_COURSES = {
    "sudden": "The drift came at once, in the hour {since} (UTC).",
    "gradual": "The drift grew over the window.",
    "throughout": "The whole window is drifted: the drift began before it, or with it.",
}
_REFUSALS_SHOWN = 20


def verdict_section(report: Mapping[str, Any]) -> list[Safe]:
    """What triage says about the window; nothing where it was not asked."""
    triage = report.get("triage")
    if not triage:
        return []
    named, kind = _ANSWERS.get(str(triage.get("answer")), (short(triage.get("answer"), 40), "warn"))
    told: list[Child] = [tag(named, kind), f" {short(triage.get('sentence') or triage.get('reason') or '', 600)}"]
    found = [element("h2", "Broken data or real drift?"), element("p", *told)]
    left_out = (triage.get("evidence") or {}).get("not_tested") or []
    if left_out:
        found.append(element("p", f"Not tested: {'; '.join(short(each, 200) for each in left_out)}.", class_="quiet"))
    return found


def drift_sections(report: Mapping[str, Any]) -> list[Safe]:
    """Distances of each column, what they are compared with, and how the drift came."""
    drift = report.get("drift") or {}
    distances = drift.get("distances") or {}
    if not distances:
        return []
    told = [f"Compared with {short(drift.get('compared_with', ''), 300)}."]
    course = drift.get("course")
    if course:
        told.append(_COURSES[course["kind"]].format(since=short(course.get("since") or "", 20)))
    for name, says in (drift.get("calendar") or {}).items():
        told.append(f"{short(name, 60)} says the {short(says, 20)}; no alarm counts it.")
    for pair in drift.get("correlations") or []:
        names = " and ".join(short(name, 60) for name in pair["columns"])
        told.append(f"The correlation of {names} is {pair['seen']:.2f}; it was {pair['expected']:.2f}.")
    every = sorted(distances.items())
    if drift.get("scores"):
        every.append(("the model’s scores", drift["scores"]))
    rows = [
        row(short(name, 60), *((_number(each.get(part)), "n") for part in ("js", "ks", "wasserstein", "p")))
        for name, each in every
    ]
    header: list[tuple[str, str | None]] = [
        ("Column", None),
        ("Jensen–Shannon", "n"),
        ("Kolmogorov–Smirnov", "n"),
        ("Wasserstein", "n"),
        ("Chance (χ²)", "n"),
    ]
    return [element("h2", "Other distances"), element("p", " ".join(told)), table(header, rows)]


def refusal_section(report: Mapping[str, Any]) -> list[Safe]:
    """Why requests were refused: the most frequent reasons."""
    refusals = report.get("refusals") or []
    if not refusals:
        return []
    rows = [
        row(short(each["error"], 200), short(each.get("field") or "–", 60), (f"{each['requests']:,}", "n"))
        for each in refusals[:_REFUSALS_SHOWN]
    ]
    rest = len(refusals) - len(rows)
    found = [
        element("h2", "Refused requests"),
        table([("What the model answered", None), ("Field", None), ("Requests", "n")], rows),
    ]
    return [*found, element("p", f"and {rest} more reasons", class_="quiet")] if rest else found


def estimate_section(report: Mapping[str, Any]) -> list[Safe]:
    """Quality that is expected before labels come."""
    found = report.get("estimated_quality") or {}
    if not found:
        return []
    rows = [
        row(
            [short(name, 40), element("div", tag("worse", "bad")) if each["worse"] else None],
            (f"{each['value']:.4f}", "n"),
            (f"{each['low']:.4f} … {each['high']:.4f}", "n"),
            (f"{each['evaluated']:.4f}", "n"),
        )
        for name, each in found.items()
    ]
    header: list[tuple[str, str | None]] = [("Metric", None), ("Estimate", "n"), ("95 %", "n"), ("Evaluation", "n")]
    told = "From the model’s probabilities, without labels. A change of what the inputs mean does not show here."
    return [element("h2", "Estimated quality"), table(header, rows, told)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
