"""What a Python Lambda finds around it: AWS's runtime instead of this environment, and layers unpacked once.

ministack runs a function with the interpreter of its own virtual environment. So a function could import what AWS does
not have (pandas, which pyarrow then loads for 2 s; pyOpenSSL, which urllib3 then loads), and would fail only there.
Here a worker sees the standard library, boto3 with what it needs, its layers and its code, as in AWS's runtime.

ministack also unpacks every layer for every worker. A layer version never changes, so one copy serves them all; AWS
caches layers on its workers, too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import sys
import threading
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from localcloud.settings import Settings

BUNDLED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What AWS's Python runtimes bring along (as of python3.13)."""

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Every function runs with the Python that runs the cloud, whichever version its Runtime names."""

logger = logging.getLogger("localcloud.lambda")

# a module of one version of CPython alone: _core.cpython-313-x86_64-linux-gnu.so
_COMPILED = re.compile(r"\.cpython-(\d)(\d+)-[\w-]+\.so$")
_unpacking = threading.Lock()
_counting = threading.Lock()
_running: Counter[str] = Counter()
_told: set[str] = set()


def install(settings: Settings) -> None:
    from ministack.core import lambda_runtime

    runtime = settings.state / "tmp" / "lambda-runtime"
    layers = settings.state / "tmp" / "lambda-layers"
    launcher = _prepare(runtime)
    layers.mkdir(parents=True, exist_ok=True)
    detect, spawn = lambda_runtime._detect_runtime_binary, lambda_runtime.Worker._spawn

    def detect_runtime_binary(name: str) -> tuple[str, str]:
        binary, script = detect(name)
        return (str(launcher) if name.startswith("python") else binary), script

    def spawn_with_shared_layers(worker: Any) -> None:
        config = worker.config
        named = config.get("Runtime", "python")
        if not named.startswith("python"):
            spawn(worker)
            return
        _say_once_what_runs(named)
        folders = [str(_unpacked(reference, layers)) for reference in config.get("Layers") or []]
        variables = {
            **(config.get("Environment") or {}).get("Variables", {}),
            "PYTHONPATH": str(runtime / "packages"),
            "_LAMBDA_LAYERS_DIRS": os.pathsep.join(folders),
        }
        worker.config = {**config, "Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(worker)
        finally:
            worker.config = config

    lambda_runtime._detect_runtime_binary = detect_runtime_binary
    lambda_runtime.Worker._spawn = spawn_with_shared_layers
    _count_executions()


def shutdown() -> None:
    """Nothing to end: the copies lie in the state folder's `tmp`, which goes with the cloud."""


def running(function: str) -> int:
    """How many executions of the function (its name) are on."""
    return _running[function]


def _say_once_what_runs(runtime: str) -> None:
    if runtime not in _told and runtime != f"python{VERSION}":
        logger.warning("functions of %s run here with Python %s, the cloud's own", runtime, VERSION)
    _told.add(runtime)


def _count_executions() -> None:
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function

    def counted(func: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        name = (func.get("config") or func).get("FunctionName", "")
        with _counting:
            _running[name] += 1
        try:
            return execute(func, event)
        finally:
            with _counting:
                _running[name] -= 1

    lambda_svc._execute_function = counted


def _prepare(runtime: Path) -> Path:
    """Links to the bundled packages, and a launcher that starts Python without its site-packages."""
    packages = runtime / "packages"
    shutil.rmtree(runtime, ignore_errors=True)
    packages.mkdir(parents=True)
    for name in BUNDLED:
        specification = importlib.util.find_spec(name)
        if specification is None or not specification.origin:
            raise RuntimeError(f"{name} is not installed: Lambda's Python runtime has it")
        origin = Path(specification.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (packages / source.name).symlink_to(source)
    launcher = runtime / "python"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -s "$@"\n')
    launcher.chmod(0o755)
    return launcher


def _unpacked(reference: Any, folder: Path) -> Path:
    """The one copy of a layer version.

    Raises RuntimeError for one that is gone, would write outside its folder, or was compiled for another Python.
    """
    from ministack.services.lambda_svc import _resolve_layer_zip

    arn = reference if isinstance(reference, str) else reference["Arn"]
    content = _resolve_layer_zip(reference)
    if not content:
        raise RuntimeError(f"layer {arn} has no content")
    target = folder / hashlib.sha256(content).hexdigest()[:24]
    with _unpacking:
        if not target.exists():
            packed, partial = target.with_suffix(".zip"), target.with_suffix(".part")
            packed.write_bytes(content)
            shutil.rmtree(partial, ignore_errors=True)
            with zipfile.ZipFile(packed) as archive:
                for member in archive.namelist():
                    if not (partial / member).resolve().is_relative_to(partial.resolve()):
                        raise RuntimeError(f"layer {arn}: {member} lies outside the layer")
                    _refuse_another_python(arn, member)
                archive.extractall(partial)
            packed.unlink()
            partial.rename(target)
    return target


def _refuse_another_python(arn: str, member: str) -> None:
    compiled = _COMPILED.search(member)
    if compiled and (needed := f"{compiled[1]}.{compiled[2]}") != VERSION:
        raise RuntimeError(
            f"layer {arn}: {member} is compiled for Python {needed}, and this cloud runs functions with {VERSION}. "
            f"Build the layer for {VERSION}, or run localcloud with Python {needed}"
        )
