"""What is built for AWS and for a local cloud, and what is said where the two differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import artefacts


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Every command that a build runs, with its environment."""
    ran: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, environment: dict[str, str] | None = None) -> str:
        ran.append((command, environment or {}))
        return ""

    monkeypatch.setattr(artefacts, "run", run)
    monkeypatch.setattr(artefacts.machines, "build", list)
    return ran


def test_the_runtime_is_the_template_s() -> None:
    assert artefacts.runtime() == "3.13"


def test_aws_s_build_is_where_sam_deploy_looks_and_the_local_one_is_not() -> None:
    aws, local = artefacts.for_aws(), artefacts.for_local_cloud()
    assert aws.template == artefacts.ROOT / ".aws-sam" / "build" / "template.yaml"
    assert (aws.python, local.python) == (artefacts.runtime(), artefacts.HERE)
    # sam's cache knows nothing of the Python that a layer was built for
    assert aws.folder != local.folder
    assert aws.cache != local.cache
    assert artefacts.HERE in str(local.cache)


def test_layers_are_built_for_the_python_that_will_run_them(commands: list[tuple[list[str], dict[str, str]]]) -> None:
    artefacts.for_local_cloud().build()
    artefacts.for_aws().build()
    built = [environment["LAYER_PYTHON"] for command, environment in commands if "build" in command]
    assert built == ["local", artefacts.runtime()]


def test_without_the_layers_python_the_lack_of_bytecode_is_reported(
    commands: list[tuple[list[str], dict[str, str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "CoreLayer").mkdir()
    monkeypatch.setattr(artefacts.Artefacts, "_interpreter", lambda _: None)
    artefacts.Artefacts("3.13", tmp_path, tmp_path / "cache", "3.13").build()
    assert len(commands) == 1
    assert "no bytecode" in capsys.readouterr().err
    monkeypatch.setattr(artefacts.Artefacts, "_interpreter", lambda _: "/usr/bin/python3.13")
    artefacts.Artefacts("3.13", tmp_path, tmp_path / "cache", "3.13").build()
    assert commands[-1][0][:3] == ["/usr/bin/python3.13", "-m", "compileall"]
    assert commands[-1][0][-1] == str(tmp_path / "CoreLayer")
    assert capsys.readouterr().err == ""


def test_another_python_than_aws_s_is_said_and_the_same_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "HERE", "3.11")
    said = artefacts.difference()
    assert said is not None
    assert "with Python 3.11, AWS with 3.13" in said
    monkeypatch.setattr(artefacts, "HERE", artefacts.runtime())
    assert artefacts.difference() is None
