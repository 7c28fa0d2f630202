"""docs/reference/alarms.md: the template's alarms, and those of a project as the core makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scripts.reference.pages import code, page, section, table
from scripts.reference.source import short, template
from sluice.contract import Contract
from sluice.ports import Alarm, Champion
from sluice.release import endpoint_alarms
from sluice.serving import canary_alarms
from sluice.serving.ensure_monitoring import ensure_monitoring
from testing import fakes

TITLE = "Alarms"
INTRODUCTION = (
    "The CloudWatch alarms of a stack, and those that Sluice makes for each project and release. "
    "[Alerts](../alerts.md) says what reaches people; [how a release is judged](../release.md) says why the alarms of "
    "a release go into ALARM for gross failures only."
)
_STACK, _PROJECT, _RUN = "<stack>", "<project>", "<run>"
_COMPARED = {"GreaterThanThreshold": ">", "LessThanThreshold": "<", "GreaterThanOrEqualToThreshold": "≥"}
_CONTRACT: dict[str, Any] = {
    "project": "shop",
    "problem": {"type": "binary", "target": "bought", "positive": True},
    "data": {"columns": {"pages": {"type": "integer"}, "bought": {"type": "boolean"}}},
    "monitor": {"quality": {"metric": "roc_auc", "min": 0.7}},
}
_HEAD = ("alarm", "goes into ALARM if", "without data", "means")


def text() -> str:
    made = world_with_alarms()
    own = section(
        "The pipeline's own health", "From template.yaml. Each sends to the alert topic.", table(_HEAD, _own())
    )
    watched = section(
        "A project whose model serves",
        "Made by `sluice.serving.ensure_monitoring` at each promotion. The limits are those of a contract with "
        "`monitor.quality: {metric: roc_auc, min: 0.7}` and the defaults for everything else. "
        "`probation` exists only while there is a predecessor, `quality` only with a limit in the contract.",
        table(_HEAD, [_row(alarm) for name, alarm in made.items() if _RUN not in name]),
    )
    release = section(
        "A release, while it lasts",
        "Made by `sluice.serving.canary_alarms` before the release, with the contract's default limits, and deleted "
        f"after it. The composite alarm `{endpoint_alarms.canary_name(_STACK, _PROJECT, _RUN)}` goes into ALARM "
        "if any of them does; only its event starts a response.",
        table(_HEAD, [_row(alarm) for name, alarm in made.items() if _RUN in name]),
    )
    return page(TITLE, INTRODUCTION, own + watched + release)


def world_with_alarms() -> dict[str, Alarm]:
    """Name → alarm, of a project that serves and of a release of it, made by the core in a world of fakes."""
    made = fakes.FakeAlarms()
    world = fakes.world(settings=replace(fakes.SETTINGS, stack=_STACK), alarms=made)
    contract = Contract.model_validate(_CONTRACT)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    served = Champion(
        run_id=_RUN,
        variant=f"v-{_RUN}",
        endpoint=f"{_STACK}-{_PROJECT}",
        endpoint_config="",
        model="",
        package_arn="",
        promoted_at=now,
        probation_until=now,
        previous={"run_id": "the one before"},
    )
    world.ledger.save_contract(_PROJECT, contract.model_dump(mode="json"), "1")
    world.ledger.set_champion(_PROJECT, served, None)
    world.call(ensure_monitoring, _PROJECT)
    dimensions = endpoint_alarms.of_variant(served.endpoint, served.variant)
    world.call(canary_alarms.ensure, _PROJECT, _RUN, dimensions, contract.release)
    return made.alarms


def _own() -> Iterator[tuple[str, ...]]:
    for logical_id, resource in template()["Resources"].items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        facts = resource["Properties"]
        dimension = ", ".join(short(each["Value"]) for each in facts["Dimensions"])
        yield (
            code(logical_id),
            f"{facts['Statistic']} of {facts['Namespace']} `{facts['MetricName']}` of {dimension} "
            f"{_COMPARED[facts['ComparisonOperator']]} {facts['Threshold']} over {facts['Period']} s",
            str(facts["TreatMissingData"]),
            facts["AlarmDescription"],
        )


def _row(alarm: Alarm) -> tuple[str, ...]:
    share = f" ÷ `{alarm.share_of}`, from {alarm.at_least:g} on," if alarm.share_of else ""
    return (
        code(alarm.name),
        f"{alarm.statistic} of {alarm.namespace} `{alarm.metric}`{share} {_COMPARED[alarm.comparison]} "
        f"{alarm.threshold:g} in {alarm.datapoints} of {alarm.evaluation_periods} periods of {alarm.period} s",
        alarm.missing,
        alarm.description,
    )
