"""Where a prediction comes from, and where a file went: through models, runs, jobs, rows, files, contract and code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.captures import endpoint_and_variant, newest_first
from cli.connection import find_run
from cli.errors import CliError
from cli.named_datasets import beginning
from cli.sealed_model import seal_of
from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets.corrected_by import CORRECTS, corrected_by
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.escaping import visible
from sluice.ports import Json
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import project_contract, training_plan
from sluice.watch.captures import Captured, parse_file

_ROW = re.compile(r"(.+)-(\d+)")
_BASE64 = b'"encoding":"BASE64"'
_LEAST = 8
"""Characters of an inference id."""


@dataclass(frozen=True)
class Prediction:
    """A captured answer. `row`: which row of its request, from 0; None for the whole request."""

    inference_id: str
    row: int | None
    at: datetime | None
    run_id: str
    endpoint: str
    variant: str
    key: str

    def plain(self, uri: str) -> Json:
        return {
            "inference_id": self.inference_id,
            "row": self.row,
            "at": self.at,
            "run": self.run_id,
            "endpoint": self.endpoint,
            "variant": self.variant,
            "capture": uri,
        }


def traced(world: World, project: str, what: str, days: int) -> Json:
    """In the shape of JSON. Raises CliError when nothing is known of it."""
    found: Json = {"project": project, "asked": what, "prediction": None, "run": None, "files": []}
    if datasets := datasets_of(world, project, what):
        return {**found, "files": [of_dataset(world, project, each) for each in datasets]}
    record = next((each for each in world.ledger.runs(project) if each["run_id"].startswith(what)), None)
    if record is not None and len(what) >= 4:
        return {**found, "run": of_run(world, project, find_run(world, what, project)[1])}
    contract = project_contract(project, ledger=world.ledger)
    answer = prediction(world, project, what, contract, days) if len(what) >= _LEAST else None
    if answer is None:
        raise CliError(
            f"{visible(what)!r} is neither a file nor a dataset or run of {project}, and no request of the "
            f"last {days} days was captured with that inference id. A capture comes some minutes after "
            f"its request; `--days` looks further back; "
            f"`sluice runs {project}` and `sluice status {project}` list what there is"
        )
    found["prediction"] = answer.plain(world.objects.uri(answer.key))
    made = world.ledger.run(project, answer.run_id)
    return {**found, "run": of_run(world, project, made) if made else None}


def prediction(world: World, project: str, wanted: str, contract: Contract, days: int) -> Prediction | None:
    """The newest captured answer of that id within `days`; None when there is none."""
    base, row = (found[1], int(found[2])) if (found := _ROW.fullmatch(wanted)) else (wanted, None)
    for key in newest_first(world, project, days):
        body = world.objects.read(key)
        # an id within an encoded answer can be seen in none of its bytes
        if wanted.encode() not in body and base.encode() not in body and _BASE64 not in body.replace(b" ", b""):
            continue
        for request in parse_file(body, contract, as_sent=True)[0]:
            if request.inference_id not in (wanted, base) or request.inference_id is None:
                continue
            if request.inference_id == base != wanted and row is not None and row >= max(len(request.rows), 1):
                continue
            return _found(request, None if request.inference_id == wanted else row, key)
    return None


def _found(request: Captured, row: int | None, key: str) -> Prediction:
    endpoint, variant = endpoint_and_variant(key)
    run_id = request.model or variant.removeprefix("v-")
    return Prediction(str(request.inference_id), row, request.at, run_id, endpoint, variant, key)


def of_run(world: World, project: str, record: Json) -> Json:
    """Everything that the run's model was made of."""
    run_id, objects = str(record["run_id"]), world.objects
    seal = seal_of(project, run_id, objects=objects)
    plan = None
    with suppress(NotFoundError, DamagedRecordError):  # a drill, or a run that was never planned
        plan = training_plan(project, run_id, objects=objects)
    prepared: Any = prepared_data(project, run_id, objects=objects)
    manifest = keys.run(project, run_id, "prepared", "manifest.json")
    every = world.ledger.datasets(project)
    known = {each["dataset_id"]: each for each in every}
    return {
        "run": run_id,
        "outcome": record.get("outcome") or record.get("status"),
        "started_at": record.get("started_at"),
        "trigger": record.get("trigger"),
        "model": {
            "archive": record.get("artifact_uri") or (seal.archive if seal else None),
            "archive_version": seal.version_id if seal else None,
            "archive_sha256": seal.archive_sha256 if seal else None,
            "artifact_sha256": record.get("artifact_sha256") or (seal.artifact_sha256 if seal else None),
        },
        "training_job": seal.training_job if seal else None,
        "package": record.get("package_arn"),
        "rows": {"manifest": objects.uri(manifest) if prepared else None, "parts": prepared.get("rows")},
        "files": [file(known.get(each) or {"dataset_id": each}, every) for each in record.get("datasets") or []],
        "contract": {"version": record.get("contract_version"), "key": keys.contract(project)},
        "code": plan.code.plain() if plan else None,
        "image": plan.image if plan else None,
    }


def of_dataset(world: World, project: str, dataset: Json) -> Json:
    """The runs that learned from it, and whether their models served."""
    champion = world.ledger.champion(project)
    runs = [
        {
            "run": record["run_id"],
            "outcome": record.get("outcome") or record.get("status"),
            "served": served(record),
            "serves": champion is not None and champion.run_id == record["run_id"],
        }
        for record in world.ledger.runs(project)
        if dataset["dataset_id"] in (record.get("datasets") or []) and record.get("trigger") != "drill"
    ]
    return {**file(dataset, world.ledger.datasets(project)), "runs": runs}


def served(record: Json) -> str:
    """`all`: it was promoted; `a share`: as a canary that was rolled back; `no`; `unknown` while it runs."""
    outcome = record.get("outcome")
    if outcome == "promoted" or record.get("release_outcome") == "promoted":
        return "all"
    if outcome == "rolled_back":
        return "a share"
    return "no" if outcome else "unknown"


def file(dataset: Json, every: Sequence[Json]) -> Json:
    """A dataset's file; whose refused rows it corrects; and which of `every` dataset of the project correct its own."""
    corrects = dataset.get(CORRECTS)
    return {
        "dataset": dataset["dataset_id"],
        "file": dataset.get("key"),
        "sha256": dataset.get("sha256"),
        "rows": dataset.get("rows"),
        "accepted_at": dataset.get("accepted_at"),
        "withdrawn_at": dataset.get("withdrawn_at"),
        "corrects": {"dataset": corrects["dataset_id"], "file": corrects["key"]} if corrects else None,
        "corrected_by": [
            {"dataset": each["dataset_id"], "file": each.get("key")}
            for each in corrected_by(dataset["dataset_id"], every)
        ],
    }


def datasets_of(world: World, project: str, wanted: str) -> list[Json]:
    """Accepted datasets of this id or its beginning, key or file name, the newest first.

    A name that was dropped again has several.
    """
    name = wanted.removeprefix(f"s3://{world.objects.bucket}/")
    exact = (name, f"raw/{project}/{name}", f"raw/{project}/{name.rsplit('/', 1)[-1]}")
    every = list(reversed(world.ledger.datasets(project)))
    found = [each for each in every if each["dataset_id"] == wanted or each.get("key") in exact]
    if not found and len(begun := beginning(wanted, [each["dataset_id"] for each in every])) == 1:
        return [each for each in every if each["dataset_id"] == begun[0]]
    return found
