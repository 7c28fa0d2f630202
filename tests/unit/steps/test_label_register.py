"""The register of delayed labels: each answered row counts once, and nothing depends on an order or on a crash."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.monitor_model import monitor_model
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import Crash, failing
from testing.release_world import PROJECT
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import watched

ROWS = [{"id": f"k{i}", "pages": i % 9} for i in range(6)]


def served() -> World:
    """Six requests, one a second, with the inference ids i0 … and the keys k0 …; it is a minute later."""
    world = watched()
    world.clock.advance(60)
    lay(world, "v-r1", ROWS, at=world.clock.now())
    world.clock.advance(60)
    return world


def report(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    return found


def measured(world: World) -> dict[str, Any]:
    world.call(monitor_model, PROJECT)
    assert report(world)["problems"] == {}
    found: dict[str, Any] = report(world)["labels"]
    return found


def register(world: World) -> list[dict[str, Any]]:
    found = []
    for stored in world.objects.list(keys.monitor(PROJECT, "labels/")):
        if stored.key.endswith(".gz"):
            found += [json.loads(line) for line in gzip.decompress(world.objects.read(stored.key)).splitlines()]
    return found


def test_a_row_that_is_labelled_by_id_and_by_key_counts_once() -> None:
    world = served()
    send_labels(world, "by-id.csv", "inference_id,bought\ni0,true\ni1,false\n")
    send_labels(world, "by-key.csv", "id,bought\nk0,true\nk2,true\n")
    found = measured(world)
    assert (found["labels"], found["counted"], found["named_by_id_and_key"], found["repeated_rows"]) == (4, 3, 1, 1)
    assert [(row["inference_id"], row["label"]) for row in register(world)] == [
        ("i0", "true"),
        ("i1", "false"),
        ("i2", "true"),
    ]


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
@pytest.mark.parametrize("kinds", list(itertools.product(("inference_id,i", "id,k"), repeat=2)))
def test_the_later_arrival_counts_whatever_the_file_is_called(names: tuple[str, str], kinds: tuple[str, str]) -> None:
    world = served()
    for name, kind, label in zip(names, kinds, ("true", "false"), strict=True):
        column, prefix = kind.split(",")
        send_labels(world, name, f"{column},bought\n{prefix}3,{label}\n")
        world.clock.advance(10)
    assert measured(world)["corrected_rows"] == 1
    (row,) = register(world)
    assert row["label"] == "false"
    assert [(each["label"], each["file"]) for each in row["said"]] == [
        ("true", f"labels/shop/{names[0]}"),
        ("false", f"labels/shop/{names[1]}"),
    ]


def test_arrival_is_the_object_s_and_not_when_it_was_validated() -> None:
    world = served()
    for name, label in (("first.csv", "true"), ("second.csv", "false")):
        world.objects.write(f"labels/shop/{name}", f"id,bought\nk3,{label}\n".encode())
        world.clock.advance(10)
    for name in ("second.csv", "first.csv"):
        key = f"labels/shop/{name}"
        world.call(validate_dataset, "data", key, world.objects.version(key), 10)
        world.clock.advance(10)
    measured(world)
    assert [row["label"] for row in register(world)] == ["false"]


def test_a_file_that_grows_keeps_when_its_labels_came_first_and_what_it_corrects() -> None:
    world = served()
    asked = world.clock.now() - timedelta(seconds=60)
    send_labels(world, "all.csv", "id,bought\nk0,true\nk1,true\nk2,true\n")
    world.clock.advance(1000)
    send_labels(world, "all.csv", "id,bought\nk0,true\nk1,false\nk3,true\n")
    found = measured(world)
    rows = {row["key"][0]: row for row in register(world)}
    assert {key: row["label"] for key, row in rows.items()} == {"k0": "true", "k1": "false", "k3": "true"}
    assert [each["label"] for each in rows["k1"]["said"]] == ["true", "false"]
    first = {key: min(each["first"] for each in row["said"]) - asked.timestamp() for key, row in rows.items()}
    assert first == {"k0": 60.0, "k1": 60.0, "k3": 1060.0}
    assert found["corrected_rows"] == 1


def test_what_meets_no_request_of_the_model_is_counted() -> None:
    world = served()
    lay(world, "v-r0", [{"id": "old", "pages": 1}], at=world.clock.now(), prefix="old")
    world.clock.advance(60)
    send_labels(world, "a.csv", "inference_id,bought\nnobody,true\nold0,true\ni0,false\n")
    found = measured(world)
    assert (found["counted"], found["unknown"], found["outside"]) == (1, 1, 1)
    assert found["unknown_by_file"] == {"labels/shop/a.csv": 1}
    page = next(each for each in world.objects.list(keys.monitor(PROJECT)) if each.key.endswith(".html"))
    text = world.objects.read(page.key).decode()
    assert "no request with this identity" in text


def test_a_label_counts_for_its_request_s_time_and_not_beyond_the_horizon() -> None:
    world = served()
    asked = world.clock.now() - timedelta(seconds=60)
    world.clock.advance(5 * 86400)  # the window of the measurement is a day
    send_labels(world, "a.csv", "id,bought\nk0,true\n")
    assert measured(world)["counted"] == 1
    assert [row["at"] for row in register(world)] == [asked.timestamp()]
    world.clock.advance(24.9 * 86400)
    send_labels(world, "b.csv", "id,bought\nk1,true\n")
    assert (measured(world)["counted"], report(world)["labels"]["too_late"]) == (2, 0)
    world.clock.advance(0.5 * 86400)
    send_labels(world, "c.csv", "id,bought\nk2,true\n")
    found = measured(world)
    assert (found["counted"], found["unknown"], found["too_late"]) == (2, 0, 1)


def test_duplicates_in_any_order_give_the_same() -> None:
    files = {
        "a.csv": "id,bought\nk0,true\nk1,false\n",
        "b.csv": "inference_id,bought\ni1,true\ni2,false\ni2,false\n",
        "c.csv": "id,bought\nk0,true\nk5,true\nk5,false\n",
    }
    seen = []
    for order in itertools.permutations(files):
        world = served()
        for name in files:
            world.objects.write(f"labels/shop/{name}", files[name].encode())
            world.clock.advance(7)
        # a capture that comes twice, under another name
        (capture,) = world.objects.list(keys.capture(PROJECT))
        world.objects.write(capture.key.replace(".jsonl", "-again.jsonl"), world.objects.read(capture.key))
        for name in [*order, *order]:
            key = f"labels/shop/{name}"
            world.call(validate_dataset, "data", key, world.objects.version(key), 10)
        world.clock.advance(60 - 21)
        seen.append((measured(world), register(world)))
    assert all(each == seen[0] for each in seen[1:])
    assert [(row["key"][0], row["label"]) for row in seen[0][1]] == [
        ("k0", "true"),
        ("k1", "true"),
        ("k2", "false"),
        ("k5", "false"),
    ]


@pytest.mark.parametrize("after", range(1, 16))
def test_a_measurement_that_dies_or_runs_twice_changes_nothing(after: int) -> None:
    def world_with_labels() -> World:
        world = served()
        send_labels(world, "a.csv", "id,bought\nk0,true\nk1,false\n")
        send_labels(world, "b.csv", "inference_id,bought\ni1,true\n")
        return world

    clean = world_with_labels()
    world = world_with_labels()
    with contextlib.suppress(Crash, ExceptionGroup):
        failing(world, after).call(monitor_model, PROJECT)
    for _ in range(2):
        assert measured(world) == measured(clean)
        assert register(world) == register(clean)
