"""A file goes to the bucket; what became of it comes back."""

from __future__ import annotations

from pathlib import Path

from cli.connection import known_project
from cli.errors import CliError
from cli.outcomes import accepted, await_outcome, described
from cli.text import say
from sluice.bootstrap import World
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.intake.misplaced import contract_among_rows


def refuse_contract(area: str, project: str, file: str) -> None:
    """Raises CliError when `file` is a contract by its name: it would be refused as a file of rows."""
    if why := contract_among_rows(f"{area}/{project}/{Path(file).name}"):
        raise CliError(f"{file}: {why}; `sluice register {file}` does")


def send(
    world: World, project: str, file: Path, area: str, name: str | None, wait: float, output: Path | None = None
) -> int:
    """Uploads `file` to `area` and waits for the verdict. Returns 0 for an accepted file, 1 for a refused one."""
    refuse_contract(area, project, str(file))
    refuse_contract(area, project, name or "")
    if not file.is_file():
        raise CliError(f"there is no file {file}")
    project = known_project(world, project)
    key = f"{area}/{project}/{name or file.name}"
    world.objects.upload(file, key)
    version = world.objects.version(key) or "null"
    say(f"uploaded {visible(world.objects.uri(key))} (version {version})")
    if wait <= 0:
        return 0
    record = await_outcome(world, key, version, wait)
    say("\n".join(described(record)))
    if not accepted(record):
        return 1
    if area == "raw":
        say(f"Now: sluice watch {project}")
    if output is not None:
        _download(world, str(record.get("output_uri") or ""), output)
    return 0


def _download(world: World, uri: str, output: Path) -> None:
    """The object with the answers, into `output`."""
    try:
        world.objects.download(uri.removeprefix(f"s3://{world.objects.bucket}/"), output)
    except NotFoundError:
        raise CliError(f"no predictions are at {uri or 'the place that the record should name'}") from None
    say(f"  downloaded to {output}")
