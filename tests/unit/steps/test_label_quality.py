"""Quality on delayed labels: mature rows alone, by the time of the request, by group; alarms for a certain loss."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.steps.monitor_model import monitor_model
from sluice.steps.validate_dataset import validate_dataset
from testing.release_world import CONTRACT, PROJECT
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import published, watched

MANY = {"metric": "recall", "min": 0.8, "min_labels": 20}


def world_of(**changes: Any) -> World:
    world = watched()
    content = {**CONTRACT, **changes, "monitor": {"window": "1d", "quality": MANY, **changes.get("monitor", {})}}
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v2")
    return world


def asked(world: World, name: str, rows: int, at: datetime, probability: float = 0.9, pages: int = 3) -> None:
    """Requests a second apart, whose keys and inference ids begin with the name."""
    content = [{"id": f"{name}-{number}", "pages": pages} for number in range(rows)]
    lay(world, "v-r1", content, at=at, prefix=name, probability=probability)


def labelled(world: World, name: str, rows: int, label: str, since: int = 0) -> None:
    lines = [f"{name}-{number},{label}" for number in range(since, rows)]
    send_labels(world, f"{name}-{label}-{since}.csv", "\n".join(["id,bought", *lines]))


def report(world: World) -> dict[str, Any]:
    world.call(monitor_model, PROJECT)
    found: dict[str, Any] = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert found["problems"] == {}
    return found


def page(world: World) -> str:
    stored = [each for each in world.objects.list(keys.monitor(PROJECT)) if each.key.endswith(".html")]
    return world.objects.read(stored[-1].key).decode()


def test_a_label_that_comes_days_later_counts_for_its_own_day() -> None:
    world = world_of()
    begun = world.clock.now()
    asked(world, "monday", 60, begun)
    world.clock.advance(4 * 86400)
    asked(world, "friday", 60, world.clock.now() - timedelta(hours=1), probability=0.1)
    labelled(world, "monday", 60, "true")
    labelled(world, "friday", 60, "true")
    quality = report(world)["quality"]
    by_day = {each["from"][:10]: each for each in quality["periods"]}
    monday, friday = (by_day[day.date().isoformat()] for day in (begun, world.clock.now()))
    assert (monday["labels"], monday["value"], monday["mature"]) == (60, 1.0, True)
    assert (friday["labels"], friday["value"]) == (60, 0.0)
    assert "Quality by the time of the request" in page(world)


def test_a_time_whose_labels_are_still_to_come_is_immature_and_out_of_the_alarm() -> None:
    """Each day's labels come three days later, but positives that were found come at once: a young day looks good."""
    world = world_of()
    begun = world.clock.now()
    for day in range(8):
        at = begun + timedelta(days=day)
        asked(world, f"d{day}", 40, at)
        asked(world, f"m{day}", 40, at, probability=0.1)
        world.clock.advance((at - world.clock.now()).total_seconds() + 600)
        labelled(world, f"d{day}", 8, "true")
        if day >= 3:
            labelled(world, f"d{day - 3}", 40, "true", 8)
            labelled(world, f"m{day - 3}", 40, "true")
    found = report(world)
    assert found["labels"]["maturity"]["mature_age_seconds"] == pytest.approx(3 * 86400, abs=900)
    young, old = found["quality"]["periods"][0], found["quality"]["periods"][-1]
    assert (old["mature"], old["value"]) == (True, 0.5)
    assert young["mature"] is False
    assert young["maturity"] == pytest.approx(0.1, abs=0.03)
    assert found["quality"]["value"] == pytest.approx(0.5, abs=0.04), "of the newest window that is mature"
    assert found["quality"]["immature_labels"] >= 2 * 8
    assert "immature" in page(world)
    # at one age all days look alike, since all lack the same labels
    same_age = {each.get("value_at_equal_age") for each in found["quality"]["periods"]}
    assert len(same_age - {None}) <= 1


def test_the_alarm_is_on_the_bound_and_rings_for_a_certain_loss_alone() -> None:
    world = world_of()
    asked(world, "hit", 15, world.clock.now())
    asked(world, "miss", 10, world.clock.now(), probability=0.1)
    world.clock.advance(60)
    labelled(world, "hit", 15, "true")
    labelled(world, "miss", 10, "true")
    quality = report(world)["quality"]
    # 15 of 25 is below 0.8, but 25 labels prove nothing
    assert published(world)["QualityScore"] == quality["value"] == 0.6
    assert quality["low"] < 0.6 < quality["high"]
    assert published(world)["QualityBound"] == quality["bound"] > 0.8
    assert quality["evidence"]["worse"] is False
    asked(world, "lost", 300, world.clock.now(), probability=0.1)
    world.clock.advance(600)
    labelled(world, "lost", 300, "true")
    quality = report(world)["quality"]
    assert published(world)["QualityBound"] == quality["bound"] < 0.8
    assert quality["evidence"]["worse"] is True
    world.call(ensure_monitoring, PROJECT)
    alarm = world.alarms.alarms["sluice/shop/quality"]
    assert (alarm.metric, alarm.threshold, alarm.comparison) == ("QualityBound", 0.8, "LessThanThreshold")
    assert "the loss is certain" in page(world)


