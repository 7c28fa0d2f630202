"""An endpoint has settled when it is in service and each variant has the weight that was asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.errors import EndpointBusyError, NotFoundError, ReleaseError
from sluice.ports import EndpointState, VariantState
from sluice.steps.await_endpoint import await_endpoint
from testing import fakes


def world_with(state: EndpointState | None) -> World:
    class Models:
        def endpoint(self, name: str) -> EndpointState | None:
            return state

    stand_in: Any = Models()
    return dataclasses.replace(fakes.world(), models=stand_in)


def endpoint(status: str, weight: float = 0.1, desired: float = 0.1) -> EndpointState:
    return EndpointState("shop", status, "config-1", (VariantState("v-1", weight, desired, 1),))


def test_a_settled_endpoint_tells_what_serves() -> None:
    # SageMaker answers in single precision: 0.1 comes back as 0.10000000149
    answer = world_with(endpoint("InService", 0.10000000149011612)).call(await_endpoint, "shop")
    assert answer["config"] == "config-1"
    assert answer["weights"] == {"v-1": pytest.approx(0.1)}


@pytest.mark.parametrize("state", [endpoint("Updating"), endpoint("Creating"), endpoint("InService", 0.1, 0.25)])
def test_a_changing_endpoint_is_asked_again(state: EndpointState) -> None:
    with pytest.raises(EndpointBusyError, match="shop is"):
        world_with(state).call(await_endpoint, "shop")


def test_a_broken_or_absent_endpoint_ends_the_wait() -> None:
    with pytest.raises(ReleaseError, match="is Failed"):
        world_with(endpoint("Failed")).call(await_endpoint, "shop")
    with pytest.raises(NotFoundError, match="does not exist"):
        world_with(None).call(await_endpoint, "shop")
