"""Profiles of hours: exactly once, whatever happens to the files and to the measurement; and the same as the rows."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.monitoring import hours as module
from sluice.monitoring.hours import span_of, window_of
from sluice.profile import drift
from sluice.profile.window import WindowProfile
from sluice.records.baseline import Baseline
from sluice.steps.monitor_model import monitor_model
from sluice.watch.captures import parse_file
from testing.fakes import Crash, failing
from testing.fakes.failing import interrupted
from testing.release_world import CONTRACT, OLD, PROJECT, build

COLUMNS = {
    "id": {"type": "text"},
    "pages": {"type": "number"},
    "visits": {"type": "integer"},
    "channel": {"type": "category"},
    "member": {"type": "boolean"},
    "bought": {"type": "boolean"},
}
SHAPE: dict[str, Any] = {
    **CONTRACT,
    "data": {"key": ["id"], "columns": COLUMNS},
    "monitor": {"window": "1d", "every": "1h", "drift": {"min_rows": 20}},
}
BASELINE = {
    "columns": {
        "pages": {"type": "number", "edges": [0, 0.2, 0.5, 0.7, 1], "shares": [0.2, 0.3, 0.2, 0.3], "missing": 0.1},
        "visits": {"type": "number", "edges": [3, 3], "shares": [1.0], "missing": 0.0},
        "channel": {"type": "category", "shares": {"ads": 0.5, "mail": 0.5}, "missing": 0.0},
        "member": {"type": "category", "shares": {"false": 0.5, "true": 0.5}, "missing": 0.0},
    },
    "scores": {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]},
    "rows": 1000,
}
FOLDER = "capture/shop/sluice-shop/v-r1"


def world_of(**monitor: Any) -> World:
    world = build()
    content = {**SHAPE, "monitor": {**SHAPE["monitor"], **monitor}}
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v1")
    world.objects.write(keys.run(PROJECT, OLD, "evaluation", "baseline.json"), json.dumps(BASELINE).encode())
    return world


def line(number: int, at: datetime, **changes: Any) -> str:
    r = random.Random(number)
    row = {
        "pages": r.choice([r.random(), None, "0.25", 1e300]),
        "visits": r.choice([3, 4]),
        "channel": r.choice(["ads", " mail ", "phone"]),
        "member": r.choice([True, "no", 1]),
    } | changes
    score = r.random()
    answer = {"predictions": [{"prediction": score > 0.5, "probability": score}], "model": OLD}
    data = {
        "endpointInput": {"data": json.dumps(row), "encoding": "JSON"},
        "endpointOutput": {"data": json.dumps(answer), "encoding": "JSON"},
    }
    meta = {"eventId": f"e{number}", "inferenceId": f"i{number}", "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps({"captureData": data, "eventMetadata": meta})


def put(world: World, hour: datetime, name: str, lines: list[str]) -> None:
    world.objects.write(f"{FOLDER}/{hour:%Y/%m/%d/%H}/{name}.jsonl", "\n".join(lines).encode())


def traffic(world: World, hours: int = 3, rows: int = 40) -> dict[datetime, list[str]]:
    """Lines by hour, from the promotion on; the clock stands at the end."""
    start = world.clock.now()
    world.clock.advance(hours * 3600)
    return {
        start + timedelta(hours=h): [
            line(1000 * h + i, start + timedelta(hours=h, seconds=60 * i + 1)) for i in range(rows)
        ]
        for h in range(hours)
    }


def measured(world: World) -> dict[str, float]:
    world.metrics.published.clear()
    world.call(monitor_model, PROJECT)
    return {metric.name: metric.value for metric in world.metrics.published}


def window(world: World) -> WindowProfile:
    contract, champion = Contract.model_validate(SHAPE), world.ledger.champion(PROJECT)
    assert champion is not None
    span = span_of(contract, champion, clock=world.clock)
    baseline = Baseline.of(BASELINE, "here")
    found, late = window_of(span, contract, baseline, objects=world.objects, clock=world.clock)
    assert not late
    return found


def told(found: WindowProfile) -> Any:
    """What metrics are made of: all but how many files there were."""
    counts = {name: n for name, n in found.counts.items() if name in ("rows", "requests", "refused")}
    return counts, found.columns, found.answers, found.sample(), found.moments("visits")


def shuffled(lines: list[str]) -> list[str]:
    return random.Random(5).sample(lines, len(lines))


CHANGES: dict[str, Callable[[list[str]], list[list[str]]]] = {
    "shuffled": lambda lines: [shuffled(lines)],
    "in many files": lambda lines: [shuffled(lines)[at::7] for at in range(7)],
    "a file twice": lambda lines: [lines, lines],
    "lines twice": lambda lines: [shuffled(lines + lines)],
    "overlapping files": lambda lines: [lines[:30], lines[10:]],
}


@pytest.mark.parametrize("change", CHANGES)
def test_however_the_lines_lie_in_files_the_metrics_are_the_same_to_the_last_digit(change: str) -> None:
    clean, other = world_of(), world_of()
    for hour, lines in traffic(clean).items():
        put(clean, hour, "a", lines)
    for hour, lines in traffic(other).items():
        for number, part in enumerate(CHANGES[change](lines)):
            put(other, hour, f"f{number}", part)
    assert json.dumps(told(window(other))) == json.dumps(told(window(clean)))
    assert measured(other) == measured(clean)


def test_a_profile_counts_what_the_rows_are() -> None:
    world = world_of()
    for hour, lines in traffic(world).items():
        put(world, hour, "a", lines)
    found = window(world)
    body = "\n".join(_bodies(world)).encode()
    rows = [row for request in parse_file(body, Contract.model_validate(SHAPE))[0] for row in request.rows]
    baseline = Baseline.of(BASELINE, "here")
    assert len(rows) == found.rows == 120
    from_rows = {name: (each.psi, each.significant) for name, each in drift.compare(baseline, rows).items()}
    from_profile = drift.compare_profile(baseline, found.columns)
    assert {name: (each.psi, each.significant) for name, each in from_profile.items()} == from_rows
    assert found.columns["pages"]["as_text"] == sum('"pages\\": \\"0.25' in text for text in _bodies(world)) > 0
    assert found.columns["channel"]["unseen"] == sum(row["channel"] == "phone" for row in rows) > 0
    mean = sum(row["visits"] for row in rows) / 120
    assert found.moments("visits") == pytest.approx((mean, ((mean - 3) * (4 - mean)) ** 0.5))
    assert sum(found.answers["scores"]) == found.answers["scored"] == 120


def _bodies(world: World) -> list[str]:
    return [line for hour in range(24) for line in _lines(world, f"{FOLDER}/2026/11/22/{hour:02}/a.jsonl")]


def _lines(world: World, key: str) -> list[str]:
    return world.objects.read(key).decode().split("\n") if world.objects.exists(key) else []


def test_a_file_that_comes_late_is_counted_and_other_hours_are_not_read_again() -> None:
    clean, late = world_of(), world_of()
    for hour, lines in traffic(clean).items():
        put(clean, hour, "a", lines)
    given = traffic(late)
    for hour, lines in given.items():
        put(late, hour, "a", lines[:25])
    measured(late)
    first = min(given)
    for hour, lines in given.items():
        put(late, hour, "b", lines[25:])
    stored = {key for key in late.objects.versions if "/hours/" in key and key.endswith(".jsonl")}  # type: ignore[attr-defined]
    before = {key: late.objects.version(key) for key in stored}
    assert measured(late) == measured(clean)
    assert all(late.objects.version(key) != version for key, version in before.items())
    after = {key: late.objects.version(key) for key in stored}
    put(late, first, "c", [])
    measured(late)
    changed = [key for key in stored if late.objects.version(key) != after[key]]
    assert changed == [keys.monitor(PROJECT, "hours", OLD, f"{first:%Y-%m-%dT%H}.jsonl")]


def test_killed_at_any_step_and_run_again_it_measures_the_same() -> None:
    clean = world_of()
    for hour, lines in traffic(clean).items():
        put(clean, hour, "a", lines)
    expected = measured(clean)
    profiles = {key: clean.objects.read(key) for key in list(clean.objects.versions) if "/hours/" in key}  # type: ignore[attr-defined]
    before = world_of()
    for hour, lines in traffic(before).items():
        put(before, hour, "a", lines)
    after = 0
    while True:
        after += 1
        world = copy.deepcopy(before)
        try:
            failing(world, after).call(monitor_model, PROJECT)
        except Crash:
            assert measured(world) == expected, after
            assert {key: world.objects.read(key) for key in profiles} == profiles, after
        else:
            break
    assert after > 15


def test_two_measurements_at_once_write_and_publish_the_same() -> None:
    clean = world_of()
    for hour, lines in traffic(clean).items():
        put(clean, hour, "a", lines)
    expected = measured(clean)
    unmeasured = world_of()
    for hour, lines in traffic(unmeasured).items():
        put(unmeasured, hour, "a", lines)
    for before in range(1, 16):
        world = copy.deepcopy(unmeasured)
        inner: list[dict[str, float]] = []
        interrupted(world, before, lambda at=world, kept=inner: kept.append(measured(at))).call(monitor_model, PROJECT)  # type: ignore[misc]
        assert inner == [expected], before
        assert {each.name: each.value for each in world.metrics.published} == expected, before  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"made_of": 3}\n'])
def test_a_damaged_profile_is_made_anew(body: bytes) -> None:
    world = world_of()
    given = traffic(world)
    for hour, lines in given.items():
        put(world, hour, "a", lines)
    expected = measured(world)
    key = keys.monitor(PROJECT, "hours", OLD, f"{min(given):%Y-%m-%dT%H}.jsonl")
    whole = world.objects.read(key)
    for damaged in (body, whole[:-200]):
        world.objects.write(key, damaged)
        assert measured(world) == expected
        assert world.objects.read(key) == whole


def test_hours_that_a_measurement_has_no_time_for_are_named_and_done_next(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of()
    given = traffic(world)
    for hour, lines in given.items():
        put(world, hour, "a", lines)
    monkeypatch.setattr(module, "BUDGET", timedelta(seconds=-1))
    assert measured(world)["DriftRows"] == 0
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert report["hours_left_out"] == [f"{hour:%Y-%m-%dT%H}" for hour in sorted(given)]
    assert "3 of the window's hours" in report["problems"]["window"]
    assert "Monitoring Incomplete" in world.alerts.kinds  # type: ignore[attr-defined]
    monkeypatch.undo()
    assert measured(world)["DriftRows"] == 120


def test_what_is_not_counted_is_said() -> None:
    world = world_of()
    start = world.clock.now()
    world.clock.advance(600)
    early = start - timedelta(seconds=1)
    refusal = json.loads(line(5, start))
    refused = {"error": "field 'pages' must be a number, not a string", "field": "pages"}
    refusal["captureData"]["endpointOutput"]["data"] = json.dumps(refused)
    replayed = json.loads(line(6, start))
    replayed["eventMetadata"]["inferenceId"] = "replay-1"
    foreign = line(7, start).replace(r"\"model\": \"r1\"", r"\"model\": \"r9\"")
    lines = [line(1, start), line(1, start), line(2, early), json.dumps(refusal), json.dumps(replayed), foreign, "{"]
    put(world, start, "a", lines)
    measured(world)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert (report["rows"], report["requests"], report["unreadable_lines"], report["refused_requests"]) == (1, 2, 1, 1)
    assert report["not_counted"] == {"replayed": 1, "foreign": 1, "early": 1, "repeated": 1}
    assert report["refusals"] == [{**refused, "requests": 1}]


def test_the_sample_is_the_same_chance_for_every_row_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.profile.hour.SAMPLED", 10)
    world = world_of()
    start = world.clock.now()
    world.clock.advance(2 * 3600)
    second = start + timedelta(hours=1)
    put(world, start, "a", [line(i, start) for i in range(200)])
    put(world, second, "a", [line(1000 + i, second) for i in range(20)])
    sample = window(world).sample()
    of_first = [row for row in sample if row["at"] == start.timestamp()]
    assert len(of_first) == 10
    # of the second hour as large a share: ten of 200 are one of 20, and chance makes a few of it
    assert 0 <= len(sample) - len(of_first) <= 5
    assert [row["at"] for row in sample] == sorted(row["at"] for row in sample)
    assert {"pages", "visits", "channel", "member"} >= set(of_first[0]["row"])
    assert set(of_first[0]["said"]) == {"prediction", "probability"}


def test_a_short_window_begins_where_the_contract_says() -> None:
    world = world_of(window="1h")
    given = traffic(world, hours=3, rows=60)
    for hour, lines in given.items():
        put(world, hour, "a", lines)
    assert measured(world)["DriftRows"] == 60
    world.clock.advance(1800)
    assert measured(world)["DriftRows"] == 30
