"""The serving container installs a model's code by pip before it serves, and has no network to do so."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEARN = ROOT / "jobs" / "learn"
# what the container's toolkit writes beside code that has no setup.py, before it runs pip
SETUP = (
    "from setuptools import setup\nsetup(packages=[''], name='inference', version='1.0.0', include_package_data=True)\n"
)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A model's code folder, as train.py lays it out."""
    folder = tmp_path / "code"
    shutil.copytree(ROOT / "layers" / "core" / "sluice" / "model", folder / "sluice" / "model")
    shutil.copyfile(ROOT / "layers" / "core" / "sluice" / "__init__.py", folder / "sluice" / "__init__.py")
    shutil.copyfile(LEARN / "inference.py", folder / "inference.py")
    for source in (LEARN / "serving_package").glob("*.*"):
        shutil.copyfile(source, folder / source.name)
    (folder / "setup.py").write_text(SETUP)
    return folder


def test_pip_installs_the_code_without_any_network(code: Path, tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    probe = subprocess.run([*alone, "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    prefix = alone if probe and probe.returncode == 0 else []
    # --no-index makes pip look for nothing elsewhere, also where no namespace can be made
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        ".",
        "--no-index",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
    ]
    done = subprocess.run([*prefix, *command], cwd=code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.py")}
    assert {"inference.py", "sluice/__init__.py", "sluice/model/model.py"} <= found
    assert not {"setup.py", "wheel_backend.py"} & found


def test_the_wheel_is_whole_and_the_same_each_time(code: Path, tmp_path: Path) -> None:
    build = "import sys; sys.path.insert(0, '.'); import wheel_backend; print(wheel_backend.build_wheel(sys.argv[1]))"
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        command = [sys.executable, "-S", "-c", build, str(tmp_path / name)]
        wheel = subprocess.run(command, cwd=code, capture_output=True, text=True, check=True).stdout.strip()
        made.append((tmp_path / name / wheel).read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "a" / "sluice_serving-1.0.0-py3-none-any.whl") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        listed = [line.split(",")[0] for line in archive.read(names[-1]).decode().splitlines()]
    assert names[-1].endswith("/RECORD")
    assert listed == names
