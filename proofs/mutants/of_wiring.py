"""Generated mistakes that deploy: alarms that see or say the wrong thing, wires that lead nowhere, waits too short.

Not made, because nothing is wrong with them: Average or Sum instead of Maximum where the threshold is zero, a shorter
period for an alarm that one data point raises, a longer wait, more tries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proofs.alarm_stories import STORIES
from proofs.api_calls import tasks
from proofs.mutants import Mutant, Path, at, shown, walk
from proofs.project import REMOVED, SCHEDULES, Project
from proofs.wires import NAMED, NUMBERS, areas

_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "America/Sao_Paulo", "Etc/GMT+5")


def generated(project: Project) -> Iterator[Mutant]:
    yield from _alarms(project)
    yield from _buckets(project)
    yield from _custom_resources(project)
    yield from _rules(project)
    yield from _queues(project)
    yield from _settings(project)
    yield from _waits(project)
    yield from _schedules(project)


def _resource(*steps: str | int) -> Path:
    return ("source", "Resources", *steps)


def _set(kind: str, project: Project, path: Path, value: Any) -> Mutant:
    what = "removed" if value is REMOVED else str(value)
    return Mutant(kind, f"{shown(path)}: {what}"[:160], project.changed(path, value))


def _alarms(project: Project) -> Iterator[Mutant]:
    for name, (subject, _) in STORIES.items():
        own = at(project, _resource(name, "Properties"))
        where = _resource(name, "Properties")
        threshold, counted = own["Threshold"], own["Statistic"] == "Sum"
        wrong = {"Minimum", "SampleCount"}
        if threshold > 0:
            wrong |= {"Average", "Maximum" if counted else "Sum"}
        for statistic in sorted(wrong):
            yield _set("alarm with the wrong statistic", project, (*where, "Statistic"), statistic)
        value = at(project, (*where, "Dimensions", 0, "Value"))
        for other in subject.others:
            if other != subject.of:
                ref = {"Ref": other} if "Ref" in value else {"Fn::GetAtt": [other, value["Fn::GetAtt"][1]]}
                yield _set("alarm about another resource", project, (*where, "Dimensions", 0, "Value"), ref)
        for treatment in ("breaching", "ignore", "missing", REMOVED):
            yield _set("alarm that treats missing data wrong", project, (*where, "TreatMissingData"), treatment)
        for comparison in ("LessThanThreshold", "LessThanOrEqualToThreshold", "GreaterThanOrEqualToThreshold"):
            # with one second more the delay is as good
            if not (comparison.startswith("GreaterThanOrEqual") and threshold > 1):
                yield _set("alarm that compares wrong", project, (*where, "ComparisonOperator"), comparison)
        for number in (threshold * 10 + 5, threshold / 2 if threshold > 1 else threshold - 1):
            yield _set("alarm with the wrong threshold", project, (*where, "Threshold"), number)
        for field, number in (("Period", 3600), ("Period", 86400), ("EvaluationPeriods", 3), ("EvaluationPeriods", 12)):
            yield _set("alarm over the wrong time", project, (*where, field), number)
        if counted and threshold > 0:
            yield _set("alarm over the wrong time", project, (*where, "Period"), 60)
        yield _set("alarm that notifies nobody", project, (*where, "ActionsEnabled"), False)
        yield _set("alarm that notifies nobody", project, (*where, "AlarmActions"), [{"Ref": "Bus"}])


def _buckets(project: Project) -> Iterator[Mutant]:
    for bucket, properties in project.resources("AWS::S3::Bucket").items():
        where = _resource(bucket, "Properties")
        events = (*where, "NotificationConfiguration")
        kind = "bucket that sends no events"
        if "NotificationConfiguration" in properties:
            yield _set(kind, project, events, REMOVED)
            yield _set(kind, project, (*events, "EventBridgeConfiguration"), REMOVED)
            yield _set(kind, project, (*events, "EventBridgeConfiguration", "EventBridgeEnabled"), False)
        rules = (*where, "LifecycleConfiguration", "Rules")
        kind = "lifecycle rule for the wrong objects"
        for index, rule in enumerate(properties.get("LifecycleConfiguration", {}).get("Rules", [])):
            yield _set("lifecycle rule that does nothing", project, (*rules, index), REMOVED)
            yield _set("lifecycle rule that does nothing", project, (*rules, index, "Status"), "Disabled")
            for prefix in (*sorted(areas()), "score/", "scored/", "scoring"):
                if prefix != rule.get("Prefix"):
                    yield _set(kind, project, (*rules, index, "Prefix"), prefix)
            if "ExpirationInDays" in rule:
                yield _set(kind, project, (*rules, index, "Prefix"), REMOVED)
                yield _set("lifecycle rule that is too early", project, (*rules, index, "ExpirationInDays"), 1)
                later = (*rules, index, "NoncurrentVersionExpiration")
                yield _set("lifecycle rule that does nothing", project, later, REMOVED)


def _custom_resources(project: Project) -> Iterator[Mutant]:
    for name, item in project.source["Resources"].items():
        if not item["Type"].startswith("Custom::"):
            continue
        where = _resource(name, "Properties")
        for field in item["Properties"]:
            yield _set("custom resource that is not called again", project, (*where, field), REMOVED)
        kind = "custom resource that nobody answers"
        for function in list(project.functions())[:12]:
            if {"Fn::GetAtt": [function, "Arn"]} != item["Properties"]["ServiceToken"]:
                yield _set(kind, project, (*where, "ServiceToken"), {"Fn::GetAtt": [function, "Arn"]})
        for seconds in ("60", "300", "3600"):
            yield _set(kind, project, (*where, "ServiceTimeout"), seconds)


def _rules(project: Project) -> Iterator[Mutant]:
    places: list[tuple[Path, dict[str, Any], Path]] = []
    for name, own in project.resources("AWS::Events::Rule").items():
        where = _resource(name, "Properties")
        places += [(where, own, (*where, "Targets", index)) for index in range(len(own["Targets"]))]
    for name, own in project.resources("AWS::Serverless::Function").items():
        for event, item in own.get("Events", {}).items():
            if item["Type"] == "EventBridgeRule":
                where = _resource(name, "Properties", "Events", event, "Properties")
                places.append((where, item["Properties"], where))
        if "DeadLetterQueue" in own:
            letters = _resource(name, "Properties", "DeadLetterQueue")
            yield _set("failed events are lost", project, letters, REMOVED)
            wrong = {"Fn::GetAtt": ["IntakeDeadLetterQueue", "Arn"]}
            yield _set("failed events are lost", project, (*letters, "TargetArn"), wrong)
    for where, own, target in places:
        yield _set("rule that is off", project, (*where, "State"), "DISABLED")
        yield _set("failed events are lost", project, (*target, "DeadLetterConfig"), REMOVED)
        few = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
        yield _set("rule that gives up at once", project, (*target, "RetryPolicy"), few)
        yield _set("rule that replaces its event", project, (*target, "Input"), "{}")
        yield _set("rule that replaces its event", project, (*target, "InputPath"), "$.detail")
        if own.get("EventBusName"):
            yield _set("rule that hears nothing", project, (*where, "EventBusName"), REMOVED)
        else:
            yield _set("rule that hears nothing", project, (*where, "EventBusName"), {"Ref": "Bus"})


def _queues(project: Project) -> Iterator[Mutant]:
    for name, own in project.resources("AWS::SQS::Queue").items():
        where = _resource(name, "Properties")
        yield _set("queue that forgets", project, (*where, "MessageRetentionPeriod"), 3600)
        yield _set("queue that forgets", project, (*where, "MessageRetentionPeriod"), REMOVED)
        yield _set("queue that delays", project, (*where, "DelaySeconds"), 900)
        if "RedrivePolicy" in own:
            yield _set("queue that forgets", project, (*where, "RedrivePolicy"), REMOVED)
            yield _set("queue that forgets", project, (*where, "RedrivePolicy", "maxReceiveCount"), 1)
            wrong = {"Fn::GetAtt": ["EventDeadLetterQueue", "Arn"]}
            yield _set("queue that forgets", project, (*where, "RedrivePolicy", "deadLetterTargetArn"), wrong)
    for name, own in project.resources("AWS::Serverless::Function").items():
        for event, item in own.get("Events", {}).items():
            if item["Type"] != "SQS":
                continue
            where = _resource(name, "Properties", "Events", event, "Properties")
            queue = item["Properties"]["Queue"]["Fn::GetAtt"][0]
            kind = "message that comes back while it is handled"
            takes = project.functions()[name]["Timeout"]
            for seconds in (0, 30, takes - 1):
                yield _set(kind, project, _resource(queue, "Properties", "VisibilityTimeout"), seconds)
            yield _set(kind, project, _resource(queue, "Properties", "VisibilityTimeout"), REMOVED)
            kind = "queue that is read wrong"
            yield _set(kind, project, (*where, "Enabled"), False)
            yield _set(kind, project, (*where, "BatchSize"), 10)
            yield _set(kind, project, (*where, "ScalingConfig"), REMOVED)
            yield _set(kind, project, (*where, "FunctionResponseTypes"), REMOVED)
            yield _set(kind, project, (*where, "FilterCriteria"), {"Filters": [{"Pattern": '{"body": {"x": [1]}}'}]})
            other = "IntakeQueue" if queue == "EventDeadLetterQueue" else "EventDeadLetterQueue"
            yield _set(kind, project, (*where, "Queue"), {"Fn::GetAtt": [other, "Arn"]})


def _settings(project: Project) -> Iterator[Mutant]:
    places: list[Path] = [("source", "Globals", "Function", "Environment", "Variables")]
    for name, own in project.resources("AWS::Serverless::Function").items():
        if own.get("Environment"):
            places.append(_resource(name, "Properties", "Environment", "Variables"))
    for place in places:
        for variable, value in at(project, place).items():
            setting = variable.removeprefix("SLUICE_")
            if setting in NUMBERS:
                for number in ("512", str(int(value) * 2), value[:-1]):
                    yield _set("variable with another number", project, (*place, variable), number)
            elif setting in NAMED:
                of, attribute = NAMED[setting]
                for other in _alike(project, of, attribute)[:4]:
                    wrong = {"Ref": other} if attribute == "Ref" else {"Fn::GetAtt": [other, attribute]}
                    yield _set("variable that names another resource", project, (*place, variable), wrong)


def _alike(project: Project, of: str, attribute: str) -> list[str]:
    """Other resources of the same type; another attribute's worth of names where there is none."""
    kind = project.source["Resources"].get(of, {}).get("Type", "")
    same = [name for name, item in project.source["Resources"].items() if item["Type"] == kind and name != of]
    named = [other for other, by in NAMED.values() if by == attribute and other != of]
    return same or sorted(set(named))


