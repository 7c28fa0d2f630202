"""What the intrinsics of our template come to in a stack `sluice`: resources without a name of their own are
`sluice-<logical id>`, as `recording.py` calls the physical ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ACCOUNT, REGION, STACK = "000000000000", "eu-west-1", "sluice"
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{([^!}]+)\}")
# Type → property that names it, what Ref gives, and its ARN after `arn:aws:`; {name} is the physical name.
_NAME, _ARN, _URL = "name", "arn", "url"
_TYPES: dict[str, tuple[str, str, str]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", _NAME, "cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::DynamoDB::Table": ("TableName", _NAME, "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Events::EventBus": ("Name", _NAME, "events:{region}:{account}:event-bus/{name}"),
    "AWS::Events::Rule": ("Name", _NAME, "events:{region}:{account}:rule/{bus}{name}"),
    "AWS::Glue::Job": ("Name", _NAME, "glue:{region}:{account}:job/{name}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", _ARN, "iam::{account}:policy/{name}"),
    "AWS::IAM::Role": ("RoleName", _NAME, "iam::{account}:role/{name}"),
    "AWS::KMS::Key": ("", _NAME, "kms:{region}:{account}:key/{name}"),
    "AWS::Lambda::LayerVersion": ("", _ARN, "lambda:{region}:{account}:layer:{name}:1"),
    "AWS::Lambda::Function": ("FunctionName", _NAME, "lambda:{region}:{account}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", _NAME, "logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", _NAME, "s3:::{name}"),
    "AWS::SNS::Topic": ("TopicName", _ARN, "sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", _URL, "sqs:{region}:{account}:{name}"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", _ARN, "states:{region}:{account}:stateMachine:{name}"),
}
_NAMES_OF = {"Name", "QueueName", "TopicName"}  # attributes that are the physical name


class UnresolvedError(ValueError):
    """An intrinsic that this module cannot resolve: extend it, rather than let a policy go unproved."""


@dataclass(frozen=True)
class StackValues:
    """Resolves values of a translated template; parameters have their defaults unless `parameters` says otherwise."""

    template: dict[str, Any]
    parameters: tuple[tuple[str, str], ...] = ()

    def resolve(self, value: Any) -> Any:
        """`value` without intrinsics. Raises UnresolvedError."""
        found = self._resolve(value)
        if found is _NO_VALUE:
            raise UnresolvedError("AWS::NoValue outside a list or an object")
        return found

    def arn(self, logical_id: str) -> str:
        """Raises UnresolvedError for a type without an ARN here."""
        resource = self._resource(logical_id)
        if resource["Type"] not in _TYPES:
            raise UnresolvedError(f"{logical_id}: the ARN of {resource['Type']} is not known here")
        pattern = _TYPES[resource["Type"]][2]
        bus = resource.get("Properties", {}).get("EventBusName")
        facts = {"region": REGION, "account": ACCOUNT, "name": self.name(logical_id)}
        return "arn:aws:" + pattern.format(bus=f"{self.resolve(bus)}/" if bus else "", **facts)

    def name(self, logical_id: str) -> str:
        """The physical name."""
        resource = self._resource(logical_id)
        member = _TYPES.get(resource["Type"], ("",))[0]
        given = resource.get("Properties", {}).get(member) if member else None
        return str(self.resolve(given)) if given is not None else f"{STACK}-{logical_id}"

    def exists(self, logical_id: str) -> bool:
        """Whether the resource's condition, if any, holds."""
        condition = self._resource(logical_id).get("Condition")
        return condition is None or self.holds(condition)

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by name or as a function, holds. Raises UnresolvedError."""
        if isinstance(condition, str):
            if condition not in self.template.get("Conditions", {}):
                raise UnresolvedError(f"there is no condition {condition}")
            return self.holds(self.template["Conditions"][condition])
        ((function, operands),) = condition.items()
        if function == "Condition":
            return self.holds(operands)
        if function == "Fn::Not":
            return not self.holds(operands[0])
        if function in ("Fn::And", "Fn::Or"):
            return (all if function == "Fn::And" else any)(self.holds(each) for each in operands)
        if function == "Fn::Equals":
            return bool(self._resolve(operands[0]) == self._resolve(operands[1]))
        raise UnresolvedError(f"{function} in a condition is not known here")

    def _resource(self, logical_id: str) -> dict[str, Any]:
        if logical_id not in self.template["Resources"]:
            raise UnresolvedError(f"there is no resource {logical_id}")
        found: dict[str, Any] = self.template["Resources"][logical_id]
        return found

    @cached_property
    def _values(self) -> dict[str, Any]:
        declared = self.template.get("Parameters", {})
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::StackName": STACK,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        given = {name: item.get("Default", "") for name, item in declared.items()} | dict(self.parameters)
        lists = {name for name, item in declared.items() if item["Type"] == "CommaDelimitedList"}
        return {name: value.split(",") if name in lists else value for name, value in given.items()} | pseudo

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._resolve(item) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, operand),) = value.items()
            if function == "Ref":
                return self._ref(operand)
            if function.startswith("Fn::"):
                return self._function(function, operand)
        pairs = {name: self._resolve(item) for name, item in value.items()}
        return {name: item for name, item in pairs.items() if item is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind = self._resource(name)["Type"]
        gives = _TYPES.get(kind, ("", _NAME, ""))[1]
        if gives == _ARN:
            return self.arn(name)
        if gives == _URL:
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name(name)}"
        return self.name(name)

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute in ("Arn", "TopicArn"):
            return self.arn(logical_id)
        if attribute in _NAMES_OF:
            return self.name(logical_id)
        if attribute == "KeyId":
            return self.name(logical_id)
        raise UnresolvedError(f"{logical_id}.{attribute} is not known here")

    def _function(self, function: str, operand: Any) -> Any:
        if function == "Fn::GetAtt":
            logical_id, attribute = operand if isinstance(operand, list) else operand.split(".", 1)
            return self._attribute(logical_id, attribute)
        if function == "Fn::Sub":
            text, given = (operand, {}) if isinstance(operand, str) else operand
            local = {name: self._resolve(item) for name, item in given.items()}
            return _PLACEHOLDER.sub(lambda match: str(self._substitute(match[1], local)), text)
        if function == "Fn::Join":
            return operand[0].join(str(each) for each in self._resolve(operand[1]))
        if function == "Fn::If":
            return self._resolve(operand[1] if self.holds(operand[0]) else operand[2])
        if function == "Fn::Select":
            return self._resolve(operand[1])[int(operand[0])]
        if function == "Fn::FindInMap":
            first, *steps = [self._resolve(each) for each in operand]
            found = self.template["Mappings"][first]
            for step in steps:
                if step not in found:
                    raise UnresolvedError(f"the mapping {first} has no {step}")
                found = found[step]
            return found
        raise UnresolvedError(f"{function} is not known here")

    def _substitute(self, name: str, local: dict[str, Any]) -> Any:
        if name in local:
            return local[name]
        if "." in name:
            return self._attribute(*name.split(".", 1))
        return self._ref(name)
