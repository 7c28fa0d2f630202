"""`sluice` as an installed package: its dependencies cover its imports, and it works in an empty environment."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli import repository
from cli.errors import CliError

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
# a distribution by its import where the two differ; botocore comes with boto3
DISTRIBUTION = {"yaml": "PyYAML", "botocore": "boto3", "typer": "typer", "click": "typer", "mlflow": "mlflow-skinny"}
NAME = re.compile(r"[\w-]+")


def third_party(folder: Path) -> set[str]:
    """Top-level names that the modules below `folder` import when they are loaded or called."""
    found = set()
    for path in folder.rglob("*.py"):
        if "demo" in path.relative_to(folder).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).split(".")[0])
    return found - set(sys.stdlib_module_names) - {"cli", "console", "sluice"}


def test_every_import_of_the_package_is_a_dependency():
    declared = {line.split(">")[0].split("<")[0].casefold() for line in PROJECT["project"]["dependencies"]}
    imported = (
        third_party(ROOT / "cli") | third_party(ROOT / "console") | third_party(ROOT / "layers" / "core" / "sluice")
    )
    needed = {DISTRIBUTION.get(name, name).casefold() for name in imported}
    extras = {NAME.match(line)[0] for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra}
    assert needed - declared == extras


def test_what_the_wheel_takes_from_elsewhere_is_what_the_command_reads():
    assert PACKAGED["packages"] == ["cli", "console", "layers/core/sluice"]
    for source, target in PACKAGED["force-include"].items():
        assert (ROOT / source).exists()
        assert target == f"sluice_deployed/{source}"
        assert repository.deployed_file(source) == ROOT / source


def test_a_command_that_needs_the_clone_says_so_without_one(monkeypatch, tmp_path):
    assert repository.clone() == ROOT
    monkeypatch.setattr(repository, "_CLONE", tmp_path)
    with pytest.raises(CliError, match="needs a clone of Sluice"):
        repository.clone()
    assert repository.deployed_file("template.yaml") == tmp_path / "sluice_deployed" / "template.yaml"


@pytest.mark.long
def test_the_command_works_installed_into_an_empty_environment(tmp_path):
    """Builds the wheel and installs it from the registry, as `pipx install .` does; runs it far from the clone."""
    uv, python = [sys.executable, "-m", "uv"], tmp_path / "venv" / "bin" / "python"
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, str(ROOT)], check=True)

    def sluice(*arguments: str) -> str:
        command = [python.parent / "sluice", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "register" in sluice("--help")
    rows = "\n".join(f"{i},{i % 7},{'yes' if i % 3 else 'no'}" for i in range(60))
    (tmp_path / "visits.csv").write_text(f"id,pages,bought\n{rows}\n")
    sluice("init", "visits.csv", "--target", "bought")
    assert "valid contract" in sluice("check")
    assert "a month" in sluice("cost", "--region", "eu-west-1")
