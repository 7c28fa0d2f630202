"""Environments that a job has made when it first needs them, with small commands in place of pip."""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud import environments, on_demand
from localcloud.environments import InstallError
from localcloud.extension import ServiceError
from localcloud.sagemaker import images
from localcloud.sagemaker.containers import ClientError
from localcloud.settings import Settings

REGISTRY = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
PYTORCH = f"{REGISTRY}/pytorch:2.13-cpu-amzn2023-sagemaker"
ROLE = "arn:aws:iam::000000000000:role/any"
# makes what `missing` looks for; $1: the environment's folder
MAKE = "mkdir -p $1/bin $1/lib/python3.11/site-packages/torch && echo downloading && sleep 0.2 "
MAKE += "&& touch $1/lib/python3.11/site-packages/torch/__init__.py && cp /bin/true $1/bin/python"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], tuple[Settings, Path]]]:
    """Settings whose command for a missing environment is this shell script."""
    monkeypatch.setattr(images.service_calls, "image_denial", lambda role, uri: None)

    def use(script: str) -> tuple[Settings, Path]:
        folder = tmp_path / "made"
        command = shlex.join(["sh", "-c", f"echo {{name}} >> {tmp_path}/runs; {script}", "sh", str(folder)])
        chosen = Settings(state=tmp_path / "state", pytorch_python=folder / "bin" / "python", make_environment=command)
        monkeypatch.setattr(Settings, "_current", chosen)
        return chosen, tmp_path / "runs"

    on_demand._failed.clear()
    yield use
    on_demand._failed.clear()


def test_the_first_job_has_it_made_once_and_the_others_wait(settings) -> None:
    chosen, runs = settings(MAKE)
    assert images.python_of(PYTORCH, training=True) == chosen.pytorch_python
    assert not chosen.pytorch_python.exists(), "a request makes nothing"
    found: list[Path] = []
    jobs = [threading.Thread(target=lambda: found.append(images.pull(PYTORCH, ROLE, training=True))) for _ in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert found == [chosen.pytorch_python] * 3
    assert runs.read_text() == "pytorch\n"
    notices = (chosen.state / on_demand.NOTICES).read_text().splitlines()
    assert notices[0].startswith("Making the environment that stands for SageMaker's PyTorch container 2.13")
    assert notices[1] == "  pytorch: downloading"
    assert notices[2].startswith("The environment pytorch is made, ")


def test_what_cannot_be_made_fails_the_job_with_the_reason_and_is_not_tried_again(settings) -> None:
    chosen, runs = settings("echo no space left >&2; exit 3")
    for _ in range(2):
        with pytest.raises(ClientError, match=r"cannot be pulled: .* could not be made: no space left .*by hand"):
            images.pull(PYTORCH, ROLE, training=True)
    assert runs.read_text() == "pytorch\n"
    assert "FAILED: the environment that stands for" in (chosen.state / on_demand.NOTICES).read_text()
    # somebody makes it by hand
    package = chosen.pytorch_python.parent.parent / "lib" / "python3.11" / "site-packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    chosen.pytorch_python.parent.mkdir(parents=True)
    chosen.pytorch_python.symlink_to(sys.executable)
    assert images.pull(PYTORCH, ROLE, training=True) == chosen.pytorch_python


def test_what_is_being_made_ends_with_the_cloud(settings, tmp_path: Path) -> None:
    chosen, runs = settings(f"sleep 60; touch {tmp_path}/late")
    began = time.monotonic()
    with pytest.raises(InstallError, match="the cloud was stopped meanwhile"):
        on_demand.provide(environments.PYTORCH, chosen.pytorch_python, runs.exists)
    assert time.monotonic() - began < 20


def test_a_command_that_succeeds_without_making_it_has_failed(settings) -> None:
    settings("true")
    with pytest.raises(ClientError, match="is not an interpreter"):
        images.pull(PYTORCH, ROLE, training=True)


def test_a_command_that_is_not_there_is_named(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, _ = settings("true")
    monkeypatch.setattr(
        Settings,
        "_current",
        Settings(state=chosen.state, pytorch_python=Path("/no/bin/python"), make_environment="no-such-command {name}"),
    )
    with pytest.raises(ClientError, match="no-such-command cannot be run: No such file"):
        images.pull(PYTORCH, ROLE, training=True)


def test_images_of_frameworks_only_train(settings) -> None:
    settings("true")
    with pytest.raises(ServiceError, match=r"not supported .*/sagemaker-scikit-learn:1.9-0-cpu-py3\.$"):
        images.python_of(PYTORCH)
    for image in ("pytorch:2.12-cpu-amzn2023-sagemaker", "tensorflow-training:2.21-gpu"):
        with pytest.raises(ServiceError, match=r"tensorflow-training:2\.21\.0-cpu-py312-sagemaker"):
            images.python_of(f"{REGISTRY}/{image}", training=True)


def test_an_interpreter_without_its_framework_is_an_environment_that_is_missing(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    assert "has no torch" in str(environments.missing(environments.PYTORCH, python))
    assert environments.missing(environments.SKLEARN, python) is None


@pytest.mark.parametrize(
    ("packages", "torch", "installed"),
    [
        (["torch", "filelock"], "", ["torch==2.13.0"]),
        (["torch", "nvidia-cublas", "triton"], "", None),
        (["torch", "nvidia-cublas", "triton"], "torch==2.13.0", ["torch==2.13.0"]),
        ([], "torch --index-url somewhere", ["torch", "--index-url", "somewhere"]),
    ],
)
def test_a_cuda_build_is_installed_only_if_somebody_chose_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, packages: list[str], torch: str, installed: list[str] | None
) -> None:
    asked: list[list[str]] = []

    def pip(made: Path, *arguments: str) -> str:
        asked.append(list(arguments))
        return json.dumps({"install": [{"metadata": {"name": name}} for name in packages]})

    monkeypatch.setattr(environments, "_pip", pip)
    monkeypatch.setattr(environments.venv, "create", lambda *_, **__: None)
    monkeypatch.setenv("TORCH", torch)
    if installed is None:
        with pytest.raises(InstallError, match=r"CUDA build of torch==2\.13\.0 with 2 packages .* variable TORCH"):
            environments.make(environments.PYTORCH, tmp_path)
        assert all("--dry-run" in each for each in asked[1:])
    else:
        environments.make(environments.PYTORCH, tmp_path)
        assert asked[-1] == ["install", *installed]
        assert any("--dry-run" in each for each in asked) == (not torch)
