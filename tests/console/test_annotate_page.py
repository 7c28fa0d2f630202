"""The labelling page in Chromium: with the keyboard alone, from the first row to a file that the intake accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.source import Source
from sluice.bootstrap import World
from tests.browser import chromium
from tests.browser.chromium import Browser
from tests.console.pages import Page, served
from tests.console.stub import StubStack
from tests.console.test_annotation import NUMBERS, answered, judged, world_with

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
ADDRESS = "/projects/shop/annotate"
HEADING = "document.querySelector('#row h2').textContent"
WRITE = "[...document.querySelectorAll('button')].find(b => b.textContent.startsWith('Write '))"


def files(world: World) -> list[str]:
    return [each.key for each in world.objects.list("labels/")]


def test_a_job_is_done_with_the_keyboard_and_written_once(browser: Browser):
    world = world_with()
    for name, probability in (("c", 0.9), ("a", 0.5), ("b", 0.6)):
        answered(world, name, probability)
    answered(world, "<b>d", 0.99)
    with served(Source(StubStack(world))) as console:
        page = Page(browser, console)
        page.open(ADDRESS)
        page.until("location.search.includes('until=')")
        assert page.evaluate(HEADING).startswith("Row 1 of 4")
        # every page says which cloud it is about, whatever its column is called
        page.until(
            "document.getElementById('where').textContent === 'the local cloud at http://127.0.0.1:4566, stack sluice'"
        )
        assert "a0" in page.evaluate("document.querySelector('#row dl').textContent")
        page.evaluate("document.querySelector('#row fieldset button').focus()")
        page.key("1")
        page.until(f"{HEADING}.startsWith('Row 2 of 4')")
        # the focus stays on the labels, so that the next key is the next label
        page.until("document.activeElement.closest('#row') !== null")
        page.key("2")
        page.until(f"{HEADING}.startsWith('Row 3 of 4')")
        page.key("s")
        page.until(f"{HEADING}.startsWith('Row 4 of 4')")
        page.key("ArrowLeft")
        page.until(f"{HEADING}.startsWith('Row 3 of 4 skipped')")
        tiles = page.evaluate("document.querySelector('.tiles').innerText")
        assert [word for word in tiles.split() if word.isdigit()] == ["2", "4", "1", "1"]
        # a page that is loaded again has the same rows, and keeps what was said
        page.open(page.evaluate("location.pathname + location.search"))
        assert page.evaluate("document.querySelectorAll('.place.labelled').length") == 2
        # open rows are warned of once, and nothing is written before
        page.evaluate(f"{WRITE}.click()")
        page.until("document.querySelector('main').innerText.includes('looks worse than it is')")
        assert files(world) == []
        page.evaluate(f"{WRITE}.click()")
        page.until("document.querySelector('main').innerText.includes('2 labels written to labels/shop/annotated-')")
        (key,) = files(world)
        lines = [json.loads(line) for line in world.objects.read(key).splitlines()]
        assert lines == [{"inference_id": "a0", "bought": True}, {"inference_id": "b0", "bought": False}]
        told = page.evaluate("document.querySelector('main').innerText")
        assert "rows skipped: 1, left open: 1" in told
        assert "The model had answered the same in 1 of 2 rows." in told
        assert judged(world, {"key": key})["labels"] == 2
        page.until("document.querySelector('main h2').textContent.includes('accepted')")
        page.evaluate("[...document.querySelectorAll('button')].find(b => b.textContent === 'Label more rows').click()")
        page.until(f"document.querySelector('#row') && {HEADING}.startsWith('Row 1 of 2')")
        assert page.deeds == {}


def test_numbers_are_typed_and_every_row_done_needs_no_warning(browser: Browser):
    world = world_with(NUMBERS)
    answered(world, "n", 0.5, 2, answer={"predictions": [{"prediction": 12.5}]})
    with served(Source(StubStack(world))) as console:
        page = Page(browser, console)
        page.open(ADDRESS)
        for number, value in enumerate(("10.5", "-3")):
            page.until(f"{HEADING}.startsWith('Row {number + 1} of 2')")
            page.evaluate("document.querySelector('#row input').focus()")
            page.type(value)
            page.key("Enter")
        page.until("document.querySelectorAll('.place.labelled').length === 2")
        page.evaluate(f"{WRITE}.click()")
        page.until("document.querySelector('main').innerText.includes('2 labels written')")
        (key,) = files(world)
        said = sorted(json.loads(line)["price"] for line in world.objects.read(key).splitlines())
        assert said == [-3.0, 10.5]


def test_without_rows_the_page_says_why(browser: Browser):
    world: Any = world_with()
    answered(world, "x", 0.5, variant="v-r9")
    with served(Source(StubStack(world))) as console:
        page = Page(browser, console)
        page.open(ADDRESS)
        told = page.evaluate("document.querySelector('main').textContent")
        assert "by the model that serves, r1, waits for a label" in told
        assert "1 answered by another model" in told
