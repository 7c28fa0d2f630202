"""How far the window's rows, and the model's answers to them, are from what the model learned from."""

from __future__ import annotations

import math

from sluice import keys
from sluice.contract.durations import seconds
from sluice.errors import DamagedRecordError
from sluice.monitoring.expectations import Expectations, expectations
from sluice.monitoring.measurement import DAMAGE, Measurement
from sluice.monitoring.samples import reference_sample, window_sample
from sluice.ports import Json, Metric, ObjectStore
from sluice.profile import chance, drift
from sluice.profile.course import course_of
from sluice.profile.crossed import changed_correlations
from sluice.profile.window import WindowProfile
from sluice.records.baseline import Baseline, CategoryColumn
from sluice.watch import metric_names as metric

_PAIRS = 10
"""Pairs of columns with a changed correlation that a report names."""


Columns = dict[str, drift.Drift]


def measure_drift(measurement: Measurement, *, objects: ObjectStore) -> list[Metric]:
    """Compares the window with the baseline: `decision`, `reasons`, `drift`, `damage`, `predictions` of the report.

    Without a usable baseline, or with too few rows, the measurement is inconclusive. Raises the error of a baseline
    that could not be read for another reason than damage.
    """
    contract, report = measurement.contract, measurement.report
    report.update(decision="inconclusive", reasons=["drift could not be measured"], drift=None)
    source = keys.run(measurement.project, measurement.champion.run_id, "evaluation", "baseline.json")
    rare = chance.of_each_measurement(seconds(contract.monitor.every), seconds(contract.monitor.window))
    baseline = _baseline(measurement, source)
    if isinstance(baseline, str):
        return _inconclusive(measurement, baseline)
    compared = _columns(measurement, baseline, rare, source, objects=objects)
    if isinstance(compared, str):
        return _inconclusive(measurement, compared)
    found, expected = compared
    limit = contract.monitor.drift.max
    counted = {
        name: min(column.psi, limit) if name in expected.calendar else column.counted(limit)
        for name, column in found.items()
    }
    worst = max(found, key=lambda name: (counted[name], found[name].psi))
    drifted = counted[worst] > limit
    answered, scores = _answers(measurement, baseline, rare, source)
    report["damage"] = _damage(baseline, measurement.window)
    report["drift"] = {
        "score": counted[worst],
        "column": worst,
        "mean": sum(column.psi for column in found.values()) / len(found),
        "predictions": answered,
        "columns": {name: column.psi for name, column in found.items()},
        "by_chance": sorted(name for name, column in found.items() if column.psi > limit and not column.significant),
        "calendar": dict(expected.calendar),
        "compared_with": expected.told,
        "distances": {name: _distances(column) for name, column in found.items()},
        "scores": None if scores is None else {"significant": scores.significant, **_distances(scores)},
        "correlations": _correlations(measurement, baseline, rare),
        "course": _course(measurement, baseline, worst, expected) if drifted else None,
    }
    if shares := _shares(baseline, measurement.window):
        report["predictions"] = shares
    report["decision"] = "drifted" if drifted else "stable"
    verdict = _verdict(found[worst], limit, expected.calendar.get(worst))
    report["reasons"] = [f"{worst} has PSI {found[worst].psi:.3f}, {verdict}"]
    published = [
        measurement.metric(metric.DRIFT_SCORE, counted[worst]),
        measurement.metric(metric.DRIFT_MEAN, report["drift"]["mean"]),
        measurement.metric(metric.DRIFT_INCONCLUSIVE, 0, "Count"),
    ]
    if answered is not None:
        published.append(measurement.metric(metric.PREDICTION_DRIFT, answered))
    return published


def _inconclusive(measurement: Measurement, why: str) -> list[Metric]:
    measurement.report["reasons"] = [why]
    return [measurement.metric(metric.DRIFT_INCONCLUSIVE, 1, "Count")]


def _baseline(measurement: Measurement, source: str) -> Baseline | str:
    """The baseline; or why there is none. One that is damaged is a problem of the measurement, too."""
    baseline = measurement.baseline
    if baseline is None:
        return f"there is no baseline at {source}"
    if isinstance(baseline, DamagedRecordError):
        measurement.problems[source] = why = str(baseline)
        return why
    if isinstance(baseline, Exception):
        raise baseline
    return baseline


