"""Writes a first project.yaml from a file: types as the intake reads them, DECIDE where a person must."""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cli.connection import Connection
from cli.draft import draft, project_name
from cli.errors import CliError
from cli.guessing import look_at
from cli.text import plural, say
from sluice.contract import load_contract
from sluice.intake.validation import validate_file

NAME = "init"
HELP = "write a first project.yaml from a data file"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV, Parquet or JSON lines, gzip allowed")
    parser.add_argument("--project", help="name of the project (default: made of the file's)")
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("-o", "--output", type=Path, default=Path("project.yaml"))
    parser.add_argument("--force", action="store_true", help="replace the output when it exists")


def run(options: argparse.Namespace, connection: Connection) -> int:
    if not options.file.is_file():
        raise CliError(f"there is no file {options.file}")
    if options.output.exists() and not options.force:
        raise CliError(f"{options.output} exists; give another --output, or --force to replace it")
    look = look_at(options.file)
    stem = options.file.name.split(".")[0]
    made = draft(look, options.file.name, options.project or project_name(stem), options.target)
    options.output.write_text(made.text, encoding="utf-8")
    say(f"wrote {options.output}: project {made.project}, {plural(len(look.columns), 'column')}")
    if look.unnamed:
        say(f"  {plural(look.unnamed, 'column')} without a name left out; the intake ignores what no contract names")
    say(f"  {_judged(options.file, made.text)}")
    for decision in made.decisions:
        say(f"  decide: {decision}")
    say(f"Then: sluice check {options.output} && sluice register {options.output}")
    return 0


def _judged(path: Path, text: str) -> str:
    """What the intake would say of the very file under the new contract."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = validate_file(path, load_contract(text), datetime.now(UTC), Path(scratch))
    if outcome.refusals:
        return f"under it this file would be refused: {'; '.join(item['message'] for item in outcome.refusals)}"
    return f"under it this file has {outcome.rows} good rows and {outcome.quarantined} to be quarantined"
