"""The figures find what they are there to find."""

from __future__ import annotations

import pytest

from proofs.canaries import canary_fault
from proofs.canaries.client import Request, failed_variant, trouble_of
from proofs.canaries.figures import (
    Exposure,
    Requests,
    answers_by_removed,
    back_at,
    exposure_evidence,
    exposure_z,
    exposures,
)
from proofs.canaries.sight import Sight


def sight(at: float, weights: dict[str, float], status: str = "InService", config: str = "c") -> Sight:
    return Sight(at, at + 0.1, status, config, weights)


def answered(at: float, variant: str) -> Request:
    return Request(at, at + 0.01, "answered", variant, noise=False)


def test_an_answer_of_a_variant_that_is_gone_is_found() -> None:
    sights = [sight(0, {"a": 0.5, "b": 0.5}), sight(1, {"a": 1.0}), sight(2, {"a": 1.0})]
    late = answered(1.5, "b")
    requests = Requests([answered(0.5, "b"), answered(1.5, "a"), late])
    assert answers_by_removed(requests, sights) == [late]


def test_an_answer_against_a_weight_of_0_is_found() -> None:
    sights = [sight(n, {"a": 1.0, "b": 0.0}) for n in range(3)]
    assert len(answers_by_removed(Requests([answered(1.5, "b"), answered(1.5, "a")]), sights)) == 1


@pytest.mark.parametrize(
    ("at", "second"), [(0.5, sight(1, {"a": 1.0}, "Updating")), (0.5, sight(1, {"b": 1.0}, config="d")), (0.05, None)]
)
def test_what_a_request_met_is_not_guessed(at: float, second: Sight | None) -> None:
    sights = [sight(0, {"a": 1.0}), second or sight(1, {"a": 1.0})]
    assert answers_by_removed(Requests([answered(at, "b")]), sights) == []


def test_requests_are_counted_by_weight() -> None:
    sights = [sight(0, {"a": 1.0, "b": 0.0}), *(sight(n, {"a": 0.9, "b": 0.1}) for n in (1, 2, 3))]
    requests = Requests([answered(1.5, "a"), answered(1.6, "b"), answered(2.5, "a"), answered(0.5, "b")])
    assert exposures(requests, sights, "b") == [Exposure(0.1, 3, 1)]


def test_a_split_of_the_wrong_weight_is_far_from_the_right_one() -> None:
    right, wrong = [Exposure(0.1, 1_000, 104)], [Exposure(0.1, 1_000, 140)]
    assert abs(exposure_z(right)) < 1
    assert exposure_z(wrong) > 3
    assert exposure_evidence(right) < 0 < exposure_evidence(wrong)


def test_all_traffic_is_back_when_both_witnesses_say_so() -> None:
    sights = [sight(0, {"a": 0.5, "b": 0.5}), sight(1, {"a": 1.0, "b": 0.0}), sight(3, {"a": 1.0})]
    assert back_at(Requests([answered(0.5, "b")]), sights, "b", after=0.2) == pytest.approx(1.1)
    assert back_at(Requests([answered(2.0, "b")]), sights, "b", after=0.2) == pytest.approx(2.0)
    assert back_at(Requests([]), sights[:1], "b", after=0.0) is None


@pytest.mark.parametrize("how", canary_fault.SPOILED)
def test_each_malformed_answer_is_one_to_a_customer(how: str) -> None:
    sound = '{"predictions": [{"prediction": true, "probability": 0.75}], "model": "r1", "inference_id": "i"}'
    assert trouble_of(sound.encode()) == ""
    assert trouble_of(canary_fault.SPOILED[how](sound).encode()) != ""


@pytest.mark.parametrize("how", canary_fault.SHIFTS)
def test_each_shift_moves_scores_and_keeps_them_probabilities(how: str) -> None:
    scores = [n / 50 for n in range(51)]
    moved = [canary_fault.SHIFTS[how](score) for score in scores]
    assert all(0 <= score <= 1 for score in moved)
    assert sum(abs(new - old) for new, old in zip(moved, scores)) / len(scores) > 0.1


def test_a_model_error_names_its_variant_in_the_log_stream() -> None:
    stream = b'{"LogStreamArn": "arn:aws:logs:eu-west-1:0:log-group:/aws/sagemaker/Endpoints/e:log-stream:v-r1/i-0"}'
    assert failed_variant(stream) == "v-r1"
    assert failed_variant(b"{}") is None
