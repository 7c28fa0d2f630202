"""Fifty bad canaries are fifty different ones, and their faults are what they are called."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from proofs.canaries import canary_fault
from proofs.canaries.candidates import BAD, REPLAYED, canaries


def test_no_two_bad_canaries_are_alike() -> None:
    bad = [one for one in canaries(50, 50, seed=1) if not one.good]
    knobs = [tuple(sorted((k, v) for k, v in one.knobs.items() if k != "seed")) for one in bad]
    assert len(set(knobs)) == 50
    assert set(Counter(one.kind for one in bad).values()) == {8, 9}


def test_the_order_is_the_seeds() -> None:
    assert canaries(5, 5, seed=1) == canaries(5, 5, seed=1) != canaries(5, 5, seed=2)


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "crash on load"])
def test_each_kind_has_faults_that_the_replay_sees_and_faults_that_it_does_not(kind: str) -> None:
    begins = [knobs.get("after", 0) for knobs in BAD[kind]]
    assert 0 in begins
    assert max(begins) > REPLAYED


def module() -> dict[str, Any]:
    return {
        "model_fn": lambda _: "model",
        "input_fn": lambda body, _: body,
        "predict_fn": lambda data, _: ([{"prediction": True, "probability": 0.75}], "r1"),
        "output_fn": lambda prediction, _: (str(prediction), "application/json"),
    }


def failures(knobs: dict[str, Any], requests: int) -> list[int]:
    served, failed = module(), []
    canary_fault.install(served, knobs)
    for number in range(requests):
        try:
            served["predict_fn"](served["input_fn"]("a body", ""), None)
        except RuntimeError:
            failed.append(number)
    return failed


def test_a_fault_shows_at_its_rate_and_not_before_its_time() -> None:
    found = failures({"kind": "failing", "rate": 0.2, "after": 500, "seed": 3}, 1_500)
    assert min(found) >= 500
    assert 150 <= len(found) <= 250


def test_a_sound_model_fails_what_is_marked_only() -> None:
    served = module()
    canary_fault.install(served, {"kind": "sound"})
    assert served["input_fn"]("a body", "") == "a body"
    with pytest.raises(RuntimeError):
        served["input_fn"](f"with {canary_fault.MARK}", "")
