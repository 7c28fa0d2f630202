"""Reads a project.yaml and says what is wrong with it, all at once, without asking AWS."""

from __future__ import annotations

from pathlib import Path

from cli import options
from cli.connection import Connection
from cli.errors import CliError
from cli.text import plural, say
from sluice.contract import Contract, load_contract
from sluice.intake.misplaced import is_contract_name

NAME = "check"
HELP = "check a project.yaml and list its errors"
EXAMPLE = "sluice check project.yaml"


def run(connection: Connection, file: options.Contract = Path("project.yaml"), as_json: options.Json = False) -> int:
    contract = read(file)
    if as_json:
        options.print_json(contract.model_dump(mode="json"))
        return 0
    problem, columns = contract.problem, contract.feature_columns
    say(f"{file} is a valid contract.")
    learns = f"  {contract.project}: {problem.type}, learns {problem.target} from {plural(len(columns), 'column')}"
    gates = plural(len(contract.gates), "gate")
    say(f"{learns}, tuned for {problem.metric}, {gates}, approval {contract.release.approval}")
    if not contract.gates:
        say("  note: without gates every candidate is released, however bad it is")
    return 0


def read(path: Path) -> Contract:
    """Raises CliError when the file cannot be read, ContractError when it is no contract."""
    try:
        return load_contract(path.read_bytes(), source=str(path))
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError) and path.parent.is_dir():
            near = sorted(each.name for each in path.parent.iterdir() if is_contract_name(each.name))
            hint = f"; do you mean {', '.join(near)}?" if near else ""
        raise CliError(f"{path} cannot be read: {error.strerror}{hint}") from None
