"""The exported folder: the checked archive, the server, recipes, held-out rows with the answers that are expected."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CliError
from cli.repository import deployed_file
from sluice import keys
from sluice.bootstrap import World
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.model.errors import ArtifactError
from sluice.model.errors import ArtifactError as ArchiveError
from sluice.model.manifest import sha256
from sluice.model.opening import opened
from sluice.ports import Json
from sluice.release.seals import Seal
from sluice.serving.sealed_models import downloaded, verified

FILES = Path(__file__).resolve().parent / "files"
SERVER = "localcloud/src/localcloud/containers"
"""The folder of the deployed files that answer requests in a serving container."""
_PARTS = ("lambda_function.py", "self_test.py", "Containerfile", "requirements.txt")
_PATIENCE = 300  # seconds of the self-test


@dataclass(frozen=True)
class Exported:
    """`answers`: those of the held-out rows, from the model's own scorer."""

    seal: Seal
    model: Json
    rows: list[Json]
    answers: list[Json]


def write(world: World, project: str, run_id: str, folder: Path, most: int) -> Exported:
    """Writes the folder, which must be new or empty. `most`: held-out rows at most.

    Raises sluice.errors.ArtifactError for a model that is not what was signed, CliError for one that cannot be read.
    """
    uri = world.objects.uri(keys.sealed(project, run_id, "model.tar.gz"))
    seal = world.call(verified, project, run_id, uri)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        archive = downloaded(uri, Path(scratch), objects=world.objects)
        # the file that is unpacked, not one that was verified before
        seal.matches(sha256(archive))
        try:
            checked = opened(archive, folder / "model")
        except ArchiveError as error:
            raise CliError(
                f"the model of {run_id} cannot be read: {error}. `sluice retrain {project} --reason TEXT` makes another"
            ) from None
    if not (folder / "model" / "code" / "inference.py").is_file():
        raise CliError(
            f"the archive of {run_id} has no code/inference.py. `sluice retrain {project} --reason TEXT` makes another "
            "model"
        )
    signature = world.objects.read(keys.sealed(project, run_id, "signature.json"))
    (folder / "signature.json").write_bytes(signature)
    copy_server(folder / "server")
    for name in _PARTS:
        shutil.copyfile(FILES / name, folder / name)
    rows = _held_out(world, project, run_id, most)
    answers = _answers(folder / "model", rows)
    _lines(folder / "held_out.jsonl", rows)
    _lines(folder / "expected.jsonl", answers)
    return Exported(seal, checked.model, rows, answers)


def copy_server(target: Path) -> None:
    """The server that serving containers use on the local cloud; it needs the standard library only."""
    source = deployed_file(SERVER)
    shutil.copytree(
        source / "serving_container",
        target / "serving_container",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )
    shutil.copyfile(source / "serve.py", target / "serve.py")


def self_test(folder: Path) -> str:
    """What self_test.py says. Raises CliError when an answer is not the expected one."""
    # -I: nothing of this installation but its Python and numpy
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "self_test.py")],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise CliError(
            f"the exported model does not answer as it should; do not use {folder}:\n"
            f"{visible((done.stdout + done.stderr)[-1500:])}\nSee `python {folder}/self_test.py`"
        )
    return done.stdout.strip().splitlines()[-1]


def _held_out(world: World, project: str, run_id: str, most: int) -> list[Json]:
    try:
        body = world.objects.read(keys.run(project, run_id, "evaluation", "held_out.jsonl"))
    except NotFoundError:
        return []
    return [json.loads(line) for line in body.splitlines()[:most]]


def _answers(folder: Path, rows: list[Json]) -> list[Json]:
    """By the scorer itself, without a server."""
    from sluice.model.model import Model

    try:
        model = Model.load(folder)
        typed = [model.encoder.schema.typed_json(row) for row in rows]
        return model.answers(model.score(typed)).records() if rows else []
    except ArtifactError as error:
        raise CliError(
            f"the model cannot be used by this version: {error}. Update `sluice`, then export again"
        ) from None


def _lines(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
