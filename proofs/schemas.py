"""Each resource against CloudFormation's registry schema, with what its intrinsics come to in a stack of ours.

cfn-lint knows the same schemas but not the values behind Ref, GetAtt and Sub; here a name that is too long, an ARN that
is none and a number written as text are found. Stricter than CloudFormation, which converts types.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError
from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend

from proofs.project import REGION, Finding, Project, TranslationError
from proofs.stack_values import StackValues, UnresolvedError

CHECK = "schemas"
_KEYWORDS = ("definitions", "properties", "required", "additionalProperties", "patternProperties")


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Some patterns are Java's, which Python cannot read: those are AWS's to check."""
    compiled = _compiled(pattern)
    if isinstance(value, str) and compiled is not None and not compiled.search(value):
        yield ValidationError(f"{value!r} does not match {pattern}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


_Validator = extend(Draft7Validator, {"pattern": _pattern})


def findings(project: Project) -> list[Finding]:
    try:
        template = project.translated
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]
    values = StackValues(template)
    found = []
    for name, item in project.looked_at().items():
        if item["Type"].startswith("Custom::"):
            continue
        validator = _validator(item["Type"])
        if validator is None:
            found.append(Finding(CHECK, f"{name}.Type", f"AWS has no resource type {item['Type']!r}"))
            continue
        for where, what in _resource(validator, item.get("Properties", {}), values):
            found.append(Finding(CHECK, f"{name}.{where}", what))
        for field in item.keys() - _FIELDS:
            found.append(Finding(CHECK, f"{name}.{field}", "is no field of a resource"))
    return found


_FIELDS = {
    *("Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy"),
    *("CreationPolicy", "Metadata"),
}


def _resource(validator: Any, properties: dict[str, Any], values: StackValues) -> Iterator[tuple[str, str]]:
    known: dict[str, Any] = {}
    for name, value in properties.items():
        try:
            known[name] = values.resolve(value)
        except UnresolvedError:
            continue  # what only a deployment gives; proofs/references.py looks at it
    for error in validator.iter_errors(known):
        path = ".".join(map(str, error.absolute_path))
        missing = (
            error.validator == "required" and not path and all(each in properties for each in _named(error.message))
        )
        if not missing:
            yield path, error.message[:300]


def _named(message: str) -> list[str]:
    return message.split("'")[1::2][:1]


@functools.cache
def _validator(kind: str) -> Any:
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    except ResourceNotFoundError:
        return None
    return _Validator({"type": "object", **{key: schema[key] for key in _KEYWORDS if key in schema}})
