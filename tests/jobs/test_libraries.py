"""Libraries that the container lacks come by a channel, and only those that the job code was deployed with."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256

import libraries
import pytest
import train
from libraries import provide

import auto
from families import FAMILIES
from scripts.pack_libraries import packed
from sluice import bundle
from sluice.model.errors import ModelError
from sluice.model.search_spaces import FRAMEWORKS, LIBRARIES
from tests.jobs.conftest import ROOT
from tests.jobs.learning_data import make_data

CONTAINER = ROOT / ".envs" / "learn" / "bin" / "python"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A channel with one small library, and the list of the job code that knows it."""
    archive = bundle.archive({"shipped_for_a_test/__init__.py": b"answer = 42\n", "json.py": b"raise ImportError\n"})
    (tmp_path / "channel").mkdir()
    (tmp_path / "channel" / "tiny.tar.gz").write_bytes(archive)
    (tmp_path / "libraries.json").write_bytes(bundle.library_list({"tiny.tar.gz": archive, "other.tar.gz": b""}))
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield tmp_path
    sys.modules.pop("shipped_for_a_test", None)


def test_what_the_code_knows_can_be_imported_and_replaces_nothing(shipped):
    assert provide(shipped / "channel", shipped / "libraries.json") == ["tiny.tar.gz"]
    import shipped_for_a_test

    assert shipped_for_a_test.answer == 42
    assert subprocess.run([sys.executable, "-c", "import json"], env={"PYTHONPATH": sys.path[-1]}).returncode != 0
    sys.modules.pop("json")
    import json as again

    assert again.loads("1") == 1


def test_another_archive_is_not_unpacked(shipped):
    path = shipped / "channel" / "tiny.tar.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    before = sys.path[:]
    with pytest.raises(ModelError, match=r"tiny.tar.gz has the SHA-256 .* deploy the stack again"):
        provide(shipped / "channel", shipped / "libraries.json")
    path.rename(path.with_name("unknown.tar.gz"))
    with pytest.raises(ModelError, match="expects no such file"):
        provide(shipped / "channel", shipped / "libraries.json")
    assert sys.path == before


def test_a_channel_without_its_list_or_archive_is_told(shipped):
    with pytest.raises(ModelError, match="the job code has no nothing"):
        provide(shipped / "channel", shipped / "nothing")
    (shipped / "channel" / "tiny.tar.gz").unlink()
    with pytest.raises(ModelError, match="there is no archive"):
        provide(shipped / "channel", shipped / "libraries.json")


def test_the_container_trains_with_what_is_shipped_and_says_what_it_lacks(workspace, tmp_path):
    """The whole way but for S3: packed as deploy_code does it, run by the environment that stands for the container."""
    if not CONTAINER.exists():
        pytest.skip("the environment that stands for the container is not set up")
    data = make_data(tmp_path / "data", "binary", rows=120)
    source = tmp_path / "source"
    shutil.copytree(workspace.source, source)
    channel = tmp_path / "channel"
    channel.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "SM_MODEL_DIR": str(tmp_path / "model"),
        **{f"SM_CHANNEL_{name.upper()}": str(data / name) for name in ("train", "validation", "contract")},
    }

    def train(family, **more):
        command = [str(CONTAINER), str(source / "train.py"), "--family", family, "--run-id", "r1"]
        return subprocess.run(command, capture_output=True, text=True, env=environment | more, timeout=120, check=False)

    lacking = train("lightgbm")
    assert lacking.returncode == 1
    assert "family lightgbm needs the library lightgbm, which is not there" in lacking.stderr
    assert len(lacking.stderr.splitlines()) == 1
    made = packed()
    for family, library in LIBRARIES.items():
        content = made[library].read_bytes() if library in made else bundle.library_archive(library)
        (channel / f"{library}.tar.gz").write_bytes(content)
        known = {f"{library}.tar.gz": sha256(content).hexdigest()}
        (source / "libraries.json").write_text(json.dumps(known))
        done = train(family, SM_CHANNEL_LIBRARIES=str(channel))
        assert done.returncode == 0, done.stderr
        assert "validation:roc_auc=" in done.stdout
        (channel / f"{library}.tar.gz").unlink()


def test_auto_has_what_is_shipped_before_it_looks_for_families(shipped, monkeypatch, tmp_path):
    data = make_data(tmp_path / "data", "binary", rows=20)
    monkeypatch.setattr(libraries.provide, "__defaults__", (shipped / "libraries.json",))

    def run(*_):
        raise ModelError(f"found: {importlib.util.find_spec('shipped_for_a_test') is not None}")

    monkeypatch.setattr(auto, "run", run)
    arguments = ["--family", "auto", "--run-id", "r1", "--model-dir", str(tmp_path / "model")]
    for name in ("train", "validation", "contract"):
        arguments += [f"--{name}", str(data / name)]
    with pytest.raises(ModelError, match="found: False"):
        train.train(*train.parse(arguments))
    with pytest.raises(ModelError, match="found: True"):
        train.train(*train.parse([*arguments, "--libraries", str(shipped / "channel")]))


def test_every_library_is_of_a_family():
    needing = {name for name, family in FAMILIES.items() if family.library}
    assert needing == LIBRARIES.keys() | (FRAMEWORKS.keys() & FAMILIES.keys())
    assert not LIBRARIES.keys() & FRAMEWORKS.keys()
