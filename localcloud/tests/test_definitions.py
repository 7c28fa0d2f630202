"""Definitions of state machines as CloudFormation reads them."""

from __future__ import annotations

import json

import pytest

from localcloud.stepfunctions.definitions import to_json

STATES = """
StartAt: Wait
States:
  Wait: {Type: Wait, Seconds: 1, End: true}
"""


def test_yaml_is_json() -> None:
    assert json.loads(to_json(STATES))["States"]["Wait"]["Seconds"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STATES + "  Other: *wait\n", "line 5: *wait is a YAML alias"),
        ("Shared: &wait {Seconds: 1}" + STATES.replace("Wait: {Type", "Wait: {<<: *wait, Type"), "line 4: *wait"),
    ],
)
def test_an_alias_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="is a YAML alias, which CloudFormation takes for a string") as refused:
        to_json(text.replace("Wait: {", "Wait: &wait {", 1) if "&wait" not in text else text)
    assert said in str(refused.value)


def test_an_anchor_alone_and_a_star_in_a_text_change_nothing() -> None:
    read = json.loads(to_json(STATES.replace("Wait: {", "Wait: &wait {Comment: 'all * of it', ", 1)))
    assert read["States"]["Wait"]["Comment"] == "all * of it"
