"""What strangers may not do: read or act from another page, or run code by a name, a value or a text."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest

from console.server import ACTIONS
from console.source import Source
from tests.browser import chromium, hostile
from tests.browser.chromium import Browser
from tests.console import recorded
from tests.console.pages import PROMOTED, Page, Served, addresses, served

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
ATTACK = """(async () => {
  const options = {credentials: 'include'};
  const read = await fetch('@CONSOLE@/api/projects', options).then(r => r.text()).catch(() => 'refused');
  const body = JSON.stringify({reason: 'EVIL'});
  const plain = {...options, method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain'}, body};
  const json = {...options, method: 'POST', headers: {'Content-Type': 'application/json'}, body};
  const acts = [];
  for (const path of @PATHS@) for (const sent of [plain, json])
    acts.push(await fetch('@CONSOLE@' + path, sent).then(r => r.type).catch(() => 'refused'));
  return [read, ...acts];
})()"""
ACTING = "script:not([src]), iframe, img, object, embed, base, form[action]"
UPLOAD = "/api/projects/shop/files?area=raw&name=EVIL.csv"


def test_without_the_cookie_the_browser_is_refused(console: Served):
    with chromium.browser() as stranger:
        stranger.call("Page.navigate", url=f"{console.address}/projects/shop")
        time.sleep(0.5)
        assert "has the token" in stranger.evaluate("document.body.innerText")


def test_a_foreign_page_can_neither_read_nor_act(page: Page):
    """With the cookie in this browser: another server on this machine is the same site, and not the same origin."""
    world = page.console.source.world
    events: Any = world.events
    executions: Any = world.executions
    dataset = world.ledger.datasets("shop")[0]["dataset_id"]
    with chromium.world() as foreign:
        page.browser.call("Page.navigate", url=f"http://127.0.0.1:{foreign.port}/page")
        page.until("document.readyState === 'complete'")
        paths = [each.format(project="shop", run=PROMOTED, dataset=dataset) for each in ACTIONS]
        attack = ATTACK.replace("@CONSOLE@", page.console.address).replace("@PATHS@", json.dumps([*paths, UPLOAD]))
        assert page.promised(attack) == ["refused"] * (1 + 2 * len([*paths, UPLOAD]))
    assert len(paths) >= 9
    assert "EVIL" not in str([events.__dict__, executions.__dict__, world.ledger.responses("shop", world.clock.now())])
    assert "withdrawn_at" not in world.ledger.datasets("shop")[0]
    assert not world.objects.exists("raw/shop/EVIL.csv")


class Hostile:
    """Puts the strings, one after the other, in the place of every text of an answer; keys of facts too."""

    def __init__(self, strings: list[str]) -> None:
        self._next = itertools.cycle(strings)
        self.used: set[str] = set()

    def __call__(self, value: Any, name: str = "") -> Any:
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], dict):
            return [value[0], value[1], [self(child, "text") for child in value[2]]]
        if isinstance(value, list):
            return [self(each, name if isinstance(each, str) else "") for each in value]
        if isinstance(value, dict):
            facts = name in (
                "problems",
                "hyperparameters",
                "log_e",
                "evidence",
                "metrics",
                "statuses",
                "outcomes",
                "labels",
            )
            return {self._string() if facts else key: self(each, key) for key, each in value.items()}
        # a path of a drawing, a machine's name that pages look up, and what says whether something goes on
        kept = name in ("path", "machine", "at", "outcome", "kind") or name.endswith("_at")
        return self._string() if isinstance(value, str) and value and not kept else value

    def _string(self) -> str:
        string = next(self._next)
        self.used.add(string)
        return string


def test_with_a_hostile_string_for_every_text_nothing_runs(browser: Browser):
    with chromium.world() as world:
        strings = hostile.strings(f"127.0.0.1:{world.port}")
        made = Hostile(strings)
        with served(Source(recorded.stack()), answers=made) as console:
            page = Page(browser, console)
            for name, path in addresses().items():
                page.open(path)
                assert {deed: told for deed, told in page.deeds.items() if deed != "errors"} == {}, name
                assert page.evaluate(f"document.querySelectorAll('{ACTING}').length") == 0
                assert page.evaluate("document.title.endsWith('Sluice')")
            assert world.seen == []
        assert len(made.used) >= 0.9 * len(set(strings))


def test_hostile_names_in_the_address_do_nothing(page: Page):
    for name in ("<script>window.ran=1</script>", "..%2f..%2fetc", "javascript:window.ran=1", "%E0%A4%A", "a\u202eb"):
        page.browser._events.clear()
        page.browser.call("Page.navigate", url=f"{page.console.address}/projects/{name}/data/{name}?state={name}")
        page.until("document.querySelector('main h1') !== null")
        page.until("!document.querySelector('main').textContent.includes('Asking …')")
        assert {deed: told for deed, told in page.deeds.items() if deed != "errors"} == {}
