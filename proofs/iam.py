"""IAM: the template's policies against what the line was seen to ask for.

`findings(project)` is empty when every recorded check is allowed (sufficient), no action of a policy could be left
out (necessary), nothing is wider than it must be (tight), and what must never be allowed is denied (forbidden).
`python -m proofs.iam` prints the counts as JSON lines for `make prove`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from proofs import forbidden_calls, recording
from proofs.api_calls import check_call
from proofs.iam_policies import Policies, Request, Statement, UnknownElementError, of_template
from proofs.project import Finding, Project
from proofs.stack_values import ACCOUNT, REGION, STACK, StackValues, UnresolvedError

_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
# Actions that take no resource in IAM, and so are allowed on "*", with the page that says so.
WITHOUT_RESOURCE: dict[str, str] = {
    "application-autoscaling:DescribeScalableTargets": f"{_REFERENCE}list_awsapplicationautoscaling.html",
    "cloudwatch:GetMetricStatistics": f"{_REFERENCE}list_amazoncloudwatch.html",
    "cloudwatch:PutMetricData": f"{_REFERENCE}list_amazoncloudwatch.html",
    "ecr:GetAuthorizationToken": f"{_REFERENCE}list_amazonelasticcontainerregistry.html",
    "sagemaker:ListModelPackages": f"{_REFERENCE}list_amazonsagemaker.html",
    "sns:GetSubscriptionAttributes": f"{_REFERENCE}list_amazonsns.html",
    "sns:SetSubscriptionAttributes": f"{_REFERENCE}list_amazonsns.html",
    "states:SendTaskFailure": f"{_REFERENCE}list_awsstepfunctions.html",
    "states:SendTaskSuccess": f"{_REFERENCE}list_awsstepfunctions.html",
    **{
        # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html, "IAM policies for logging to CloudWatch"
        f"logs:{action}": f"{_REFERENCE}list_amazoncloudwatchlogs.html"
        for action in (
            *("CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies"),
            *("GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"),
        )
    },
}
# "*" that must be bound by a condition, because the action has no other bound.
_BOUND_BY = {"cloudwatch:PutMetricData": "cloudwatch:namespace"}
# Resources that are not the stack's own: (pattern, why).
SHARED: dict[str, str] = {
    f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsFor": "managed rules of Step Functions",
    f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws-glue/": "Glue's log groups, named by Glue",
    f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/": "SageMaker's log groups, named by SageMaker",
    f"arn:aws:ecr:{REGION}:141502667606:repository/sagemaker-scikit-learn": "AWS's image",
    f"arn:aws:ecr:{REGION}:763104351884:repository/pytorch": "AWS's image",
    f"arn:aws:ecr:{REGION}:763104351884:repository/tensorflow-training": "AWS's image",
    f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*": "DescribeAlarms, PutCompositeAlarm: all alarms or none",
}
Pair = tuple[str, str]


@dataclass(frozen=True)
class Report:
    """`used` and `unused` are (owner, action); the owner is a role or a resource with a policy of its own."""

    denied: tuple[Request, ...]
    used: frozenset[Pair]
    unused: frozenset[Pair]
    wide: tuple[Finding, ...]
    permitted: tuple[Request, ...]


@cache
def _recorded() -> tuple[Request, ...]:
    return tuple(recording.recorded_checks())


def report(policies: Policies, recorded: Iterable[Request]) -> Report:
    """What the recording proves about the policies."""
    denied, needed = [], set()
    for request in recorded:
        allowing = {(owner, action) for owner, _, action in policies.allowing(request)}
        if not allowing:
            denied.append(request)
        elif len(allowing) == 1:
            needed |= allowing
    every = {(owner, action) for owner, each in policies.every() if _to_prove(each) for action in each.actions}
    permitted = [each for each, _ in forbidden_calls.forbidden() if policies.allowing(each)]
    return Report(
        tuple(denied), frozenset(every & needed), frozenset(every - needed), tuple(_wide(policies)), tuple(permitted)
    )


def _to_prove(statement: Statement) -> bool:
    """Not what delegates to the account's administrators: they are no part of the product."""
    return statement.effect == "Allow" and not any(each.startswith("arn:aws:iam::") for each in statement.principals)


def _wide(policies: Policies) -> Iterator[Finding]:
    for owner, statement in policies.every():
        if statement.effect != "Allow":
            continue
        where = f"{owner}: {statement.where}"
        keys = {key for _, key, _ in statement.conditions}
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield Finding("iam tight", where, f"{action}: name each action")
            if action == "iam:PassRole" and "iam:PassedToService" not in keys:
                yield Finding("iam tight", where, "PassRole must name the service that gets the role")
        if statement.principals:
            yield from _wide_principals(where, statement, keys)
            continue
        for resource in () if statement.managed else statement.resources:
            yield from _wide_resource(where, statement, resource, keys)


