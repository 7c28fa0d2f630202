"""The quality of the serving model's answers, on the delayed labels of their requests."""

from __future__ import annotations

import math
from typing import Any

from sluice.contract.metric_limits import ONLINE_METRICS
from sluice.monitoring.look import Look
from sluice.ports import Json, Metric
from sluice.watch import metric_names as metric
from sluice.watch.labels import join
from sluice.watch.quality import BINARY, DECIDED, REGRESSION


def measure_quality(look: Look) -> list[Metric]:
    contract = look.contract
    quality = contract.monitor.quality
    look.report["quality"] = None
    if quality is None:
        return []
    pairs = join(look.labels, look.requests, contract, decided=quality.metric in DECIDED)
    families: dict[str, dict[str, Any]] = {
        "binary": dict(BINARY),
        "regression": dict(REGRESSION),
        "anomaly": {name: BINARY[name] for name in ONLINE_METRICS["anomaly"]},
    }
    rule = families.get(contract.problem.type, {}).get(quality.metric)
    facts: Json = {"metric": quality.metric, "labels": len(pairs), "value": None}
    look.report["quality"] = facts
    count = [look.metric(metric.QUALITY_LABELS, len(pairs), "Count")]
    if rule is None:
        facts["reason"] = f"{quality.metric} of a {contract.problem.type} model is not computed online yet"
        return count
    if len(pairs) < quality.min_labels:
        facts["reason"] = f"{len(pairs)} labels belong to a captured request; {quality.min_labels} are needed"
        return count
    try:
        value = rule(pairs)
    except (ArithmeticError, ValueError):
        value = math.inf
    if value is None:
        facts["reason"] = "all labels have the same class"
        return count
    if not math.isfinite(value):
        facts["reason"] = f"{quality.metric} of these labels and answers is beyond what a number can hold"
        look.problems["quality"] = facts["reason"]
        return count
    facts["value"] = value
    return [*count, look.metric(metric.QUALITY_SCORE, value)]
