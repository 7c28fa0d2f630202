"""Nothing is installed that is not pinned, hashed and a wheel; uv and `sam build` refuse what is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from proofs.locks import FROM_SOURCE, ROOT, locks, normalised, read
from proofs.supply import bandit, unexplained_waivers
from sluice.model.search_spaces import LIBRARIES

HASH = "0" * 64


@pytest.mark.parametrize("lock", locks(), ids=lambda lock: str(lock.path.relative_to(ROOT)))
def test_every_lock_is_whole(lock):
    assert lock.problems == []


def test_every_requirements_input_has_its_lock():
    layers = {"core": "layers/core/requirements.txt", "data": "layers/data/requirements.txt"}
    layers |= {"jobs": "jobs/requirements.txt", "packed": "jobs/packed/requirements.txt"}
    for source in ROOT.glob("requirements/*.in"):
        locked = read(ROOT / layers.get(source.stem, f"requirements/{source.stem}.txt"))
        asked = re.findall(r"^[A-Za-z][\w.-]*", source.read_text(encoding="utf-8"), re.MULTILINE)
        assert asked
        assert {normalised(name) for name in asked} <= locked.versions.keys(), source.name


def test_every_lock_has_its_input_and_names_no_address():
    layers = {"core", "data", "jobs", "packed"}
    assert {path.stem for path in ROOT.glob("requirements/*.in")} - layers == {
        path.stem for path in ROOT.glob("requirements/*.txt")
    }
    for path in [*(lock.path for lock in locks()), *ROOT.glob("requirements/*.in")]:
        assert "://" not in path.read_text(encoding="utf-8"), path


def test_what_is_deployed_is_what_the_tests_run_with():
    tested = read(ROOT / "requirements/dev.txt").versions
    for layer in ("layers/core", "layers/data", "jobs"):
        deployed = read(ROOT / f"{layer}/requirements.txt").versions
        assert deployed
        assert {name: tested.get(name) for name in deployed} == deployed


def test_what_is_built_from_source_is_used_and_told():
    allowed = set().union(*(lock.from_source for lock in locks()))
    page = (ROOT / "docs/supply-chain.md").read_text()
    assert allowed == FROM_SOURCE
    assert all(f"`{name}`" in page for name in allowed)
    for layer in ("layers/core", "layers/data", "jobs", "jobs/packed"):
        assert not read(ROOT / f"{layer}/requirements.txt").from_source


def test_the_environment_that_stands_for_the_container_lacks_what_is_shipped():
    shipped = {name for lock in ("jobs", "jobs/packed") for name in read(ROOT / lock / "requirements.txt").versions}
    assert shipped == set(LIBRARIES.values())
    assert not shipped & read(ROOT / "requirements/learn.txt").versions.keys()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("requests", "not pinned"),
        (f"requests>=2 --hash=sha256:{HASH}", "not pinned"),
        ("requests==2.0", "no --hash"),
        (f"requests==2.0 --hash=md5:{HASH}", "no --hash"),
        (f"requests==2.0 --hash=sha256:{HASH[:-1]}", "no --hash"),
        (f"requests @ file:///x.whl --hash=sha256:{HASH}", "not pinned"),
        (f"--index-url https://example.org/simple\n--only-binary :all:\nx==1 --hash=sha256:{HASH}", "names where"),
        (f"--find-links ./wheels\n--only-binary :all:\nx==1 --hash=sha256:{HASH}", "names where"),
        (f"x==1 \\\n    --hash=sha256:{HASH}", "lacks --only-binary"),
        (f"--only-binary x\nx==1 --hash=sha256:{HASH}", "lacks --only-binary"),
        (f"--no-binary x\n--only-binary :all:\nx==1 --hash=sha256:{HASH}", "x may be built from source"),
        (f"-e ./here\n--only-binary :all:\nx==1 --hash=sha256:{HASH}", "option -e"),
    ],
)
def test_a_lock_with_a_gap_is_found(tmp_path, text, problem):
    (tmp_path / "requirements.txt").write_text(text)
    assert any(problem in told for told in read(tmp_path / "requirements.txt").problems)


def test_the_same_line_without_the_gap_is_fine(tmp_path):
    (tmp_path / "requirements.txt").write_text(f"--only-binary :all:\nx==1 \\\n  --hash=sha256:{HASH}  # via y\n")
    assert read(tmp_path / "requirements.txt").problems == []


def test_of_two_versions_the_one_for_the_python_counts(tmp_path):
    other = "1" * 64
    (tmp_path / "requirements.txt").write_text(
        "--only-binary :all:\n"
        f"x==1 ; python_full_version < '3.12' \\\n  --hash=sha256:{HASH}\n"
        f"x==2 ; python_full_version >= '3.12' \\\n  --hash=sha256:{other}\n"
    )
    old, new = (read(tmp_path / "requirements.txt", python) for python in ("3.11", "3.13"))
    assert (old.versions, old.hashes, old.problems) == ({"x": "1"}, {"x": [HASH]}, [])
    assert (new.versions, new.hashes, new.problems) == ({"x": "2"}, {"x": [other]}, [])


def test_two_versions_for_one_python_are_found(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        f"--only-binary :all:\nx==1 --hash=sha256:{HASH}\nx==2 ; python_version > '3' --hash=sha256:{HASH}\n"
    )
    assert read(tmp_path / "requirements.txt").problems == ["x is pinned twice"]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of packages: `wheeled` and `another` as wheels, `sourced` as a source distribution only."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("wheeled", "another"):
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{name}.py", "x = 1\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='sourced', version='1.0')\n")
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: sourced\nVersion: 1.0\n")
    with tarfile.open(folder / "sourced-1.0.tar.gz", "w:gz") as source:
        for name in ("setup.py", "PKG-INFO"):
            source.add(tmp_path / name, f"sourced-1.0/{name}")
    return folder


def line(index: Path, name: str) -> str:
    file = next(index.glob(f"{name}-*"))
    return f"{name}==1.0 --hash=sha256:{sha256(file.read_bytes()).hexdigest()}"


def sam_build(index: Path, requirements: str, to: Path) -> list[str]:
    """What `sam build` installs into a layer. Raises CalledProcessError, with uv's words in `stderr`."""
    source = index.parent / "layer"
    source.mkdir()
    (source / "requirements.txt").write_text(f"--no-index\n--find-links {index}\n{requirements}\n")
    command = ["make", "--makefile", str(ROOT / "layers" / "Makefile"), "build-AnyLayer"]
    environment = os.environ | {"ARTIFACTS_DIR": str(to), "LAYER_PYTHON": "local"}
    subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=True)
    return sorted(path.name for path in (to / "python").iterdir())


