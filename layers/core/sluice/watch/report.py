"""What `monitor_model` found, as one HTML page. The page shows names and numbers, and no value of any row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sluice import charts
from sluice.escaping import short
from sluice.moments import utc
from sluice.page import Child, Safe, element, page, row, table, tag, tiles
from sluice.watch.drift_page import drift_sections, estimate_section, refusal_section, verdict_section
from sluice.watch.label_page import label_sections, quality_sections

_KINDS = {"stable": "good", "drifted": "bad", "inconclusive": "warn"}


def render(report: Mapping[str, Any]) -> str:
    """`report`: the measurement's report.json."""
    decision = str(report.get("decision", "?"))
    drift = report.get("drift") or {}
    limit = float(((report.get("thresholds") or {}).get("drift") or {}).get("max", 0.0))
    return page(
        f"{short(report['project'])}: {decision}",
        element(
            "header",
            element("h1", short(report["project"]), " ", tag(decision, _KINDS.get(decision))),
            element("p", f"Requests to model {short(report['run_id'])} until {utc(short(report['at']))}", class_="sub"),
        ),
        tiles(
            ("Rows", f"{report['rows']:,}", f"in {report['requests']:,} requests"),
            *_scores(drift, limit),
            _quality(report.get("quality"), (report.get("thresholds") or {}).get("quality")),
            ("Capture files", f"{report['files']:,}", _unreadable(report["unreadable_lines"])),
        ),
        *_left_out(report.get("problems") or {}, (report.get("labels") or {}).get("left_out") or {}),
        *_answers(report.get("predictions") or {}),
        *quality_sections(report),
        *label_sections(report),
        element("h2", "Why"),
        element("ul", [element("li", short(reason, 300)) for reason in report.get("reasons", [])]),
        *verdict_section(report),
        _columns(drift.get("columns") or {}, limit, report.get("damage") or {}, set(drift.get("by_chance") or ())),
        *drift_sections(report),
        *estimate_section(report),
        *refusal_section(report),
        element("footer", "PSI, the population stability index, compares with the data that the model learned from."),
    )


def _scores(drift: Mapping[str, Any], limit: float) -> list[tuple[str, Child, Child]]:
    if not drift:
        return [("Greatest drift (PSI)", "–", "not enough evidence")]
    worst = tag(f"{drift['score']:.3f}", "bad" if drift["score"] > limit else "good")
    found: list[tuple[str, Child, Child]] = [
        ("Greatest drift (PSI)", worst, f"{short(drift['column'], 40)}; the limit is {limit:g}"),
        ("Mean drift (PSI)", f"{drift['mean']:.3f}", f"over {len(drift['columns'])} columns"),
    ]
    if drift.get("predictions") is not None:
        found.append(("Drift of the answers", f"{drift['predictions']:.3f}", "PSI of the model’s own scores"))
    return found


def _quality(quality: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> tuple[str, Child, Child]:
    if not quality:
        return ("Quality", "–", "the contract does not ask for it")
    name = f"Quality ({short(quality['metric'], 40)})"
    if quality.get("value") is None:
        return (name, "–", short(quality.get("reason", ""), 200))
    limits = [f"{side} {wanted[side]:g}" for side in ("min", "max") if wanted and wanted.get(side) is not None]
    told = f"{quality['labels']:,} labels" + (f"; the contract asks for {', '.join(limits)}" if limits else "")
    caution = f"; {short(quality['caution'], 100)}" if quality.get("caution") else ""
    return (name, f"{quality['value']:.4f}", told + caution)


def _answers(shares: Mapping[str, Mapping[str, float]]) -> list[Safe]:
    """For models without labels: the share of rows in each segment, or of flagged rows."""
    if not shares:
        return []
    rows = [
        row(
            [short(name, 60)],
            (_percent(each["expected"], ".1%"), "n"),
            (_percent(each["seen"], ".1%"), "n"),
        )
        for name, each in shares.items()
    ]
    header: list[tuple[str, str | None]] = [("Answer", None), ("Share of the test rows", "n"), ("Share now", "n")]
    return [element("h2", "Answers"), table(header, rows)]


def _left_out(problems: Mapping[str, Any], files: Mapping[str, Any]) -> list[Safe]:
    found = {**files, **problems}
    if not found:
        return []
    listed = [element("li", f"{short(name, 200)}: {short(why, 300)}") for name, why in found.items()]
    return [element("h2", "Left out"), element("ul", listed)]


def _unreadable(lines: int) -> Child:
    return f"{lines:,} unreadable lines" if lines else "every line was readable"


def _columns(
    columns: Mapping[str, float], limit: float, damage: Mapping[str, Any], by_chance: Collection[str]
) -> list[Safe]:
    """`by_chance`: columns above the limit by no more than what chance makes of so few rows."""
    if not columns:
        return []
    # a score of twice the limit fills the bar, so that the limit stands in its middle
    scale = 2 * limit or 1.0
    missing, unseen = damage.get("missing_jump") or {}, damage.get("unseen_share") or {}
    rows = [
        row(
            [short(name), element("div", tag("chance explains it", "warn")) if name in by_chance else None],
            (tag(f"{score:.4f}", "warn" if name in by_chance else "bad" if score > limit else "good"), "n"),
            charts.meter(score / scale, limit / scale, 200, alarming=name not in by_chance),
            (_percent(missing.get(name), "+.1%"), "n"),
            (_percent(unseen.get(name), ".1%"), "n"),
        )
        for name, score in sorted(columns.items(), key=lambda item: -item[1])
    ]
    header: list[tuple[str, str | None]] = [("Column", None), ("PSI", "n"), (f"limit {limit:g}", None)]
    header += [("Missing, against training", "n"), ("Never seen in training", "n")]
    return [element("h2", "Columns, the most drifted first"), table(header, rows)]


def _percent(value: float | None, form: str) -> str:
    # -0.0 of a figure that is rounded away is 0
    return "–" if value is None else format(round(value, 3) + 0.0, form)
