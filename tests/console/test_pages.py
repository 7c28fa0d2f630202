"""Each page in Chromium: it draws, loads nothing from elsewhere, works with the keyboard, passes axe in both themes.

Names, values and texts come from strangers: with a hostile string in the place of every text, nothing runs.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from console import actions
from console.server import ACTIONS
from console.source import Source
from tests.browser import chromium, hostile
from tests.browser.chromium import Browser
from tests.console import recorded
from tests.console.pages import AXE, FIRST, LIVE, PROMOTED, REJECTED, RUN, Page, Served, addresses, served

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
NAMES = list(addresses())
AUDIT = """axe.run(document, {resultTypes: ['violations'], @RULES@}).then(found => found.violations.map(each =>
  [each.id, each.nodes.map(node => `${node.html} ${node.failureSummary}`).slice(0, 3)]))"""
FILE = """(() => {
  const files = new DataTransfer();
  files.items.add(new File(['a,b\\n1,2\\n'], 'day <1>.csv'));
  const dropped = new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true});
  document.querySelector('.zone').dispatchEvent(dropped);
})()"""
CLICK = """document.querySelector('g.node[aria-label^="Judge Candidate"]')
  .dispatchEvent(new MouseEvent('click', {bubbles: true}))"""
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
FIRST_PAINT = 1.0
"""Seconds; what a person may wait for the first thing to see."""


HELD = "document.querySelector('section[aria-label^=\"Changes that wait\"]')"
DIALOG = "document.querySelector('dialog[open]')"


def click(text: str) -> str:
    """Presses the first button of the page that says so."""
    return f"[...document.querySelectorAll('main button')].find(b => b.textContent === '{text}').click()"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as running:
        yield running


@pytest.fixture(scope="module")
def console() -> Iterator[Served]:
    with served(Source(recorded.stack(runs=500))) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, console: Served) -> Page:
    return Page(browser, console)


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


def test_an_endpoint_that_is_gone_is_missing_on_every_page(page: Page, monkeypatch: pytest.MonkeyPatch):
    models: Any = page.console.source.world.models
    monkeypatch.setattr(models, "endpoint", lambda name: None)
    page.console.source.kept.forget()
    page.open("/")
    assert page.evaluate("document.querySelector('tbody td .tag').textContent") == "missing"
    page.open("/projects/shop")
    assert page.evaluate("document.querySelector('main h2 .tag').textContent") == "missing"
    assert "Wake makes it again" in page.evaluate("document.querySelector('main .failure').textContent")
    answer = {"decision": "waking", "endpoint": "sluice-shop", "config": "c"}
    monkeypatch.setattr(actions, "wake_endpoint", lambda project: answer)
    page.evaluate(click("Wake"))
    page.until(f"{DIALOG} !== null")
    # nobody is asked why
    assert page.evaluate(f"{DIALOG}.querySelector('input')") is None
    assert "billed from now on" in page.evaluate(f"{DIALOG}.textContent")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('sluice-shop is being created again')")
    page.key("Escape")
    monkeypatch.undo()
    page.console.source.kept.forget()


def test_in_a_narrow_window_the_chosen_state_is_shown_at_once(page: Page):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        page.open(f"/projects/shop/runs/{RUN}")
        page.evaluate(CLICK)
        page.until("document.querySelector('aside h2').getBoundingClientRect().top < innerHeight", 5.0)
    finally:
        page.browser.call("Emulation.clearDeviceMetricsOverride")


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


def test_an_action_asks_for_a_reason_and_says_what_it_did(page: Page):
    page.open("/projects/shop")
    page.evaluate("[...document.querySelectorAll('button')].find(b => b.textContent === 'Retrain').focus()")
    page.key("Enter")
    page.until("document.querySelector('dialog[open]') !== null")
    assert page.evaluate("document.activeElement.id") == "reason"
    page.key("Enter")
    assert page.evaluate("document.querySelector('dialog[open]') !== null")
    page.type("new prices <b>")
    page.key("Enter")
    page.until("document.querySelector('dialog').textContent.includes('requested: the run starts in a moment')")
    events: Any = page.console.source.world.events
    assert "new prices <b> (asked by" in str(events.__dict__)
    page.key("Escape")
    page.until("document.querySelector('dialog') === null")
    assert page.evaluate("document.activeElement.textContent") == "Retrain"


def test_a_model_that_waits_is_approved_from_its_page(page: Page):
    world = page.console.source.world
    registry: Any = world.registry
    arn = registry.register("sluice-shop", "s3://m", "image", {"run_id": "rwait"}, False)
    facts = {"trigger": "data", "status": "running", "approval": {"package_arn": arn, "token": "t"}}
    world.ledger.start_run("shop", "rwait", world.clock.now(), facts)
    page.open("/")
    decide = "[...document.querySelectorAll('main a')].find(a => a.textContent === 'Decide rwait')"
    # the page may have been answered from what was read a moment before
    page.until(f"{decide} !== undefined")
    page.evaluate(f"{decide}.click()")
    page.until("document.querySelector('main .ask') !== null")
    page.evaluate("[...document.querySelectorAll('.ask button')].find(b => b.textContent === 'Approve').click()")
    page.until("document.querySelector('dialog[open]') !== null")
    page.key("Enter")
    page.until("document.querySelector('dialog').textContent.includes('rwait is approved')")
    assert registry.package(arn)["status"] == "Approved"
    page.key("Escape")
    page.until("document.querySelector('dialog') === null")
    world.ledger.update_run("shop", "rwait", {"approval": {"package_arn": arn, "decision": "Approved"}})
    page.until("document.querySelector('main .ask') === null")


def hold(page: Page, *changes: tuple[str, str, str]) -> None:
    """`changes`: id, answer, column. Those of other tests go: faults that are over stay listed."""
    world = page.console.source.world
    kept: dict[str, list[Any]] = world.ledger.response_records  # type: ignore[attr-defined]
    kept["shop"] = [each for each in kept.get("shop", []) if not str(each.get("kind")).startswith("held-change")]
    now = world.clock.now()
    for change_id, answer, column in changes:
        facts = {
            "answer": answer,
            "reason": "another scale",
            "columns": [column],
            "sentence": "× 100.",
            "champion": "r1",
        }
        begun = {"kind": "held-change", "change_id": change_id, "since": now.isoformat(), **facts}
        world.ledger.add_response("shop", now, begun)


def test_of_several_held_changes_a_person_chooses_with_the_keyboard(page: Page):
    world = page.console.source.world
    hold(page, ("h1", "hold", "pages_viewed"), ("h2", "ask", "channel"), ("h3", "hold", "device"))
    page.open("/projects/shop/monitor")
    page.until(f"{HELD}?.querySelectorAll('li').length === 3")
    page.evaluate(f"{HELD}.querySelector('button').focus()")
    page.key("Enter")
    page.until(f"{DIALOG} !== null")
    checked = f"[...{DIALOG}.querySelectorAll('input[type=checkbox]')].map(e => e.checked)"
    assert page.evaluate(checked) == [True, True, True]
    if AXE.exists():
        for theme in ("light", "dark"):
            page.theme(theme)
            page.browser.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
            assert page.promised(AUDIT.replace("@RULES@", "")) == []
        page.theme("light")
    page.evaluate(f"{DIALOG}.querySelector('input[type=checkbox]').focus()")
    for _ in range(3):  # none is chosen any more
        page.key(" ")
        page.key("Tab")
    page.type("a campaign")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('Choose at least one.')")
    assert world.ledger.responses("shop", world.clock.now())[-1]["kind"] == "held-change"
    assert page.evaluate("document.activeElement.value") == "h1"
    page.key("Tab")
    page.key(" ")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('accepted: another scale in channel')")
    page.key("Escape")
    page.until(f"{HELD}.querySelectorAll('li').length === 2")
    noted = [
        each for each in world.ledger.responses("shop", world.clock.now()) if each["kind"] == "held-change-accepted"
    ]
    assert [each["change_id"] for each in noted] == ["h2"]


def test_a_fault_is_ended_from_the_page_of_monitoring(page: Page):
    world = page.console.source.world
    hold(page, ("f1", "hold", "searches"))
    clock: Any = world.clock
    clock.advance(7_200)
    until = (world.clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    page.open("/projects/shop/monitor")
    page.until(f"{HELD}?.textContent.includes('searches')")
    page.evaluate(f"[...{HELD}.querySelectorAll('button')].find(b => b.textContent.includes('is over')).click()")
    page.until(f"{DIALOG} !== null")
    assert "stay out of training" in page.evaluate(f"{DIALOG}.textContent")
    boxes = f"[...{DIALOG}.querySelectorAll('input[type=checkbox]')]"
    page.evaluate(f"{boxes}.forEach(e => {{ e.checked = e.value === 'f1'; }})")
    page.evaluate(f"{DIALOG}.querySelector('#until').value = '{until}'")
    page.type("the sender has corrected it")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('over: another scale, from')")
    page.key("Escape")
    over = "document.querySelector('section[aria-label=\"Faults that are over\"]')"
    page.until(f"{over}?.textContent.includes('searches')")
    noted = world.ledger.responses("shop", world.clock.now())[-1]
    assert (noted["reason"], noted["over"][:16]) == ("the sender has corrected it (in the console)", until)


def test_a_fault_that_may_have_been_real_is_put_away_on_the_page(page: Page):
    world = page.console.source.world
    hold(page, ("g1", "hold", "searches"))
    clock: Any = world.clock
    clock.advance(60)
    world.ledger.add_response("shop", world.clock.now(), {"kind": "held-change-over", "change_id": "g1", "real": True})
    page.open("/projects/shop/monitor")
    doubted = "document.querySelector('section[aria-label=\"Faults that may have been real\"]')"
    page.until(f"{doubted} !== null")
    page.evaluate(f"[...{doubted}.querySelectorAll('button')].find(b => b.textContent === 'It was broken').click()")
    page.until(f"{DIALOG} !== null")
    assert page.evaluate(f"{DIALOG}.querySelector('#until')") is None
    page.type("the unit was wrong")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('over: another scale, from')")
    page.key("Escape")
    page.until(f"{doubted} === null")


def test_what_is_held_is_said_where_a_person_begins(page: Page):
    hold(page, ("p1", "ask", "cart_additions"))
    page.open("/projects/shop")
    page.until("document.querySelector('section[aria-label=\"Held data\"]')?.textContent.includes('cart_additions')")
    page.open("/")
    found = "[...document.querySelectorAll('main a')].find(a => a.textContent.includes('held change'))"
    page.evaluate(f"{found}.click()")
    page.until(f"{HELD} !== null")


def test_a_dataset_is_withdrawn_from_its_page(page: Page):
    world = page.console.source.world
    chosen = world.ledger.datasets("shop")[1]["dataset_id"]
    page.open(f"/projects/shop/data/{chosen}")
    page.evaluate(click("Withdraw"))
    page.until(f"{DIALOG} !== null")
    said = page.evaluate(f"{DIALOG}.textContent")
    assert "Every later run leaves its 6,000 rows out. This cannot be undone;" in said
    assert f"The model of {PROMOTED}, which serves, is one of them" in said
    page.key("Enter")
    assert page.evaluate(f"{DIALOG} !== null"), "without a reason nothing is withdrawn"
    assert "withdrawn_at" not in world.ledger.datasets("shop")[1]
    page.type("wrong currency")
    page.key("Enter")
    page.until(f"{DIALOG}.textContent.includes('withdrawn: dataset {chosen}')")
    page.key("Escape")
    page.until("document.querySelector('main section h2').textContent.startsWith('withdrawn')")
    assert page.evaluate(f"{click('Withdraw').removesuffix('.click()')} === undefined")


def test_lines_to_paste_are_copied(page: Page):
    page.open(f"/projects/visits/runs/{REJECTED}")
    page.browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.evaluate(click("Copy"))
    page.until("[...document.querySelectorAll('main button')].some(b => b.textContent === 'Copied')")
    assert page.promised("navigator.clipboard.readText()") == "features: {drop: [order_value]}"


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


def test_a_dropped_file_is_sent_and_its_verdict_shown(page: Page):
    page.open("/projects/shop/drop?to=labels")
    page.evaluate(FILE)
    page.until("document.querySelector('main section h2')?.textContent.includes('day <1>.csv judging')")
    world = page.console.source.world
    key = "labels/shop/day <1>.csv"
    assert world.objects.read(key) == b"a,b\n1,2\n"
    record = {"status": "quarantined", "kind": "labels", "quarantined_rows": 1, "rows": 1, "message": "why <i>"}
    world.ledger.record_arrival(world.objects.bucket, key, str(world.objects.version(key)), record)
    page.until("document.querySelector('main section').textContent.includes('why <i>')")
    assert "refused" in page.evaluate("document.querySelector('main section h2').textContent")


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