def _wide_principals(where: str, statement: Statement, keys: set[str]) -> Iterator[Finding]:
    for principal in statement.principals:
        if principal == "*" or (principal.startswith("arn:") and principal != f"arn:aws:iam::{ACCOUNT}:root"):
            yield Finding("iam tight", where, f"the principal {principal}")
        if not principal.startswith("service:") or principal.startswith("service:logs."):
            continue  # CloudWatch Logs is bound by the encryption context instead
        if not {each.lower() for each in keys} & {"aws:sourceaccount", "aws:sourcearn"}:
            yield Finding("iam tight", where, f"{principal} is not bound by aws:SourceAccount or aws:SourceArn")


def _wide_resource(where: str, statement: Statement, resource: str, keys: set[str]) -> Iterator[Finding]:
    if resource == "*":
        for action in statement.actions:
            if action not in WITHOUT_RESOURCE:
                yield Finding("iam tight", where, f'{action} on "*"')
            elif action in _BOUND_BY and _BOUND_BY[action] not in keys:
                yield Finding("iam tight", where, f"{action} is bound by no {_BOUND_BY[action]}")
        return
    if any(resource.startswith(prefix.removesuffix("*")) for prefix in SHARED):
        return
    parts = resource.split(":", 5)
    bounded = re_own(parts[5]) if len(parts) == 6 else False
    if parts[2] != "s3" and parts[4] != ACCOUNT:
        yield Finding("iam tight", where, f"{resource} is of no account or of another")
    if not bounded:
        yield Finding("iam tight", where, f"{resource} is not bound to the stack")


def re_own(rest: str) -> bool:
    """Whether the last part of an ARN begins, behind its type, with the stack's name."""
    for prefix in ("schedule/default/", "execution:", "log-group:", "stateMachine:", "alarm:", "function:"):
        rest = rest.removeprefix(prefix)
    name = rest.partition("/")[2] if "/" in rest and not rest.startswith((STACK, "/")) else rest
    return name.removeprefix("/aws/lambda/").removeprefix("/aws/vendedlogs/states/").startswith(STACK)


def findings(project: Project, recorded: Iterable[Request] | None = None) -> list[Finding]:
    """Everything that is wrong with the policies of the application."""
    try:
        found = report(of_template(project.translated), _recorded() if recorded is None else recorded)
    except (UnknownElementError, UnresolvedError, KeyError, TypeError, AttributeError) as error:
        return [Finding("iam", "template", f"a policy cannot be read: {error}")]
    denied = [Finding("iam sufficient", each.principal, f"{each.action} on {each.resource}") for each in found.denied]
    unused = [Finding("iam necessary", owner, f"nothing needs {action}") for owner, action in sorted(found.unused)]
    permitted = [
        Finding("iam forbidden", each.principal, f"{each.action} on {each.resource}") for each in found.permitted
    ]
    return [*denied, *unused, *found.wide, *permitted]


def wrong_calls() -> list[str]:
    """What AWS would refuse of the recorded calls by botocore's models."""
    return [
        f"{call.role} {finding}"
        for call in recording.recorded_calls()
        for finding in check_call(call.service, call.operation, call.parameters)
    ]


def optional(template: dict[str, Any]) -> list[Pair]:
    """(policy, action) of what the stack with the parameters' defaults does not have: nothing is proved of it."""
    values = StackValues(template)
    return [
        (name, action)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy" and not values.exists(name)
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    ]


def _line(name: str, value: Any, goal: Any, *, ok: bool, **more: Any) -> str:
    return json.dumps({"name": name, "value": value, "goal": goal, "ok": ok, **more})


def main() -> int:
    project = Project.load()
    found = report(of_template(project.translated), _recorded())
    recorded, calls, wrong = len(_recorded()), len(recording.recorded_calls()), wrong_calls()
    every = len(found.used) + len(found.unused)
    forbidden = len(list(forbidden_calls.forbidden()))
    lines = [
        ("IAM sufficient", recorded - len(found.denied), recorded, not found.denied, found.denied),
        ("IAM necessary", f"{100 * len(found.used) / every:.1f} %", "100.0 %", not found.unused, sorted(found.unused)),
        ("IAM wider than it must be", len(found.wide), 0, not found.wide, found.wide),
        ("forbidden calls denied", forbidden - len(found.permitted), forbidden, not found.permitted, found.permitted),
        ("recorded calls that AWS's models refuse", len(wrong), 0, not wrong, wrong),
    ]
    for name, value, goal, ok, what in lines:
        more = {"of": every} if name == "IAM necessary" else {"of": calls} if name.startswith("recorded") else {}
        print(_line(name, value, goal, ok=ok, **more))
        for each in what if not ok else ():
            print(f"  {each}", file=sys.stderr)
    unproved = optional(project.translated)
    print(json.dumps({"name": "IAM actions of optional parts, not proved", "value": len(unproved), "goal": None}))
    for each in unproved:
        print(f"  {each}", file=sys.stderr)
    return 0 if all(ok for _, _, _, ok, _ in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