def _waits(project: Project) -> Iterator[Mutant]:
    functions = project.functions()
    for machine, definition in project.definitions.items():
        declared = project.source["Resources"][machine]["Properties"].get("DefinitionSubstitutions", {})
        names = {id(state): name for name, state in tasks(definition)}
        for path, state in walk(definition, ("definitions", machine)):
            if (
                not isinstance(state, dict)
                or id(state) not in names
                or not isinstance(state.get("TimeoutSeconds"), int)
            ):
                continue
            limit = (*path, "TimeoutSeconds")
            resource, arguments = state["Resource"], state["Arguments"]
            kind = "function that may run longer than its state waits"
            if resource.endswith(":lambda:invoke"):
                function = declared[arguments["FunctionName"][2:-1]]["Fn::GetAtt"][0]
                takes = functions[function].get("Timeout", 3)
                yield _set(kind, project, limit, takes - 1)
                yield _set(kind, project, limit, max(1, takes // 2))
                yield _set(kind, project, _resource(function, "Properties", "Timeout"), state["TimeoutSeconds"] + 30)
            elif "startJobRun" in resource:
                yield _set("job that may run longer than its state waits", project, limit, 60)
            elif "StoppingCondition" in arguments and isinstance(arguments["StoppingCondition"], dict):
                most = arguments["StoppingCondition"]["MaxRuntimeInSeconds"]
                yield _set("job that may run longer than its state waits", project, limit, most - 1)
            elif "startExecution" in resource and "ReleaseModel" not in arguments["StateMachineArn"]:
                for seconds in (60, 3600, 10_000):
                    yield _set("machine that may run longer than its state waits", project, limit, seconds)
    for name, own in project.resources("AWS::Glue::Job").items():
        for minutes in (REMOVED, 600, own["Timeout"] * 60):
            where = _resource(name, "Properties", "Timeout")
            yield _set("job that may run longer than its state waits", project, where, minutes)


def _schedules(project: Project) -> Iterator[Mutant]:
    source = project.code[SCHEDULES]
    line = '            "ScheduleExpression": expression,\n'
    assert line in source
    wrong = {f"in {zone}": (line, f'{line}            "ScheduleExpressionTimezone": "{zone}",\n') for zone in _ZONES}
    for kind, changes in (
        ("schedule in the wrong time zone", wrong),
        (
            "schedule that starts nothing",
            {
                "off": ('"State": "ENABLED"', '"State": "DISABLED"'),
                "of another name": ('"Name": name', '"Name": name[:-1]'),
                "another target": ('"Arn": target_arn', '"Arn": required(self._settings, "scheduler_role_arn")'),
                "without input": ("json.dumps(payload, allow_nan=False)", '"{}"'),
                "never changed": ("self._scheduler.update_schedule(**schedule)", "pass"),
                "another expression": (line, line.replace("expression,", '"rate(1 days)",')),
                "once": (line, line + '            "ActionAfterCompletion": "DELETE",\n'),
                "in another group": (line, line + '            "GroupName": "sluice",\n'),
            },
        ),
    ):
        for name, (old, new) in changes.items():
            assert old in source, f"{old} is not in {SCHEDULES}"
            yield Mutant(kind, f"{SCHEDULES}: {name}", project.changed(("code", SCHEDULES), source.replace(old, new)))
    path = _resource("MonitorModelFunction", "Properties", "Events")
    given = {"ScheduleExpression": "cron(0 6 * * ? *)", "RoleArn": {"Fn::GetAtt": ["SchedulerRole", "Arn"]}}
    for zone in _ZONES:
        # a schedule of the stack's own, in local time
        daily = {"Type": "ScheduleV2", "Properties": {**given, "ScheduleExpressionTimezone": zone}}
        events = {**at(project, path[:-1]).get("Events", {}), "Daily": daily}
        name = f"MonitorModelFunction.Daily in {zone}"
        yield Mutant("schedule in the wrong time zone", name, project.changed(path, events))
