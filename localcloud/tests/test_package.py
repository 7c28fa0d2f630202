"""The package stands by itself: its imports are declared, its README lists every module, its errors name what to do."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import localcloud
from localcloud import environments
from localcloud.__main__ import main
from localcloud.extension import ServiceError
from localcloud.sagemaker import images
from localcloud.settings import Settings

SOURCE = Path(localcloud.__file__).parent
PROJECT = Path(__file__).resolve().parents[1]
# What a script imports that runs in another environment than the cloud's.
MINISTACKS = {"cryptography"}
"""Imported by ministack where it is installed."""
ELSEWHERE = {"containers": {"numpy", "serving_container"}}
IMPORT_NAMES = {"pyyaml": "yaml"}
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"


def imported(path: Path) -> set[str]:
    """First parts of the names of all modules that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.skipif(not (PROJECT / "pyproject.toml").exists(), reason="the tests lie without their project")
def test_it_imports_its_dependencies_and_nothing_else() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^\w.-]", each)[0].lower() for each in project["dependencies"]} - MINISTACKS
    declared = {IMPORT_NAMES.get(name, name) for name in names}
    used: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        used |= imported(path) - ELSEWHERE.get(path.relative_to(SOURCE).parts[0], set())
    assert used - set(sys.stdlib_module_names) - {"localcloud"} == declared


@pytest.mark.skipif(not (PROJECT / "README.md").exists(), reason="the tests lie without their project")
def test_every_module_has_its_line_in_the_readme() -> None:
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    missing = [path.name for path in SOURCE.rglob("*.py") if not path.name.startswith("__")]
    assert [name for name in missing if f"`{name}`" not in page and f"/{name}`" not in page] == []


def test_an_environment_is_that_of_its_variable_else_that_of_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCALCLOUD_SKLEARN_PYTHON", "/some/python")
    monkeypatch.delenv("LOCALCLOUD_GLUE_PYTHON", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = Settings()
    assert settings.sklearn_python == Path("/some/python")
    assert settings.glue_python == tmp_path / "localcloud" / "glue" / "bin" / "python"


def test_a_missing_environment_refuses_the_call_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Settings, "_current", Settings(sklearn_python=tmp_path / "python"))
    with pytest.raises(ServiceError, match="Run `localcloud environment sklearn`, or name one with --sklearn-python"):
        images.python_of(IMAGE)
    monkeypatch.setattr(Settings, "_current", Settings(sklearn_python=Path(sys.executable)))
    assert images.python_of(IMAGE) == Path(sys.executable)


def test_an_environment_is_made_with_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an empty list of packages; which packages are right is shown by the jobs that run in them."""
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    assert all(kind.requirements.is_file() for kind in environments.KINDS.values())
    monkeypatch.setattr(environments.Kind, "requirements", empty)
    assert main(["environment", "sklearn", "--folder", str(tmp_path / "made")]) == 0
    assert environments.missing(environments.SKLEARN, Path(capsys.readouterr().out.strip())) is None
    empty.write_text("./no-such-package-here\n")
    assert main(["environment", "sklearn", "--folder", str(tmp_path / "made")]) == 1
    assert "no-such-package-here" in capsys.readouterr().err
