"""Every recorded event starts what it should and nothing else; every rule is started by one."""

from __future__ import annotations

import copy
import json
from typing import Any

from proofs.event_patterns import DEFAULT_BUS, Rule, matches, rules
from proofs.project import ROOT, Finding, Project

CHECK = "events"
EVENTS = ROOT / "tests" / "events"
VALUES = {
    "DataBucket": "data",
    "AWS::StackName": "sluice",
    "MlLifecycle": "arn:aws:states:us-east-1:123456789012:stateMachine:MlLifecycle-a1b2c3d4",
}
# what each recorded event must start; the queue's messages are numbered
EXPECTED = {
    "arrivals_queue.0": {"ArrivalRule"},
    "arrivals_queue.1": {"ArrivalRule"},
    "contract_created": {"RegisterProjectFunction.ContractDropped"},
    "dataset_accepted": {"ProfileDatasetFunction.DatasetAccepted"},
    "dataset_profiled": {"PlanTrainingFunction.DatasetProfiled"},
    "training_requested": {"PlanTrainingFunction.TrainingRequested"},
    "package_approved": {"ResumeApprovalFunction.PackageDecided"},
    "alarm_raised": {"RespondToAlarmFunction.AlarmRaised"},
    "model_measured": {"RespondToAlarmFunction.ModelMeasured"},
    "run_stopped": {"FinishRunFunction.RunStopped"},
}
NO_EVENTS = {"code_resource_created"}  # CloudFormation calls the function itself


def recorded() -> dict[str, dict[str, Any]]:
    """The EventBridge events of tests/events by name; those that came through the queue out of their messages."""
    found = {}
    for path in sorted(EVENTS.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if "Records" in document:
            found.update({f"{path.stem}.{n}": json.loads(each["body"]) for n, each in enumerate(document["Records"])})
        elif path.stem not in NO_EVENTS:
            found[path.stem] = document
    return found


RECORDED = recorded()


def changed(name: str, **values: Any) -> dict[str, Any]:
    """The recorded event with other values; `detail__object__key` is a path."""
    event = copy.deepcopy(RECORDED[name])
    for path, value in values.items():
        *around, last = path.split("__")
        inner = event
        for step in around:
            inner = inner[step]
        assert last in inner, f"{path}: the recorded event has no such field"
        inner[last] = value
    return event


def bus_of(event: dict[str, Any]) -> str:
    """AWS's services write to the account's default bus; ours to the stack's own."""
    return DEFAULT_BUS if event["source"].startswith("aws.") else "Bus"


DERIVED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a file to score": (
        changed("contract_created", detail__object__key="batch/shop/new.csv"),
        {"PlanBatchFunction.BatchDropped"},
    ),
    "a package that is rejected": (
        changed("package_approved", detail__ModelApprovalStatus="Rejected"),
        {"ResumeApprovalFunction.PackageDecided"},
    ),
    "a package that waits": (changed("package_approved", detail__ModelApprovalStatus="PendingManualApproval"), set()),
    "another stack's package": (changed("package_approved", detail__ModelPackageGroupName="other-shop"), set()),
    "an alarm that is over": (
        changed("alarm_raised", detail__state={"value": "OK"}, detail__previousState={"value": "ALARM"}),
        set(),
    ),
    "an alarm without data": (changed("alarm_raised", detail__state={"value": "INSUFFICIENT_DATA"}), set()),
    "another stack's alarm": (changed("alarm_raised", detail__alarmName="sluice-two/shop/drift"), set()),
    "the pipeline's own alarm": (changed("alarm_raised", detail__alarmName="sluice-failed-runs"), set()),
    "a run that its machine failed": (
        changed("run_stopped", detail__status="FAILED"),
        {"FinishRunFunction.RunStopped"},
    ),
    "a run that took too long": (
        changed("run_stopped", detail__status="TIMED_OUT"),
        {"FinishRunFunction.RunStopped"},
    ),
    "a run that began": (changed("run_stopped", detail__status="RUNNING"), set()),
    "a run that ended well": (changed("run_stopped", detail__status="SUCCEEDED"), set()),
    "a release that was stopped, which its run reports": (
        changed("run_stopped", detail__stateMachineArn=VALUES["MlLifecycle"].replace("MlLifecycle", "ReleaseModel")),
        set(),
    ),
    "a label file": (changed("arrivals_queue.0", detail__object__key="labels/shop/late.csv"), {"ArrivalRule"}),
    "a foreign bucket": (changed("arrivals_queue.0", detail__bucket={"name": "data-two"}), set()),
    "a removed object": (changed("arrivals_queue.0", **{"detail-type": "Object Deleted"}), set()),
    "an end of a run": (changed("dataset_accepted", **{"detail-type": "Run Finished"}), set()),
    **{
        f"an object in {key.split('/')[0]}/": (changed("arrivals_queue.0", detail__object__key=key), set())
        for key in (
            "accepted/shop/0123456789abcdef/part-00000.parquet",
            "quarantine/shop/0123456789abcdef/rows.jsonl",
            "profiles/shop/0123456789abcdef/profile.json",
            "accepted-labels/shop/0123456789abcdef.jsonl",
            "predictions/shop/new.csv.out",
            "predictions/shop/new.csv.answers.csv",
            "runs/shop/r0123456789ab/run.json",
            "capture/shop/sluice-shop/v-r0123456789ab/2026/11/22/12/a.jsonl",
            "monitor/shop/report.json",
            "code/0123/learn.tar.gz",
            "models/shop/r0123456789ab/model.tar.gz",
            "scoring/shop/0123456789ab/new.csv",
            "contracts/shop/v1/change.json",
            "parts/shop/0123456789abcdef/00001/accepted.parquet",
        )
    },
    **{
        f"{key}, which is not read": (changed("contract_created", detail__object__key=key), {rule})
        for key, rule in (
            ("projects/shop/data.csv", "RegisterProjectFunction.ContractDropped"),
            ("projects/shop/project.yml", "RegisterProjectFunction.ContractDropped"),
            ("projects/project.yaml", "RegisterProjectFunction.ContractDropped"),
            ("Projects/shop/project.yaml", "RegisterProjectFunction.ObjectMisplaced"),
            ("project.yaml", "RegisterProjectFunction.ObjectMisplaced"),
            ("Raw/shop/file.csv", "RegisterProjectFunction.ObjectMisplaced"),
            ("label/shop/file.csv", "RegisterProjectFunction.ObjectMisplaced"),
            ("/raw/shop/file.csv", "RegisterProjectFunction.ObjectMisplaced"),
            ("not-raw/raw/shop/file.csv", "RegisterProjectFunction.ObjectMisplaced"),
        )
    },
}