def refused(index: Path, requirements: str, reason: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        sam_build(index, requirements, index.parent / "to")
    assert reason in caught.value.stderr


def test_sam_build_installs_a_wheel_with_its_hash(index, tmp_path):
    assert "wheeled.py" in sam_build(index, f"--only-binary :all:\n{line(index, 'wheeled')}", tmp_path / "to")


def test_sam_build_refuses_another_hash(index, tmp_path):
    refused(index, f"--only-binary :all:\nwheeled==1.0 --hash=sha256:{HASH}", "Hash mismatch for `wheeled==1.0`")


def test_sam_build_refuses_what_lacks_a_hash_beside_what_has_one(index, tmp_path):
    refused(index, f"--only-binary :all:\n{line(index, 'wheeled')}\nanother==1.0", "must have a hash")


def test_sam_build_refuses_a_source_distribution(index, tmp_path):
    refused(index, f"--only-binary :all:\n{line(index, 'sourced')}", "sourced")


def test_uv_refuses_a_source_distribution(index, tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text(f"--only-binary :all:\n{line(index, 'sourced')}\n")
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes", "--no-index"]
    command += ["--find-links", str(index), "--target", str(tmp_path / "to"), "-r", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "sourced" in done.stderr
    file.write_text(f"--only-binary :all:\n{line(index, 'wheeled')}\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_bandit_finds_what_it_should(tmp_path):
    (tmp_path / "bad.py").write_text("import subprocess\nsubprocess.run('ls ' + input(), shell=True)\n")
    (tmp_path / "good.py").write_text("print('hello')\n")
    assert [each["test_id"] for each in bandit([tmp_path])] == ["B602"]


def test_a_waiver_needs_its_reason(monkeypatch, tmp_path):
    monkeypatch.setattr("proofs.supply.ROOT", tmp_path)
    (tmp_path / "bad.py").write_text(
        "x = 1  # nosec\ny = 2  # nosec B101\nz = 3  # nosec B310 - made by CloudFormation\n"
    )
    assert [each.split(": ")[0] for each in unexplained_waivers([tmp_path])] == ["bad.py:1", "bad.py:2"]
