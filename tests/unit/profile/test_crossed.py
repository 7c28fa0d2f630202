"""A correlation that is gone is found in the sums of hours; chance and small changes are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.reference import reference_profile
from sluice.model.schema import Schema
from sluice.profile.crossed import changed_correlations
from sluice.profile.hour import HourProfile
from sluice.profile.window import WindowProfile, first_line
from sluice.records.baseline import Baseline

CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "y"},
        "data": {"columns": {name: {"type": "number"} for name in ("a", "b", "c", "y")}},
    }
)


def rows(seed: int, count: int, joined: bool = True) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    a, noise, c = random.normal(size=(3, count))
    b = 0.8 * a + 0.6 * noise
    if not joined:
        b = random.permutation(b)
    return [{"a": x, "b": y, "c": z} for x, y, z in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)]


def test_a_broken_join_shows() -> None:
    reference = rows(1, 2000)
    schema = Schema.from_contract(CONTRACT.model_dump(mode="json"))
    baseline = Baseline.of(reference_profile(schema, reference, np.zeros(2000)), "")

    def changed(window: list[dict[str, Any]]) -> list[tuple[str, str]]:
        total = WindowProfile()
        for part in (window[::2], window[1::2]):
            hour = HourProfile(CONTRACT, baseline)
            names = [str(at) for at in range(len(part))]
            hour.add(part, [{}] * len(part), names, [{"at": None, "client": None}] * len(part), len(part))
            total.add(first_line(hour.to_lines({})))
        crossed = [each["crossed"] for each in total.hours]
        found = changed_correlations(baseline, reference, crossed, total.rows, 0.001)
        assert all(abs(each.expected - 0.8) < 0.05 and abs(each.seen) < 0.2 for each in found)
        return [each.columns for each in found]

    assert changed(rows(2, 600)) == []
    assert changed(rows(3, 600, joined=False)) == [("a", "b")]
    assert changed(rows(4, 10, joined=False)) == []
