"""Real drift is answered with retraining; without a change there is no alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.watch.triage.comparison import compare
from sluice.watch.triage.judge import judge
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.standstill import others_move
from sluice.watch.triage.window import DRIFTS, Reason, Window
from tests.unit.watch.triage.conftest import START, stream


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


def test_labels_that_turn_while_their_share_and_their_old_dependence_stay(reference: Window, window: Window) -> None:
    """The residuals of the labels follow a column of which they were independent."""
    turned = np.where(np.random.default_rng(8).random(len(window)) < 0.4, window.columns["share"] > 0.3, window.labels)
    verdict = judge(reference, replace(window, labels=turned.astype(float)))
    assert (verdict.answer, verdict.reason) == ("retrain", Reason.CONCEPT_DRIFT)


def test_a_new_value_that_has_rows_of_its_own_is_a_segment_and_no_other_name(
    reference: Window, window: Window, put: Any
) -> None:
    """It takes the rows of one carrier, which a new name does, too; but they are heavier and dearer."""
    chance = np.random.default_rng(4)
    new = np.equal(window.columns["carrier"], "Blue Post")
    carrier = np.where(new, "Drone", window.columns["carrier"]).astype(object)
    assert judge(reference, put(carrier=carrier)).answer == "hold", "with the same rows it is a new name"
    factor = np.where(new, np.exp(chance.normal(0.6, 0.2, len(window))), 1.0)
    heavier = {name: np.round(window.columns[name] * factor, digits) for name, digits in (("weight", 1), ("price", 2))}
    verdict = judge(reference, put(carrier=carrier, **heavier))
    assert (verdict.answer, verdict.reason) == ("retrain", Reason.NEW_SEGMENT)


def test_a_column_that_says_what_the_clock_says_is_right_whenever_its_rows_come(reference: Window) -> None:
    def with_hour(window: Window, late: float = 0.0) -> Window:
        assert window.arrived is not None
        hour = (window.arrived // 3600 + late) % 24
        return replace(window, columns={**window.columns, "hour": hour}, types={**window.types, "hour": "integer"})

    known, now = Profile(with_hour(reference)), stream(1200, 5, START + 6000 * 60.0)
    by_day = now.take(with_hour(now).columns["hour"] > 7)
    assert compare(known, with_hour(by_day)).told_by_clock("hour")
    assert not compare(known, with_hour(by_day, 1.0)).told_by_clock("hour")
    assert not compare(known, with_hour(by_day)).told_by_clock("items")


def test_all_others_move_by_too_little_to_be_seen_one_by_one(reference: Window) -> None:
    comparison = compare(Profile(reference), stream(1200, 2, START + 4000 * 60.0))
    rows = np.arange(1200)
    assert not others_move(comparison, ("share",), rows)
    wide = stream(4000, 9, START + 4000 * 60.0)
    heavy = np.random.default_rng(1).random(4000) < np.clip(0.45 + 0.05 * wide.columns["weight"], 0, 1)
    moved = compare(Profile(reference), replace(wide.take(heavy), total=None))
    assert others_move(moved, ("weight",), np.arange(heavy.sum()))


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
