"""Each page in Chromium: it draws, loads nothing from elsewhere, passes axe, fits a telephone, and is quick."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.browser import chromium
from tests.console.pages import AUDIT, AXE, FIRST, LIVE, RUN, Page, addresses

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
NAMES = list(addresses())
FIRST_PAINT = 1.0
"""Seconds; what a person may wait for the first thing to see."""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_draws_and_loads_nothing_from_elsewhere(page: Page, name: str):
    page.open(addresses()[name])
    assert page.evaluate("document.querySelectorAll('main h1').length") == 1
    assert len(page.evaluate("document.querySelector('main').innerText")) > 150
    assert page.evaluate("document.querySelectorAll('.failure[role=alert]').length") == 0
    assert page.deeds == {}
    # every heading level follows from the one above it
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make .envs/node/.stamp)")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(page: Page, theme: str):
    found = {}
    page.theme(theme)
    for name, path in addresses().items():
        page.open(path)
        page.browser.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
        # what the dark theme changes is colours
        rules = "runOnly: ['color-contrast']" if theme == "dark" else ""
        answer = page.promised(AUDIT.replace("@RULES@", rules))
        if answer:
            found[name] = answer
    assert found == {}


def test_no_page_is_wider_than_a_telephone(page: Page):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        for name, path in addresses().items():
            page.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        for name in ("projects", "project", "data", "dataset", "alarms", "monitor", "decisions"):
            page.open(addresses()[name])
            # the tables that people read most have cards, and nothing to scroll to the side
            wide = "[...document.querySelectorAll('.cards')].filter(e => e.scrollWidth > e.clientWidth).length"
            assert page.evaluate(f"[document.querySelectorAll('.cards').length > 0, {wide}]") == [True, 0], name
            named = "getComputedStyle(document.querySelector('.cards td'), '::before').content"
            assert len(page.evaluate(named)) > 4
        page.open("/projects/shop/alerts")
        # a subject has a line of its own, and not what its kind and its time leave
        assert page.evaluate("document.querySelector('.inbox .subject').getBoundingClientRect().width") > 250
    finally:
        page.browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_first_paint_comes_within_a_second(page: Page):
    paint = "performance.getEntriesByType('paint').find(p => p.name === 'first-contentful-paint')?.startTime"
    paints = [60.0]
    # this machine may be busy with other tests: one load that is not disturbed is enough
    while min(paints) > FIRST_PAINT and len(paints) < 12:
        page.open("/projects/shop")
        paints.append(float(page.until(paint)) / 1000)
    assert min(paints) <= FIRST_PAINT


def test_a_change_is_shown_and_announced_within_a_second_of_reading(page: Page):
    ledger = page.console.source.world.ledger
    page.open(f"/projects/shop/runs/{FIRST}/decisions")
    page.open("/projects/shop")
    at = page.console.source.world.clock.now()
    ledger.start_run("shop", "rnew", at.replace(year=2027), {"trigger": "manual", "status": "running"})
    began = time.monotonic()
    page.until("document.querySelector('main table a').textContent === 'rnew'")
    first = time.monotonic() - began
    page.until("document.getElementById('said').textContent.includes('rnew')")
    changes = [first]
    while min(changes) >= 1.0 or len(changes) < 4:
        number = len(changes)
        assert number < 15, changes
        ledger.update_run("shop", "rnew", {"status": f"step {number}"})
        began = time.monotonic()
        page.until(f"document.querySelector('main table .tag').textContent === 'step {number}'")
        changes.append(time.monotonic() - began)


def test_five_hundred_runs_are_paged_and_stay_quick(page: Page):
    page.open("/projects/shop")
    assert page.evaluate("document.querySelectorAll('main tbody tr').length") == 50
    took = []
    for _ in range(5):
        before = page.evaluate("document.querySelector('main tbody a').textContent")
        began = time.monotonic()
        page.evaluate("[...document.querySelectorAll('.pager button')].find(b => b.textContent === 'Older').click()")
        page.until(f"document.querySelector('main tbody a').textContent !== {before!r}")
        took.append(time.monotonic() - began)
    assert min(took) < 0.5
    assert "page=5" in page.evaluate("location.search")
    page.evaluate("history.back()")
    page.until("document.querySelector('.pager').textContent.includes('page 5 of')")


def test_a_run_in_progress_says_what_happens_and_how_far_it_is(page: Page):
    page.open(f"/projects/shop/runs/{LIVE}")
    told = page.evaluate("document.querySelector('main .now').innerText")
    assert "Letting requests arrive" in told
    assert "The new model has 100 % of the traffic" in told


def test_a_graph_has_the_same_as_a_list(page: Page):
    page.open(f"/projects/shop/runs/{RUN}")
    drawn = page.evaluate(
        "[...document.querySelectorAll('g.node')].map(e => e.getAttribute('aria-label').split(':')[0])"
    )
    listed = page.evaluate("[...document.querySelectorAll('.states button')].map(e => e.textContent)")
    assert drawn == listed
    assert len(drawn) > 70
