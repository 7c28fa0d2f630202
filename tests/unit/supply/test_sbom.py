"""The bill of materials says what is in the built layers: everything, and nothing more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from cli.artefacts import runtime
from proofs.locks import ROOT, normalised, read
from scripts import pack_libraries
from scripts.licences import PERMISSIVE, licences
from scripts.write_sbom import LAYERS, SupplyError, deployed, environment

AUDIT = ROOT / ".envs/audit/bin/python"
WHEELS = ROOT / "build" / "wheels"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(error and str(error)[:500] or 0)
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """`sam build` in a folder of its own: other tests may be building in .aws-sam."""
    folder = tmp_path_factory.mktemp("sam")
    command = [str(Path(sys.executable).parent / "sam"), "build", "--config-env", "local"]
    command += ["--build-dir", str(folder / "build"), "--cache-dir", str(folder / "cache")]
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return folder / "build"


@pytest.fixture(scope="module")
def bill(build) -> dict:
    return deployed(build, WHEELS)


def libraries(bill: dict) -> list[dict]:
    return [each for each in bill["components"] if each["type"] == "library"]


def test_every_distribution_of_the_layers_is_listed_and_nothing_else(build, bill):
    installed = {
        f"pkg:pypi/{normalised(each.name)}@{each.version}"
        for part in build.iterdir()
        for each in distributions(path=[str(part / "python"), str(part)])
    }
    # and what is packed for the jobs
    installed |= {f"pkg:pypi/{name}@{version}" for name, version in read(pack_libraries.LOCK).versions.items()}
    listed = [each["purl"] for each in libraries(bill)]
    assert len(listed) >= 10
    assert sorted(listed) == sorted(installed)


def test_each_has_version_licence_and_the_hash_of_a_locked_wheel(bill):
    allowed = {
        name: set(hashes)
        for path, python in [
            *((lock, runtime()) for lock in LAYERS.values()),
            (pack_libraries.LOCK, pack_libraries.CONTAINER),
        ]
        for name, hashes in read(path, python).hashes.items()
    }
    for each in libraries(bill):
        [digest] = each["hashes"]
        assert digest["alg"] == "SHA-256"
        assert digest["content"] in allowed[normalised(each["name"])]
        assert each["version"]
        assert each["licenses"]


def test_what_is_deployed_asks_for_its_notice_only(bill):
    found = {
        each.get("expression") or each["license"].get("id") or each["license"].get("name")
        for library in libraries(bill)
        for each in library["licenses"]
    }
    assert {licence for expression in found for licence in expression.split(" AND ")} <= PERMISSIVE


def test_functions_and_layers_of_the_template_are_there(build, bill):
    parts = {each["name"] for each in bill["components"] if each["type"] == "application"}
    assert parts == {path.name for path in build.iterdir() if path.is_dir()}
    assert {"CoreLayer", "DataLayer", "JobsLayer", "ValidateDatasetFunction"} <= parts


def test_dependencies_name_what_is_listed(bill):
    known = {each["bom-ref"] for each in bill["components"]}
    edges = {edge["ref"]: edge["dependsOn"] for edge in bill["dependencies"]}
    assert edges.keys() == known
    assert {name for needs in edges.values() for name in needs} <= known
    assert any(name.startswith("pkg:pypi/pydantic-core@") for name in edges["layer:CoreLayer"])


def test_it_is_the_same_every_time(build, bill):
    assert json.dumps(deployed(build, WHEELS)) == json.dumps(bill)


def test_compiled_modules_are_for_the_runtime_and_a_processor_of_the_template(build):
    tag = f"cpython-{runtime().replace('.', '')}-x86_64-linux-gnu"
    compiled = [path.name for path in build.glob("*/python/**/*.so")]
    ours = [name for name in compiled if ".cpython-" in name]
    assert len(ours) > 20
    assert [name for name in ours if tag not in name] == []


def test_wheels_ask_for_no_newer_system_than_amazon_linux_2023(build):
    wheels = "\n".join(path.read_text() for path in build.glob("*/python/*.dist-info/WHEEL"))
    needed = {(int(major), int(minor)) for major, minor in re.findall(r"manylinux_(\d+)_(\d+)_", wheels)}
    assert needed
    assert max(needed) <= (2, 34)
    assert "aarch64" not in wheels
    assert "macosx" not in wheels


def test_what_is_shipped_to_jobs_is_for_any_python(build):
    # the layer's Python is the function's, the container has another
    tags = re.findall(
        r"^Tag: (\S+)", "\n".join(p.read_text() for p in build.glob("JobsLayer/python/*.dist-info/WHEEL")), re.MULTILINE
    )
    assert len(tags) >= 2
    assert all(tag.startswith("py3-none-") for tag in tags)


def test_what_is_packed_for_jobs_is_for_the_container_s_python_and_its_system(build):
    archives = list(build.glob("JobsLayer/python/packed/*.tar.gz"))
    assert archives
    tag = f"cp{pack_libraries.CONTAINER.replace('.', '')}"
    for path in archives:
        with tarfile.open(path) as tar:
            [wheel] = [each for each in tar.getnames() if each.endswith(".dist-info/WHEEL")]
            text = tar.extractfile(wheel).read().decode()
        assert f"\nTag: {tag}-{tag}-manylinux2014_x86_64\n" in text


def test_the_layers_import_with_the_runtime_s_own_python(build):
    found = subprocess.run(["sh", "scripts/find_python.sh", runtime()], cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"Python {runtime()} is not here: the layers are not imported as AWS will")
    paths = os.pathsep.join(str(build / layer / "python") for layer in LAYERS)
    code = "import sys, pydantic, yaml, aws_lambda_powertools, sluice.intake.validation; print(sys.version[:4])"
    command = [found.stdout.strip(), "-S", "-s", "-c", code]
    environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == runtime()


def changed(build: Path, to: Path, layer: str) -> Path:
    shutil.copytree(build / layer, to / layer)
    return to


def test_a_changed_file_is_found(build, tmp_path):
    made = changed(build, tmp_path, "CoreLayer")
    target = next((made / "CoreLayer/python/jmespath").glob("parser.py"))
    target.write_text(target.read_text() + "\n# one more line\n")
    with pytest.raises(SupplyError, match=r"jmespath/parser.py is not what jmespath-.* has"):
        deployed(made, WHEELS)


def test_a_distribution_too_many_and_one_too_few_are_found(build, tmp_path):
    made = changed(build, tmp_path, "CoreLayer")
    extra = made / "CoreLayer/python/evil-1.0.dist-info"
    extra.mkdir()
    (extra / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    with pytest.raises(SupplyError, match=r"built but not locked: \['evil'\]"):
        deployed(made, WHEELS)
    shutil.rmtree(extra)
    shutil.rmtree(next((made / "CoreLayer/python").glob("jmespath-*.dist-info")))
    with pytest.raises(SupplyError, match=r"locked but not built: \['jmespath'\]"):
        deployed(made, WHEELS)


def test_a_distribution_in_a_function_is_found(tmp_path):
    folder = tmp_path / "AwaitEndpointFunction" / "evil-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    with pytest.raises(SupplyError, match="put them into a layer"):
        deployed(tmp_path, WHEELS)


def test_an_environment_lists_all_that_it_has():
    python = Path(sys.executable)
    bill = environment("dev", python, read(ROOT / "requirements/dev.txt"))
    site = next((python.parent.parent / "lib").glob("python3.*/site-packages"))
    assert {each["name"] for each in libraries(bill)} == {each.name for each in distributions(path=[str(site)])}
    boto3 = next(each for each in libraries(bill) if each["name"] == "boto3")
    assert boto3["externalReferences"][0]["hashes"]


@pytest.mark.skipif(not AUDIT.exists(), reason="needs .envs/audit (make check sets it up)")
@pytest.mark.parametrize("which", ["deployed", pytest.param("dev", marks=pytest.mark.long)])
def test_the_schema_of_cyclonedx_holds(bill, which):
    dev = environment("dev", Path(sys.executable), read(ROOT / "requirements/dev.txt"))
    text = json.dumps(bill if which == "deployed" else dev)
    done = subprocess.run([str(AUDIT), "-c", VALIDATE], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_licences_are_read_from_expression_classifier_and_words(tmp_path):
    def of(*lines: str) -> list:
        info = tmp_path / f"x{len(list(tmp_path.iterdir()))}"
        (info / "p-1.dist-info").mkdir(parents=True)
        (info / "p-1.dist-info/METADATA").write_text("\n".join(("Metadata-Version: 2.1", "Name: p", *lines)) + "\n")
        return licences(next(iter(distributions(path=[str(info)]))))

    assert of("License-Expression: MIT AND BSD-3-Clause") == [{"expression": "MIT AND BSD-3-Clause"}]
    assert of("Classifier: License :: OSI Approved :: MIT License") == [{"license": {"id": "MIT"}}]
    assert of("License: Apache-2.0") == [{"license": {"id": "Apache-2.0"}}]
    assert of("License: my own terms") == [{"license": {"name": "my own terms"}}]
    assert of() == []
