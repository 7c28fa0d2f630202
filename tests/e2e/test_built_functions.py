"""The functions as `sam build` made them for the stack under test: they import, and they fit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.artefacts import for_local_cloud
from localcloud.lambda_runtime import BUNDLED
from proofs.handlers import SUPPORTED
from proofs.project import Project
from testing.line import Line

BUILD = for_local_cloud().folder
# "Lambda quotas" in the Lambda developer guide: a function's code with its layers, unpacked
LIMIT = 250 * 1024 * 1024
FUNCTIONS = Project.load().resources("AWS::Serverless::Function")
_IMPORT = """
import importlib, os, sys
sys.path[:0] = sys.argv[2:]
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module), name)
assert callable(handler), handler
outside = [each for each in ("pandas", "moto", "ministack", "pytest") if each in sys.modules]
assert not outside, outside
"""


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module", autouse=True)
def _built(line: Line) -> None:
    """The stack under test was built in this checkout."""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What AWS's runtime brings along, and no other package of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in BUNDLED:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
        (folder / source.name).symlink_to(source)
    return folder


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_built_function_imports_and_fits(name: str, runtime: Path) -> None:
    built = yaml.load((BUILD / "template.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    shared = built["Globals"]["Function"]
    properties = built["Resources"][name]["Properties"]
    code = BUILD / properties["CodeUri"]
    layers = [BUILD / each["Ref"] for each in [*shared.get("Layers", []), *properties.get("Layers", [])]]
    assert properties.get("Runtime", shared["Runtime"]) in SUPPORTED
    assert _size(code) + sum(map(_size, layers)) < LIMIT
    paths = [str(code), *(str(layer / "python") for layer in layers), str(runtime)]
    handler = properties.get("Handler", shared["Handler"])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _IMPORT, handler, *paths],
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert done.returncode == 0, done.stderr
