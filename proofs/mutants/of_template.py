"""Generated mistakes in the template.

Not made, because nothing is wrong with them or only a run could tell: other numbers, other descriptions, an action in
another case (IAM does not mind), a reference to another resource of the same kind where our checks know no name for
the place, and what the tests of steps are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from proofs.mutants import Mutant, Path, at, renamed, shown, walk
from proofs.project import Project, listed

_SERVICES = {
    "lambda.amazonaws.com": "lamda.amazonaws.com",
    "states.amazonaws.com": "lambda.amazonaws.com",
    "sagemaker.amazonaws.com": "sagemaker.amazonaws.org",
    "glue.amazonaws.com": "sagemaker.amazonaws.com",
    "scheduler.amazonaws.com": "events.amazonaws.com",
    "events.amazonaws.com": "event.amazonaws.com",
    "cloudwatch.amazonaws.com": "cloudwatch.amazon.com",
}
# A resource of ours by the attribute that a reference wants: the first of another type stands in for the right one.
_OTHERS = {
    "Arn": ["Table", "IntakeQueue", "RegisterProjectFunction"],
    "Ref": ["IntakeQueue", "AlertTopic", "CoreLayer"],
    "Name": ["Bus"],
    "QueueName": ["AlertTopic"],
}


def generated(project: Project) -> Iterator[Mutant]:
    resources = project.source["Resources"]
    for logical_id, item in resources.items():
        path: Path = ("source", "Resources", logical_id)
        yield Mutant("unknown resource type", logical_id, project.changed((*path, "Type"), item["Type"] + "s"))
        properties = item.get("Properties", {})
        yield from _properties(project, path, item)
        yield from _references(project, (*path, "Properties"), properties)
        yield from _statements(project, path, item)
        yield from _patterns(project, path, properties)
        kind = item["Type"]
        if kind == "AWS::Serverless::Function":
            yield from _function(project, path, properties)
        if kind == "AWS::CloudWatch::Alarm":
            yield from _alarm(project, path, properties)
    yield from _globals(project)
    yield from _without_globals(project)


def _properties(project: Project, path: Path, item: dict[str, Any]) -> Iterator[Mutant]:
    if item["Type"].startswith("Custom::"):
        return  # any property goes there, and our function reads none
    for name in item.get("Properties", {}):
        where = (*path, "Properties", name)
        yield Mutant("misspelt property", shown(where), renamed(project, where, name + "s"))


def _references(project: Project, path: Path, properties: dict[str, Any]) -> Iterator[Mutant]:
    resources = project.source["Resources"]
    for place, value in walk(properties, path):
        if not isinstance(value, dict) or len(value) != 1:
            continue
        ((function, operand),) = value.items()
        if function == "Ref" and not str(operand).startswith("AWS::"):
            yield Mutant("Ref to nothing", shown(place), project.changed(place, {"Ref": f"{operand}x"}))
            if operand in resources and "Outputs" not in place:
                yield from _other(project, place, operand, "Ref", lambda other: {"Ref": other})
                if resources[operand]["Type"] in _WITH_ARN:
                    changed = project.changed(place, {"Fn::GetAtt": [operand, "Arn"]})
                    yield Mutant("an ARN where a name belongs", shown(place), changed)
        elif function == "Ref" and operand.startswith("AWS::"):
            yield Mutant("Ref to nothing", shown(place), project.changed(place, {"Ref": f"{operand}s"}))
        elif function == "Fn::GetAtt":
            target, attribute = operand
            yield Mutant(
                "GetAtt of nothing", shown(place), project.changed(place, {function: [f"{target}x", attribute]})
            )
            changed = project.changed(place, {function: [target, f"{attribute}s"]})
            yield Mutant("GetAtt of no attribute", shown(place), changed)
            if attribute in _OTHERS:
                yield from _other(
                    project, place, target, attribute, lambda each, a=attribute: {"Fn::GetAtt": [each, a]}
                )
            if attribute == "Arn" and resources[target]["Type"] != "AWS::SNS::Topic":
                yield Mutant("a name where an ARN belongs", shown(place), project.changed(place, {"Ref": target}))
        elif function == "Fn::Sub" and isinstance(operand, str):
            for name in sorted(set(re.findall(r"\$\{([^!}]+)\}", operand)))[-2:]:
                text = operand.replace(f"${{{name}}}", f"${{{name}x}}")
                yield Mutant("Sub of nothing", f"{shown(place)}: {name}", project.changed(place, {function: text}))


# Whose Ref is a name, and whose Arn is an attribute.
_WITH_ARN = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::Events::EventBus",
    "AWS::Logs::LogGroup",
}


def _other(project: Project, place: Path, target: str, attribute: str, make: Any) -> Iterator[Mutant]:
    resources = project.source["Resources"]
    for other in _OTHERS[attribute]:
        if other in resources and resources[other]["Type"] != resources[target]["Type"]:
            kind = f"{'Ref' if attribute == 'Ref' else 'GetAtt'} of another kind"
            yield Mutant(kind, f"{shown(place)}: {other}", project.changed(place, make(other)))
            return


def _statements(project: Project, path: Path, item: dict[str, Any]) -> Iterator[Mutant]:
    for place, statement in walk(item.get("Properties", {}), (*path, "Properties")):
        if not isinstance(statement, dict) or "Effect" not in statement:
            continue
        where = shown(place)
        trust = "AssumeRolePolicyDocument" in place
        principal = statement.get("Principal")
        # What the account's administrators may do with a key is theirs to say: one action less is no mistake. A Deny
        # with one action less is proofs/posture.py's, and among those made by hand.
        administrators = isinstance(principal, dict) and "AWS" in principal
        if statement["Effect"] == "Deny":
            continue
        actions = listed(statement["Action"])
        for index, action in enumerate(actions):
            if "*" in action:
                continue
            service, _, name = action.partition(":")
            # every other one in the name of its service, the rest in its own
            wrong = f"{service}:{name[:-1]}" if index % 2 == 0 else f"{service}s:{name}"
            changed = [*actions[:index], wrong, *actions[index + 1 :]]
            yield Mutant("IAM action misspelt", f"{where}: {wrong}", project.changed((*place, "Action"), changed))
            if administrators:
                continue
            if len(actions) > 1:
                fewer = actions[:index] + actions[index + 1 :]
                kind = "IAM action missing"
                yield Mutant(kind, f"{where}: {action}", project.changed((*place, "Action"), fewer))
            else:
                yield Mutant("IAM action missing", f"{where}: {action}", project.changed(place))
        if not trust:
            wide = [f"{actions[0].partition(':')[0]}:*"]
            yield Mutant("wildcard action", where, project.changed((*place, "Action"), wide))
        if isinstance(principal, dict) and str(principal.get("Service")) in _SERVICES:
            kind = "wrong trust principal" if trust else "wrong principal of a resource's policy"
            wrong = _SERVICES[principal["Service"]]
            yield Mutant(kind, f"{where}: {wrong}", project.changed((*place, "Principal", "Service"), wrong))
            kind = "anybody in a policy"
            yield Mutant(kind, where, project.changed((*place, "Principal"), "*"))
        yield from _conditions(project, place, statement)
        yield from _resources(project, place, statement)


def _conditions(project: Project, place: Path, statement: dict[str, Any]) -> Iterator[Mutant]:
    if statement["Effect"] != "Allow":
        return
    if statement.get("Condition"):
        yield Mutant("condition missing", shown(place), project.changed((*place, "Condition")))
    for operator, keys in statement.get("Condition", {}).items():
        where = (*place, "Condition", operator)
        yield Mutant("condition operator misspelt", shown(where), renamed(project, where, operator[:-1]))
        for key, value in keys.items():
            if not key.startswith("kms:EncryptionContext:"):
                yield Mutant("condition key misspelt", shown((*where, key)), renamed(project, (*where, key), key[:-1]))
            if key == "iam:PassedToService":
                for wrong in ("lambda.amazonaws.com", "sagemaker"):
                    yield Mutant("PassRole to another service", shown(where), project.changed((*where, key), wrong))
            elif key == "aws:SourceAccount" and isinstance(value, dict):
                yield Mutant("another account", shown(where), project.changed((*where, key), {"Ref": "AWS::Region"}))


def _resources(project: Project, place: Path, statement: dict[str, Any]) -> Iterator[Mutant]:
    # on a queue, a topic or a key, "*" is that one
    if statement["Effect"] != "Allow" or "Resource" not in statement or "Principal" in statement:
        return
    if statement["Resource"] == "*" or "*" in statement["Resource"]:
        return
    kind = "any resource"
    yield Mutant(kind, shown(place), project.changed((*place, "Resource"), "*"))
    for where, value in walk(statement["Resource"], (*place, "Resource")):
        if isinstance(value, str) and value.startswith("arn:"):
            service = value.split(":")[2]
            other = value.replace(f":{service}:", ":ec2:", 1)
            yield Mutant("ARN of another service", shown(where), project.changed(where, other))
            if "/" in value and not value.endswith("/*"):
                typed = value.replace(value.split("/")[0].split(":")[-1] + "/", "thing/", 1)
                yield Mutant("ARN of another type", shown(where), project.changed(where, typed))


def _patterns(project: Project, path: Path, properties: dict[str, Any]) -> Iterator[Mutant]:
    places = [(*path, "Properties", "EventPattern")] if "EventPattern" in properties else []
    events = properties.get("Events", {})
    places += [
        (*path, "Properties", "Events", name, "Properties", "Pattern")
        for name, event in events.items()
        if "Pattern" in event.get("Properties", {})
    ]
    for place in places:
        for where, value in walk(at(project, place), place):
            if isinstance(value, dict) and not any(
                key in ("Ref", "Fn::Sub", "prefix", "wildcard", "anything-but") for key in value
            ):
                for key in value:
                    kind = "pattern that cannot match"
                    yield Mutant(kind, shown((*where, key)), renamed(project, (*where, key), f"{key}x"))
                    if key in ("source", "detail-type", "detail", "bucket", "object"):
                        kind = "pattern that matches too much"
                        yield Mutant(kind, shown((*where, key)), project.changed((*where, key)))
            if isinstance(value, str) and "Ref" not in where and "Fn::Sub" not in where:
                siblings = at(project, where[:-1])
                alone = not isinstance(siblings, list) or len(siblings) == 1
                kind = "pattern that cannot match" if alone else "pattern that misses an event"
                yield Mutant(kind, shown(where), project.changed(where, f"never {value}"))
    for name, event in events.items():
        if "EventBusName" in event.get("Properties", {}):
            where = (*path, "Properties", "Events", name, "Properties", "EventBusName")
            yield Mutant("rule on the wrong bus", shown(where), project.changed(where))


def _function(project: Project, path: Path, properties: dict[str, Any]) -> Iterator[Mutant]:
    where = (*path, "Properties")
    name = str(path[-1])
    for handler in ("app.handle", "apps.handler", "handler"):
        yield Mutant("wrong handler", f"{name}: {handler}", project.changed((*where, "Handler"), handler))
    yield Mutant("wrong folder", name, project.changed((*where, "CodeUri"), properties["CodeUri"] + "src/"))
    for runtime in ("python3.8", "python2.7", "nodejs16.x"):
        yield Mutant("deprecated runtime", f"{name}: {runtime}", project.changed((*where, "Runtime"), runtime))
    layers = properties.get("Layers", [])
    for index in range(len(layers)):
        fewer = layers[:index] + layers[index + 1 :]
        yield Mutant("missing layer", f"{name}: {index}", project.changed((*where, "Layers"), fewer))
    for variable in properties.get("Environment", {}).get("Variables", {}):
        place = (*where, "Environment", "Variables", variable)
        yield Mutant("variable missing", shown(place), project.changed(place))
        yield Mutant("variable misspelt", shown(place), renamed(project, place, f"{variable}S"))
    source = f"{properties['CodeUri']}app.py"
    code = project.code[source]
    step = re.findall(r"from sluice\.steps\.(\w+) import (\w+)", code)
    changed = code.replace("def handler(", "def handle(")
    yield Mutant("wrong handler", f"{source} defines another", project.changed(("code", source), changed))
    for module, imported in step[:1]:
        for kind, one, other in (
            ("import of nothing", f"sluice.steps.{module} ", f"sluice.steps.{module}s "),
            ("import of nothing", f"import {imported}", f"import {imported}s"),
        ):
            yield Mutant(kind, f"{source}: {other}", project.changed(("code", source), code.replace(one, other)))


def _alarm(project: Project, path: Path, properties: dict[str, Any]) -> Iterator[Mutant]:
    where = (*path, "Properties")
    for field in ("MetricName", "Namespace", "Statistic", "ComparisonOperator", "TreatMissingData"):
        if field in properties:
            wrong = properties[field][:-1]
            kind = {"MetricName": "wrong metric name", "Namespace": "wrong namespace"}.get(field, "wrong alarm")
            yield Mutant(kind, shown((*where, field)), project.changed((*where, field), wrong))
    for index, dimension in enumerate(properties.get("Dimensions", [])):
        place = (*where, "Dimensions", index)
        name = dimension["Name"]
        for wrong in (f"{name}s", name.lower()):
            kind = "wrong dimension"
            yield Mutant(kind, f"{shown(place)}: {wrong}", project.changed((*place, "Name"), wrong))
        yield Mutant("wrong dimension", f"{shown(place)}: written out", project.changed((*place, "Value"), "intake"))
    yield Mutant("alarm for all", shown(path), project.changed((*where, "Dimensions")))
    yield Mutant("alarm that notifies nobody", shown(path), project.changed((*where, "AlarmActions")))


def _without_globals(project: Project) -> Iterator[Mutant]:
    """A function that does not take what all the others have."""
    for name in project.functions():
        for ignored in ("Environment", "Handler", "Layers", "LoggingConfig", "Runtime", "Tags"):
            place = ("source", "Resources", name, "IgnoreGlobals")
            yield Mutant("globals ignored", f"{name}: {ignored}", project.changed(place, [ignored]))


def _globals(project: Project) -> Iterator[Mutant]:
    where: Path = ("source", "Globals", "Function")
    for runtime in ("python3.8", "python3.9"):
        yield Mutant("deprecated runtime", f"Globals: {runtime}", project.changed((*where, "Runtime"), runtime))
    for handler in ("app.main", "main.handler"):
        yield Mutant("wrong handler", f"Globals: {handler}", project.changed((*where, "Handler"), handler))
    for variable in at(project, (*where, "Environment", "Variables")):
        place = (*where, "Environment", "Variables", variable)
        yield Mutant("variable missing", shown(place), project.changed(place))
        yield Mutant("variable misspelt", shown(place), renamed(project, place, f"{variable}S"))
    yield from _references(project, where, at(project, where))
    for name, output in project.source.get("Outputs", {}).items():
        yield from _references(project, ("source", "Outputs", name), output)
