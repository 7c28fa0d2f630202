"""Uploads = accepted + quarantined + failed with an alert, each exactly once, whatever queue and functions do."""

from __future__ import annotations

import json

import pytest

from tests.messy.uploads import simulate


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_each_upload_ends_exactly_once(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    tally = simulate(count)
    assert tally.faults == []
    assert set(tally.statuses) == {"accepted", "quarantined", "failed"}
    assert sum(tally.statuses.values()) == tally.uploads == count
    assert tally.crashes > count / 20
    assert tally.deliveries > 1.3 * count
    with capsys.disabled():
        print(f"\n{json.dumps({'name': 'uploads, each exactly once', 'value': count, **tally.statuses})}")
