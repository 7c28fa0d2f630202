"""Loads functions/<name>/app.py as Lambda does, in a world of fakes."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sluice import bootstrap
from sluice.bootstrap import World
from testing.fakes import world as fake_world

ROOT = Path(__file__).parents[2]
CONTEXT = SimpleNamespace(
    function_name="sluice",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:sluice",
    aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    get_remaining_time_in_millis=lambda: 600_000,
)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"functions_{name}", ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recorded(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "tests" / "events" / f"{name}.json").read_text())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    fakes = fake_world()
    monkeypatch.setattr(bootstrap, "world", lambda: fakes)
    return fakes


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`run(function, event, step)`: the handler's answer, with `step` in the step's place."""

    def call(name: str, event: dict[str, Any], step: Callable[..., Any] | None = None) -> Any:
        module = load(name)
        if step is not None:
            monkeypatch.setattr(module, name, step)
        return module.handler(event, CONTEXT)

    return call
