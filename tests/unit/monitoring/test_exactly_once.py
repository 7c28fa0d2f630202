"""Captures and labels that come twice, in any order and late, to a monitor that dies and runs twice at once.

The metrics, the register of labels and the profiles must be those of a clean run, to the last digit.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.monitor_model import monitor_model
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import Crash, failing, failing_once, interrupted
from testing.release_world import PROJECT
from tests.unit.monitoring.test_hours import FOLDER, line, put, world_of

HOURS, ROWS = 4, 25
BEGAN = timedelta(hours=HOURS, minutes=30)
SAME_WHATEVER_HAPPENS = ("rows", "requests", "refused_requests", "refusals", "drift", "labels", "quality", "volume")
_OWN_TO_A_STORY = {"files", "repeated", "misplaced", "made_of", "reach", "hour"}


def watched(window: str = "1d") -> World:
    return world_of(window=window, quality={"metric": "roc_auc", "min": 0.4, "min_labels": 10})


def story(world: World) -> tuple[dict[datetime, list[str]], list[tuple[float, str, str]]]:
    """Captured lines by the hour of their folder, some uploaded after the end of their own hour; and label files with
    when each arrives, in seconds after the promotion: some rows are labelled several times, differently too."""
    start, chance = world.clock.now(), random.Random(7)
    captured: dict[datetime, list[str]] = {}
    for hour in range(HOURS):
        for number in range(ROWS):
            at = start + timedelta(hours=hour, seconds=3600 / ROWS * number + 1)
            folder = start + timedelta(hours=hour + (number == ROWS - 1 and hour < HOURS - 1))
            captured.setdefault(folder, []).append(line(100 * hour + number, at, id=f"k{hour}-{number}"))
    files = []
    for file in range(5):
        rows = [(chance.randrange(HOURS), chance.randrange(ROWS)) for _ in range(20)]
        by_key = file % 2
        names = [f"k{hour}-{number}" if by_key else f"i{100 * hour + number}" for hour, number in rows]
        said = [f"{name},{chance.choice(['true', 'false'])}" for name in names]
        text = "\n".join(["id,bought" if by_key else "inference_id,bought", *said])
        files.append((BEGAN.total_seconds() + 60 * file, f"{chance.random()}.csv", text))
    return captured, files


def measured(world: World) -> Any:
    """All that a measurement tells, writes and publishes that does not say how the story went."""
    world.metrics.published.clear()  # type: ignore[attr-defined]
    world.call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    told: dict[str, Any] = {name: report.get(name) for name in SAME_WHATEVER_HAPPENS}
    told["metrics"] = [(each.name, each.value) for each in world.metrics.published]  # type: ignore[attr-defined]
    for stored in world.objects.list(keys.monitor(PROJECT)):
        area, body = stored.key.split("/")[2], world.objects.read(stored.key)
        if area == "labels" and stored.key.endswith(".gz"):
            told[stored.key] = gzip.decompress(body)
        elif area == "quality":
            told[stored.key] = body
        elif area == "hours" and stored.key.endswith(".jsonl"):
            first, *rows = body.decode().splitlines()
            told[stored.key] = {k: v for k, v in json.loads(first).items() if k not in _OWN_TO_A_STORY}, rows
    empty = [key for key, kept in told.items() if "/hours/" in key and not kept[0]["requests"]]
    return {key: kept for key, kept in told.items() if key not in empty}


def in_order() -> World:
    """The story with each file once, as it happened, before the measurement."""
    world = watched()
    captured, files = story(world)
    for hour, lines in captured.items():
        put(world, hour, "a", lines)
    for at, name, text in files:
        world.clock.advance(at - (world.clock.now() - min(captured)).total_seconds())  # type: ignore[attr-defined]
        drop(world, name, text)
    world.clock.advance(3600)  # type: ignore[attr-defined]
    return world


def clean() -> Any:
    return measured(in_order())


def drop(world: World, name: str, text: str) -> None:
    world.objects.write(f"labels/{PROJECT}/{name}", text.encode())
    validate(world, name)


def validate(world: World, name: str) -> None:
    key = f"labels/{PROJECT}/{name}"
    world.call(validate_dataset, world.objects.bucket, key, world.objects.version(key), 10)


def files_of(captured: dict[datetime, list[str]], chance: random.Random) -> list[tuple[datetime, str, list[str]]]:
    """(folder, name, lines): shuffled, cut, with lines and whole files twice, also in the folders of other hours."""
    found = []
    for hour, lines in captured.items():
        mixed = chance.sample(lines, len(lines)) + chance.choices(lines, k=5)
        cut = chance.randint(1, 4)
        found += [(hour, f"{chance.random()}", mixed[at::cut]) for at in range(cut)]
    for hour, _, lines in chance.sample(found, 3):
        # nearer than a day and farther, and before its time
        elsewhere = hour + timedelta(hours=chance.choice([-30, -1, 1, 2, 3, 20]))
        found.append((elsewhere, f"{chance.random()}", [each for each in lines if not at_home(each, elsewhere, hour)]))
    return chance.sample(found, len(found))


def at_home(line: str, elsewhere: datetime, hour: datetime) -> bool:
    """Whether the copy would lie in the folder of its request's own hour, where its file came from the next one. Nobody
    can tell such a copy from an upload, so it is the one that counts: the metrics are the same (there is a test of it),
    but the request is in another hour's profile."""
    at = datetime.fromisoformat(json.loads(line)["eventMetadata"]["inferenceTime"])
    return elsewhere < hour and elsewhere <= at < elsewhere + timedelta(hours=1)


