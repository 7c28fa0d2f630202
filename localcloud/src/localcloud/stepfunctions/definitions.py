"""State machine definitions: YAML as JSON, substitutions, a check before an execution meets the mistake.

SAM uploads an .asl.yaml file as it is and CloudFormation accepts it on AWS; ministack keeps the text and fails at the
first execution.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def to_json(definition: str) -> str:
    """The definition as JSON text, from JSON or YAML. Raises ValueError with the place of a mistake.

    YAML's aliases are refused: CloudFormation takes `*name` for the text "name", and the state machine that it makes
    is another one than its author sees.
    """
    try:
        json.loads(definition)
        return definition
    except ValueError:
        pass
    try:
        for event in yaml.parse(definition, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else "?"
                raise ValueError(
                    f"line {line}: *{event.anchor} is a YAML alias, which CloudFormation takes for a string; "
                    "write the value out, or deploy the definition as JSON"
                )
        # BaseLoader would make strings of numbers; SafeLoader makes a date of an unquoted timestamp, which AWS's too.
        document = yaml.safe_load(definition)
    except yaml.YAMLError as error:
        raise ValueError(f"the definition is neither JSON nor YAML: {error}") from None
    if not isinstance(document, dict):
        raise ValueError("the definition is not an object")
    return json.dumps(document, default=str)


def problem(definition: str) -> str:
    """What AWS would refuse at CreateStateMachine, or ""."""
    from ministack.services import stepfunctions as sfn

    try:
        document = json.loads(definition)
    except ValueError as error:
        return f"INVALID_JSON_DESCRIPTION: {error}"
    if left := sorted(set(_PLACEHOLDER.findall(definition))):
        return f"SCHEMA_VALIDATION_FAILED: no substitution for {', '.join(left)}"
    if malformed := sfn._validate_definition_jsonata(definition):
        return str(malformed)
    return _structure_problem(document, "")


def _structure_problem(machine: dict[str, Any], path: str) -> str:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        return f"SCHEMA_VALIDATION_FAILED: States is missing or empty at {path or '/'}"
    if machine.get("StartAt") not in states:
        return f"MISSING_TRANSITION_TARGET: StartAt names {machine.get('StartAt')!r}, not a state, at {path or '/'}"
    for name, state in states.items():
        where = f"{path}/States/{name}"
        targets = [state.get("Next"), state.get("Default")]
        targets += [rule.get("Next") for rule in [*state.get("Choices", []), *state.get("Catch", [])]]
        for target in targets:
            if target is not None and target not in states:
                return f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {where}"
        if state.get("Type") == "Task" and not isinstance(state.get("Resource"), str):
            return f"SCHEMA_VALIDATION_FAILED: Resource is missing at {where}"
        if found := _unsupported_map(state):
            return f"the local cloud does not run a distributed Map with {found}, at {where}"
        inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor"), state.get("Iterator")])]
        for number, sub_machine in enumerate(inner):
            if found := _structure_problem(sub_machine, f"{where}[{number}]"):
                return found
    return ""


def _unsupported_map(state: dict[str, Any]) -> str:
    """Which field of a distributed Map is not understood here; "" for none, and for any other state."""
    config = (state.get("ItemProcessor") or {}).get("ProcessorConfig") or {}
    if config.get("Mode") != "DISTRIBUTED":
        return ""
    if config.get("ExecutionType") != "STANDARD":
        return "ItemProcessor.ProcessorConfig.ExecutionType other than STANDARD"
    known = {"ItemProcessor", "Items", "ItemSelector", "MaxConcurrency", "Label", "Type", "Comment", "QueryLanguage"}
    known |= {"ToleratedFailureCount", "ToleratedFailurePercentage"}
    known |= {"Retry", "Catch", "Next", "End", "Output", "Assign"}
    return ", ".join(sorted(state.keys() - known))


def install() -> None:
    """CloudFormation's definitions become JSON and are checked; the API refuses what CloudFormation would."""
    from ministack.core.responses import error_response_json
    from ministack.services import stepfunctions as sfn
    from ministack.services.cloudformation import provisioners

    from_template = provisioners._sfn_definition

    def definition_of(props: dict[str, Any]) -> str:
        definition = to_json(from_template(props))
        if found := problem(definition):
            raise ValueError(f"Invalid State Machine Definition: '{found}'")
        return definition

    provisioners._sfn_definition = definition_of
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(sfn, name, _checked(getattr(sfn, name), error_response_json))
    # ministack says OK to any definition, and tests states without their variables
    for action, name in (
        ("ValidateStateMachineDefinition", "_validate_state_machine_definition"),
        ("TestState", "_test_state"),
    ):
        setattr(sfn, name, _refused(action, error_response_json))


def _refused(action: str, error_response_json: Any) -> Any:
    def refuse(data: dict[str, Any]) -> Any:
        message = f"{action} is not supported by the local cloud: only AWS can say what AWS makes of a definition"
        return error_response_json("ValidationException", message, 400)

    return refuse


def _checked(original: Any, error_response_json: Any) -> Any:
    def change(data: dict[str, Any]) -> Any:
        if "definition" in data and (found := problem(data["definition"])):
            return error_response_json("InvalidDefinition", f"Invalid State Machine Definition: '{found}'", 400)
        return original(data)

    return change
