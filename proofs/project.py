"""What is proved: template, state machines and the functions' code, as data of which changed copies are cheap."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator import translator

from cli import machines

ROOT = Path(__file__).resolve().parents[1]
REGION = "eu-west-1"
SCHEDULES = "layers/core/sluice/aws/schedules.py"
LINE = "layers/core/sluice"
_TAKE_PORTS = ("steps", "serving", "datasets", "training", "store")
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
    the parsed state machines by logical id, substitutions still in them; `code` the Python sources of the functions, of
    what takes ports, and of the adapter that makes schedules, by path below the repository. Nothing of it may be
    changed in place: parts are shared between copies.
    """

    source: dict[str, Any]
    definitions: dict[str, dict[str, Any]]
    code: dict[str, str]
    # Whence this copy comes, and the one resource in which it differs.
    _parent: tuple[Project, str] | None = field(default=None, repr=False)
    # The translated resources that a check of single ones has to look at; all without it.
    focus: frozenset[str] | None = field(default=None, repr=False)
    # Whether a check may stop at its first finding.
    hasty: bool = False
    _made: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, root: Path = ROOT) -> Project:
        source = yaml.load((root / "template.yaml").read_text(encoding="utf-8"), _Loader)
        definitions = {
            logical_id: machines.definition(root / machines.source_of(item["Properties"]["DefinitionUri"]))
            for logical_id, item in source["Resources"].items()
            if item["Type"] == "AWS::Serverless::StateMachine"
        }
        line = [path for name in _TAKE_PORTS for path in sorted((root / LINE / name).rglob("*.py"))]
        sources = [*sorted((root / "functions").rglob("*.py")), *line, root / SCHEDULES]
        code = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sources}
        return cls(source, definitions, code)

    def changed(self, path: tuple[str | int, ...], value: Any = REMOVED) -> Project:
        """A copy with `value` at `path`, or without it. The path begins with a field's name: ("source", "Resources").

        Raises KeyError or IndexError for a path whose parents do not exist, and for one that is to be removed.
        """
        name, *below = path
        if name not in ("source", "definitions", "code"):
            raise KeyError(name)
        part = _changed(getattr(self, str(name)), tuple(below), value)
        of_one = name == "source" and below[:1] == ["Resources"] and len(below) > 1
        return replace(self, **{str(name): part, "_parent": (self, str(below[1])) if of_one else None, "_made": {}})

    @cached_property
    def translated(self) -> dict[str, Any]:
        """Plain CloudFormation, with state machines' Definition as an object. Raises TranslationError."""
        if self._parent is None:
            return self._translate(self.source["Resources"])
        before, logical_id = self._parent
        old = before._once(logical_id)
        new = self._alone(logical_id, before._once("") if logical_id not in before._layers else None)
        kept = {name: item for name, item in before.translated["Resources"].items() if name not in old}
        return {**before.translated, "Resources": {**kept, **new}}

    @cached_property
    def _layers(self) -> dict[str, Any]:
        """What references to are rewritten, so that no resource can be translated without it."""
        found = self.source["Resources"].items()
        return {name: item for name, item in found if item.get("Type") == "AWS::Serverless::LayerVersion"}

    def _once(self, logical_id: str) -> dict[str, Any]:
        """What SAM makes of one resource, or of the layers without a name; remembered, for every copy needs it."""
        if logical_id not in self._made:
            made = self._alone(logical_id) if logical_id else self._translate(self._layers)["Resources"]
            self._made[logical_id] = made
        return self._made[logical_id]

    def _alone(self, logical_id: str, layers: dict[str, Any] | None = None) -> dict[str, Any]:
        """What SAM makes of one resource, given what it makes of the layers. Raises TranslationError."""
        if logical_id not in self.source["Resources"]:
            return {}
        made = self._translate({**self._layers, logical_id: self.source["Resources"][logical_id]})["Resources"]
        if layers is None:
            layers = self._translate({name: each for name, each in self._layers.items() if name != logical_id})[
                "Resources"
            ]
        return {name: item for name, item in made.items() if name not in layers}

    def _translate(self, resources: dict[str, Any]) -> dict[str, Any]:
        packaged = json.loads(json.dumps({**self.source, "Resources": resources}))
        for logical_id, item in packaged["Resources"].items():
            properties = item.get("Properties", {})
            for key in ("CodeUri", "ContentUri"):
                if key in properties:
                    properties[key] = _SOMEWHERE
            if properties.pop("DefinitionUri", None):
                properties["Definition"] = json.loads(json.dumps(self.definitions[logical_id]))
        try:
            # the policy templates, which our template does not use, would be read and validated each time
            with patch.object(translator, "make_policy_template_for_function_plugin", _policy_templates):
                made = translator.Translator({}, Parser(), boto_session=_session()).translate(packaged, {})
        except InvalidDocumentException as error:
            raise TranslationError("; ".join(cause.message for cause in error.causes)) from error
        for item in made["Resources"].values():
            if item["Type"] == "AWS::StepFunctions::StateMachine" and "DefinitionString" in item["Properties"]:
                joined = item["Properties"].pop("DefinitionString")
                item["Properties"]["Definition"] = json.loads("".join(joined["Fn::Join"][1]))
        return made

    def focused(self, names: frozenset[str]) -> Project:
        """A copy of which checks of single resources look at these only."""
        copied = replace(self, focus=names)
        copied.__dict__["translated"] = self.translated
        return copied

    def in_haste(self) -> Project:
        """A copy of which one finding is enough."""
        copied = replace(self, hasty=True)
        if "translated" in self.__dict__:
            copied.__dict__["translated"] = self.translated
        return copied

    def looked_at(self) -> dict[str, dict[str, Any]]:
        """The translated resources in focus."""
        every: dict[str, dict[str, Any]] = self.translated["Resources"]
        return every if self.focus is None else {name: item for name, item in every.items() if name in self.focus}

    def resources(self, kind: str = "", *, translated: bool = False) -> dict[str, dict[str, Any]]:
        """Logical id → properties of the resources of this type (of all without one)."""
        found = (self.translated if translated else self.source)["Resources"].items()
        return {name: item.get("Properties", {}) for name, item in found if not kind or item["Type"] == kind}

    def functions(self) -> dict[str, dict[str, Any]]:
        """Logical id → properties of each function, those of Globals that it does not ignore included.

        As SAM merges them: maps are joined, lists of Globals come first, any other value of the function's own wins.
        """
        shared: dict[str, Any] = self.source.get("Globals", {}).get("Function", {})
        found = {}
        for name, item in self.source["Resources"].items():
            if item["Type"] == "AWS::Serverless::Function":
                ignored = listed(item.get("IgnoreGlobals"))
                kept = {key: each for key, each in shared.items() if not {key, "*"} & set(ignored)}
                found[name] = _merged(kept, item.get("Properties", {}))
        return found


def _merged(shared: Any, own: Any) -> Any:
    if isinstance(shared, dict) and isinstance(own, dict):
        return {**shared, **{key: _merged(shared[key], each) if key in shared else each for key, each in own.items()}}
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return own


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


@cache
def _session() -> boto3.Session:
    """The transform asks where it is."""
    return boto3.Session(region_name=REGION)


_policy_templates = cache(translator.make_policy_template_for_function_plugin)


def listed(value: Any) -> list[Any]:
    """A member of a policy that may be one or several, or absent."""
    return [] if value is None else value if isinstance(value, list) else [value]


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
