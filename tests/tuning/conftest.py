"""A local cloud of its own, without the application: the tuning of build_model needs a bucket and two roles only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "localcloud" / "tests"))

from cloud_help import Cloud, start_cloud, stop_cloud


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    # retries and waits of the machine pass fifty times as fast; jobs take their own time
    running = start_cloud(tmp_path_factory.mktemp("cloud"), 50.0)
    yield running
    stop_cloud(running)
