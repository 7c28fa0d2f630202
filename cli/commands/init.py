"""Writes a first project.yaml from a file: types as the intake reads them, DECIDE where a person must."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from cli.connection import Connection
from cli.errors import CliError
from cli.files import existing_file
from cli.options import Json as JsonFlag
from cli.output import Output, Shape
from cli.text import plural
from sluice.contract import in_own_words
from sluice.contract.file import FileLayout
from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.ports import Json

if TYPE_CHECKING:
    from cli.guessing import Scan

NAME = "init"
HELP = "write a first project.yaml from a data file"
EXAMPLE = "sluice init sessions.csv --target purchase"
DOING = "reading the file"
JSON = Shape(
    {
        "file": "the contract that was written",
        "project": "the project's name",
        "columns": "how many the file has",
        "unnamed": "how many of them have no name and are left out",
        "doubled": "columns that are left out because the header has them more than once",
        "missing": "columns with blank cells, which are missing values, and how many",
        "not_plain": "columns that are left out because their values are lists or the like, and why",
        "judged": "what the intake would say about the file",
        "decide": "what only a person can confirm",
    }
)


_SHOWN = 5
_LONG_NAME = 16
"""Letters: a longer name of a project is tedious in each later command."""


def run(
    connection: Connection,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, Excel (.xlsx), Parquet or JSON lines, also packed (gzip, ZIP, …).", show_default=False
        ),
    ],
    project: Annotated[
        str | None, typer.Option(help="Name of the project; default: made from the file's name.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--type", help="clustering or anomaly: learns without labels (default: by the target)."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text that is not UTF-8: cp1252, latin-1, big5, …; goes into the contract.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help="Of an Excel workbook: the sheet with the table (default: the first).")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(help="Whether the file has a header (default: unless its first line has values as the others)."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the contract goes.")] = Path("project.yaml"),
    approval: Annotated[
        str, typer.Option(help="manual: a person approves each model; automatic: the gates alone decide.")
    ] = "manual",
    force: Annotated[bool, typer.Option("--force", help="Replace the output when it exists.")] = False,
    as_json: JsonFlag = False,
) -> int:
    existing_file(file)
    if output.exists() and not force:
        other = _typed(_other(file, output))
        raise CliError(
            f"{output} exists: for another project give another --output, such as -o {other}; --force replaces it"
        )
    # here, not above: they read files with pyarrow, whose import every other command would wait for
    from cli.draft import judged_draft, project_name
    from cli.draft_unlabelled import TYPES

    if kind not in (None, *TYPES):
        raise CliError(f"--type {kind!r}; write {' or '.join(TYPES)}, or leave it out and name the target")
    if approval not in ("manual", "automatic"):
        raise CliError(f"--approval {approval!r}; write manual or automatic")
    out = Output(as_json)
    scan = _scanned(file, encoding, sheet, header)
    name = project or project_name(file.name.split(".")[0])
    made, found = judged_draft(file, scan, name, target, kind, automatic=approval == "automatic")
    output.write_text(made.text, encoding="utf-8")
    is_long = project is None and len(made.project) > _LONG_NAME
    shorter = " (a shorter name: --project NAME --force)" if is_long else ""
    out.say(f"wrote {output}: project {made.project}{shorter}, {plural(len(scan.columns), 'column')}")
    for line in _left_out(scan):
        out.say(f"  {line}")
    blank = {column.name: column.missing for column in scan.columns if column.missing}
    if blank:
        named = listed([f"{visible(name)} ({count:,})" for name, count in blank.items()], _SHOWN)
        out.say(f"  blank cells are missing values: {named}")
    told = _told(found)
    out.say(f"  {told}")
    for decision in made.decisions:
        out.say(f"  DECIDE {decision}")
    may_wait = "DECIDE may wait until after a first model. " if made.decisions else ""
    out.say(f"{may_wait}Now: sluice check {_typed(output)} && sluice register {_typed(output)}")
    out.result(
        {
            "file": str(output),
            "project": made.project,
            "columns": len(scan.columns),
            "unnamed": scan.unnamed,
            "doubled": scan.doubled,
            "missing": blank,
            "not_plain": scan.not_plain,
            "judged": told,
            "decide": made.decisions,
        }
    )
    return 0


def _scanned(file: Path, encoding: str | None, sheet: str | None, header: bool | None) -> Scan:
    """Raises CliError for a file that cannot be read, or not in the way that the options say."""
    from cli.guessing import scan_file

    try:
        return scan_file(file, FileLayout(encoding=encoding, sheet=sheet), header)
    except ValidationError as error:
        first = error.errors()[0]
        raise CliError(
            f"--{first['loc'][0]} {first['input']!r}: {in_own_words(first['msg'])}; give another one"
        ) from None
    except EmptyFileError as error:
        # where no line was read as a header, none was read wrongly
        is_read = header is not False and "a header" in str(error)
        hint = ". If it has rows and no header, add --no-header" if is_read else ""
        raise CliError(_with_options(str(error)) + hint) from None
    except UnreadableFileError as error:
        raise CliError(_with_options(str(error))) from None


def _left_out(scan: Scan) -> list[str]:
    """Columns that the contract does not name, and why."""
    lines = []
    if scan.unnamed:
        lines.append(
            f"{plural(scan.unnamed, 'column')} without a name left out; Sluice ignores columns that the contract "
            "does not name"
        )
    if scan.doubled:
        names = ", ".join(map(repr, scan.doubled))
        lines.append(f"left out, since the header has them more than once: {names}; give each column its own name")
    return [*lines, *(f"left out: {why}" for why in scan.not_plain.values())]


def _typed(path: Path) -> str:
    """As one types it into a shell."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def _other(file: Path, output: Path) -> Path:
    """The data file's name as a contract's, beside the contract that exists."""
    name = file.name.split(".")[0]
    return output.with_name(f"{name}.yaml" if f"{name}.yaml" != output.name else f"{name}-2.yaml")


def _with_options(told: str) -> str:
    """There is no contract yet that could name what the file does not say."""
    for key, option in (
        ("in the contract as data.file.encoding", "with --encoding"),
        ("the contract names in data.file.sheet", "--sheet names"),
        ("in data.file.sheet", "with --sheet"),
    ):
        told = told.replace(key, option)
    return told


def _told(found: Json) -> str:
    """What the intake would say about the very file under the new contract."""
    if found["status"] != "accepted":
        return f"with this contract, the file would be refused: {found['message']}"
    rows, refused = found["rows"], found["quarantined_rows"]
    counted = "1 row of the file is" if rows == 1 else f"{rows:,} rows of the file are"
    return f"{counted} accepted and {refused:,} refused"
