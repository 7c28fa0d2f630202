from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sluice import bundle
from sluice.bootstrap import World
from sluice.errors import NotFoundError
from sluice.steps.deploy_code import deploy_code
from tests.functions.conftest import recorded

ROOT = Path(__file__).resolve().parents[2]


class Answers:
    """Stands for CloudFormation's answer address."""

    def __init__(self) -> None:
        self.requests: list[urllib.request.Request] = []

    def __call__(self, request: urllib.request.Request, timeout: float) -> io.BytesIO:
        self.requests.append(request)
        return io.BytesIO()

    @property
    def last(self) -> dict[str, Any]:
        return json.loads(self.requests[-1].data)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    listener = Answers()
    monkeypatch.setattr(urllib.request, "urlopen", listener)
    return listener


@pytest.fixture(autouse=True)
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An archive that the build has made, where the layer has it."""
    made = bundle.archive({"catboost/__init__.py": b"packed = True"})
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "catboost.tar.gz").write_bytes(made)
    monkeypatch.syspath_prepend(tmp_path)
    return made


def test_the_code_is_put_under_its_hash_once(world: World, ready: bytes) -> None:
    attributes = world.call(deploy_code)
    stored = {item.key for item in world.objects.list("code/")}
    root = attributes["LearnUri"].removeprefix("s3://data/").removesuffix("learn/")
    assert {
        f"{root}learn/{path}" for path in ("train.py", "evaluate.py", "inference.py", "sluice/model/model.py")
    } <= stored
    assert not any("__pycache__" in key or key.endswith(".pyc") for key in stored)
    assert attributes["GlueScriptUri"] == f"s3://data/{root}glue/clean_dataset.py"
    assert attributes["GlueModulesUri"] == f"s3://data/{root}glue/modules.zip"
    packed = world.objects.read(f"{root}sourcedir.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        names = tar.getnames()
    assert names == sorted(names)
    assert {f"{root}learn/{name}" for name in names} <= stored
    assert "sluice/__init__.py" in names
    assert not any(name.startswith(("sluice/aws", "sluice/steps")) for name in names)
    known = json.loads(world.objects.read(f"{root}learn/libraries.json"))
    assert known.keys() == {"catboost.tar.gz", "lightgbm.tar.gz", "xgboost-cpu.tar.gz"}
    assert world.objects.read(f"{root}libraries/catboost.tar.gz") == ready
    for name, digest in known.items():
        assert sha256(world.objects.read(f"{root}libraries/{name}")).hexdigest() == digest
    count = len(world.objects.versions[f"{root}sourcedir.tar.gz"])
    assert world.call(deploy_code) == attributes
    assert len(world.objects.versions[f"{root}sourcedir.tar.gz"]) == count


def test_the_glue_job_finds_its_modules_in_the_archive(world: World, tmp_path: Path) -> None:
    attributes = world.call(deploy_code)
    body = world.objects.read(attributes["GlueModulesUri"].removeprefix("s3://data/"))
    (tmp_path / "modules.zip").write_bytes(body)
    source = ROOT / "jobs" / "glue"
    with zipfile.ZipFile(tmp_path / "modules.zip") as modules:
        packed = {name: modules.read(name) for name in modules.namelist()}
    wanted = [path for path in source.rglob("*.py") if path.name != "clean_dataset.py"]
    assert packed == {str(path.relative_to(source)): path.read_bytes() for path in wanted}
    # Glue puts the archive on the path of Python, which imports from it
    done = subprocess.run(
        [sys.executable, "-c", "import cleaning.losses; print(cleaning.losses.__file__)"],
        env={"PYTHONPATH": str(tmp_path / "modules.zip")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "modules.zip" / "cleaning" / "losses.py")
    assert bundle.zipped(packed) == bundle.zipped(dict(reversed(packed.items()))) == body


def test_another_archive_of_the_build_is_other_code(world: World, tmp_path: Path) -> None:
    first = world.call(deploy_code)["SourceUri"]
    (tmp_path / "packed" / "catboost.tar.gz").write_bytes(bundle.archive({"catboost/__init__.py": b""}))
    assert world.call(deploy_code)["SourceUri"] != first


def test_a_layer_without_a_library_is_not_deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.steps.deploy_code.LIBRARIES", {"nothing": "not-installed"})
    with pytest.raises(NotFoundError, match="library not-installed is not on the path"):
        world.call(deploy_code)
    assert list(world.objects.list("code/")) == []


def test_the_same_content_is_the_same_archive() -> None:
    contents = {"b.py": b"2", "a.py": b"1"}
    turned = dict(reversed(contents.items()))
    assert bundle.archive(contents) == bundle.archive(turned)
    assert bundle.content_hash(contents) == bundle.content_hash(turned)
    assert bundle.content_hash(contents) != bundle.content_hash({"a.py": b"1", "b.py": b"3"})


def test_creation_is_answered_with_the_attributes(run: Callable[..., Any], answers: Answers) -> None:
    run("deploy_code", recorded("code_resource_created"))
    assert answers.last["Status"] == "SUCCESS"
    assert {"SourceUri", "LearnUri", "GlueScriptUri"} <= set(answers.last["Data"])
    assert answers.requests[-1].get_method() == "PUT"


def test_a_failure_is_answered_with_its_reason(run: Callable[..., Any], answers: Answers) -> None:
    def broken() -> dict[str, str]:
        raise PermissionError("no s3:PutObject")

    run("deploy_code", recorded("code_resource_created"), broken)
    assert answers.last["Status"] == "FAILED"
    assert answers.last["Reason"] == "PermissionError: no s3:PutObject"


def test_deletion_keeps_the_code_that_runs_may_use(run: Callable[..., Any], answers: Answers, world: World) -> None:
    event = recorded("code_resource_created") | {"RequestType": "Delete", "PhysicalResourceId": "old"}
    run("deploy_code", event)
    assert (answers.last["Status"], answers.last["PhysicalResourceId"]) == ("SUCCESS", "old")
    assert world.objects.list("") == []
