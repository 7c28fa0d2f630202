"""One damaged object stops nothing else of the monitoring, and somebody is told its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.names import digest
from sluice.ports import Json
from sluice.steps.monitor_model import monitor_model
from sluice.steps.respond_to_alarm import respond_to_alarm
from testing.release_world import CONTRACT, OLD, PROJECT
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import alarm, capture, published, watched

LABELS = "inference_id,bought\n" + "".join(f"i{i},{'Y' if i % 2 == 0 else 'N'}\n" for i in range(40))
BASELINE = keys.run(PROJECT, OLD, "evaluation", "baseline.json")
LATEST = keys.monitor(PROJECT, "latest.json")


def looked_at() -> World:
    world = watched()
    capture(world, [1, 7] * 20)
    return world


def report(world: World) -> Json:
    return json.loads(world.objects.read(LATEST))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("nan.csv", "id,bought\n1,NaN\n"),
        ("quote.csv", 'id,bought\n"x,true\n' + "y,false\n" * 3),
        ("huge.csv", 'id,bought\n"' + "x" * 200_000 + "\n"),
        ("binary.csv", b"\x00\xff\xfe" * 100),
        ("empty.csv", ""),
        ("header.csv", "s1,true\n"),
    ],
)
def test_a_broken_label_file_leaves_the_others(name: str, body: str | bytes) -> None:
    world = looked_at()
    send_labels(world, "good.csv", LABELS)
    refused = send_labels(world, name, body)
    assert world.call(monitor_model, PROJECT)["decision"] == "stable"
    assert published(world)["QualityScore"] == 1.0
    if refused["status"] != "accepted":
        assert f"labels/{PROJECT}/{name}" in report(world)["labels"]["left_out"]
    told = [alert for alert in world.alerts.published if alert.kind == "Labels Refused"]
    assert len(told) == 1
    assert name in told[0].message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"{}", b'{"columns": {"pages": {"type": "number"}}}'])
def test_a_damaged_baseline_is_told_once_and_quality_goes_on(body: bytes) -> None:
    world = looked_at()
    send_labels(world, "good.csv", LABELS)
    world.objects.write(BASELINE, body)
    assert world.call(monitor_model, PROJECT)["decision"] == "inconclusive"
    assert published(world)["QualityScore"] == 1.0
    assert published(world)["DriftInconclusive"] == 1
    world.call(monitor_model, PROJECT)
    (told,) = [alert for alert in world.alerts.published if alert.kind == "Monitoring Incomplete"]
    assert BASELINE in told.message
    assert BASELINE in report(world)["problems"]


def test_a_baseline_of_nan_reaches_no_metric() -> None:
    world = looked_at()
    shares = {"pages": {"type": "number", "edges": [0, 5, 10], "shares": [float("nan"), 0.5], "missing": 0.0}}
    world.objects.write(BASELINE, json.dumps({"columns": shares, "rows": 100}).encode())
    world.call(monitor_model, PROJECT)
    assert all(value == value for value in published(world).values())
    assert BASELINE in report(world)["problems"]


@pytest.mark.parametrize("answer", ["NaN", "1e999", "-1e999", "1" + "0" * 400, '"0.5"', "null", "true", "[]"])
def test_answers_that_are_no_numbers_reach_no_metric(answer: str) -> None:
    world = looked_at()
    send_labels(world, "good.csv", LABELS)
    said = f'{{"predictions": [{{"prediction": true, "probability": {answer}}}]}}'
    asked = {"endpointInput": {"data": '{"id": "0", "pages": 3}', "encoding": "JSON"}}
    event: dict[str, Any] = {"captureData": {**asked, "endpointOutput": {"data": said, "encoding": "JSON"}}}
    event["eventMetadata"] = {"inferenceId": "i0", "inferenceTime": "2026-11-22T12:30:00"}
    world.objects.write("capture/shop/sluice-shop/v-r1/2026/11/22/12/y.jsonl", json.dumps(event).encode())
    assert world.call(monitor_model, PROJECT)["decision"] == "stable"
    assert published(world)["QualityScore"] == 1.0
    assert all(abs(value) < float("inf") for value in published(world).values())


def test_accepted_labels_that_are_damaged_are_named() -> None:
    world = looked_at()
    send_labels(world, "good.csv", LABELS)
    send_labels(world, "bad.csv", "id,bought\nx,true\n")
    where = keys.accepted_labels(PROJECT, digest(f"labels/{PROJECT}/bad.csv"))
    world.objects.write(where, b'[["i0"], ')
    world.call(monitor_model, PROJECT)
    assert published(world)["QualityScore"] == 1.0
    (told,) = [alert for alert in world.alerts.published if alert.kind == "Monitoring Incomplete"]
    assert f"labels/{PROJECT}/bad.csv" in told.message


def test_labels_that_nobody_validates_are_named_after_a_while() -> None:
    world = looked_at()
    world.objects.write(f"labels/{PROJECT}/lost.csv", LABELS.encode())
    world.call(monitor_model, PROJECT)
    assert "Monitoring Incomplete" not in world.alerts.kinds
    assert "not validated yet" in report(world)["labels"]["left_out"][f"labels/{PROJECT}/lost.csv"]
    world.clock.advance(9 * 3600)
    world.call(monitor_model, PROJECT)
    assert f"labels/{PROJECT}/lost.csv" in world.alerts.published[-1].message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_a_damaged_report_stops_neither_the_next_look_nor_an_answer(body: bytes) -> None:
    world = looked_at()
    world.objects.write(LATEST, body)
    assert world.call(respond_to_alarm, alarm("drift"))["decision"] in ("retrain", "hold")
    world.objects.write(LATEST, body)
    assert world.call(monitor_model, PROJECT)["decision"] == "stable"


def test_what_may_pass_is_raised_when_the_rest_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    world = looked_at()
    read = world.objects.read

    def throttled(key: str, version_id: str | None = None) -> bytes:
        if key == BASELINE:
            raise ConnectionError("slow down")
        return read(key, version_id)

    monkeypatch.setattr(world.objects, "read", throttled)
    with pytest.raises(ExceptionGroup) as caught:
        world.call(monitor_model, PROJECT)
    assert [type(error) for error in caught.value.exceptions] == [ConnectionError]
    assert published(world)["CapturedRequests"] == 40
    assert "drift" in report(world)["problems"]


def test_an_error_beyond_a_number_is_told_and_drift_goes_on() -> None:
    world = watched()
    columns = {**CONTRACT["data"]["columns"], "bought": {"type": "number"}}
    quality = {"metric": "rmse", "max": 9, "min_labels": 10}
    content = {
        **CONTRACT,
        "problem": {"type": "regression", "target": "bought"},
        "data": {**CONTRACT["data"], "columns": columns},
        "gates": [],
        "monitor": {**CONTRACT["monitor"], "quality": quality},
    }
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v2")
    events = [
        {
            "captureData": {
                "endpointInput": {"data": json.dumps({"id": str(i), "pages": 1 + 6 * (i % 2)}), "encoding": "JSON"},
                "endpointOutput": {"data": '{"predictions": [{"prediction": 1.0}]}', "encoding": "JSON"},
            },
            "eventMetadata": {"inferenceId": f"i{i}"},
        }
        for i in range(40)
    ]
    key = "capture/shop/sluice-shop/v-r1/2026/11/22/12/x.jsonl"
    world.objects.write(key, "\n".join(map(json.dumps, events)).encode())
    rows = "".join(f"i{i},{'1e200' if i == 0 else '1'}\n" for i in range(40))
    assert send_labels(world, "a.csv", "inference_id,bought\n" + rows)["labels"] == 40
    assert world.call(monitor_model, PROJECT)["drift"]["column"] == "pages"
    assert "QualityScore" not in published(world)
    assert "beyond what a number can hold" in report(world)["problems"]["quality"]
