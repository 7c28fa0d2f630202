from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from template_files import resources, template, text

from scripts import write_image_mapping
from sluice.training.images import IMAGES


def test_the_template_has_the_sdks_accounts() -> None:
    if not write_image_mapping.SDK_DATA.exists():
        pytest.skip(".envs/sdk is not set up; `make image-mapping` or `make test-long` makes it")
    accounts = write_image_mapping.registries()
    mapping = template()["Mappings"]["ImageAccounts"]
    assert mapping == {region: {"ScikitLearn": own, "Frameworks": other} for region, (own, other) in accounts.items()}
    assert write_image_mapping.rewritten(text(), accounts) == text()


def test_the_block_is_replaced_and_nothing_else() -> None:
    accounts = {"eu-west-1": ("012345678901", "109876543210")}
    once = write_image_mapping.rewritten(text(), accounts)
    assert once.count('{ScikitLearn: "') == 1
    assert 'eu-west-1: {ScikitLearn: "012345678901", Frameworks: "109876543210"}' in once
    assert write_image_mapping.rewritten(once, accounts) == once
    before, after = text().split(write_image_mapping.BEGIN)[0], text().split(write_image_mapping.END)[1]
    assert once.startswith(before)
    assert once.endswith(after)


def test_a_template_without_the_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="marker"):
        write_image_mapping.rewritten("Resources: {}\n", {})


def write(folder: Path, **changes: Any) -> Path:
    """The SDK's files with one region each; `changes`: `<file>_<part>` → another repository or registries."""
    for name, use, version, repository in (*write_image_mapping.SCIKIT_LEARN, *write_image_mapping.FRAMEWORKS):
        path, part = folder / name, name.partition(".")[0].partition("-")[0]
        content = json.loads(path.read_text()) if path.exists() else {}
        image = {"repository": repository, "registries": {"eu-west-1": "1" if part == "sklearn" else "2"}}
        image |= {key: changes[f"{part}_{key}"] for key in image if f"{part}_{key}" in changes}
        content[use] = {"versions": {changes.get(f"{part}_version", version): image}}
        path.write_text(json.dumps(content))
    return folder


def test_what_the_sdk_says_is_believed_only_if_it_is_what_the_template_needs(tmp_path: Path) -> None:
    assert write_image_mapping.registries(write(tmp_path)) == {"eu-west-1": ("1", "2")}
    for changes, message in (
        ({"tensorflow_registries": {"eu-west-1": "3"}}, "lie in different accounts"),
        ({"pytorch_repository": "pytorch-training"}, "is called pytorch-training, not pytorch"),
        ({"pytorch_version": "2.14"}, "has no version 2.13 for training; it has 2.14"),
        ({"sklearn_registries": {"eu-west-1": "1", "eu-south-9": "1"}}, "are not in eu-south-9"),
    ):
        folder = tmp_path / message
        folder.mkdir()
        with pytest.raises(SystemExit, match=message):
            write_image_mapping.registries(write(folder, **changes))
    with pytest.raises(SystemExit, match=r"sklearn\.json is not there"):
        write_image_mapping.registries(tmp_path / "nothing")


def test_the_image_of_the_functions_is_the_mapped_version() -> None:
    image = f"{write_image_mapping.REPOSITORY}:{write_image_mapping.VERSION}-cpu-py3"
    functions = resources("AWS::Serverless::Function").values()
    given = [each.get("Environment", {}).get("Variables", {}).get("SLUICE_IMAGE") for each in functions]
    addresses = [each["Fn::Sub"][0] for each in given if each]
    assert len(addresses) >= 3
    assert [each for each in addresses if not each.endswith(f"/{image}")] == []


def test_the_frameworks_images_are_the_mapped_versions_and_may_be_pulled() -> None:
    mapped = {repository: version for _, _, version, repository in write_image_mapping.FRAMEWORKS}
    named = dict(image.split(":") for image in IMAGES.values())
    assert named.keys() == mapped.keys()
    assert all(named[repository].startswith(f"{version}-cpu-") for repository, version in mapped.items())
    role = json.dumps(resources("AWS::IAM::Role")["SageMakerRole"])
    assert all(f":repository/{repository}" in role for repository in mapped)
