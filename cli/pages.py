"""The pages for people in the bucket: of a dataset, a run's evaluation and model, a measurement of monitoring."""

from __future__ import annotations

from dataclasses import dataclass

import boto3
from botocore.config import Config

from cli.connection import Connection, find_run
from cli.errors import CliError
from sluice import keys
from sluice.bootstrap import World
from sluice.contract import nearest
from sluice.ports import ObjectStore


@dataclass(frozen=True)
class Page:
    """`name`: what its file is called where it is downloaded."""

    kind: str
    key: str
    name: str


def pages_of(world: World, what: str, project: str | None = None) -> list[Page]:
    """Those of a run, a dataset or a project, by its id; of a project the newest of each kind.

    Raises CliError where there is none.
    """
    projects = world.ledger.projects()
    if what in projects:
        found = _newest(world, what)
        if not found:
            raise CliError(
                f"{what} has no page yet: the first one comes with its first file (`sluice drop {what} FILE`)"
            )
        return found
    for name in [project] if project else projects:
        datasets = [each["dataset_id"] for each in world.ledger.datasets(name) if each["dataset_id"].startswith(what)]
        if len(datasets) == 1:
            return _existing([_dataset(name, datasets[0])], world.objects) or _none(f"dataset {datasets[0]} of {name}")
    if not any(record["run_id"].startswith(what) for name in projects for record in world.ledger.runs(name)):
        raise CliError(
            f"{what!r} is not a run, a dataset or a project{nearest(what, projects)}; "
            "`sluice status` lists projects and runs"
        )
    name, record = find_run(world, what, project)
    full = record["run_id"]
    return _existing(_run(name, full), world.objects) or _none(f"run {full} of {name}")


def presigned(connection: Connection, key: str, seconds: int) -> str:
    """An address that opens the object for `seconds`, with the rights of the signer.

    Version 4 of the signature: what is encrypted with a key of KMS opens with no other.
    """
    s3 = connection.client("s3")
    signer = boto3.client(
        "s3",
        region_name=s3.meta.region_name,
        endpoint_url=s3.meta.endpoint_url,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    place = {"Bucket": connection.world.objects.bucket, "Key": key}
    return str(signer.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))


def _run(project: str, run_id: str) -> list[Page]:
    return [
        Page("evaluation", keys.evaluation_report(project, run_id), f"{project}-{run_id}-report.html"),
        Page("model card", keys.model_card(project, run_id), f"{project}-{run_id}-model-card.html"),
        Page("release", keys.release_report(project, run_id), f"{project}-{run_id}-release.html"),
    ]


def _dataset(project: str, dataset: str) -> Page:
    return Page("dataset", keys.profile_report(project, dataset), f"{project}-{dataset}-data.html")


def _newest(world: World, project: str) -> list[Page]:
    found = []
    for dataset in reversed(world.ledger.datasets(project)):
        if pages := _existing([_dataset(project, dataset["dataset_id"])], world.objects):
            found += pages
            break
    for record in world.ledger.runs(project):
        if pages := _existing(_run(project, record["run_id"]), world.objects):
            found += pages
            break
    measured = [item.key for item in world.objects.list(keys.monitor(project)) if item.key.endswith("/report.html")]
    if measured:
        newest = max(measured)
        found.append(Page("monitoring", newest, f"{project}-monitoring-{newest.split('/')[-2]}.html"))
    return found


def _existing(pages: list[Page], objects: ObjectStore) -> list[Page]:
    return [page for page in pages if objects.exists(page.key)]


def _none(what: str) -> list[Page]:
    raise CliError(
        f"{what} has no report: a run gets it at its gates, a dataset after its acceptance, and older versions wrote "
        "none. `sluice status` shows how far it is"
    )