def all_events() -> dict[str, tuple[dict[str, Any], set[str]]]:
    """Event and the rules that it must start, by name."""
    return {name: (event, EXPECTED[name]) for name, event in RECORDED.items()} | DERIVED


def started_by(every: list[Rule], event: dict[str, Any], bus: str | None = None) -> set[str]:
    where = bus or bus_of(event)
    return {rule.name for rule in every if rule.bus == where and matches(rule.pattern, event)}


def findings(project: Project) -> list[Finding]:
    try:
        every = list(rules(project.source, VALUES))
        return [Finding(CHECK, where, what) for where, what in _mistakes(every)]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return [Finding(CHECK, "template.yaml", f"no pattern that EventBridge takes: {error}")]


def _mistakes(every: list[Rule]) -> list[tuple[str, str]]:
    found = []
    started: set[str] = set()
    for name, (event, expected) in all_events().items():
        here = started_by(every, event)
        started |= here
        found += [(rule, f"is not started by: {name}") for rule in sorted(expected - here)]
        found += [(rule, f"is started by: {name}") for rule in sorted(here - expected)]
        if name in RECORDED:
            other = "Bus" if bus_of(event) == DEFAULT_BUS else DEFAULT_BUS
            found += [(rule, f"is started from the other bus by: {name}") for rule in started_by(every, event, other)]
    for rule in every:
        if rule.name not in started:
            found.append((rule.name, "no event starts it: record one in tests/events"))
        if not {"source", "detail-type"} <= rule.pattern.keys():
            found.append((rule.name, "says not whose events of what kind it takes"))
        elif rule.pattern["source"] == ["aws.s3"] and rule.pattern.get("detail", {}).keys() != {"bucket", "object"}:
            found.append((rule.name, "takes other buckets' objects too"))
        elif rule.bus == DEFAULT_BUS and not rule.pattern.get("detail"):
            found.append((rule.name, "takes other stacks' events too"))
    return found
