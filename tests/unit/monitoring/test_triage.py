"""Triage is asked about a sample of the window, beside the rows that the evaluation kept."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.monitor_model import monitor_model
from sluice.watch.triage.window import Reason, Verdict, Window
from testing.release_world import OLD, PROJECT
from tests.unit.monitoring.test_hours import line, put, traffic, world_of
from tests.unit.steps.label_files import send_labels

REFERENCE = keys.run(PROJECT, OLD, "evaluation", "reference.jsonl")


def row(number: int, scale: float = 1.0) -> dict[str, Any]:
    r = random.Random(number)
    return {
        "pages": round(r.random() * scale, 6),
        "visits": 3,
        "channel": r.choice(["ads", "mail"]),
        "member": r.random() < 0.5,
    }


def kept(world: World, rows: int = 600) -> None:
    lines = []
    for number in range(rows):
        told = {"row": row(-number), "at": None, "label": number % 3 == 0}
        lines.append(json.dumps({**told, "said": {"prediction": True, "probability": 0.75}}))
    world.objects.write(REFERENCE, "\n".join(lines).encode())


def asked(world: World, scale: float = 1.0) -> dict[str, Any]:
    for hour, lines in traffic(world).items():
        changed = [json.loads(each) for each in lines]
        for number, event in enumerate(changed):
            event["captureData"]["endpointInput"]["data"] = json.dumps(row(hour.hour * 1000 + number, scale))
            event["eventMetadata"]["customAttributes"] = ["client=app"]
        put(world, hour, "a", [json.dumps(event) for event in changed])
    return measured(world)


def measured(world: World) -> dict[str, Any]:
    world.call(monitor_model, PROJECT)
    found: dict[str, Any] = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    return found


def test_a_column_in_another_unit_is_a_fault_and_an_ordinary_window_is_none() -> None:
    ordinary, scaled = world_of(), world_of()
    for world in (ordinary, scaled):
        kept(world)
    report = asked(ordinary)
    assert (report["decision"], report["triage"]["answer"]) == ("stable", "nothing")
    assert [each.value for each in ordinary.metrics.published if each.name == "ChangeHeld"] == [0.0]  # type: ignore[attr-defined]
    report = asked(scaled, 1000.0)
    assert [each.value for each in scaled.metrics.published if each.name == "ChangeHeld"] == [1.0]  # type: ignore[attr-defined]
    assert report["decision"] == "drifted"
    assert (report["triage"]["answer"], report["triage"]["columns"]) == ("hold", ["pages"])
    page = next(key for key in scaled.objects.versions if key.endswith("report.html"))  # type: ignore[attr-defined]
    assert "broken data" in scaled.objects.read(page).decode()


def test_what_triage_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Window] = []

    def judge(reference: Window, window: Window) -> Verdict:
        shown.extend((reference, window))
        return Verdict("nothing", Reason.NONE)

    monkeypatch.setattr("sluice.monitoring.triage.judge", judge)
    world = world_of()
    kept(world)
    asked(world)
    send_labels(world, "a.csv", "inference_id,bought\ni1,true\ni2,false\n")
    shown.clear()
    measured(world)
    reference, window = shown
    assert len(reference) == 600
    assert reference.arrived is None
    assert float(np.asarray(reference.labels).sum()) == 200.0
    assert (len(window), window.count, window.problem) == (120, 120, "binary")
    assert window.arrived is not None
    assert list(window.arrived) == sorted(window.arrived)
    assert set(np.asarray(window.client)) == {"app"}
    assert dict(window.types) == {"pages": "number", "visits": "integer", "channel": "category", "member": "boolean"}
    assert sorted(each for each in np.asarray(window.labels) if each == each) == [0.0, 1.0]
    assert np.isfinite(np.asarray(window.labelled)).sum() == 2
    assert np.isfinite(np.asarray(window.scores)).all()
    assert window.usual is None


def test_an_older_run_or_too_few_rows_are_said() -> None:
    world = world_of()
    report = asked(world)
    assert report["triage"] is None
    assert "kept no rows" in report["triage_limited"]
    assert "missing_jump" in report["damage"]
    few = world_of()
    kept(few)
    put(few, few.clock.now(), "a", [line(1, few.clock.now())])
    report = measured(few)
    assert (report["triage"], report["triage_limited"]) == (None, "1 rows, 20 are needed")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"row": 3}', b'{"row": {}}\n'])
def test_a_damaged_reference_is_named_and_drift_goes_on(body: bytes) -> None:
    world = world_of()
    world.objects.write(REFERENCE, body)
    report = asked(world)
    assert REFERENCE in report["problems"]
    assert report["decision"] in ("stable", "drifted")
