"""The command line over the fake world: `sluice("status", "shop")` gives (exit code, stdout, stderr)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cli import progress
from cli.app import main
from cli.target import Target
from sluice.bootstrap import World
from sluice.contract import Contract, load_contract
from testing import fakes
from tests.cli.tables import as_csv

CONTRACT = load_contract(
    yaml.safe_dump(
        {
            "project": "shop",
            "problem": {"type": "binary", "target": "bought", "positive": True},
            "data": {"columns": {"pages": {"type": "integer"}, "bought": {"type": "boolean"}}},
        }
    )
)


LOCAL = Target("http://127.0.0.1:4566", "eu-west-1")


@dataclass
class FakeConnection:
    """A stack in memory; `calls` has what went to AWS past the world."""

    world: World
    stack: str = "sluice"
    target: Target = LOCAL
    known: bool = True
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        def delete_endpoint(**request: Any) -> None:
            self.calls.append(("delete_endpoint", request))

        return SimpleNamespace(delete_endpoint=delete_endpoint)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine anything may take a second; what is said of that has tests of its own."""
    monkeypatch.setattr(progress, "PATIENCE", 600.0)


Sluice = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world() -> World:
    made = fakes.world()
    save(made, CONTRACT)
    return made


@pytest.fixture
def connection(world: World) -> FakeConnection:
    return FakeConnection(world)


@pytest.fixture
def sluice(connection: FakeConnection, capsys: pytest.CaptureFixture[str]) -> Sluice:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments, lambda stack: connection)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def save(world: World, contract: Contract) -> None:
    world.ledger.save_contract(contract.project, contract.model_dump(mode="json"), "v1")


@pytest.fixture
def drafted(sluice, tmp_path):
    """Drafts the contract of a table; returns it, and as one text what was printed and the file."""

    def draft(columns: dict[str, list[object]], *more: str) -> tuple[Contract, str]:
        source, out = tmp_path / "Web sessions.csv", tmp_path / "project.yaml"
        source.write_text(as_csv(columns))
        code, printed, error = sluice("init", str(source), "-o", str(out), "--force", *more)
        assert code == 0, error
        return load_contract(out.read_text()), printed + out.read_text()

    return draft


@pytest.fixture
def init(sluice, tmp_path):
    """The contract and all that was printed for a file of this name and content."""

    def run(name: str, body: bytes | str, *more: str) -> tuple[Contract, str]:
        source, out = tmp_path / name, tmp_path / "project.yaml"
        source.write_bytes(body.encode() if isinstance(body, str) else body)
        code, printed, error = sluice("init", str(source), "-o", str(out), "--force", *more)
        assert code == 0, error
        return load_contract(out.read_text()), printed + out.read_text()

    return run
