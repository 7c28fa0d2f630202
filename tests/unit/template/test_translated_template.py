"""cfn-lint over what SAM makes of the template: `sam validate --lint` does not look through the transform."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.match import Match
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from template_files import ROOT, load, machine

REGION = "eu-west-1"
SOMEWHERE = "s3://bucket/key"


def in_region(definition: Any) -> Any:
    """With REGION's partition written out: cfn-lint's schema of a Resource knows no substitution, and no other."""
    return json.loads(json.dumps(definition).replace("${Partition}", "aws"))


def packaged() -> dict[str, Any]:
    """The template as after `sam package`: what is a local folder lies in S3, definitions are inline."""
    made = load()
    for item in made["Resources"].values():
        properties = item.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if key in properties:
                properties[key] = SOMEWHERE
        if "DefinitionUri" in properties:
            properties["Definition"] = in_region(machine(ROOT / properties.pop("DefinitionUri")))
    return made


@pytest.fixture(scope="module")
def translated(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch_module.setenv("AWS_DEFAULT_REGION", REGION)
    try:
        made = Translator({}, Parser()).translate(packaged(), {"AWS::Region": REGION})
    except InvalidDocumentException as error:
        pytest.fail("\n".join(cause.message for cause in error.causes))
    for item in made["Resources"].values():
        if item["Type"] == "AWS::StepFunctions::StateMachine":
            joined = item["Properties"].pop("DefinitionString")
            item["Properties"]["Definition"] = json.loads("".join(joined["Fn::Join"][1]))
    return made


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def allowed_by_the_language(match: Match, made: dict[str, Any]) -> bool:
    """What cfn-lint's schema of state machines does not know: JSONata gives numbers, and a Succeed state an Output."""
    if match.rule.id != "E3601":
        return False
    *parents, last = match.path or []
    state = made
    for part in parents:
        state = state[part]
    if last in ("Seconds", "TimeoutSeconds"):
        return str(state[last]).startswith("{% ")
    return last == "Output" and state["Type"] == "Succeed"


def test_cloudformation_accepts_it(translated: dict[str, Any]) -> None:
    found = lint(json.dumps(translated, indent=1), config=ManualArgs(regions=[REGION]))
    wrong = [match for match in found if not allowed_by_the_language(match, translated)]
    assert [f"{match.rule.id} {match.path}: {match.message}" for match in wrong] == []


def test_every_function_has_a_role_of_its_own(translated: dict[str, Any]) -> None:
    resources = translated["Resources"]
    functions = [name for name, item in resources.items() if item["Type"] == "AWS::Lambda::Function"]
    roles = [resources[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in functions]
    assert len(set(roles)) == len(functions)
