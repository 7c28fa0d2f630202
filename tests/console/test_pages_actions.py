"""Actions in Chromium: a page asks for a reason, acts, and says what it did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from console import actions
from tests.browser import chromium
from tests.console.pages import AUDIT, AXE, PROMOTED, REJECTED, Page

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")
FILE = """(() => {
  const files = new DataTransfer();
  files.items.add(new File(['a,b\\n1,2\\n'], 'day <1>.csv'));
  const dropped = new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true});
  document.querySelector('.zone').dispatchEvent(dropped);
})()"""
HELD = "document.querySelector('section[aria-label^=\"Changes that wait\"]')"
DIALOG = "document.querySelector('dialog[open]')"


def click(text: str) -> str:
    """Presses the first button of the page that says so."""
    return f"[...document.querySelectorAll('main button')].find(b => b.textContent === '{text}').click()"


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
