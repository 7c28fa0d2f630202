"""A measurement over S3, DynamoDB and CloudWatch: killed, repeated, and of captures that come twice, it counts once."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.ports import Champion
from sluice.steps.monitor_model import monitor_model
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import Crash, failing, failing_once
from testing.release_world import OLD, PROJECT
from tests.unit.monitoring.test_hours import BASELINE, FOLDER, SHAPE, line

ROWS = 24


@pytest.fixture
def served(aws: World) -> World:
    """A model that was promoted three hours ago, and requests of the two hours before this one."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    promoted = hour - timedelta(hours=2)
    content = {**SHAPE, "monitor": {**SHAPE["monitor"], "quality": {"metric": "roc_auc", "min": 0.4, "min_labels": 10}}}
    plain = Contract.model_validate(content).model_dump(mode="json")
    aws.ledger.save_contract(PROJECT, plain, "v1")
    champion = Champion(OLD, "v-r1", "sluice-shop", "only1", "m1", "arn:old", promoted, promoted)
    aws.ledger.set_champion(PROJECT, champion, None)
    aws.objects.write(keys.run(PROJECT, OLD, "evaluation", "baseline.json"), json.dumps(BASELINE).encode())
    for back in (2, 1):
        at = hour - timedelta(hours=back)
        lines = [line(100 * back + n, at + timedelta(seconds=60 * n + 1), id=f"k{back}-{n}") for n in range(ROWS)]
        # every line twice, and the whole file in the next hour's folder
        for folder, kept in ((at, lines[:16]), (at, lines[8:]), (at + timedelta(hours=1), lines)):
            name = f"{FOLDER}/{folder:%Y/%m/%d/%H}/{back}-{len(kept)}-{kept[0][-9:-3]}-{folder:%H}.jsonl"
            aws.objects.write(name, "\n".join(kept).encode())
    labels = [f"k{back}-{n},{str(n % 3 == 0).lower()}" for back in (2, 1) for n in range(ROWS)]
    key = f"labels/{PROJECT}/all.csv"
    aws.objects.write(key, "\n".join(["id,bought", *labels, *labels]).encode())
    for _ in range(2):
        aws.call(validate_dataset, aws.objects.bucket, key, aws.objects.version(key), 10)
    return aws


def told(world: World) -> dict[str, Any]:
    world.call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    found = {name: report[name] for name in ("rows", "requests", "drift", "volume", "not_counted")}
    quality = {name: report["quality"][name] for name in ("labels", "value", "low", "high", "metrics", "bound")}
    return {**found, **quality, "counted": report["labels"]["counted"]}


def test_killed_and_run_again_it_tells_what_a_clean_run_tells(served: World) -> None:
    for at in (4, 15, 26):
        with contextlib.suppress(Crash):
            failing(served, at).call(monitor_model, PROJECT)
        with contextlib.suppress(OSError, ExceptionGroup):
            failing_once(served, at + 2).call(monitor_model, PROJECT)
    interrupted, again = told(served), told(served)
    assert interrupted == again
    assert (again["rows"], again["counted"]) == (2 * ROWS, 2 * ROWS)
    assert again["value"] is not None
    s3 = boto3.client("s3")
    for stored in served.objects.list(keys.monitor(PROJECT)):
        s3.delete_object(Bucket=served.objects.bucket, Key=stored.key)
    clean = told(served)
    assert {name: clean[name] for name in clean if name != "volume"} == {n: again[n] for n in again if n != "volume"}
