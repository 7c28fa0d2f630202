"""A function's imports run without the garbage collector; its requests run with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = """
import gc
from sluice import bootstrap
before = gc.isenabled()
bootstrap.world()
print(before, gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


@pytest.mark.parametrize(
    ("more", "shown"),
    [({"AWS_LAMBDA_FUNCTION_NAME": "validate_dataset"}, "False True True"), ({}, "True True False")],
)
def test_the_collector_is_off_until_the_first_request_of_a_function(more: dict[str, str], shown: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "core")}
    environment.pop("AWS_LAMBDA_FUNCTION_NAME", None)
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], env=environment | more, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == shown, done.stderr
