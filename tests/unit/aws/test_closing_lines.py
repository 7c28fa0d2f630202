"""The last lines of an alert: what was done, and a command that can be pasted, for every kind that is published."""

from __future__ import annotations

import pytest

from sluice.aws.closing_lines import CLOSINGS, OWN, closing_lines
from testing.command_lines import pasted, refused, words
from tests.unit.docs.test_alerts_page import published

FACTS = {"run_id": "r0123", "dataset_id": "d1", "drill_id": "d2"}
WITHOUT_A_COMMAND = {"Batch Finished"}


def test_each_kind_that_is_published_says_what_was_done_and_what_to_do() -> None:
    assert CLOSINGS.keys() == published().keys()
    assert {"Event Given Up", "Endpoint Missing"} == OWN


@pytest.mark.parametrize("kind", sorted(CLOSINGS))
def test_its_commands_can_be_pasted(kind: str) -> None:
    done, *todo = closing_lines(kind, "shop", FACTS).splitlines()
    assert done.startswith("What was done: ")
    assert done.endswith(".")
    assert "`" not in done
    assert [line.startswith("What to do: ") for line in todo] == [True] * (kind not in OWN)
    assert "{" not in "".join(todo)
    found = [command for line in todo for text in pasted(line) for command in words(text)]
    assert [told for command in found if (told := refused(command))] == []
    assert found or kind in OWN | WITHOUT_A_COMMAND


def test_what_is_not_known_is_named() -> None:
    assert "`sluice why RUN`" in closing_lines("Data Changed", "shop", {})
    assert "`sluice drop PROJECT FILE`" in closing_lines("Dataset Failed", "")


def test_a_kind_without_closing_is_sent_all_the_same() -> None:
    assert closing_lines("A New Kind", "shop") == "What to do: see the state of the project: `sluice status shop`."
