"""What of the state machines only their text shows; the rest is asl.py, expressions.py, … of tests/proof."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from template_files import machine_files


@pytest.mark.parametrize("path", machine_files(), ids=lambda path: path.name.removesuffix(".asl.yaml"))
def test_textual_substitutions_are_quoted(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "${" in line:
            assert re.search(r'"[^"]*\$\{\w+\}[^"]*"', line), f"not YAML before the substitution: {line.strip()}"
