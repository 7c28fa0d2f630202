"""The quality that the model's probabilities lead to expect before labels come."""

from __future__ import annotations

from dataclasses import asdict

from sluice.monitoring.measurement import Measurement
from sluice.monitoring.samples import evaluated
from sluice.ports import Metric
from sluice.profile.estimated import FEWEST, estimates


def measure_estimate(measurement: Measurement) -> list[Metric]:
    """`estimated_quality` of the report: metric → value, interval, the evaluation's value, and whether it is worse.

    None, with `estimated_quality_reason`, for problems without classes and where rows or labels are too few.
    """
    report, problem = measurement.report, measurement.contract.problem
    report["estimated_quality"] = None
    if problem.type not in ("binary", "multiclass"):
        report["estimated_quality_reason"] = f"a model of type {problem.type} answers no probability of a label"
        return []
    if measurement.reference is None:
        report["estimated_quality_reason"] = "the evaluation of this run kept no rows with labels"
        return []
    known = evaluated(measurement.reference, measurement.contract)
    found = estimates(measurement.window.answers["chances"], problem.type, known)
    if not found:
        report["estimated_quality_reason"] = (
            f"{FEWEST} answers with a probability and {FEWEST} labelled rows of the evaluation are needed"
        )
        return []
    report["estimated_quality"] = {name: asdict(each) for name, each in found.items()}
    asked = measurement.contract.monitor.quality
    metric = problem.metric if asked is None else asked.metric
    if metric in found and found[metric].worse:
        each = found[metric]
        report["reasons"].append(
            f"{metric} is estimated at {each.value:.3f} ({each.low:.3f} to {each.high:.3f}), from the model's "
            f"probabilities without labels; the evaluation measured {each.evaluated:.3f}"
        )
    return []
