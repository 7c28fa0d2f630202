"""Hostile names, values and keys through the real path into every page, opened in Chromium: nothing happens.

That the browser would have noticed is proved by pages that do take the same strings as they are.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World as Sluice
from sluice.contract.models import COLUMN_PATTERN
from sluice.escaping import visible
from sluice.ports import Champion
from sluice.reports import evaluation as report
from sluice.reports import model_card
from sluice.reports.facts import Facts
from sluice.steps.monitor_model import monitor_model
from sluice.steps.profile_dataset import profile_dataset
from testing.evaluated_model import RUN, facts
from tests.browser import chromium, hostile
from tests.browser.chromium import Browser, Visit, World
from tests.unit.steps.intake_world import arrive, shop

pytestmark = pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed (apt-get install chromium)")

SHOWN = 8
"""How many values of a column a report shows."""
REPEATS = 5
_TAGS = (
    "html head meta title style body main header footer h1 h2 p span div dl dt dd ul li table caption thead tbody tr "
    "th td svg rect path line circle text h3"
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def outside() -> Iterator[World]:
    """Where the pages under test would call: nobody may."""
    with chromium.world() as server:
        yield server


@pytest.fixture
def lure() -> Iterator[World]:
    """Where a control's own pages call, apart from `outside`, since the tests run in any order."""
    with chromium.world() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as running:
        yield running


@pytest.fixture(scope="module")
def strings(outside: World) -> list[str]:
    found = hostile.strings(f"127.0.0.1:{outside.port}")
    assert len(found) >= 200
    return found


