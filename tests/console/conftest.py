"""The recorded stack: as the read model has it, and as a browser sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.source import Source
from tests.browser import chromium
from tests.browser.chromium import Browser
from tests.console import recorded
from tests.console.pages import Page, Served, served


@pytest.fixture(scope="module")
def source() -> Source:
    """Tests only read it."""
    return Source(recorded.stack())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as running:
        yield running


@pytest.fixture(scope="module")
def console() -> Iterator[Served]:
    """With five hundred runs; tests of one file share it, and change it."""
    with served(Source(recorded.stack(runs=500))) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, console: Served) -> Page:
    return Page(browser, console)