def test_labels_and_captures_in_any_order_and_twice_give_the_same_to_the_last_digit() -> None:
    files = {
        f"part-{part}.csv": [f"r-{number},{number % 3 == 0}" for number in range(part, 90, 3)] for part in range(3)
    }
    files["corrections.csv"] = [f"r-{number},true" for number in range(0, 90, 7)]
    seen = []
    for order in (list(files), list(reversed(files)), ["part-1.csv", "corrections.csv", "part-2.csv", "part-0.csv"]):
        world = world_of(monitor={"quality": {"metric": "log_loss", "max": 0.7, "min_labels": 20}})
        at = world.clock.now()
        for number in range(90):
            probability = 0.1 + 0.007 * (number * 37 % 90)
            row = [{"id": f"r-{number}", "pages": number % 9}]
            lay(world, "v-r1", row, at=at + timedelta(seconds=number), prefix=f"r{number}-", probability=probability)
        world.clock.advance(200)
        if seen:
            for stored in world.objects.list(keys.capture(PROJECT))[::5]:
                world.objects.write(stored.key.replace(".jsonl", "-again.jsonl"), world.objects.read(stored.key))
        for name, lines in files.items():
            world.objects.write(f"labels/shop/{name}", "\n".join(["id,bought", *lines]).encode())
            world.clock.advance(10)
        for name in [*order, *order[:2]]:
            key = f"labels/shop/{name}"
            world.call(validate_dataset, "data", key, world.objects.version(key), 10)
        found = report(world)
        seen.append((found["quality"], found["labels"], published(world)))
    assert seen[0][0]["value"] is not None
    assert seen[0][1]["corrected_rows"] > 0
    for quality, labels, metrics in seen[1:]:
        assert (quality, labels) == seen[0][:2]
        assert {name: value for name, value in metrics.items() if name.startswith("Quality")} == {
            name: value for name, value in seen[0][2].items() if name.startswith("Quality")
        }


def test_groups_that_a_gate_names_have_their_own_quality() -> None:
    gates = [{"metric": "recall", "slice": "pages", "max_gap": 0.2}]
    world = world_of(gates=gates)
    asked(world, "low", 60, world.clock.now(), pages=2)
    asked(world, "high", 60, world.clock.now(), probability=0.1, pages=8)
    world.clock.advance(600)
    labelled(world, "low", 60, "true")
    labelled(world, "high", 60, "true")
    groups = report(world)["quality"]["slices"]["pages"]
    assert {name: each["value"] for name, each in groups["segments"].items()} == {"below 5": 1.0, "5 and more": 0.0}
    assert "below 5" in page(world)


def test_without_a_limit_labels_are_measured_and_nothing_is_published() -> None:
    world = watched()
    content = {name: value for name, value in CONTRACT.items() if name != "monitor"}
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v2")
    asked(world, "hit", 30, world.clock.now())
    world.clock.advance(60)
    labelled(world, "hit", 30, "true")
    found = report(world)
    assert found["quality"] is None
    assert found["labelled_quality"]["metrics"]["recall"]["value"] == 1.0
    assert not [name for name in published(world) if name.startswith("Quality")]


def several(kind: str, target: dict[str, Any], quality: dict[str, Any]) -> World:
    columns = {**CONTRACT["data"]["columns"], "bought": target}
    return world_of(
        problem={"type": kind, "target": "bought"},
        data={**CONTRACT["data"], "columns": columns},
        gates=[],
        monitor={"quality": {**quality, "min_labels": 20}},
    )


def test_several_classes_have_quality_too() -> None:
    world = several("multiclass", {"type": "category"}, {"metric": "macro_f1", "min": 0.5})
    for name in ("red", "blue"):
        rows = [{"id": f"{name}-{number}", "pages": 3} for number in range(40)]
        answer = {"predictions": [{"prediction": name, "probability": 0.8}]}
        lay(world, "v-r1", rows, at=world.clock.now(), prefix=name, answer=answer)
    world.clock.advance(600)
    labelled(world, "red", 40, "red")
    labelled(world, "blue", 30, "blue")
    labelled(world, "blue", 40, "red", 30)
    quality = report(world)["quality"]
    assert quality["value"] == pytest.approx((2 * 40 / 90 + 2 * 30 / 70) / 2)
    assert quality["metrics"]["accuracy"]["value"] == 0.875
    assert published(world)["QualityBound"] == quality["bound"] > 0.5


