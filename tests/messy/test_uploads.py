"""Uploads = accepted + quarantined + failed with an alert, each exactly once, whatever queue and functions do."""

from __future__ import annotations

import json

import pytest

from tests.messy.uploads import simulate

GIVEN_UP = "failed, and yet an event or a dataset"
"""Known today: a function that dies three times after it added the dataset, and before its record, leaves both."""


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_each_upload_ends_exactly_once(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    tally = simulate(count)
    known = [fault for fault in tally.faults if fault.endswith(GIVEN_UP)]
    assert [fault for fault in tally.faults if fault not in known] == []
    assert known or count < 1000, "the known fault no longer occurs: take GIVEN_UP out"
    assert set(tally.statuses) == {"accepted", "quarantined", "failed"}
    assert sum(tally.statuses.values()) == tally.uploads == count
    assert tally.crashes > count / 20
    assert tally.deliveries > 1.3 * count
    with capsys.disabled():
        print(f"\n{json.dumps({'name': 'uploads, each exactly once', 'value': count, **tally.statuses})}")
