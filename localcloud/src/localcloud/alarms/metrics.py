"""Series out of ministack's metric store: one metric is a namespace, a name and exactly its dimensions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch

from localcloud.alarms.expressions import Evaluator, Series, UnsupportedExpression, names, parse, uses_all_metrics

BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(100|[0-9]{1,2}(\.[0-9]{1,10})?)")
Key = tuple[str, str, str]


def is_statistic(name: str) -> bool:
    """Whether `name` is a statistic that the local cloud can compute: the basic ones and percentiles."""
    return name in BASIC or PERCENTILE.fullmatch(name) is not None


def metric_key(namespace: str, name: str, dimensions: Sequence[Mapping[str, str]]) -> Key:
    """The store's key of a metric; `dimensions` as in requests: [{"Name", "Value"}]."""
    return namespace, name, cloudwatch._dims_key({d["Name"]: d["Value"] for d in dimensions})


def points_between(key: Key, start: float, end: float, unit: str | None = None) -> list[dict[str, Any]]:
    """Stored points with start <= timestamp < end (epoch seconds), of one unit if given."""
    found = [point for point in list(cloudwatch._metrics.get(key) or ()) if start <= point["Timestamp"] < end]
    return [point for point in found if point.get("Unit", "None") == unit] if unit else found


def statistic(points: list[dict[str, Any]], name: str) -> float | None:
    """A statistic over points, or None where there is none (no points, or no percentile for them)."""
    stats = cloudwatch._calc_stats(points)
    return float(value) if stats and (value := cloudwatch._stat_value(stats, name, points)) is not None else None


def series(key: Key, name: str, period: float, periods: range, unit: str | None = None) -> Series:
    """Values of a statistic by period number: period n covers [n * period, (n + 1) * period) in epoch seconds."""
    buckets: dict[int, list[dict[str, Any]]] = {}
    for point in points_between(key, periods.start * period, periods.stop * period, unit):
        buckets.setdefault(int(point["Timestamp"] // period), []).append(point)
    values = {at: statistic(points, name) for at, points in buckets.items()}
    return {at: value for at, value in values.items() if value is not None}


def stat_series(stat: Mapping[str, Any], period: float, periods: range) -> Series:
    """The series of a MetricStat; `period` in real seconds."""
    metric = stat["Metric"]
    key = metric_key(metric.get("Namespace", ""), metric.get("MetricName", ""), metric.get("Dimensions") or [])
    return series(key, stat["Stat"], period, periods, stat.get("Unit"))


def query_series(
    queries: Sequence[Mapping[str, Any]], period: float, periods: range, cloud_period: float
) -> dict[str, Series]:
    """Every MetricDataQuery's series by its Id; expressions may read those that come in any order."""
    plain = {q["Id"]: stat_series(q["MetricStat"], period, periods) for q in queries if q.get("MetricStat")}
    known: dict[str, Series] = dict(plain)
    pending = {q["Id"]: parse(q["Expression"]) for q in queries if q.get("Expression")}
    while pending:
        ready = [name for name, tree in pending.items() if not names(tree) & (pending.keys() - {name})]
        if not ready or any(name in names(pending[name]) for name in ready):
            raise UnsupportedExpression(f"The expressions {', '.join(sorted(pending))} read each other in a circle")
        for name in ready:
            evaluator = Evaluator(known, tuple(plain), periods, cloud_period)
            known[name] = evaluator.evaluate(pending.pop(name))
    return known


def validate_queries(queries: Sequence[Mapping[str, Any]]) -> int:
    """Checks the queries of an alarm or a request; returns their common period in cloud seconds."""
    identifiers = [q.get("Id", "") for q in queries]
    if len(set(identifiers)) != len(identifiers):
        raise UnsupportedExpression("The Ids of the metric data queries must differ")
    periods = set()
    for query in queries:
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query.get("Id", "")):
            raise UnsupportedExpression(f"Id {query.get('Id')!r} must begin with a lower-case letter")
        if bool(query.get("Expression")) == bool(query.get("MetricStat")):
            raise UnsupportedExpression(f"Query {query['Id']} needs either an Expression or a MetricStat")
        if query.get("AccountId"):
            raise UnsupportedExpression("Metrics of other accounts are not supported by the local cloud")
        if stat := query.get("MetricStat"):
            if not is_statistic(str(stat.get("Stat"))):
                raise UnsupportedExpression(f"Stat {stat.get('Stat')!r} is not supported by the local cloud")
            periods.add(int(stat["Period"]))
        else:
            tree = parse(query["Expression"])
            unknown = names(tree) - set(identifiers)
            if unknown:
                raise UnsupportedExpression(f"Expression {query['Id']} reads unknown Ids: {', '.join(sorted(unknown))}")
            if uses_all_metrics(tree) and not any(q.get("MetricStat") for q in queries):
                raise UnsupportedExpression("METRICS() needs at least one MetricStat")
            if query.get("Period"):
                periods.add(int(query["Period"]))
    if len(periods) != 1:
        raise UnsupportedExpression(f"All metrics of a request must have one Period here, not {sorted(periods)}")
    return periods.pop()
