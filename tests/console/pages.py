"""The console as a browser sees it: its server on a free port over a stub, and Chromium that opens its pages."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from console.access import Access
from console.inbox import Inbox
from console.server import application
from console.source import Source
from tests.browser.chromium import Browser
from tests.console import recorded

PATIENCE = 90.0
AXE = Path(__file__).resolve().parents[2] / ".envs" / "node" / "node_modules" / "axe-core" / "axe.min.js"
AUDIT = """axe.run(document, {resultTypes: ['violations'], @RULES@}).then(found => found.violations.map(each =>
  [each.id, each.nodes.map(node => `${node.html} ${node.failureSummary}`).slice(0, 3)]))"""
"""What axe finds on the page that is open, once AXE is loaded; @RULES@: which rules, all if nothing."""
RUN = recorded.run_with("rolled_back")
PROMOTED = recorded.run_with("promoted")
FIRST = recorded.run_ids()[-1]
REJECTED = recorded.run_with("rejected", "visits")
WAITS = recorded.run_with(None, "visits")
LIVE = recorded.run_with(None)
REGRESSION = recorded.run_with("promoted", "homes")
PAGES = {
    "projects": "/",
    "project": "/projects/shop",
    "data": "/projects/shop/data",
    "dataset": "/projects/shop/data/{refused}",
    "profile": "/projects/shop/data/{dataset}",
    "monitor": "/projects/shop/monitor",
    "alarms": "/projects/shop/alarms",
    "alerts": "/projects/shop/alerts",
    "lineage": f"/projects/shop/lineage?what={RUN}",
    "lineage of a file": "/projects/shop/lineage?what={dataset}",
    "lineage, asked nothing": "/projects/shop/lineage",
    "annotate": "/projects/shop/annotate",
    "drop": "/projects/shop/drop",
    "compare": f"/projects/shop/compare?a={FIRST}&b={RUN}",
    "run": f"/projects/shop/runs/{RUN}?machine=Lifecycle&state=Judge+Candidate",
    "trials": f"/projects/shop/runs/{RUN}/trials",
    "evaluation": f"/projects/shop/runs/{RUN}/evaluation",
    "decisions": f"/projects/shop/runs/{RUN}/decisions",
    "release": f"/projects/shop/runs/{PROMOTED}/release",
    "aborted release": f"/projects/shop/runs/{RUN}/release",
    "release in progress": f"/projects/shop/runs/{LIVE}/release",
    "rejected run": f"/projects/visits/runs/{REJECTED}",
    "rejected run's decisions": f"/projects/visits/runs/{REJECTED}/decisions",
    "run that waits": f"/projects/visits/runs/{WAITS}",
    "trials of auto": f"/projects/visits/runs/{WAITS}/trials",
    "project without a model": "/projects/visits",
    "regression": f"/projects/homes/runs/{REGRESSION}/evaluation",
    "model card": f"/projects/homes/runs/{REGRESSION}/evaluation?show=card",
}
"""Each page of the console, on the recording."""


def addresses() -> dict[str, str]:
    told = recorded.project()
    refused = next(key.split("/")[2] for key in told["objects"] if key.startswith("quarantine/"))
    dataset = told["ledger"]["datasets"][0]["dataset_id"]
    return {name: path.format(refused=refused, dataset=dataset) for name, path in PAGES.items()}


@dataclass
class Served:
    """A console that runs: `address` has no token; a browser that was `let_in` needs none."""

    address: str
    access: Access
    source: Source


@contextmanager
def served(source: Source, answers: Callable[[Any], Any] | None = None, **options: Any) -> Iterator[Served]:
    """`answers`: what becomes of each answer of the read model on its way to the browser."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    access = Access(int(listening.getsockname()[1]))
    inbox = Inbox(source, wanted=False)
    sns = {"Subject": "shop: a model was promoted", "Message": "It serves.", "Timestamp": "2026-11-29T20:00:00Z"}
    inbox.take(
        json.dumps(sns | {"MessageAttributes": {"kind": {"Value": "Model Promoted"}, "project": {"Value": "shop"}}})
    )
    app: Any = application(source, access, inbox=inbox, answers=answers, **options)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{access.port}", access, source)
    finally:
        server.should_exit = True
        thread.join(10)


class Page:
    """A browser with the console's cookie, and what it noticed since `open`."""

    def __init__(self, browser: Browser, console: Served) -> None:
        self.browser, self.console = browser, console
        browser.call("Page.navigate", url=console.access.address())
        self.until("document.querySelector('main h1') !== null")

    def open(self, path: str) -> None:
        """Loads the page anew, and waits until its data are drawn."""
        self.browser._events.clear()
        self.browser.call("Page.navigate", url=self.console.address + path)
        self.until("document.readyState === 'complete' && document.querySelector('main h1') !== null")
        self.until("!document.querySelector('main').textContent.includes('Asking …')")

    def until(self, condition: str, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if answer := self.browser.evaluate(condition):
                    return answer
            except RuntimeError:  # between two documents
                pass
            if time.monotonic() > deadline:
                text = self.browser.evaluate("document.body && document.body.innerText.slice(0, 600)")
                raise AssertionError(f"waited {seconds:g} s in vain for {condition}; the page says: {text}")
            time.sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        return self.browser.evaluate(expression)

    def promised(self, expression: str) -> Any:
        answer = self.browser.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def key(self, key: str, code: str = "", text: str = "", modifiers: int = 0) -> None:
        """A key as a keyboard sends it."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}
        about = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes.get(key, 0), "modifiers": modifiers}
        text = text or {"Enter": "\r", " ": " "}.get(key, "")
        self.browser.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
        self.browser.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        self.browser.call("Input.insertText", text=text)

    def theme(self, theme: str) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.browser.call("Emulation.setEmulatedMedia", features=features)

    @property
    def deeds(self) -> dict[str, list[str]]:
        """What no page of the console ever does: foreign requests, foreign scripts, dialogs, errors, frames."""
        found: dict[str, list[str]] = {}
        self.browser._drain(0.05)
        for event in self.browser._events:
            name, facts = event["method"], event["params"]
            if name == "Network.requestWillBeSent" and not facts["request"]["url"].startswith(
                f"{self.console.address}/"
            ):
                found.setdefault("requests", []).append(facts["request"]["url"])
            elif name == "Debugger.scriptParsed" and facts.get("url", "").partition("/static/")[0] not in (
                "",
                self.console.address,
            ):
                found.setdefault("scripts", []).append(facts["url"])
            elif name == "Page.javascriptDialogOpening":
                found.setdefault("dialogs", []).append(facts["message"])
            elif name == "Runtime.exceptionThrown":
                found.setdefault("errors", []).append(json.dumps(facts["exceptionDetails"])[:500])
            elif name == "Log.entryAdded" and facts["entry"]["level"] == "error":
                found.setdefault("errors", []).append(facts["entry"]["text"])
            elif name == "Page.frameAttached":
                found.setdefault("frames", []).append(facts["frameId"])
        if self.evaluate("window.ran || 0"):
            found["ran"] = ["window.ran"]
        return found
