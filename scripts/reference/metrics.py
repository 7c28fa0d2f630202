"""docs/reference/metrics.md, from `sluice.watch.metric_names` and the calls that publish the metrics."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from proofs.metrics import PUBLISHED
from scripts.reference.alarms import world_with_alarms
from scripts.reference.pages import code, codes, page, section, table
from scripts.reference.source import CORE, documented, modules
from sluice.watch import metric_names

TITLE = "Metrics"
INTRODUCTION = (
    "What Sluice publishes in CloudWatch, and which of AWS's metrics it reads. The metrics of models, such as "
    "`roc_auc`, are on [evaluation](../evaluation.md#metrics)."
)


def text() -> str:
    alarms = {alarm.metric: name for name, alarm in world_with_alarms().items()}
    published = section(
        f"Published in the namespace `{metric_names.NAMESPACE}`",
        "Each has the dimension `Project`.",
        table(("metric", "unit", "published by", "meaning", "alarm"), _published(alarms)),
    )
    read = section(
        "Read from `AWS/SageMaker`",
        "Dimensions `EndpointName` and `VariantName`; for a swapped fleet also `EndpointConfigName`.",
        table(("metric", "read by"), _read()),
    )
    return page(TITLE, INTRODUCTION, published + read)


def names() -> dict[str, str]:
    """Constant → the metric's name."""
    return {name: value for name, value in vars(metric_names).items() if name.isupper() and name != "NAMESPACE"}


def _published(alarms: dict[str, str]) -> Iterator[tuple[str, ...]]:
    meanings = documented(CORE / "watch" / "metric_names.py")
    for constant, name in names().items():
        units, places = _calls(constant)
        alarm = code(alarms[name]) if name in alarms else ""
        yield code(name), ", ".join(units), codes(places), meanings.get(constant, ""), alarm


def _calls(constant: str) -> tuple[list[str], list[str]]:
    """Units and modules of the calls that have the constant as an argument and make a metric of it."""
    units: dict[str, None] = {}
    places: dict[str, None] = {}
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or "metric" not in ast.unparse(node.func).lower():
                continue
            given = [*node.args, *(each.value for each in node.keywords)]
            if not any(isinstance(each, ast.Attribute | ast.Name) and _last(each) == constant for each in given):
                continue
            unit = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            units[unit[-1] if unit else "none"] = None
            places[path] = None
    return list(units), list(places)


def _last(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _read() -> Iterator[tuple[str, str]]:
    known = PUBLISHED["AWS/SageMaker"].metrics
    for name in sorted(known):
        places = [
            path
            for path, tree in modules().items()
            if any(isinstance(node, ast.Constant) and node.value == name for node in ast.walk(tree))
        ]
        if places:
            yield code(name), codes(places)
