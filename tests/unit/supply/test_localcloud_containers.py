"""The versions that localcloud pins for its containers are those of this repository's environments."""

from __future__ import annotations

import re

import pytest

from proofs.locks import ROOT


@pytest.mark.parametrize(
    ("container", "lock"),
    [("sklearn", "learn"), ("glue", "glue"), ("pytorch", "pytorch"), ("tensorflow", "tensorflow")],
)
def test_pins_agree_with_the_lock(container: str, lock: str) -> None:
    named = (ROOT / "localcloud" / "src" / "localcloud" / "containers" / f"{container}.txt").read_text("utf-8")
    locked = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    pins = re.findall(r"^(\S+)==(\S+)$", named, re.MULTILINE)
    assert pins
    for name, version in pins:
        assert re.search(rf"^{re.escape(name)}=={re.escape(version)} ", locked, re.MULTILINE), f"{name}=={version}"
