"""The samples by which TestState tries each state: every expression of every state has a value with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonata import Jsonata

from cli import machines
from scripts.smoke.line import contract
from scripts.smoke.samples import Sample, inner_machines, samples

MACHINES = {machines.name_of(path): path for path in machines.sources()}


def all_samples() -> list[Sample]:
    return [
        sample for name, path in MACHINES.items() for sample in samples(name, machines.definition(path), contract())
    ]


SAMPLES = all_samples()


def expressions(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("Catch", "Branches", "ItemProcessor", "Retry"):
                yield from expressions(item, f"{where}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from expressions(item, f"{where}[{index}]")
    elif isinstance(value, str) and value.strip().startswith("{%"):
        yield where, value.strip()[2:-2].strip()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: f"{each.machine}/{each.state}")
def test_every_expression_of_the_state_has_a_value(sample: Sample):
    state = sample.definition["States"][sample.state]
    frame_values = {
        **sample.variables,
        "states": {"input": sample.input, "result": sample.result, "context": sample.context},
    }
    for where, text in expressions(state):
        expression = Jsonata(text)
        frame = expression.create_frame()
        for name, value in frame_values.items():
            frame.bind(name, value)
        assert expression.evaluate(None, frame) is not None, f"{where}: {text}"


def test_every_state_has_a_sample():
    def count(machine: Any) -> int:
        states = machine["States"].values()
        return len(states) + sum(count(inner) for state in states for inner in inner_machines(state))

    assert len(SAMPLES) == sum(count(machines.definition(path)) for path in MACHINES.values())
    assert len(SAMPLES) > 80


def test_every_call_is_mocked_and_nothing_else():
    for sample in SAMPLES:
        assert sample.mocked == (sample.kind in ("Task", "Parallel", "Map"))
        assert (sample.result is not None) == sample.mocked
