"""What a Python Lambda finds around it: AWS's runtime, its layers, and nothing of this environment."""

from __future__ import annotations

import io
import json
import sys
import sysconfig
import zipfile
from typing import Any

import pytest

from localcloud import lambda_runtime

pytestmark = pytest.mark.cloud

CODE = """
import importlib.util, os, sys

def handler(event, context):
    import layered
    found = {name: importlib.util.find_spec(name) is not None for name in event["names"]}
    return {"found": found, "layer": layered.__file__, "value": layered.VALUE, "unpacked": layered.__cached__}
"""


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role(cloud) -> str:
    return cloud.role("runtime", "lambda.amazonaws.com", [])


@pytest.fixture(scope="module")
def layer(cloud) -> str:
    content = {"ZipFile": zipped({"python/layered.py": "VALUE = 41"})}
    published = cloud.client("lambda").publish_layer_version(LayerName="layered", Content=content)
    return published["LayerVersionArn"]


def answer(cloud, name: str, role: str, layer: str) -> dict[str, Any]:
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": zipped({"app.py": CODE})},
        Layers=[layer],
        Environment={"Variables": {"MINE": "1"}},
    )
    names = ["boto3", "botocore", "dateutil", "urllib3", "six", "pandas", "pyarrow", "pytest", "ministack", "OpenSSL"]
    done = functions.invoke(FunctionName=name, Payload=json.dumps({"names": names}).encode())
    body = json.loads(done["Payload"].read())
    assert "FunctionError" not in done, body
    return body


def test_a_function_sees_boto3_and_its_layer_and_nothing_of_the_development_environment(cloud, role, layer):
    first = answer(cloud, "first", role, layer)
    assert {name for name, found in first["found"].items() if found} == {
        "boto3",
        "botocore",
        "dateutil",
        "urllib3",
        "six",
    }
    assert first["value"] == 41
    # the same copy serves every function that names this version
    assert answer(cloud, "second", role, layer)["layer"] == first["layer"]
    variables = cloud.client("lambda").get_function_configuration(FunctionName="first")["Environment"]["Variables"]
    assert variables == {"MINE": "1"}


def test_a_layer_compiled_for_another_python_is_refused_with_both_versions(cloud, role):
    functions = cloud.client("lambda")
    content = {"ZipFile": zipped({"python/layered.py": "VALUE = 41", "python/_x.cpython-39-x86_64-linux-gnu.so": ""})}
    other = functions.publish_layer_version(LayerName="other", Content=content)["LayerVersionArn"]
    with pytest.raises(AssertionError, match=rf"functions with 3\.{sys.version_info.minor}\. .* with Python 3\.9"):
        answer(cloud, "foreign", role, other)


def test_modules_of_this_python_and_of_every_python_are_taken(cloud, role):
    tag = sysconfig.get_config_var("EXT_SUFFIX")
    files = {"python/layered.py": "VALUE = 41", f"python/_x{tag}": "", "python/_y.abi3.so": "", "python/libz.so.1": ""}
    published = cloud.client("lambda").publish_layer_version(LayerName="own", Content={"ZipFile": zipped(files)})
    assert answer(cloud, "own", role, published["LayerVersionArn"])["value"] == 41


def test_another_runtime_than_the_cloud_s_python_is_reported_once(caplog):
    lambda_runtime._told.clear()
    for runtime in ("python3.8", f"python{lambda_runtime.VERSION}", "python3.8"):
        lambda_runtime._say_once_what_runs(runtime)
    assert [each.getMessage() for each in caplog.records] == [
        f"functions of python3.8 run here with Python {lambda_runtime.VERSION}, the cloud's own"
    ]


def test_a_layer_that_writes_outside_its_folder_is_refused(cloud, role):
    functions = cloud.client("lambda")
    content = {"ZipFile": zipped({"../evil.py": "x = 1"})}
    evil = functions.publish_layer_version(LayerName="evil", Content=content)["LayerVersionArn"]
    with pytest.raises(AssertionError, match="outside the layer"):
        answer(cloud, "victim", role, evil)
    assert not list(cloud.settings.state.rglob("evil.py"))
