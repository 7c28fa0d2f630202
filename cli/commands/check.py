"""Reads a project.yaml and says what is wrong with it, all at once; and which rows of data files it would refuse.

Nothing is uploaded. Where a stack can be asked, it also says what becomes of the rows accepted under the contract that
is registered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import options
from cli.connection import Connection
from cli.errors import CliError, WrongCommandLine
from cli.files import existing_file
from cli.outcomes import accepted
from cli.output import Output, Shape
from cli.progress import working
from cli.text import plural
from sluice.changes.words import lines
from sluice.contract import Contract, Gate, load_contract
from sluice.datasets.compare_contract import compare
from sluice.errors import ContractError
from sluice.gates import rule_of
from sluice.intake.misplaced import is_contract_name
from sluice.model.shortening import listed
from sluice.ports import Json
from sluice.records.gate_figures import gate_name

NAME = "check"
HELP = "check a project.yaml, and data files under it, before any upload"
EXAMPLE = "sluice check project.yaml sessions.csv"
DOING = "checking the contract"
JSON = Shape(
    {
        "file": "the file",
        "project": "the project",
        "contract": "the contract with every default",
        "notes": "what to know about it, and what it would change for rows accepted before",
        "data": "of each data file: what the intake would say; `giveaways`: features that give the target away",
    }
)
SECONDS = 30.0
"""For reading accepted rows."""
_SHOWN = 4
_LEARNS = {"clustering": "finds segments", "anomaly": "finds rare rows"}


def run(
    connection: Connection,
    file: options.Contract = Path("project.yaml"),
    data: Annotated[
        list[Path] | None, typer.Argument(metavar="[DATA]...", help="Files of rows to judge.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> int:
    """0 for a valid contract that accepts each data file, 1 where one would be refused as a whole."""
    if not _is_yaml(file) and (swapped := next(filter(_is_yaml, data or []), None)):
        raise WrongCommandLine(f"the contract comes first. Write `sluice check {swapped} {file}`")
    contract, out = read(file), Output(as_json)
    for each in data or []:
        existing_file(each)
    problem, columns = contract.problem, contract.feature_columns
    out.say(f"{file} is a valid contract.")
    what = f"learns {problem.target}" if problem.learned_target else _LEARNS[problem.type]
    others = [name for name in contract.data.columns if name not in columns and name != problem.target]
    without = f" (without {listed(others, _SHOWN)})" if others else ""
    learns = f"  {contract.project}: {problem.type}, {what} from {plural(len(columns), 'column')}{without}"
    out.say(f"{learns}, tuned for {problem.metric}, approval {contract.release.approval}")
    if contract.gates:
        out.say(f"  gates: {'; '.join(map(_gate, contract.gates))}")
    notes = [] if contract.gates else ["note: without gates every candidate is released, however bad it is"]
    notes += _changes(connection, contract)
    for line in notes:
        out.say(f"  {line}")
    found = _judged(data or [], contract, out)
    facts = {"file": str(file), "project": contract.project, "contract": contract.model_dump(mode="json")}
    out.result({**facts, "notes": notes, "data": found})
    return options.FINE if all(accepted(each) for each in found) else options.REFUSED


def _gate(gate: Gate) -> str:
    """The name under which a run's decision has it."""
    return gate_name({"metric": gate.metric, "rule": rule_of(gate).name})


def _judged(files: list[Path], contract: Contract, out: Output) -> list[Json]:
    if not files:
        return []
    # here, not above: it reads files with pyarrow, whose import every other command would wait for
    from cli.giveaways import lines as warnings
    from cli.judging import judged, judged_lines, season_lines

    found = []
    for path in files:
        with working(f"reading {path.name}"):
            found.append(judged(path, contract))
        told = [*judged_lines(found[-1]), *season_lines(found[-1], contract)]
        out.say("\n".join([f"{path} under this contract:", *told, *warnings(found[-1]["giveaways"], contract)]))
    return found


def _changes(connection: Connection, contract: Contract) -> list[str]:
    """What the contract would make of the rows accepted before; a note where no stack can be asked."""
    try:
        if not connection.known:
            return ["note: not compared with accepted rows, because no AWS region is set"]
        registered = connection.world.ledger.contract(contract.project)
        found = (
            compare(registered[0], contract, SECONDS, objects=connection.world.objects, ledger=connection.world.ledger)
            if registered
            else None
        )
    except (CliError, BotoCoreError, ClientError) as error:
        return [f"note: not compared with accepted rows: {str(error).splitlines()[0]}"]
    return lines(found) if found else []


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in (".yaml", ".yml")


def read(path: Path) -> Contract:
    """Raises CliError when the file cannot be read, ContractError when it is not a contract."""
    try:
        return load_contract(path.read_bytes(), source=str(path))
    except ContractError as error:
        if _is_yaml(path):
            raise
        raise ContractError(
            f"{error}. If {path.name} is a data file: `sluice init {path}` writes a contract for it, which then comes "
            "first, as in `sluice check project.yaml DATA`"
        ) from None
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError) and path.parent.is_dir():
            near = sorted(each.name for each in path.parent.iterdir() if is_contract_name(each.name))
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise CliError(
            f"{path} cannot be read: {error.strerror}{hint}. "
            "Give the path of a project.yaml; `sluice init FILE` writes one"
        ) from None
