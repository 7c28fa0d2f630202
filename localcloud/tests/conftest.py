"""A real local cloud for tests: started once a session, on a free port, with a state folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cloud_help import Cloud, start_cloud, stop_cloud


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: minutes rather than seconds")
    config.addinivalue_line("markers", "cloud: runs against a local cloud process")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The session's local cloud, ten times as fast as the world."""
    running = start_cloud(tmp_path_factory.mktemp("cloud"), 10.0)
    yield running
    stop_cloud(running)
