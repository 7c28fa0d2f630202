"""`make` finds a Python that works, wherever it is, and says what to install where there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from proofs.locks import ROOT

BROKEN = "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n"


def python(folder: Path, name: str, version: str, text: str = "") -> Path:
    """Something that answers as a Python of `version` does to what the scripts ask of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    asks = f"""#!/bin/sh
case "$2" in
*ensurepip*) case "$2" in *"'{version}'"*) exit 0 ;; esac; exit 1 ;;
*print*) echo {version} ;;
*) echo "$1 $2 $3" ;;
esac
"""
    path.write_text(text or asks)
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with what the scripts themselves call, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "sed", "rm"):
        (folder / name).symlink_to(f"/bin/{name}")
    return folder


def run(script: str, tmp_path: Path, folders: list[Path], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": ":".join(map(str, folders)), "HOME": str(tmp_path / "home")}
    command = ["/bin/sh", str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_the_first_version_named_wins_over_the_first_folder(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "a", "python3.13", "3.13")
    wanted = python(tmp_path / "b", "python3.12", "3.12")
    found = run("find_python.sh", tmp_path, [tmp_path / "a", tmp_path / "b", tools], "3.11", "3.12", "3.13")
    assert (found.returncode, found.stdout) == (0, f"{wanted}\n")


def test_a_command_that_does_not_start_does_not_hide_one_that_does(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "shims", "python3.12", "3.12", BROKEN)
    wanted = python(tmp_path / "usr", "python3.12", "3.12")
    found = run("find_python.sh", tmp_path, [tmp_path / "shims", tmp_path / "usr", tools], "3.12")
    assert found.stdout == f"{wanted}\n"


def test_pyenv_s_versions_are_looked_at_though_none_is_selected(tmp_path: Path, tools: Path) -> None:
    python(tmp_path / "shims", "python3.13", "3.13", BROKEN)
    wanted = python(tmp_path / "home/.pyenv/versions/3.13.0/bin", "python", "3.13")
    assert run("find_python.sh", tmp_path, [tmp_path / "shims", tools], "3.13").stdout == f"{wanted}\n"


def test_python3_counts_by_its_version(tmp_path: Path, tools: Path) -> None:
    wanted = python(tmp_path / "usr", "python3", "3.12")
    assert run("find_python.sh", tmp_path, [tmp_path / "usr", tools], "3.11", "3.12").stdout == f"{wanted}\n"
    assert run("find_python.sh", tmp_path, [tmp_path / "usr", tools], "3.11", "3.13").returncode == 1


def test_without_any_the_message_says_what_to_install(tmp_path: Path, tools: Path) -> None:
    done = run("make_venv.sh", tmp_path, [tools], "", "3.11", "3.12", "3.13")
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13 with pip and venv, and none was found" in done.stderr
    for way in ("apt-get install python3.13 python3.13-venv", "pyenv install 3.13", "uv python install 3.13"):
        assert way in done.stderr


def test_another_version_is_refused_by_name(tmp_path: Path, tools: Path) -> None:
    old = python(tmp_path / "usr", "python3.10", "3.10")
    done = run("make_venv.sh", tmp_path, [tools], str(old), "3.11", "3.12", "3.13")
    assert done.returncode == 1
    assert f"needs Python 3.11, 3.12 or 3.13; {old} is 3.10" in done.stderr


def test_a_python_that_does_not_start_is_named(tmp_path: Path, tools: Path) -> None:
    broken = python(tmp_path / "usr", "python3.12", "3.12", BROKEN)
    done = run("make_venv.sh", tmp_path, [tools], str(broken), "3.11", "3.12")
    assert done.returncode == 1
    assert f"{broken} does not start" in done.stderr


def test_uv_fetches_one_where_it_may(tmp_path: Path, tools: Path) -> None:
    fetched = python(tmp_path / "managed", "python3.13", "3.13")
    uv = tools / "uv"
    uv.write_text(f'#!/bin/sh\ncase "$2" in install) exit 0 ;; find) echo {fetched} ;; esac\n')
    uv.chmod(0o755)
    done = run("make_venv.sh", tmp_path, [tools], "", "3.11", "3.12", "3.13")
    assert done.returncode == 0, done.stderr
    assert "uv fetches 3.13" in done.stdout
    assert "-m venv .venv" in done.stdout
