"""What is proved: template, state machines and the functions' code, as data of which changed copies are cheap."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-west-1"
REMOVED = object()
_SOMEWHERE = "s3://bucket/key"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong: the check that says so, a path such as `Table.Properties.BillingMode`, a sentence."""

    check: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.what}"


class TranslationError(Exception):
    """SAM refuses the template; the message has its reasons."""


@dataclass(frozen=True, eq=False)
class Project:
    """The application as written.

    `source` is template.yaml with intrinsics in long form ({"Ref": "A"}, {"Fn::GetAtt": ["A", "Arn"]}); `definitions`
    the parsed state machines by logical id, substitutions still in them; `code` the functions' Python sources by
    path below the repository. Nothing of it may be changed in place: parts are shared between copies.
    """

    source: dict[str, Any]
    definitions: dict[str, dict[str, Any]]
    code: dict[str, str]

    @classmethod
    def load(cls, root: Path = ROOT) -> Project:
        source = yaml.load((root / "template.yaml").read_text(encoding="utf-8"), _Loader)
        definitions = {
            logical_id: yaml.safe_load((root / item["Properties"]["DefinitionUri"]).read_text(encoding="utf-8"))
            for logical_id, item in source["Resources"].items()
            if item["Type"] == "AWS::Serverless::StateMachine"
        }
        sources = sorted((root / "functions").rglob("*.py"))
        code = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sources}
        return cls(source, definitions, code)

    def changed(self, path: tuple[str | int, ...], value: Any = REMOVED) -> Project:
        """A copy with `value` at `path`, or without it. The path begins with a field's name: ("source", "Resources").

        Raises KeyError or IndexError for a path whose parents do not exist, and for one that is to be removed.
        """
        field, *below = path
        if field not in ("source", "definitions", "code"):
            raise KeyError(field)
        part = _changed(getattr(self, str(field)), tuple(below), value)
        return replace(self, **{str(field): part})

    @cached_property
    def translated(self) -> dict[str, Any]:
        """Plain CloudFormation, with state machines' Definition as an object. Raises TranslationError."""
        packaged = json.loads(json.dumps(self.source))
        for logical_id, item in packaged["Resources"].items():
            properties = item.get("Properties", {})
            for key in ("CodeUri", "ContentUri"):
                if key in properties:
                    properties[key] = _SOMEWHERE
            if properties.pop("DefinitionUri", None):
                properties["Definition"] = json.loads(json.dumps(self.definitions[logical_id]))
        try:
            with _region():
                made = Translator({}, Parser()).translate(packaged, {"AWS::Region": REGION})
        except InvalidDocumentException as error:
            raise TranslationError("; ".join(cause.message for cause in error.causes)) from error
        for item in made["Resources"].values():
            if item["Type"] == "AWS::StepFunctions::StateMachine":
                joined = item["Properties"].pop("DefinitionString")
                item["Properties"]["Definition"] = json.loads("".join(joined["Fn::Join"][1]))
        return made

    def resources(self, kind: str = "", *, translated: bool = False) -> dict[str, dict[str, Any]]:
        """Logical id → properties of the resources of this type (of all without one)."""
        found = (self.translated if translated else self.source)["Resources"].items()
        return {name: item.get("Properties", {}) for name, item in found if not kind or item["Type"] == kind}


def _changed(part: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """`part` with `value` at `path`; only what lies on the path is copied."""
    if not path:
        return value
    step, *below = path
    copied: Any = list(part) if isinstance(part, list) else dict(part)
    if below:
        copied[step] = _changed(part[step], tuple(below), value)
    elif value is REMOVED:
        del copied[step]
    else:
        copied[step] = value
    return copied


@contextmanager
def _region() -> Iterator[None]:
    """The transform asks boto3 where it is, and refuses to go on without an answer."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = REGION
    try:
        yield
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: `!Ref A` is {"Ref": "A"}, `!GetAtt A.B` is {"Fn::GetAtt": ["A", "B"]}."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)
