"""A function gets the ports that its signature names, by name, and nothing else."""

from __future__ import annotations

import pytest

from sluice import bootstrap
from sluice.ports import Clock, Json, Ledger
from testing import fakes


def step(project: str, most: int = 3, *, ledger: Ledger, clock: Clock) -> Json:
    return {"project": project, "most": most, "ledger": ledger, "clock": clock}


def test_a_function_gets_what_it_names() -> None:
    at = fakes.world()
    assert at.call(step, "shop", most=1) == {"project": "shop", "most": 1, "ledger": at.ledger, "clock": at.clock}


def test_only_keywords_with_a_ports_name_are_ports() -> None:
    def other(settings: str, *, clock: Clock, deep: bool = False) -> None: ...

    assert bootstrap.ports_of(step) == ["ledger", "clock"]
    assert bootstrap.ports_of(other) == ["clock"]


def test_an_event_cannot_bring_a_port_of_its_own() -> None:
    with pytest.raises(TypeError, match="multiple values for keyword argument 'clock'"):
        fakes.world().call(step, "shop", clock="mine")


def test_a_handlers_call_draws_from_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    at = fakes.world()
    monkeypatch.setattr(bootstrap, "world", lambda: at)
    assert bootstrap.call(step, "shop")["ledger"] is at.ledger


def test_no_client_is_made_before_a_port_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(bootstrap.Clients, "__call__", lambda self, service: made.append(service))
    bootstrap.assemble(fakes.SETTINGS).call(step, "shop")
    assert made == []
