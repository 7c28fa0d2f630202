"""Records what the console reads of a real stack: `python -m tests.console.record shop visits homes`.

Run it beside a local cloud on which a demonstration has made runs of `shop`, while one more of them is in progress.
`visits` has a run that a gate rejected for a suspected leak, and one that waits for approval; `homes` is a regression.
Both are drafts of `sluice init`, so their family is `auto`. Long texts are cut, so that the recording is small.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from cli import captures
from cli.connection import Connection
from console.plain import plain
from console.reading.executions import definition_of, executions_of, machine_arns, newest_first, resources
from console.source import Source
from sluice import keys
from sluice.store.run_records import training_plan
from tests.console.recorded import FIXTURE

LONGEST = 2_500
PATH = re.compile(r"/(?:tmp|work|root)/[^\s\"'\\,)]*")
"""Of the machine that recorded."""
KEPT = (".json", ".html", ".jsonl")
CAPTURES, REQUESTS = 3, 60
"""Files of captured requests that are kept, and requests of each."""
NOT_KEPT = ("/held_out.jsonl", "/requests.json", "/calibration.json", "/reference.jsonl")


def main(*projects: str) -> None:
    source = Source(Connection("sluice"))
    recorded = {
        "projects": {
            project: {"ledger": _ledger(source, project), "objects": _objects(source, project)} for project in projects
        },
        "clients": _clients(source, projects),
        "settings": plain(asdict(source.world.settings)),
        "now": source.world.clock.now().isoformat(),
    }
    FIXTURE.write_bytes(lzma.compress(json.dumps(plain(recorded), separators=(",", ":")).encode(), preset=9))
    print(f"{FIXTURE}: {FIXTURE.stat().st_size:,} bytes")


def _ledger(source: Source, project: str) -> dict[str, Any]:
    ledger = source.world.ledger
    champion = ledger.champion(project)
    return {
        "contract": ledger.contract(project),
        "runs": ledger.runs(project),
        "datasets": ledger.datasets(project),
        "champion": asdict(champion) if champion else None,
        "endpoint": asdict(state) if (state := source.world.models.endpoint(f"{source.stack}-{project}")) else None,
    }


def _objects(source: Source, project: str) -> dict[str, str]:
    objects, found = source.world.objects, {}
    for area in ("runs", "profiles", "quarantine", "monitor"):
        stored = [item for item in objects.list(f"{area}/{project}/") if item.key.endswith(KEPT)]
        if area == "monitor":
            times = sorted({item.key.split("/")[2] for item in stored if item.key.endswith("/report.json")})[-24:]
            stored = [
                item
                for item in stored
                if item.key.split("/")[2] in ("latest.json", "responses")
                or (item.key.split("/")[2] in times and item.key.endswith("/report.json"))
                or item.key == keys.monitor(project, times[-1], "report.html")
            ]
        for item in stored:
            # the console draws evaluations anew
            if area == "runs" and item.key.endswith(".html"):
                continue
            if item.size > 400_000 or item.key.endswith(NOT_KEPT) or "/training/" in item.key:
                continue
            text = objects.read(item.key).decode()
            found[item.key] = "\n".join(text.split("\n")[:45]) if item.key.endswith("rows.jsonl") else text
    for key in islice(captures.newest_first(source.world, project, 7), CAPTURES):
        found[key] = "\n".join(objects.read(key).decode().split("\n")[:REQUESTS])
    return found


def _clients(source: Source, projects: Sequence[str]) -> dict[str, Any]:
    histories, definitions, tuning, jobs = {}, {}, {}, {}
    runs = [(project, record) for project in projects for record in source.world.ledger.runs(project)]
    for project, record in runs:
        for execution in executions_of(source, project, record):
            events = [_cut(event) for event in newest_first(source, execution.arn, data=True)][::-1]
            if events:
                histories[execution.arn] = events
            definitions[execution.machine_arn] = json.dumps(definition_of(source, execution)["definition"])
        name = training_plan(project, record["run_id"], objects=source.world.objects).names.tuning_job
        client = source.client("sagemaker")
        told = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        tuning[name] = {each: told[each] for each in ("HyperParameterTuningJobStatus", "TrainingJobStatusCounters")}
        pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        jobs[name] = [
            job for page in pages.paginate(HyperParameterTuningJobName=name) for job in page["TrainingJobSummaries"]
        ]
    alarms = source.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {
        "histories": histories,
        "definitions": definitions,
        "resources": {
            name: physical
            for name, physical in resources(source).items()
            if name in machine_arns(source) or physical in {each["AlarmName"] for each in alarms}
        },
        "tuning": tuning,
        "jobs": jobs,
        "alarms": alarms,
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return PATH.sub("/var/task", value)[:LONGEST]
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    return [_cut(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
