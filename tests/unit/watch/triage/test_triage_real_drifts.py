"""Real drift is answered with retraining; without a change there is no alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.watch.triage.judge import judge
from sluice.watch.triage.window import DRIFTS, Reason, Window


def test_no_change_no_alarm(reference: Window, parcels: Any) -> None:
    answers = [judge(reference, parcels(rows, 100 + seed)).answer for rows in (50, 400) for seed in range(20)]
    assert answers == ["nothing"] * len(answers)


def test_a_shift_of_several_columns(reference: Window, parcels: Any) -> None:
    wide = parcels(6000, 9)
    distance = wide.columns["distance"]
    kept = np.random.default_rng(1).random(len(wide)) < np.clip(distance / 700, 0.02, 1)
    verdict = judge(reference, replace(wide.take(kept), total=None, usual=None))
    assert (verdict.answer, verdict.reason) == ("retrain", Reason.COVARIATE_SHIFT)
    assert {"distance", "zone"} <= set(verdict.columns)


def test_a_new_value_of_a_category_is_a_new_segment(reference: Window, window: Window, put: Any) -> None:
    carrier = window.columns["carrier"].copy()
    carrier[np.random.default_rng(4).random(len(carrier)) < 0.2] = "Drone"
    verdict = judge(reference, put(carrier=carrier))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("retrain", Reason.NEW_SEGMENT, ("carrier",))


def test_labels_that_follow_the_columns_in_another_way(reference: Window, window: Window) -> None:
    weight = window.columns["weight"]
    labels = np.where(np.random.default_rng(8).random(len(window)) < 0.6, weight > np.median(weight), window.labels)
    verdict = judge(reference, replace(window, labels=labels.astype(float)))
    assert (verdict.answer, verdict.reason) == ("retrain", Reason.CONCEPT_DRIFT)


def test_a_group_that_leaves_little_by_little_is_no_missing_feed(reference: Window, window: Window) -> None:
    passed = np.linspace(0, 1, len(window))
    leaves = np.equal(window.columns["zone"], "city") & (np.random.default_rng(6).random(len(window)) < passed * 0.9)
    verdict = judge(reference, replace(window.take(~leaves), total=None))
    assert verdict.answer == "retrain"
    assert verdict.reason in DRIFTS


def test_a_window_that_is_too_small_is_not_judged(reference: Window, window: Window) -> None:
    assert judge(reference, window.take(np.arange(5))).answer == "nothing"


def test_a_verdict_is_plain_json(reference: Window, window: Window, put: Any) -> None:
    import json

    verdict = judge(reference, put(weight=window.columns["weight"] * 1000))
    assert json.loads(json.dumps(verdict.to_json()))["reason"] == "scale"


@pytest.mark.parametrize("days", [1, 7, 30])
def test_an_ordinary_stretch_of_the_year_is_no_drift(days: int) -> None:
    def seasonal(first: float, last: float, seed: int) -> Window:
        chance = np.random.default_rng(seed)
        hours = np.arange(first * 24, last * 24)
        warmth = np.round(10 + 9 * np.sin(2 * np.pi * hours / 24 / 365.25) + 4 * np.sin(2 * np.pi * hours / 24), 1)
        weather = np.repeat(chance.normal(0, 3, len(hours) // 24 + 1), 24)[: len(hours)]
        month = (hours / 24 / 30.44 % 12).astype(int)
        columns = {
            "warmth": warmth + np.round(weather, 1),
            "hour": (hours % 24).astype(float),
            "weekday": (hours // 24 % 7).astype(float),
            "month": np.array([f"m{each}" for each in month], dtype=object),
            "visits": np.round(50 + 3 * warmth + chance.normal(0, 9, len(hours))),
        }
        types = {"warmth": "number", "hour": "integer", "weekday": "integer", "month": "category", "visits": "number"}
        return Window(columns=columns, types=types, arrived=hours * 3600.0)

    year = seasonal(0, 2 * 365.25, 1)
    places = np.sort(np.random.default_rng(0).choice(len(year), 4000, replace=False))
    known = year.take(places)
    for first in (780, 900, 1010):
        verdict = judge(known, seasonal(first, first + days, first))
        assert verdict.answer == "nothing", verdict.sentence