def _columns(
    measurement: Measurement, baseline: Baseline, rare: float, source: str, *, objects: ObjectStore
) -> tuple[Columns, Expectations] | str:
    """Each column's drift, and what it was compared with; or why there is none."""
    rows, needed = measurement.window.rows, measurement.contract.monitor.drift.min_rows
    found: Columns = {}
    expected = Expectations()
    try:
        if rows >= needed:
            expected = _expectations(measurement, baseline, objects=objects)
            found = drift.compare_profile(baseline, measurement.window.columns, rare, expected.columns)
        if not all(math.isfinite(column.psi) for column in found.values()):
            raise ValueError("a score is not finite")
    except DAMAGE as error:
        why = f"the baseline at {source} cannot be used ({type(error).__name__}); restore its last version"
        measurement.problems[source] = why
        return why
    if found:
        return found, expected
    return (
        f"{rows} captured row{'s' * (rows != 1)}, {needed} are needed (files that `sluice batch` scores do not count)"
    )


def _answers(
    measurement: Measurement, baseline: Baseline, rare: float, source: str
) -> tuple[float | None, drift.Drift | None]:
    """PSI of the model's answers, None where too few were captured; for scores (not segments), their whole drift."""
    answers, needed = measurement.window.answers, measurement.contract.monitor.drift.min_rows
    try:
        if measurement.contract.problem.type == "clustering":
            if sum(answers["classes"].values()) >= needed:
                return drift.prediction_drift(baseline, answers["classes"]), None
        elif answers["scored"] >= needed:
            scores = drift.counted_score_drift(baseline, answers["scores"], rare)
            return (None if scores is None else scores.psi), scores
    except DAMAGE as error:
        measurement.problems[source] = f"the scores of the baseline at {source} cannot be used ({type(error).__name__})"
    return None, None


def _shares(baseline: Baseline, window: WindowProfile) -> Json:
    """Class → the share of the answers that the evaluation leads to expect, and the share that was seen."""
    answers = window.answers["classes"]
    total = sum(answers.values())
    return {
        name: {"expected": share, "seen": answers.get(name, 0) / total}
        for name, share in (baseline.predictions or {}).items()
        if answers
    }


def _distances(column: drift.Drift) -> Json:
    return {"p": column.p, "js": column.js, "ks": column.ks, "wasserstein": column.wasserstein}


def _verdict(column: drift.Drift, limit: float, calendar: str | None) -> str:
    if column.psi <= limit:
        return f"within {limit:g}"
    if calendar:
        return f"above {limit:g}, but it says the {calendar}, of which a window has few"
    return f"above {limit:g}" if column.significant else f"above {limit:g}, which chance explains in so few rows"


def _expectations(measurement: Measurement, baseline: Baseline, *, objects: ObjectStore) -> Expectations:
    """A reference that is damaged is reported, and the window is compared as without one."""
    window = window_sample(measurement.window.sample(), measurement.contract)
    try:
        measurement.reference = reference_sample(measurement.contract, measurement.champion.run_id, objects=objects)
    except DAMAGE as error:
        source = keys.run(measurement.project, measurement.champion.run_id, "evaluation", "reference.jsonl")
        measurement.problems[source] = (
            f"the rows at {source} cannot be used ({type(error).__name__}); restore its last version"
        )
    return expectations(baseline, measurement.reference, window, measurement.window.rows)


def _correlations(measurement: Measurement, baseline: Baseline, rare: float) -> list[Json]:
    """Pairs of columns whose correlation changed; the dependence of a broken join."""
    if measurement.reference is None:
        return []
    crossed = [hour["crossed"] for hour in measurement.window.hours]
    found = changed_correlations(baseline, measurement.reference.rows, crossed, measurement.window.rows, rare)
    return [{"columns": list(each.columns), "expected": each.expected, "seen": each.seen} for each in found[:_PAIRS]]


def _course(measurement: Measurement, baseline: Baseline, name: str, expected: Expectations) -> Json | None:
    column = baseline.columns[name]
    usual = (
        expected.columns[name].shares
        if name in expected.columns
        else drift.counted_bins(column, measurement.window.columns[name])[0]
    )
    found = course_of(name, column, usual, measurement.window.hours)
    return None if found is None else {"kind": found.kind, "since": found.since}


def _damage(baseline: Baseline, window: WindowProfile) -> Json:
    """Column → jump of the missing share, and share of categories that training never saw."""
    missing: dict[str, float] = {}
    unseen: dict[str, float] = {}
    for name, column in baseline.columns.items():
        told = window.columns[name]
        missing[name] = round((told["missing"] - told["unfit"]) / window.rows - column.missing, 6)
        if isinstance(column, CategoryColumn) and column.shares:
            present = sum(told["counts"].values()) + told["unseen"]
            unseen[name] = round(told["unseen"] / present, 6) if present else 0.0
    return {"missing_jump": missing, "unseen_share": unseen}
