"""A failure's reason reaches the alert, also when another failure follows it."""

from __future__ import annotations

from typing import Any

from proofs.stateful.cloud import Cloud, Fault

ASKED: dict[str, Any] = {"bake": "1m", "max_bake": "2m", "min_requests": 5}
QUOTA = "SageMaker.ResourceLimitExceededException"


def told(cloud: Cloud) -> str:
    (alert,) = [each for each in cloud.world.alerts.published if each.kind == "Model Rolled Back"]
    return alert.message


def test_a_failed_cut_is_reported_beside_the_abort() -> None:
    cloud = Cloud(replay=0, **ASKED)
    cloud.start_run(cloud.new_run("failing"))
    # shifted once; the cut is refused for good
    cloud.faults.append(Fault("denied", where="updateEndpointWeightsAndCapacities", after=1))
    cloud.rest(requests=500)
    assert told(cloud).startswith("in ALARM: ")
    assert f"Cut Canary Traffic: {QUOTA}: updateEndpointWeightsAndCapacities was refused" in told(cloud)


def test_a_swap_that_was_refused_says_why_and_not_only_that_it_did_not_happen() -> None:
    cloud = Cloud(strategy="blue_green", replay=0, **ASKED)
    cloud.start_run(cloud.new_run("good"))
    cloud.faults.append(Fault("denied", where="updateEndpoint"))
    cloud.rest(requests=500)
    first, second = told(cloud).splitlines()[0].split("; ", 1)
    assert first.startswith(f"Swap Fleet: {QUOTA}: updateEndpoint was refused")
    assert second.startswith("Swap Fleet: FleetNotSwapped: SageMaker serves only1 again")
