from __future__ import annotations

import pytest
from template_files import resources, template, text

from scripts import write_image_mapping


def test_the_template_has_the_sdks_accounts() -> None:
    if not write_image_mapping.SDK_DATA.exists():
        pytest.skip(".envs/sdk is not set up; `make image-mapping` or `make test-long` makes it")
    accounts = write_image_mapping.registries()
    mapping = template()["Mappings"]["ScikitLearnImage"]
    assert mapping == {region: {"Account": account} for region, account in accounts.items()}
    assert write_image_mapping.rewritten(text(), accounts) == text()


def test_the_block_is_replaced_and_nothing_else() -> None:
    accounts = {"eu-west-1": "012345678901"}
    once = write_image_mapping.rewritten(text(), accounts)
    assert once.count('{Account: "') == 1
    assert 'eu-west-1: {Account: "012345678901"}' in once
    assert write_image_mapping.rewritten(once, accounts) == once
    before, after = text().split(write_image_mapping.BEGIN)[0], text().split(write_image_mapping.END)[1]
    assert once.startswith(before)
    assert once.endswith(after)


def test_a_template_without_the_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="marker"):
        write_image_mapping.rewritten("Resources: {}\n", {})


def test_the_image_of_the_functions_is_the_mapped_version() -> None:
    image = f"{write_image_mapping.REPOSITORY}:{write_image_mapping.VERSION}-cpu-py3"
    functions = resources("AWS::Serverless::Function").values()
    given = [each.get("Environment", {}).get("Variables", {}).get("SLUICE_IMAGE") for each in functions]
    addresses = [each["Fn::Sub"][0] for each in given if each]
    assert len(addresses) >= 3
    assert [each for each in addresses if not each.endswith(f"/{image}")] == []
