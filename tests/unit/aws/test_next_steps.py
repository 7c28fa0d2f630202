"""The last line of an alert: a command that exists, for every kind that docs/alerts.md has."""

from __future__ import annotations

import re

import pytest

from sluice.aws.next_steps import NEXT, SAID, next_step
from tests.unit.docs.test_alerts_page import documented
from tests.unit.docs.test_commands_page import mistakes

FACTS = {"run_id": "r0123", "dataset_id": "d1"}


def test_the_kinds_are_those_that_are_published() -> None:
    assert (NEXT.keys() | SAID) - documented().keys() == set()
    assert not NEXT.keys() & SAID


@pytest.mark.parametrize("kind", sorted(NEXT))
def test_its_commands_are_taken_as_they_stand(kind: str) -> None:
    line = next_step(kind, "shop", FACTS)
    assert line.startswith("What to do: ")
    assert "{" not in line
    for command in re.findall(r"`sluice ([^`]+)`", line):
        assert mistakes(command, whole=True) == ""


def test_what_is_not_known_is_named() -> None:
    assert "`sluice why RUN`" in next_step("Data Changed", "shop", {})
    assert "`sluice drop PROJECT FILE`" in next_step("Dataset Failed", "")
    assert next_step("A New Kind", "shop") == "What to do: see where the project stands: `sluice status shop`"
    assert next_step("Approval Requested", "shop", FACTS) == ""
