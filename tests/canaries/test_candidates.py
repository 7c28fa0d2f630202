"""Fifty bad canaries are fifty different ones, and their faults are what they are called."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from jobs.learn import inference
from proofs.canaries import canary_fault
from proofs.canaries.candidates import BAD, REPLAYED, canaries
from sluice.model.encoder import Encoder
from sluice.model.model import Model
from sluice.model.schema import Schema


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


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The very functions that a canary serves with, over a model that answers 0.5."""
    encoder = Encoder.fit(Schema({"n": "number"}, ("n",)), {}, [{"n": 1.0}] * 5)
    state = {
        "encoder": encoder.to_json(),
        "labels": {"problem": "binary", "target": "y", "classes": [False, True]},
        "family": "baseline",
        "run_id": "r1",
        "problem": {"type": "binary"},
        "scorer": {"scorer": "constant", "output": "expit"},
    }
    monkeypatch.setattr(inference, "_loaded", Model(state, {"answer": np.array([0.25, 0.75])}))
    return {name: getattr(inference, name) for name in ("model_fn", "input_fn", "predict_fn", "output_fn")}


def answer(module: dict[str, Any], body: str = '{"n": 1, "colour": "red"}') -> str:
    request = module["input_fn"](body, "application/json")
    return str(module["output_fn"](module["predict_fn"](request, inference._loaded), "application/json")[0])


def failures(module: dict[str, Any], knobs: dict[str, Any], requests: int) -> list[int]:
    failed = []
    canary_fault.install(module, knobs)
    for number in range(requests):
        try:
            answer(module)
        except RuntimeError:
            failed.append(number)
    return failed


def test_a_fault_shows_at_its_rate_and_not_before_its_time(module: dict[str, Any]) -> None:
    found = failures(module, {"kind": "failing", "rate": 0.2, "after": 500, "seed": 3}, 1_500)
    assert min(found) >= 500
    assert 150 <= len(found) <= 250


def test_a_sound_model_fails_what_is_marked_only(module: dict[str, Any]) -> None:
    before = json.loads(answer(module))["predictions"]
    canary_fault.install(module, {"kind": "sound"})
    assert json.loads(answer(module))["predictions"] == before
    with pytest.raises(RuntimeError):
        answer(module, json.dumps({"n": 1, "colour": canary_fault.MARK}))


@pytest.mark.parametrize("how", canary_fault.SHIFTS)
def test_shifted_scores_are_well_formed_answers(module: dict[str, Any], how: str) -> None:
    sound = json.loads(answer(module))
    canary_fault.install(module, {"kind": "shifted", "how": how, "seed": 1})
    shifted = json.loads(answer(module))
    expected = canary_fault.SHIFTS[how](sound["predictions"][0]["probability"])
    assert shifted["predictions"] == [{"prediction": expected >= 0.5, "probability": pytest.approx(expected)}]
    assert {name: shifted[name] for name in ("model", "unknown_fields")} == {"model": "r1", "unknown_fields": 1}


@pytest.mark.parametrize("how", canary_fault.SPOILED)
def test_malformed_answers_are_other_answers(module: dict[str, Any], how: str) -> None:
    def predictions() -> Any:
        body = answer(module)
        try:
            return json.loads(body)["predictions"]
        except (ValueError, KeyError):
            return None

    sound = predictions()
    canary_fault.install(module, {"kind": "malformed", "how": how, "seed": 1})
    assert predictions() != sound
