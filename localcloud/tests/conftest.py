"""A real local cloud for tests: started once a session, on a free port, with a state folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud, start_cloud, stop_cloud
from endpoint_help import World


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: minutes rather than seconds")
    config.addinivalue_line("markers", "cloud: runs against a local cloud process")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The session's local cloud, ten times as fast as the world."""
    running = start_cloud(tmp_path_factory.mktemp("cloud"), 10.0)
    yield running
    stop_cloud(running)


@pytest.fixture(scope="module")
def world(cloud: Any) -> Iterator[World]:
    made = World(cloud)
    yield made
    for endpoint in made.endpoints:
        with contextlib.suppress(ClientError):
            made.settled(endpoint)
            made.sagemaker.delete_endpoint(EndpointName=endpoint)


@pytest.fixture(scope="module")
def pair(world: World) -> str:
    """An endpoint with variants `a` (weight 90) and `b` (weight 10), for tests that leave it as it is."""
    return _pair(world)


@pytest.fixture
def own_pair(world: World) -> str:
    """An endpoint like `pair` for one test, which may change it and count its requests."""
    return _pair(world)


def _pair(world: World) -> str:
    return world.serving(("a", world.model("one"), 90), ("b", world.model("two"), 10))
