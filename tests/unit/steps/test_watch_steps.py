"""Monitoring, alarm responses and batches."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.steps.finish_batch import finish_batch
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_batch import plan_batch
from sluice.steps.request_retraining import request_retraining
from sluice.steps.respond_to_alarm import respond_to_alarm
from sluice.steps.watch_canary import watch_canary
from testing.fakes import Crash, failing, interrupted
from testing.release_world import CONTRACT, NEW, OLD, PROJECT, build
from tests.unit.steps.label_files import send_labels

BASELINE = {
    "columns": {"pages": {"type": "number", "edges": [0, 5, 10], "shares": [0.5, 0.5], "missing": 0.0}},
    "scores": {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]},
    "rows": 100,
}


def capture(world: World, pages: list[Any], variant: str = "v-r1", at: str | None = None) -> None:
    lines = []
    when = {"inferenceTime": at} if at else {}
    for i, value in enumerate(pages):
        answer = {"predictions": [{"prediction": i % 2 == 0, "probability": 0.9 if i % 2 == 0 else 0.1}]}
        data = {
            "endpointInput": {"data": json.dumps({"id": str(i), "pages": value}), "encoding": "JSON"},
            "endpointOutput": {"data": json.dumps(answer), "encoding": "JSON"},
        }
        lines.append(json.dumps({"captureData": data, "eventMetadata": {"inferenceId": f"i{i}", **when}}))
    world.objects.write(f"capture/shop/sluice-shop/{variant}/2026/11/22/12/x.jsonl", "\n".join(lines).encode())


def watched() -> World:
    world = build()
    world.objects.write(keys.run(PROJECT, OLD, "evaluation", "baseline.json"), json.dumps(BASELINE).encode())
    return world


def published(world: World) -> dict[str, float]:
    return {metric.name: metric.value for metric in world.metrics.published}


def alarm(kind: str, at: str = "2026-11-22T12:00:00.000+0000", value: str = "ALARM") -> dict[str, Any]:
    return {"alarmName": f"sluice/shop/{kind}", "state": {"value": value, "timestamp": at}}


def test_stable_and_drifted_windows() -> None:
    world = watched()
    capture(world, [1, 7] * 20)
    assert world.call(monitor_model, PROJECT)["decision"] == "stable"
    capture(world, [9] * 40)
    assert world.call(monitor_model, PROJECT)["decision"] == "drifted"
    assert published(world)["DriftScore"] > 0.2


def test_what_chance_makes_of_few_rows_does_not_ring() -> None:
    world = watched()
    capture(world, [1] * 18 + [7] * 6)
    answer = world.call(monitor_model, PROJECT)
    assert answer["decision"] == "stable"
    assert answer["drift"]["columns"]["pages"] == pytest.approx(0.275, abs=0.001)
    assert answer["drift"]["by_chance"] == ["pages"]
    assert "chance explains" in answer["reasons"][0]
    # the alarm rings above the limit
    assert published(world)["DriftScore"] == Contract.model_validate(CONTRACT).monitor.drift.max
    capture(world, [1] * 180 + [7] * 60)
    assert world.call(monitor_model, PROJECT)["decision"] == "drifted"
    assert published(world)["DriftScore"] == pytest.approx(0.275, abs=0.001)


@pytest.mark.parametrize(("at", "counted"), [("2026-11-22T11:59:59Z", 0), ("2026-11-22T12:00:00Z", 40)])
def test_captures_tell_whole_seconds(at: str, counted: int) -> None:
    world = watched()
    champion = world.ledger.champion(PROJECT)
    assert champion is not None
    promoted_at = datetime(2026, 11, 22, 12, 0, 0, 700_000, tzinfo=UTC)
    world.clock.advance(1)
    world.ledger.set_champion(PROJECT, replace(champion, promoted_at=promoted_at), champion.run_id)
    capture(world, [1, 7] * 20, at=at)
    assert world.call(monitor_model, PROJECT)["rows"] == counted


@pytest.mark.parametrize(("rows", "variant"), [(5, "v-r1"), (40, "v-r0")])
def test_too_few_or_foreign_rows_give_no_score(rows: int, variant: str) -> None:
    world = watched()
    capture(world, [9] * rows, variant)
    assert world.call(monitor_model, PROJECT)["decision"] == "inconclusive"
    assert published(world)["DriftInconclusive"] == 1
    assert "DriftScore" not in published(world)


@pytest.mark.parametrize("by", ["inference_id", "id"])
def test_labels_give_quality(by: str) -> None:
    world = watched()
    capture(world, [1, 7] * 20)
    prefix = "i" if by == "inference_id" else ""
    rows = [f"{prefix}{i},{'true' if i % 2 == 0 else 'false'}" for i in range(40)]
    send_labels(world, "a.csv", "\n".join([f"{by},bought", *rows]))
    world.call(monitor_model, PROJECT)
    assert published(world)["QualityScore"] == 1.0


def test_drift_retrains_once_and_then_cools_down() -> None:
    world = watched()
    assert world.call(respond_to_alarm, alarm("drift"))["decision"] == "retrain"
    assert world.call(respond_to_alarm, alarm("drift"))["decision"] == "duplicate"
    later = world.call(respond_to_alarm, alarm("drift", "2026-11-22T13:00:00.000+0000"))
    assert later["decision"] == "hold"
    assert "cooldown" in later["reasons"][0]
    assert [kind for kind, _ in world.events.put_events] == ["Training Requested"]
    assert world.alerts.kinds == ["Retraining Started", "Response Held"]


def test_a_broken_feed_is_held() -> None:
    world = watched()
    capture(world, [None] * 40)
    world.call(monitor_model, PROJECT)
    answer = world.call(respond_to_alarm, alarm("drift"))
    assert answer["decision"] == "hold"
    assert "broken feed" in answer["reasons"][0]


def test_a_canary_alarm_asks_the_release_to_abort() -> None:
    world = watched()
    assert world.call(respond_to_alarm, alarm(f"{NEW}/canary-errors"))["decision"] == "ignored"
    assert world.call(respond_to_alarm, alarm(f"{NEW}/canary"))["decision"] == "abort"
    assert world.ledger.run(PROJECT, NEW)["abort_requested"]


@pytest.mark.parametrize("alarm_first", [True, False])
def test_an_alarm_ends_the_wait_whichever_comes_first(alarm_first: bool) -> None:
    world = watched()
    steps = [
        lambda: world.call(respond_to_alarm, alarm(f"{NEW}/canary")),
        lambda: world.call(watch_canary, PROJECT, NEW, "token"),
    ]
    for step in steps if alarm_first else reversed(steps):
        step()
    assert world.executions.failed == {"token": ("CanaryAborted", "alarm canary")}


def test_a_swapped_fleet_that_fails_does_not_take_the_champion_with_it() -> None:
    world = watched()
    world.ledger.champions[PROJECT] = replace(world.ledger.champion(PROJECT), previous={"run_id": "r0"})
    world.ledger.update_run(PROJECT, NEW, {"release": {"mode": "blue_green"}})
    assert world.call(respond_to_alarm, alarm("champion-errors"))["decision"] == "abort"
    assert world.ledger.run(PROJECT, NEW)["abort_requested"]
    ended = world.clock.now().isoformat()
    world.ledger.update_run(PROJECT, NEW, {"release_outcome": "rolled_back", "ended_at": ended})
    soon, later = "2026-11-22T12:02:00.000+0000", "2026-11-22T12:10:00.000+0000"
    assert world.call(respond_to_alarm, alarm("champion-errors", soon))["decision"] == "hold"
    assert not world.executions.started
    assert world.call(respond_to_alarm, alarm("champion-errors", later))["decision"] == "roll_back"


def test_answers_of_another_model_under_the_champions_name_are_not_its_own() -> None:
    world = watched()
    capture(world, [1, 7] * 20)
    key = "capture/shop/sluice-shop/v-r1/2026/11/22/12/x.jsonl"
    body = world.objects.read(key).decode().splitlines()
    for number, line in enumerate(body[:10]):
        record = json.loads(line)
        answer = json.loads(record["captureData"]["endpointOutput"]["data"])
        record["captureData"]["endpointOutput"]["data"] = json.dumps({**answer, "model": "r2"})
        body[number] = json.dumps(record)
    world.objects.write(key, "\n".join(body).encode())
    assert world.call(monitor_model, PROJECT)["rows"] == 30


def test_an_alarm_of_a_release_that_is_over_is_held() -> None:
    world = watched()
    world.ledger.update_run(PROJECT, NEW, {"release_outcome": "promoted"})
    answer = world.call(respond_to_alarm, alarm(f"{NEW}/canary"))
    assert answer["decision"] == "hold"
    assert "was over (promoted)" in answer["reasons"][0]


def test_probation_rolls_back_once() -> None:
    from dataclasses import replace

    world = watched()
    world.ledger.champions[PROJECT] = replace(world.ledger.champion(PROJECT), previous={"run_id": "r0"})
    for _ in range(2):
        world.call(respond_to_alarm, alarm("champion-errors"))
    assert len(world.executions.started) == 1
    assert world.alerts.kinds == ["Rollback Started"]


def test_a_measurement_of_the_model_before_rolls_nothing_back() -> None:
    world = watched()
    capture(world, [9.0] * 100)
    serving = world.ledger.champion(PROJECT)
    assert serving is not None
    later = world.clock.now()
    new = replace(serving, run_id=NEW, variant="v-r2", previous={"run_id": OLD}, promoted_at=later)

    def promoted() -> None:
        world.ledger.champions[PROJECT] = new  # type: ignore[attr-defined]

    interrupted(world, 8, promoted).call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert (report["run_id"], report["replaced_by"]) == (OLD, NEW)
    assert published(world) == {}, "they would put the alarms of the new model into ALARM"
    answer = world.call(respond_to_alarm, alarm("quality"))
    assert (answer["decision"], world.executions.started) == ("hold", {})
    assert answer["reasons"] == [f"quality was measured for {OLD}, which no longer serves"]
    world.objects.write(keys.monitor(PROJECT, "latest.json"), json.dumps(report | {"run_id": NEW}).encode())
    answer = world.call(respond_to_alarm, alarm("quality", at="2026-11-22T12:09:00.000+0000"))
    assert answer["decision"] == "roll_back"


def scheduled(**retrain: Any) -> World:
    world = watched()
    content = {**CONTRACT, "retrain": {"schedule": "1d", **retrain}}
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v2")
    return world


def test_the_clock_asks_for_a_retraining_once_a_time() -> None:
    world = scheduled()
    first = world.call(request_retraining, PROJECT, "2026-11-22T12:00:00Z")
    assert first["decision"] == "retrain"
    assert world.call(request_retraining, PROJECT, "2026-11-22T12:00:00Z")["decision"] == "duplicate"
    [(kind, detail)] = world.events.put_events
    assert (kind, detail["trigger"], detail["at"]) == ("Training Requested", "schedule", "2026-11-22T12:00:00+00:00")
    assert detail["reason"] == "the contract asks for a retraining every 1d"
    assert json.loads(world.objects.read(first["record"]))["decision"] == "retrain"
    assert world.alerts.kinds == ["Retraining Started"]
    assert world.alerts.published[0].facts == {"trigger": "schedule", "record": first["record"]}


def test_without_a_time_the_clock_says_when() -> None:
    world = scheduled()
    world.call(request_retraining, PROJECT)
    assert world.events.put_events[0][1]["at"] == world.clock.now().isoformat()


def test_the_request_of_a_dead_function_is_repeated_and_counted_once() -> None:
    world = scheduled(max_per_week=1)
    at = "2026-11-22T12:00:00Z"
    key = world.call(request_retraining, PROJECT, at)["record"]
    del world.objects.versions[key]  # as if it had died before it wrote the record
    assert world.call(request_retraining, PROJECT, at)["decision"] == "retrain"
    assert len({json.dumps(event) for event in world.events.put_events}) == 1


def test_alarms_and_the_clock_share_the_weekly_limit_and_what_is_held_is_told() -> None:
    world = scheduled(max_per_week=2)
    assert world.call(respond_to_alarm, alarm("drift"))["decision"] == "retrain"
    assert world.call(request_retraining, PROJECT, "2026-11-22T13:00:00Z")["decision"] == "retrain"
    held = world.call(request_retraining, PROJECT, "2026-11-22T14:00:00Z")
    assert held["decision"] == "hold"
    assert held["reasons"] == ["retrainings in the last 7 days: 2, the most that retrain.max_per_week allows"]
    assert len(world.events.put_events) == 2
    answer = world.call(respond_to_alarm, alarm("drift", "2026-11-22T15:00:00.000+0000"))
    assert answer["decision"] == "hold"
    assert answer["reasons"][-1] == held["reasons"][0]
    assert world.alerts.kinds == ["Retraining Started", "Retraining Started", "Response Held", "Response Held"]
    assert world.alerts.published[2].message == held["reasons"][0]


def test_a_schedule_that_the_contract_has_lost_starts_nothing() -> None:
    world = watched()
    assert world.call(request_retraining, PROJECT, "2026-11-22T12:00:00Z")["decision"] == "ignored"
    assert world.events.put_events == []


def test_monitoring_has_a_retraining_schedule_while_the_contract_has_one() -> None:
    world = scheduled()
    made = world.call(ensure_monitoring, PROJECT)
    schedule = world.schedules.schedules[made["retrain_schedule"]]
    assert (made["retrain_schedule"], schedule.expression) == ("sluice-shop-retrain", "rate(1440 minutes)")
    assert schedule.target_arn == world.settings.monitor_function_arn
    assert {"project": PROJECT, "task": "retrain"}.items() <= schedule.payload.items()
    world.ledger.save_contract(PROJECT, Contract.model_validate(CONTRACT).model_dump(mode="json"), "v3")
    assert world.call(ensure_monitoring, PROJECT)["retrain_schedule"] is None
    assert list(world.schedules.schedules) == ["sluice-shop-monitor"]


@pytest.mark.parametrize("kind", ["champion-errors", "drift", "quality"])
def test_a_response_that_is_held_is_told_with_its_reasons(kind: str) -> None:
    world = scheduled(max_per_week=0)
    answer = world.call(respond_to_alarm, alarm(kind))
    assert answer["decision"] == "hold"
    [told] = world.alerts.published
    assert (told.kind, told.message, told.facts["alarm"]) == ("Response Held", "\n".join(answer["reasons"]), kind)
    assert json.loads(world.objects.read(told.facts["record"]))["reasons"] == answer["reasons"]


def test_only_alarms_of_this_stack_count() -> None:
    world = watched()
    assert world.call(respond_to_alarm, alarm("drift", value="OK"))["decision"] == "ignored"
    assert world.call(respond_to_alarm, {**alarm("drift"), "alarmName": "other/shop/drift"})["decision"] == "ignored"


def dropped(world: World, key: str, body: bytes = b"pages\n1\n") -> str:
    """The version id of a file that lies in batch/."""
    world.objects.write(key, body)
    return str(world.objects.version(key))


def test_a_batch_is_planned_and_finished_once() -> None:
    world = watched()
    key = "batch/shop/a b.csv"
    version = dropped(world, key)
    plan = world.call(plan_batch, key, version)
    assert (plan["decision"], plan["accept"], plan["model"]) == ("started", "text/csv", "m1")
    assert [world.call(finish_batch, PROJECT, key, version, "scored", "s3://o")["recorded"] for _ in "ab"] == [
        True,
        False,
    ]
    assert world.alerts.kinds == ["Batch Finished"]
    assert world.call(plan_batch, key, version)["decision"] == "known"


def test_an_event_that_comes_twice_starts_one_execution_and_tells_nothing() -> None:
    world = watched()
    version = dropped(world, "batch/shop/a.csv")
    first, second = (world.call(plan_batch, "batch/shop/a.csv", version) for _ in "ab")
    assert first["execution"] == second["execution"]
    assert len(world.executions.started) == 1
    assert world.alerts.kinds == []
    newer = dropped(world, "batch/shop/a.csv", b"pages\n2\n")
    assert world.call(plan_batch, "batch/shop/a.csv", newer)["execution"] != first["execution"]
    assert len(world.executions.started) == 2


def test_only_the_dropped_version_of_the_dropped_file_is_scored() -> None:
    world = watched()
    version = dropped(world, "batch/shop/a.csv")
    dropped(world, "batch/shop/a.csv.old.csv", b"another")
    dropped(world, "batch/shop/a.csv", b"pages\n2\n")
    source = world.call(plan_batch, "batch/shop/a.csv", version)["input_uri"].removeprefix("s3://data/")
    # a transform reads everything that begins so
    (found,) = world.objects.list(source)
    assert world.objects.read(found.key) == b'{"pages":1.0}\n'
    assert not found.key.startswith("batch/"), "it would be scored again, and again"


@pytest.mark.parametrize("after", range(1, 11))
def test_a_planner_that_died_is_repeated_to_one_execution(after: int) -> None:
    world = watched()
    version = dropped(world, "batch/shop/a.csv")
    with contextlib.suppress(Crash):
        failing(world, after).call(plan_batch, "batch/shop/a.csv", version)
    assert world.call(plan_batch, "batch/shop/a.csv", version)["decision"] == "started"
    assert len(world.executions.started) == 1


def test_versions_and_folders_never_share_a_transform_s_output() -> None:
    world = watched()
    places = set()
    for name in ("a.csv", "2026/11/a.csv", "a.csv"):
        plan = world.call(plan_batch, f"batch/shop/{name}", dropped(world, f"batch/shop/{name}"))
        assert plan["input_uri"].endswith("/a.csv")  # the transform names its output so
        assert not plan["output_uri"].startswith(plan["input_uri"].rpartition("/")[0] + "/")
        places.add(plan["output_uri"])
    assert len(places) == 3


def test_a_folder_of_the_console_is_no_batch() -> None:
    world = watched()
    assert world.call(plan_batch, "batch/shop/", "v1", 0)["decision"] == "ignored"
    assert world.alerts.kinds == []


@pytest.mark.parametrize(
    ("key", "champion", "error"),
    [
        ("batch/shop/a.csv", False, "NoChampionError"),
        ("batch/no/a.csv", True, "UnknownProjectError"),
        ("batch/a.csv", True, "InputError"),
    ],
)
def test_an_impossible_batch_is_refused_and_told(key: str, champion: bool, error: str) -> None:
    world = build(champion=champion)
    assert world.call(plan_batch, key, "v1")["decision"] == "refused"
    assert world.alerts.kinds == ["Batch Failed"]
    record = world.ledger.arrival("data", key, "v1")
    assert (record["status"], record["error"]) == ("failed", error)
