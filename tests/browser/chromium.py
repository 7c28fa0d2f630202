"""Chromium, driven through its debugging pipe (DevTools messages with a zero byte after each): no driver package.

`Browser.open(path)` loads a page of this machine and tells everything that it did: scripts, requests, dialogs,
messages on the console, frames, navigations. A server on the loopback interface stands for the rest of the world.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30.0
Json = dict[str, Any]

# what is there, and what could act when a person clicks
_CENSUS = """(() => {
  const all = [...document.querySelectorAll('*')];
  const tags = [...new Set(all.map(e => e.tagName.toLowerCase()))];
  const attributes = [...new Set(all.flatMap(e => e.getAttributeNames()))];
  // a page that sends itself elsewhere has no body for a moment
  const text = document.body ? document.body.textContent : '';
  return {title: document.title, text, tags, attributes, ran: window.ran || 0};
})()"""


@dataclass
class Visit:
    """What a page did from its beginning until it was quiet."""

    scripts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    census: Json = field(default_factory=dict)

    @property
    def deeds(self) -> dict[str, Any]:
        """All that a page of plain facts never does; {} of a good page."""
        found = {name: getattr(self, name) for name in ("scripts", "requests", "dialogs", "console", "frames")}
        if self.census.get("ran"):
            found["ran"] = self.census["ran"]
        return {name: value for name, value in found.items() if value}


class World(http.server.ThreadingHTTPServer):
    """Answers every request on the loopback interface, and remembers it."""

    def __init__(self) -> None:
        seen = self.seen = []  # type: list[str]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                body = b"window.ran = (window.ran || 0) + 1; document.title = 'RAN'"
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Browser:
    """One headless Chromium with a profile of its own."""

    def __init__(self, profile: Path) -> None:
        assert BINARY is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        flags = [
            *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
            *("--disable-extensions", "--disable-default-apps", "--mute-audio", "--disable-dev-shm-usage"),
            # names are not looked up: what a page asks of a stranger is seen, and goes nowhere
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        # the browser reads descriptor 3 and writes descriptor 4
        wired = f'exec 5<&{to_read} 6>&{to_write} 3<&5 4>&6; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", wired, "chromium", BINARY, *flags, "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._last = 0
        self._events: list[Json] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Debugger"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(self, path: Path, settle: float = 0.0) -> Visit:
        """Loads the page, waits for its load event and `settle` seconds more."""
        self._events.clear()
        url = path.as_uri()
        loader = self.call("Page.navigate", url=url)["loaderId"]
        self._until(lambda e: e["method"] == "Page.loadEventFired")
        if settle:
            self._drain(settle)
        visit = self._told(url, loader)
        visit.census = self.evaluate(_CENSUS)
        return visit

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def call(self, method: str, **parameters: Any) -> Json:
        """Raises RuntimeError with the browser's own message."""
        self._last += 1
        message: Json = {"id": self._last, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._next(lambda m: m.get("id") == self._last)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer.get("result") or {}

    def _told(self, url: str, loader: str) -> Visit:
        visit = Visit()
        for event in self._events:
            name, facts = event["method"], event["params"]
            if name == "Debugger.scriptParsed":
                visit.scripts.append(facts.get("url") or "inline")
            elif name == "Network.requestWillBeSent" and facts["request"]["url"] != url:
                visit.requests.append(facts["request"]["url"])
            elif name == "Network.webSocketCreated":
                visit.requests.append(facts["url"])
            elif name == "Page.javascriptDialogOpening":
                visit.dialogs.append(facts["message"])
            elif name == "Runtime.consoleAPICalled":
                visit.console.append(str(facts["args"]))
            elif name == "Runtime.exceptionThrown":
                visit.console.append(str(facts["exceptionDetails"].get("text")))
            elif name == "Log.entryAdded":
                visit.console.append(facts["entry"]["text"])
            elif name == "Page.frameAttached" or (
                name == "Page.frameNavigated" and facts["frame"]["loaderId"] != loader
            ):
                visit.frames.append(facts.get("frameId") or facts["frame"]["url"])
            elif name in ("Page.windowOpen", "Page.frameRequestedNavigation"):
                visit.frames.append(facts["url"])
        return visit

    def _until(self, wanted: Any) -> Json:
        for event in self._events:
            if wanted(event):
                return event
        return self._next(lambda m: "method" in m and wanted(m))

    def _drain(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self._read], [], [], left)[0]:
            for message in self._received():
                self._keep(message)

    def _next(self, wanted: Any) -> Json:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([self._read], [], [], end - time.monotonic())[0]:
                break
            found = None
            for message in self._received():
                self._keep(message)
                found = message if found is None and wanted(message) else found
            if found is not None:
                return found
        raise TimeoutError("Chromium did not answer in time")

    def _received(self) -> list[Json]:
        piece = os.read(self._read, 1 << 20)
        if not piece:
            raise RuntimeError("Chromium has ended")
        *whole, self._rest = (self._rest + piece).split(b"\0")
        return [json.loads(text) for text in whole]

    def _keep(self, message: Json) -> None:
        if "method" not in message:
            return
        self._events.append(message)
        if message["method"] == "Page.javascriptDialogOpening":
            # a dialog stops the page until it is answered; nobody waits for the answer to the answer
            self._last += 1
            close = {"id": self._last, "method": "Page.handleJavaScriptDialog", "params": {"accept": False}}
            os.write(self._write, json.dumps({**close, "sessionId": self._session}).encode() + b"\0")


@contextmanager
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        running = Browser(Path(profile))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def world() -> Iterator[World]:
    server = World()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
