"""A file goes to the bucket; what became of it comes back."""

from __future__ import annotations

import re
from pathlib import Path

from cli.connection import known_project
from cli.errors import CliError
from cli.files import existing_file
from cli.outcomes import accepted, await_outcome, described, first_refused, next_steps, refused_lines, still_out
from cli.output import Output, Shape
from cli.progress import working
from cli.text import moment
from sluice import keys
from sluice.bootstrap import World
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.intake.misplaced import contract_among_rows
from sluice.ports import Json

JSON = Shape(
    {
        "uri": "where the file lies",
        "version": "its version in the bucket",
        "accepted": "whether the file counts; null with --wait 0",
        "record": "the terminal record of the file, or null",
        "first_refused": "numbers and reasons of the first refused rows",
        "still_out": "of `redrive`: how many rows of the corrected file do not count yet",
        "next": "what to do about what was refused",
        "downloaded": "the file with the predictions (`batch --output`), or null",
    }
)
"""The answer of drop, redrive, label and batch."""


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def refuse_contract(area: str, project: str, file: str) -> None:
    """Raises CliError when `file` is a contract by its name: it would be refused as a file of rows."""
    if why := contract_among_rows(f"{area}/{project}/{Path(file).name}"):
        raise CliError(f"{file}: {why}; `sluice register {file}` does")


def send(
    world: World,
    project: str,
    file: Path,
    area: str,
    name: str | None,
    wait: float,
    output: Path | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Uploads `file` to `area` and waits for the verdict. Returns 0 for an accepted file, 1 for a refused one."""
    refuse_contract(area, project, str(file))
    refuse_contract(area, project, name or "")
    existing_file(file, project)
    if _UNPRINTABLE.search(called := name or file.name):
        raise CliError(
            f"{visible(called)}: the name has a line break or other control characters, and no verdict may come on "
            "such a file. Rename it, or give --name"
        )
    project = known_project(world, project)
    return send_to(world, f"{area}/{project}/{name or file.name}", file, wait, output, as_json=as_json)


def send_to(
    world: World, key: str, file: Path, wait: float, output: Path | None = None, *, as_json: bool = False
) -> int:
    """As `send`, to a key in an area that files arrive in."""
    area, project = key.partition("/")[0], keys.project_of(key)
    out = Output(as_json)
    with working(f"uploading {file.name} ({file.stat().st_size / 1e6:,.1f} MB)"):
        world.objects.upload(file, key)
    version = world.objects.version(key) or "null"
    facts: Json = {
        "uri": world.objects.uri(key),
        "version": version,
        "accepted": None,
        "record": None,
        "first_refused": [],
        "still_out": 0,
        "next": [],
    }
    out.say(f"uploaded {visible(world.objects.uri(key))} (version {version})")
    if wait <= 0:
        out.result({**facts, "downloaded": None})
        return 0
    with working(f"waiting for {_WAITED[area]}"):
        record = await_outcome(world, key, version, wait)
    refused, (left, left_told) = first_refused(world, record), still_out(world, record)
    facts |= {"accepted": accepted(record), "record": record, "next": next_steps(record)}
    facts |= {"first_refused": refused, "still_out": left}
    out.say("\n".join([*described(record), *refused_lines(refused), *left_told, *_twin(world, record)]))
    if not accepted(record):
        out.result({**facts, "downloaded": None})
        return 1
    if area == "raw":
        out.say(f"Now: sluice watch {project}")
    if area == "labels" and (unused := unmeasured(world, project)):
        out.say(f"  note: {unused}")
        facts["next"] = [*facts["next"], unused]
    if output is not None:
        _download(world, str(record.get("output_uri") or ""), output, out)
    out.result({**facts, "downloaded": str(output) if output else None})
    return 0


def _twin(world: World, record: Json) -> list[str]:
    """A sentence if the same content was accepted before, so that its rows count twice."""
    twin = (record.get("notes") or {}).get("same_content_as")
    if not twin or not accepted(record):
        return []
    listed = {each["dataset_id"]: each for each in world.ledger.datasets(record["project"])}
    first = listed.get(twin["dataset_id"])
    if first is None or "withdrawn_at" in first:
        return []
    registered = world.ledger.contract(record["project"])
    data = registered[0]["data"] if registered else {}
    counts = "" if data.get("key") or data.get("duplicates") == "remove" else ": each row now counts twice"
    return [
        f"  ! the same content as {visible(twin['key'])} of {moment(first['accepted_at'])}{counts}. To take it back: "
        f"sluice withdraw {record['project']} {record['dataset_id']} --reason twice"
    ]


def unmeasured(world: World, project: str) -> str | None:
    """Why labels measure no quality, and what to add to the contract; None where they do."""
    registered = world.ledger.contract(project)
    if registered is None or registered[0].get("monitor", {}).get("quality"):
        return None
    return (
        "the labels are kept, but no quality is measured by them, because the contract has no monitor.quality. Add "
        f"`monitor: {{quality: {{metric: {registered[0]['problem'].get('metric') or 'METRIC'}}}}}`, and "
        "`sluice register project.yaml`"
    )


_WAITED = {"raw": "the verdict on the rows", "labels": "the verdict on the labels", "batch": "the predictions"}


def _download(world: World, uri: str, output: Path, out: Output) -> None:
    """The object with the answers, into `output`."""
    try:
        world.objects.download(uri.removeprefix(f"s3://{world.objects.bucket}/"), output)
    except NotFoundError:
        raise CliError(
            f"no predictions are at {uri or 'the place that the record should name'}: drop the file again"
        ) from None
    out.say(f"  downloaded to {output}")