def contract(names: list[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: {"type": "category"} for name in names}
    columns |= {"id": {"type": "text"}, "pages": {"type": "integer"}, "bought": {"type": "boolean"}}
    return {
        "project": "shop",
        "problem": {"type": "binary", "target": "bought", "positive": True},
        "data": {"key": ["id"], "columns": columns, "expectations": {"max_invalid_rows": 0.9, "max_nulls": 1.0}},
        "monitor": {"drift": {"min_rows": 1}},
    }


def data(names: list[str], values: list[str]) -> bytes:
    """Each column shows the next SHOWN values, each in REPEATS rows; and one row is refused for each reason."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["id", "pages", "bought", *names])
    for i in range(SHOWN * REPEATS):
        picked = [values[(j * SHOWN + i % SHOWN) % len(values)] for j in range(len(names))]
        writer.writerow([f"k{i}", i, i % 2, *picked])
    writer.writerow(["bad", values[0], "maybe", *values[: len(names)]])
    return out.getvalue().encode("utf-8", "replace")


def usable(strings: list[str]) -> list[str]:
    """Those that a contract takes as a column's name; CSV headers are read without surrounding blanks."""
    return [text for text in strings if re.match(COLUMN_PATTERN, text) and text == text.strip()]


def without_policy(page: str) -> str:
    bare, count = _POLICY.subn("", page)
    assert count == 1, "the page has no policy"
    return bare


def look(browser: Browser, folder: Path, page: str, settle: float = 0.0) -> Visit:
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return browser.open(path, settle)


def innocent(visit: Visit, title: str) -> None:
    assert visit.deeds == {}
    assert set(visit.census["tags"]) <= set(_TAGS.split())
    assert not [
        name for name in visit.census["attributes"] if name.startswith("on") or name in ("href", "src", "style")
    ]
    assert visit.census["title"] == title


@pytest.fixture(scope="module")
def full(strings: list[str]) -> tuple[Sluice, str]:
    """A project whose columns and categories are all hostile, with one profiled dataset; and that dataset."""
    names, values = usable(strings), [text.strip() for text in strings if text.strip()]
    at = shop(contract(names))
    assert len(names) >= 200
    assert at.ledger.contract("shop") is not None
    key = f"raw/shop/{strings[0]}.csv"
    _, record = arrive(at, data(names, values), key)
    assert (record["status"], record["rows"], record["quarantined_rows"]) == ("accepted", SHOWN * REPEATS, 1), record
    now = at.clock.now()
    champion = Champion("r1", "v-r1", "e", "c", "m", "arn:p", now, now + timedelta(days=1))
    at.ledger.set_champion("shop", champion, None)
    columns = {name: {"type": "category", "shares": {values[i]: 1.0}, "missing": 0} for i, name in enumerate(names)}
    baseline = {"columns": columns, "scores": {"edges": [0, 1], "shares": [1.0]}, "rows": 1000}
    at.objects.write(keys.run("shop", "r1", "evaluation", "baseline.json"), json.dumps(baseline).encode())
    at.call(profile_dataset, "shop", record["dataset_id"])
    return at, record["dataset_id"]


@pytest.mark.parametrize("policy", [True, False], ids=["with its policy", "by escaping alone"])
def test_a_profile_of_hostile_names_and_values_does_nothing(
    browser: Browser, outside: World, full: tuple[Sluice, str], strings: list[str], tmp_path: Path, policy: bool
) -> None:
    at, dataset = full
    page = at.objects.read(keys.profile_report("shop", dataset)).decode()
    visit = look(browser, tmp_path, page if policy else without_policy(page), settle=0.5)
    innocent(visit, f"shop: dataset {dataset}")
    assert outside.seen == []
    # and they are all there to be read
    text = visit.census["text"]
    assert [name for name in usable(strings) if visible(name)[:100] not in text] == []
    assert [value for value in strings if value.strip() and visible(value.strip())[:40] not in text] == []


@pytest.mark.parametrize("policy", [True, False], ids=["with its policy", "by escaping alone"])
def test_a_monitor_page_of_hostile_names_does_nothing(
    browser: Browser, outside: World, full: tuple[Sluice, str], strings: list[str], tmp_path: Path, policy: bool
) -> None:
    at, _ = full
    names = usable(strings)
    # each column gets another value than its baseline has, so that all of them have drifted
    row = dict(zip(names, reversed(strings), strict=False))
    event = {"endpointInput": {"data": json.dumps(row), "encoding": "JSON"}}
    ids = [{"inferenceId": f"{strings[0]}-{number}"} for number in range(200)]
    lines = [json.dumps({"captureData": event, "eventMetadata": each}) for each in ids]
    at.objects.write("capture/shop/e/v-r1/2026/11/22/12/x.jsonl", "\n".join(lines).encode())
    answer = at.call(monitor_model, "shop")
    assert answer["decision"] == "drifted"
    page = at.objects.read(answer["report"].replace(".json", ".html")).decode()
    visit = look(browser, tmp_path, page if policy else without_policy(page), settle=0.3)
    innocent(visit, "shop: drifted")
    assert outside.seen == []
    assert [name for name in names if visible(name)[:100] not in visit.census["text"]] == []


@pytest.mark.parametrize(
    ("problem", "render"),
    [
        ("binary", report.render),
        ("multiclass", report.render),
        ("regression", report.render),
        ("binary", model_card.render),
    ],
    ids=["binary", "multiclass", "regression", "card"],
)
def test_the_pages_of_an_evaluation_of_hostile_names_do_nothing(
    browser: Browser, outside: World, strings: list[str], tmp_path: Path, problem: str, render: Callable[[Facts], str]
) -> None:
    """By escaping alone: without the policy. A page cuts long lists, so the names come in parts."""
    for start in range(0, len(strings), 5 * SHOWN):
        names = strings[start : start + 5 * SHOWN]
        visit = look(browser, tmp_path, without_policy(render(facts(problem, names))))
        kind = "model card" if render is model_card.render else "evaluation"
        innocent(visit, f"shop: {kind} of {RUN}")
        assert visible(names[0])[:40] in visit.census["text"]
    assert outside.seen == []


def packed(strings: list[str]) -> Iterator[str]:
    """Keys of up to S3's 1,024 bytes that hold all the strings; longer ones alone."""
    key = ""
    for number, text in enumerate(strings):
        if key and len(f"{key} {text}".encode("utf-8", "replace")) > 1000:
            yield key
            key = ""
        key = f"{key} {text}" if key else f"raw/shop/{number}{text}"
    yield key


def test_hostile_keys_do_nothing(browser: Browser, outside: World, strings: list[str], tmp_path: Path) -> None:
    at = shop(contract(["channel"]))
    body = data(["channel"], ["search"])
    for key in packed(strings):
        _, record = arrive(at, body, key)
        assert record["status"] == "accepted", record["message"]
        at.call(profile_dataset, "shop", record["dataset_id"])
        page = at.objects.read(keys.profile_report("shop", record["dataset_id"])).decode()
        visit = look(browser, tmp_path, without_policy(page))
        innocent(visit, f"shop: dataset {record['dataset_id']}")
        assert visible(key)[:1000] in visit.census["text"], key
    assert outside.seen == []


def careless(text: str, policy: str = "") -> str:
    """A page as one would write it in a hurry."""
    return (
        f"<!doctype html><html><head><meta charset=utf-8>{policy}<title>{text}</title></head><body>"
        f'<table><tr><td title="{text}">{text}</td></tr></table></body></html>'
    )


def test_a_careless_page_is_caught(browser: Browser, lure: World, tmp_path: Path) -> None:
    """The control: of the strings that act by themselves, nearly all are seen to act."""
    acting = hostile.active(f"127.0.0.1:{lure.port}")
    caught = [text for text in acting if look(browser, tmp_path, careless(text), settle=0.02).deeds]
    # the rest wait for a click, or need an older browser
    assert len(caught) >= 0.7 * len(acting), sorted(set(acting) - set(caught))
    assert len(lure.seen) >= 15


@pytest.mark.parametrize(
    ("body", "deed"),
    [
        ("<script>1</script>", "scripts"),
        ("<img src=http://@WORLD@/x>", "requests"),
        ("<img src=http://stranger.example/x>", "requests"),
        ("<script>alert(1)</script>", "dialogs"),
        ("<script>console.error(1)</script>", "console"),
        ("<iframe></iframe>", "frames"),
        ("<script>window.ran = 1</script>", "ran"),
        ("<script>new WebSocket('ws://@WORLD@/x')</script>", "requests"),
    ],
)
def test_each_deed_is_noticed(browser: Browser, lure: World, tmp_path: Path, body: str, deed: str) -> None:
    page = careless("").replace("</body>", body.replace("@WORLD@", f"127.0.0.1:{lure.port}") + "</body>")
    assert deed in look(browser, tmp_path, page, settle=0.05).deeds


def test_the_policy_alone_would_hold_a_careless_page(browser: Browser, outside: World, tmp_path: Path) -> None:
    """The second line: even unescaped, the strings run no script and reach no server."""
    at = shop(contract(["channel"]))
    _, record = arrive(at, data(["channel"], ["search"]))
    at.call(profile_dataset, "shop", record["dataset_id"])
    page = at.objects.read(keys.profile_report("shop", record["dataset_id"])).decode()
    policy = _POLICY.search(page)
    assert policy is not None
    assert "script-src" not in html.unescape(policy[0])
    for text in hostile.active(f"127.0.0.1:{outside.port}"):
        if "http-equiv=refresh" in text:
            continue  # a navigation is not a policy's business; there is escaping for that
        visit = look(browser, tmp_path, careless(text, policy[0]))
        assert not visit.census["ran"], text
        assert visit.dialogs == [], text
    assert outside.seen == []
