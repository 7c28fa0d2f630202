"""EventBridge's pattern matching, as far as our rules use it, and the rules of a template.

Written from the user guide's "Creating event patterns"; an operator that is not here is refused, not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEFAULT_BUS = "default"
_MISSING = object()


@dataclass(frozen=True)
class Rule:
    """A rule of the template: `name` is `<logical id>` or `<function or machine>.<event>`, `bus` a logical id."""

    name: str
    bus: str
    pattern: dict[str, Any]


def rules(template: dict[str, Any], values: dict[str, str]) -> Iterator[Rule]:
    """Every rule that has a pattern; `values` are what Refs and ${...} come to. Raises KeyError for one that is not."""
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in properties:
            yield Rule(logical_id, _bus(properties), resolve(properties["EventPattern"], values))
        for event, each in properties.get("Events", {}).items() if isinstance(properties.get("Events"), dict) else ():
            if each["Type"] in ("EventBridgeRule", "CloudWatchEvent"):
                inner = each["Properties"]
                yield Rule(f"{logical_id}.{event}", _bus(inner), resolve(inner["Pattern"], values))


def _bus(properties: dict[str, Any]) -> str:
    bus = properties.get("EventBusName", DEFAULT_BUS)
    return bus["Ref"] if isinstance(bus, dict) else bus


def resolve(value: Any, values: dict[str, str]) -> Any:
    """The value with Ref and Fn::Sub replaced. Raises KeyError for an unknown name, ValueError for other functions."""
    if isinstance(value, list):
        return [resolve(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return values[value["Ref"]]
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: values[match[1]], value["Fn::Sub"])
    if unknown := [key for key in value if key.startswith("Fn::")]:
        raise ValueError(f"{unknown[0]} cannot be resolved here")
    return {key: resolve(item, values) for key, item in value.items()}


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether every key of the pattern matches. Raises ValueError for what EventBridge or this matcher refuses."""
    if not pattern:
        raise ValueError("an empty pattern")
    # Every key is looked at, also after one that does not match: an operator that is refused is refused always.
    answers = [_field(key, wanted, event) for key, wanted in pattern.items()]
    return all(answers)


def _field(key: str, wanted: Any, event: Any) -> bool:
    value = event.get(key, _MISSING) if isinstance(event, dict) else _MISSING
    if isinstance(wanted, dict):
        candidates = value if isinstance(value, list) else [{} if value is _MISSING else value]
        found = [matches(wanted, each) for each in candidates]
        return any(found)
    if not isinstance(wanted, list) or not wanted:
        raise ValueError(f"{key}: a pattern's values are a list with at least one item, not {wanted!r}")
    values = (value or [_MISSING]) if isinstance(value, list) else [value]
    answers = [_value(key, option, each) for option in wanted for each in values]
    return any(answers)


def _value(key: str, option: Any, value: Any) -> bool:
    if isinstance(option, list):
        raise ValueError(f"{key}: a list in a list")
    if not isinstance(option, dict):
        return type(option) is type(value) and bool(option == value)
    if len(option) != 1:
        raise ValueError(f"{key}: {option} must have one operator")
    ((operator, operand),) = option.items()
    if operator == "exists":
        return bool(operand) is (value is not _MISSING and not isinstance(value, dict))
    if operator == "anything-but" and not isinstance(operand, dict):
        refused = operand if isinstance(operand, list) else [operand]
        return value is not _MISSING and value not in refused
    if operator == "anything-but" and set(operand) == {"prefix"}:
        refused = operand["prefix"] if isinstance(operand["prefix"], list) else [operand["prefix"]]
        if not refused or not all(isinstance(each, str) and each for each in refused):
            raise ValueError(f"{key}: anything-but takes prefixes that are not empty, not {operand['prefix']!r}")
        return isinstance(value, str) and not value.startswith(tuple(refused))
    if not isinstance(operand, str):
        raise ValueError(f"{key}: the operand {operand!r} of {operator} is not known here")
    if operator == "prefix":
        return isinstance(value, str) and value.startswith(operand)
    if operator == "suffix":
        return isinstance(value, str) and value.endswith(operand)
    if operator == "wildcard":
        wanted = ".*".join(re.escape(part) for part in operand.split("*"))
        return isinstance(value, str) and re.fullmatch(wanted, value, re.DOTALL) is not None
    raise ValueError(f"{key}: the operator {operator!r} is not known here")