def test_numbers_have_r2() -> None:
    world = several("regression", {"type": "number"}, {"metric": "r2", "min": 0.5})
    for number in range(40):
        answer = {"predictions": [{"prediction": float(number)}]}
        row = [{"id": f"n-{number}", "pages": 3}]
        lay(world, "v-r1", row, at=world.clock.now(), prefix=f"n{number}-", answer=answer)
    world.clock.advance(600)
    lines = [f"n-{number},{number + (1 if number % 2 else -1)}" for number in range(40)]
    send_labels(world, "a.csv", "\n".join(["id,bought", *lines]))
    quality = report(world)["quality"]
    assert quality["value"] == pytest.approx(1 - 1 / quality_variance(), rel=0.05)


def quality_variance() -> float:
    labels = [number + (1 if number % 2 else -1) for number in range(40)]
    mean = sum(labels) / 40
    return sum((label - mean) ** 2 for label in labels) / 40


def of_numbers(quality: dict[str, Any], pairs: list[tuple[float, Any]]) -> World:
    world = several("regression", {"type": "number"}, quality)
    for number, (_, said) in enumerate(pairs):
        answer = {"predictions": [{"prediction": said}]}
        row = [{"id": f"n-{number}", "pages": 3}]
        lay(world, "v-r1", row, at=world.clock.now(), prefix=f"n{number}-", answer=answer)
    world.clock.advance(600)
    lines = [f"n-{number},{label}" for number, (label, _) in enumerate(pairs)]
    send_labels(world, "a.csv", "\n".join(["id,bought", *lines]))
    return world


@pytest.mark.parametrize(
    ("quality", "pairs", "words"),
    [
        ({"metric": "rmse", "max": 9}, [(5, None)] * 30, "30 more do not count: the answer has no number"),
        ({"metric": "rmse", "max": 9}, [(5, 6)] * 19 + [(5, None)], "19 labels belong to a captured request; 20"),
        ({"metric": "mape", "max": 9}, [(0, 6)] * 30, "30 more do not count: the answer is not a number, or the label"),
        ({"metric": "mape", "max": 9}, [(0, 6)] * 30 + [(5, 6)], "1 labels belong to a captured request; 20"),
        ({"metric": "r2", "min": 0.5}, [(5, 6)] * 30, "all labels are the same number"),
    ],
)
def test_labels_that_cannot_count_are_neither_measured_nor_called_missing(quality, pairs, words) -> None:
    found = report(of_numbers(quality, pairs))["quality"]
    assert found["value"] is None
    assert words in found["reason"]


def test_a_label_far_from_all_others_is_said_to_prevent_a_bound() -> None:
    pairs = [(number, number + 1) for number in range(40)]
    world = of_numbers({"metric": "r2", "min": 0.5}, [*pairs, (10**9, 40)])
    found = report(world)["quality"]
    assert (found["bound"], "r2 changes too much with single labels" in found["bound_reason"]) == (None, True)
    assert "That cannot be said: r2 changes" in page(world)


def test_early_labels_of_one_class_are_measured_and_put_nothing_into_alarm() -> None:
    """Of a shop that knows its buyers at once: the others' labels come after a month."""
    world = world_of(monitor={"quality": {"metric": "accuracy", "min": 0.9, "min_labels": 20}})
    asked(world, "miss", 300, world.clock.now(), probability=0.1)
    asked(world, "other", 300, world.clock.now(), probability=0.1)
    world.clock.advance(3600)
    labelled(world, "miss", 300, "true")
    world.clock.advance(3600)
    quality = report(world)["quality"]
    assert (quality["value"], quality["caution"]) == (0.0, "all labels have the same class")
    assert "QualityBound" not in published(world)
    assert "others may still be to come" in page(world)
    labelled(world, "other", 100, "false")
    world.clock.advance(3600)
    assert report(world)["quality"]["evidence"]["worse"] is True


def test_precision_without_a_positive_answer_says_so() -> None:
    world = world_of(monitor={"quality": {"metric": "precision", "min": 0.5, "min_labels": 20}})
    asked(world, "miss", 40, world.clock.now(), probability=0.1)
    world.clock.advance(600)
    labelled(world, "miss", 20, "true")
    labelled(world, "miss", 40, "false", 20)
    quality = report(world)["quality"]
    assert (quality["value"], quality["caution"]) == (0.0, "no answer is positive: precision counts as 0")
    assert "no answer is positive" in page(world)
