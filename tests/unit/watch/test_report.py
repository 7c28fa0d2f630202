"""The monitor's page says what was found, of every kind of look."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.watch.report import render

LOOK: dict[str, Any] = {
    "project": "shop",
    "at": "2026-11-22T12:00:00+00:00",
    "run_id": "r0123456789ab",
    "rows": 1400,
    "requests": 300,
    "files": 4,
    "unreadable_lines": 0,
    "thresholds": {
        "drift": {"score": "psi", "max": 0.25, "min_rows": 200},
        "quality": {"metric": "roc_auc", "min": 0.8},
    },
    "decision": "drifted",
    "reasons": ["device has PSI 0.410, above 0.25"],
    "damage": {"missing_jump": {"device": 0.02, "pages": -0.01}, "unseen_share": {"device": 0.5}},
    "drift": {
        "score": 0.41,
        "column": "device",
        "mean": 0.2,
        "predictions": 0.031,
        "columns": {"pages": 0.01, "device": 0.41},
    },
    "quality": {"metric": "roc_auc", "labels": 1200, "value": 0.87654},
}


def test_a_drifted_window() -> None:
    page = render(LOOK)
    for told in ("shop: drifted", "1,400", "in 300 requests", "the limit is 0.25", "0.8765", "1,200 labels", "min 0.8"):
        assert told in page
    for told in ("device has PSI 0.410", "+2.0%", "-1.0%", "50.0%", '<span class="tag bad">0.4100</span>'):
        assert told in page
    assert page.index('scope="row">device') < page.index('scope="row">pages'), "the most drifted comes first"
    assert page.count('class="over"') == 1


def test_a_column_whose_score_is_chance_is_marked() -> None:
    page = render({**LOOK, "decision": "stable", "drift": {**LOOK["drift"], "by_chance": ["device"]}})
    assert "chance explains it" in page
    assert '<span class="tag warn">0.4100</span>' in page


@pytest.mark.parametrize(
    ("quality", "told"),
    [
        (None, "the contract does not ask for it"),
        (
            {"metric": "roc_auc", "labels": 3, "value": None, "reason": "3 labels belong to a captured request"},
            "3 labels belong",
        ),
    ],
)
def test_an_inconclusive_window(quality: dict[str, Any] | None, told: str) -> None:
    look = {**LOOK, "decision": "inconclusive", "drift": None, "quality": quality, "unreadable_lines": 2}
    page = render(look)
    for text in (told, "not enough evidence", "2 unreadable lines", '<span class="tag warn">inconclusive</span>'):
        assert text in page
    assert "the most drifted first" not in page


def test_what_triage_distances_refusals_and_estimates_say() -> None:
    more = {
        "triage": {"answer": "hold", "reason": "scale", "sentence": "Column pages is × 1000.", "evidence": {}},
        "refusals": [{"error": "field 'pages' must be a number, not a string", "field": "pages", "requests": 1203}],
        "estimated_quality": {
            "roc_auc": {"value": 0.81, "low": 0.79, "high": 0.83, "evaluated": 0.9, "worse": True},
        },
        "drift": {
            **LOOK["drift"],
            "compared_with": "480 rows of the evaluation, by the time of the year and the hour",
            "course": {"kind": "sudden", "since": "2026-11-22T07"},
            "calendar": {"hour": "hour"},
            "distances": {"pages": {"p": 0.2, "js": 0.0123, "ks": 0.05, "wasserstein": None}},
        },
    }
    page = render({**LOOK, **more})
    for told in ("broken data", "Column pages is × 1000.", "1,203", "must be a number", "0.8100", "0.7900 … 0.8300"):
        assert told in page
    for told in ("480 rows of the evaluation", "in the hour 2026-11-22T07", "hour says the hour", "0.0123"):
        assert told in page
