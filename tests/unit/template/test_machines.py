"""What is deployed of the state machines: made from the sources, and nothing in it that AWS reads otherwise."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cli import machines


def test_each_source_becomes_a_definition_without_anchors(tmp_path: Path) -> None:
    (tmp_path / "removed_machine.asl.json").write_text("{}", encoding="utf-8")
    built = machines.build(tmp_path)
    assert sorted(tmp_path.iterdir()) == built
    assert [machines.name_of(path) for path in built] == [machines.name_of(path) for path in machines.sources()]
    for path in built:
        text = path.read_text(encoding="utf-8")
        made = json.loads(text)
        assert made == machines.definition(machines.SOURCES / f"{machines.name_of(path)}.asl.yaml")
        assert made.keys() == {"Comment", "QueryLanguage", "StartAt", "States"}
        assert "<<" not in text


@pytest.mark.parametrize("name", [machines.name_of(path) for path in machines.sources()])
def test_what_template_yaml_names_has_a_source(name: str) -> None:
    assert machines.source_of(f"build/statemachines/{name}.asl.json") == Path("statemachines") / f"{name}.asl.yaml"


def test_parts_that_were_written_once_can_be_changed_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("Shared:\n  - &Often {MaxAttempts: 6}\n", encoding="utf-8")
    source = tmp_path / "two.asl.yaml"
    source.write_text("States:\n  A: {Retry: [*Often]}\n  B: {Retry: [*Often]}\n", encoding="utf-8")
    states = machines.definition(source)["States"]
    states["A"]["Retry"][0]["MaxAttempts"] = 0
    assert states["B"]["Retry"] == [{"MaxAttempts": 6}]


def test_a_name_that_nobody_defined_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("Shared: []\n", encoding="utf-8")
    source = tmp_path / "one.asl.yaml"
    source.write_text("States: {A: {Retry: [*Oftn]}}\n", encoding="utf-8")
    with pytest.raises(yaml.YAMLError, match="Oftn"):
        machines.definition(source)


def test_nothing_in_shared_yaml_is_there_in_vain() -> None:
    named = re.findall(r"- &(\w+)", (machines.SOURCES / machines.SHARED).read_text(encoding="utf-8"))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in machines.sources())
    assert [each for each in named if not re.search(rf"\*{each}\b", sources)] == []


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_no_state_s_retry_or_catch_is_written_twice(field: str) -> None:
    """Of the text, not of the definitions: whoever changes one would have to find the other."""
    written: dict[str, str] = {}
    for path in [machines.SOURCES / machines.SHARED, *machines.sources()]:
        text = path.read_text(encoding="utf-8")
        # an entry of a Retry or Catch, over lines or on one: with its aliases, as written
        entries = re.findall(r"ErrorEquals: \[[^\]]*\](?:\n +(?!- |Retry|Catch|Next: |End|\w+ ?\w*:\n)\w+: .*)*", text)
        for entry in entries:
            if field == "Retry" and ("MaxAttempts" in entry):
                plain = " ".join(entry.split())
                assert plain not in written, f"{path.name} and {written[plain]}: {plain}"
                written[plain] = path.name
        if field == "Catch":
            for line in re.findall(r"Catch: &\w+ (.*)|Catch: (\[.*)", text):
                plain = f"{path.name}: {''.join(line)}"
                assert plain not in written, plain
                written[plain] = path.name
    assert len(written) > 10