def disturbed(world: World, chance: random.Random) -> None:
    """A measurement that dies, fails once, or meets another one; or one without any of it."""
    at = chance.randint(1, 60)
    kind = chance.choice(["dies", "fails", "twice", "whole"])
    with contextlib.suppress(Crash, OSError, ExceptionGroup):
        if kind == "dies":
            failing(world, at).call(monitor_model, PROJECT)
        elif kind == "fails":
            failing_once(world, at).call(monitor_model, PROJECT)
        elif kind == "twice":
            interrupted(world, at, lambda: world.call(monitor_model, PROJECT) and None).call(monitor_model, PROJECT)
        else:
            world.call(monitor_model, PROJECT)


def lived(seed: int) -> Any:
    world, chance = watched(), random.Random(seed)
    captured, files = story(world)
    uploads = files_of(captured, chance)
    waiting: list[str] = []
    for at, name, text in files:
        world.clock.advance(at - (world.clock.now() - min(captured)).total_seconds())  # type: ignore[attr-defined]
        world.objects.write(f"labels/{PROJECT}/{name}", text.encode())
        waiting += [name] * chance.randint(1, 2)
        for _ in range(chance.randint(0, len(uploads) // 2)):
            hour, own, lines = uploads.pop()
            put(world, hour, own, lines)
        if chance.random() < 0.5 and waiting:
            validate(world, waiting.pop(chance.randrange(len(waiting))))
        disturbed(world, chance)
    for hour, own, lines in uploads:
        put(world, hour, own, lines)
        if chance.random() < 0.3:
            disturbed(world, chance)
    for name in chance.sample(waiting, len(waiting)):
        with contextlib.suppress(Crash):
            key = f"labels/{PROJECT}/{name}"
            version = world.objects.version(key)
            failing(world, chance.randint(1, 12)).call(validate_dataset, world.objects.bucket, key, version, 10)
        world.clock.advance(1)  # type: ignore[attr-defined]
    # a message that was not handled comes again, after the time that a claim is held
    world.clock.advance(3600 - (world.clock.now() - min(captured) - timedelta(seconds=files[-1][0])).total_seconds())  # type: ignore[attr-defined]
    for name in dict.fromkeys(waiting):
        validate(world, name)
    return measured(world)


@pytest.fixture(scope="module")
def expected() -> Any:
    found = clean()
    assert found["rows"] == HOURS * ROWS
    assert found["quality"]["value"] is not None
    assert found["labels"]["corrected_rows"] > 2
    return found


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 200))])
def test_whatever_happens_on_the_way_the_metrics_are_those_of_the_clean_run(expected: Any, seed: int) -> None:
    found = lived(seed)
    assert {key: found.get(key) for key in expected} == expected
    assert found.keys() == expected.keys()


def test_each_call_to_a_service_may_fail_once(expected: Any) -> None:
    before = in_order()
    at = 0
    while True:
        at += 1
        world = copy.deepcopy(before)
        try:
            failing_once(world, at).call(monitor_model, PROJECT)
        except (OSError, ExceptionGroup):
            assert measured(world) == expected, at
        else:
            break
    assert at > 30


@pytest.mark.parametrize(("hours", "lost"), [(-1, 24), (1, 0), (2, 0), (23, 0), (26, 25)])
def test_a_file_that_is_copied_into_the_folder_of_another_hour_counts_once(hours: int, lost: int) -> None:
    world = watched("3d")
    captured, _ = story(world)
    for hour, lines in captured.items():
        put(world, hour, "a", lines)
    world.clock.advance(30 * 3600)  # type: ignore[attr-defined]
    assert measured(world)["rows"] == HOURS * ROWS
    # one of its requests was asked in the hour before
    copied = min(captured) + timedelta(hours=2)
    put(world, copied + timedelta(hours=hours), "copy", captured[copied])
    assert measured(world)["rows"] == HOURS * ROWS
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert sum(report["not_counted"].values()) == len(captured[copied])
    assert ("misplaced captures" in report["problems"]) == bool(lost)
    # if the copy is all that there is, it counts where a late upload could lie
    world.objects.remove(f"{FOLDER}/{copied:%Y/%m/%d/%H}/a.jsonl")  # type: ignore[attr-defined]
    assert measured(world)["rows"] == HOURS * ROWS - lost


def test_a_file_that_comes_is_read_alone() -> None:
    world = watched()
    captured, _ = story(world)
    world.clock.advance(BEGAN.total_seconds())  # type: ignore[attr-defined]
    newest = max(captured)
    for hour, lines in captured.items():
        put(world, hour, "a", lines[:10])
        put(world, hour, "b", lines[10:] if hour != newest else lines[10:20])
    measured(world)
    put(world, newest, "c", captured[newest][15:])
    read: list[str] = []
    reader = world.objects.read

    def noted(key: str, version_id: str | None = None) -> bytes:
        read.append(key)
        return reader(key, version_id)

    world.objects.read = noted  # type: ignore[method-assign]
    assert measured(world)["rows"] == HOURS * ROWS
    assert {key.rpartition("/")[2] for key in read if key.startswith("capture/")} == {"c.jsonl"}
    read.clear()
    assert measured(world)["rows"] == HOURS * ROWS
    assert not [key for key in read if key.startswith("capture/")]
