"""Online accuracy, precision, recall and F1 are of what the model said: it has a threshold of its own."""

from __future__ import annotations

from typing import Any

from sluice.watch.captures import Captured
from sluice.watch.labels import join
from sluice.watch.quality import BINARY, DECIDED
from tests.unit.watch.test_inference_ids import CONTRACT


def answered(name: str, answer: dict[str, Any]) -> Captured:
    return Captured(name, None, [{"pages": 1}], [answer])


def test_a_decided_metric_reads_the_prediction_and_others_the_probability() -> None:
    requests = [
        answered("a", {"prediction": True, "probability": 0.3}),
        answered("b", {"prediction": False, "probability": 0.7}),
        answered("c", {"prediction": "nonsense", "probability": 0.9}),
        answered("d", {"probability": 0.8}),
    ]
    labels = {(name,): "true" for name in "abcd"}
    assert join(labels, requests, CONTRACT, decided=True) == [(True, 1.0), (True, 0.0)]
    assert [score for _, score in join(labels, requests, CONTRACT)] == [0.3, 0.7, 0.9, 0.8]
    assert BINARY["recall"](join(labels, requests, CONTRACT, decided=True)) == 0.5
    assert BINARY["recall"](join(labels, requests, CONTRACT)) == 0.75
    assert set(BINARY) > DECIDED == {"accuracy", "precision", "recall", "f1"}
