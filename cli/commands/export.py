"""Writes a folder that serves a run's model anywhere: numpy only, with a server, an OCI recipe and a Lambda handler.

Its answers to held-out rows are compared with those of the model's scorer, and with those of the endpoint where the
model serves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connection import Connection
from cli.errors import CliError
from cli.named_runs import Runs, named_runs
from cli.options import Json as JsonFlag
from cli.options import OptionalProject
from cli.output import Output, Shape
from cli.progress import working
from sluice.bootstrap import World
from sluice.model.family_names import family_name, members_of
from sluice.names import REPLAYED
from sluice.ports import Json

NAME = "export"
HELP = "write a folder that serves a model anywhere"
EXAMPLE = "sluice export r0123 --to model-folder"
DOING = "downloading and checking the model"
JSON = Shape(
    {
        "folder": "where it is",
        "project": "the project",
        "run": "the run",
        "artifact_sha256": "the model's identity",
        "rows": "held-out rows in it",
        "compared_with": "with what its answers were compared",
        "onnx": "why there is no ONNX file",
    }
)
_ASKED = 20
"""Rows that the endpoint is asked."""


def run(
    connection: Connection,
    run_id: Runs,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="A new or empty folder.", show_default=False)],
    rows: Annotated[int, typer.Option(min=0, max=5_000, help="Held-out rows to take along, for the self-test.")] = 200,
    project: OptionalProject = None,
    no_endpoint: Annotated[bool, typer.Option("--no-endpoint", help="Do not ask the endpoint for comparison.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """0 when its answers are the expected ones."""
    from cli.exporting import folder, words

    world, out = connection.world, Output(as_json)
    project, records = named_runs(world, run_id, project, 1, "sluice export RUN --to FOLDER")
    full = records[0]["run_id"]
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CliError(f"{to} exists and is not an empty folder: give another one with --to")
    exported = folder.write(world, project, full, to, rows)
    with working("starting its server and asking it the held-out rows"):
        told = folder.self_test(to)
    compared = told if exported.rows else "the server starts; the run kept no held-out rows to compare"
    if not no_endpoint and exported.rows and (asked := _compare(world, project, full, exported.rows, exported.answers)):
        compared += f"; {asked}"
    at = world.clock.now().isoformat()
    document = words.manifest(project, full, exported, compared, at)
    (to / "export.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (to / "README.md").write_text(words.readme(project, full, exported, compared), encoding="utf-8")
    members = members_of((exported.model.get("training") or {}).get("trials") or [])
    model = family_name(exported.model.get("family"), (exported.model.get("problem") or {}).get("type"), members)
    out.say(f"{to}: the model of {full} ({model}), with a server that needs numpy only")
    out.say(f"  {compared}")
    out.say(f"  ONNX: {words.ONNX}")
    if exported.rows:
        out.say(f"  held_out.jsonl has {len(exported.rows)} rows of your data with their values (--rows 0 takes none)")
    out.say(f"Now: see {to}/README.md")
    facts = {"folder": str(to), "project": project, "run": full, "artifact_sha256": exported.seal.artifact_sha256}
    out.result({**facts, "rows": len(exported.rows), "compared_with": compared, "onnx": words.ONNX})
    return 0


def _compare(world: World, project: str, run_id: str, rows: list[Json], expected: list[Json]) -> str:
    """What the endpoint says to some rows; empty where another model serves. Raises CliError for another answer."""
    champion = world.ledger.champion(project)
    if champion is None or champion.run_id != run_id or champion.serving != "awake":
        return ""
    for place, row in enumerate(rows[:_ASKED]):
        answer = world.models.invoke(
            champion.endpoint,
            json.dumps(row).encode(),
            variant=champion.variant,
            inference_id=f"{REPLAYED}export-{run_id}-{place}",  # so that no measurement counts it as a request
        )
        said: Any = json.loads(answer.body) if answer.status == 200 else None
        if said is None or not _alike(said["predictions"], expected[place]):
            raise CliError(
                f"{champion.endpoint} answers row {place} otherwise than the exported model ({answer.status}); do not "
                f"use the folder. `sluice status {project}` says what serves; --no-endpoint leaves the comparison out"
            )
    return f"{min(len(rows), _ASKED)} of them are also what {champion.endpoint} answers"


def _alike(said: list[Json], expected: Json) -> bool:
    """The same prediction, and the same number up to what processors round differently."""
    if len(said) != 1 or said[0].keys() != expected.keys():
        return False
    for key, value in expected.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and abs(said[0][key] - value) > 1e-9 * max(1.0, abs(value)):
            return False
        if not number and said[0][key] != value:
            return False
    return True
