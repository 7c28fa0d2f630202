"""Finding the way in Chromium: the address is the state, and everything is reached with the keyboard."""

from __future__ import annotations

import pytest

from tests.browser import chromium
from tests.console.pages import REJECTED, RUN, Page

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
CLICK = """document.querySelector('g.node[aria-label^="Judge Candidate"]')
  .dispatchEvent(new MouseEvent('click', {bubbles: true}))"""


def test_in_a_narrow_window_the_chosen_state_is_shown_at_once(page: Page):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        page.open(f"/projects/shop/runs/{RUN}")
        page.evaluate(CLICK)
        page.until("document.querySelector('aside h2').getBoundingClientRect().top < innerHeight", 5.0)
    finally:
        page.browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_address_is_the_state_and_back_goes_back(page: Page):
    page.open(f"/projects/shop/runs/{RUN}")
    page.evaluate(CLICK)
    page.until("document.querySelector('aside h2').textContent === 'Judge Candidate'")
    assert page.evaluate("new URLSearchParams(location.search).get('state')") == "Judge Candidate"
    page.until("document.querySelector('aside pre') !== null")
    assert '"decision": "approved"' in page.evaluate("document.querySelector('aside').innerText")
    page.evaluate("history.back()")
    page.until("document.querySelector('aside h2').textContent === 'The run'")
    page.evaluate("history.forward()")
    page.until("document.querySelector('aside h2').textContent === 'Judge Candidate'")


def test_everything_is_reached_and_done_with_the_keyboard(page: Page):
    page.open(f"/projects/shop/runs/{RUN}")
    page.key("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(60):
        page.key("Tab")
        seen.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
        if str(seen[-1]).startswith("Judge Candidate"):
            break
    assert "Judge Candidate: done" in seen
    # what has the focus is seen to have it
    outline = page.evaluate("getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth")
    assert float(outline.removesuffix("px")) >= 3
    page.key("Enter")
    page.until("document.querySelector('aside h2').textContent === 'Judge Candidate'")
    # an answer that comes meanwhile does not take the focus away
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Judge Candidate: done"


def test_a_failed_run_leads_to_the_state_that_failed(page: Page):
    world = page.console.source.world
    error = {"state": "Seal Candidate", "error": "ArtifactError", "cause": "x"}
    world.ledger.update_run("visits", REJECTED, {"outcome": "failed", "error": error})
    page.open(f"/projects/visits/runs/{REJECTED}")
    page.evaluate(
        "[...document.querySelectorAll('main a')].find(a => a.textContent === 'The state that failed').click()"
    )
    page.until("document.querySelector('aside h2').textContent === 'Seal Candidate'")
    world.ledger.update_run("visits", REJECTED, {"outcome": "rejected", "error": None})


def test_the_theme_can_be_switched_and_stays(page: Page):
    page.theme("light")
    page.open("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate(ground) != light
    page.open("/")
    assert page.evaluate(ground) != light
    page.evaluate("localStorage.clear()")
