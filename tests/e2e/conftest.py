"""One local cloud with the application deployed; the stories of the chosen tests run on it side by side.

A story is what people do to one project, as a function `(line) -> facts`; tests look at what came of it
(`@pytest.mark.story.with_args(<function>)`). The stories of the chosen tests are told a few at once, since most of
their time is waiting.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from testing.line import Line, deployed

SPEED = 20.0
Story = Callable[[Line], dict[str, Any]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "story(function): what happens to a project before this test looks at it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.cloud)
            # with pytest-xdist: one worker, because there is one cloud
            item.add_marker(pytest.mark.xdist_group("e2e"))


@pytest.fixture(scope="package")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line, built, deployed and subscribed to; over with this folder, because its monitors keep a core busy."""
    with deployed(tmp_path_factory.mktemp("line") / "cloud", SPEED) as line:
        yield line


@pytest.fixture(scope="package")
def stories(line: Line, request: pytest.FixtureRequest) -> Iterator[dict[Story, Future[dict[str, Any]]]]:
    """Every story that a chosen test needs, begun."""
    marks = [mark for item in request.session.items for mark in item.iter_markers("story")]
    wanted = dict.fromkeys(mark.args[0] for mark in marks)
    # more at once would only share the cores, and hold more memory: a run's Spark and its functions' processes
    with ThreadPoolExecutor(2 * (os.cpu_count() or 2), thread_name_prefix="story") as pool:
        yield {story: pool.submit(story, line) for story in wanted}


@pytest.fixture
def story(stories: dict[Story, Future[dict[str, Any]]], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's story found, once it is over."""
    mark = request.node.get_closest_marker("story")
    assert mark is not None, "mark the test with its story"
    return stories[mark.args[0]].result()
