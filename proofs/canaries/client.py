"""A customer who sends throughout, at a steady rate whatever the answers, and remembers what came of each request.

Not an AWS SDK: it costs a tenth of the processor time, and nothing is retried or hidden. The one exception is what
every HTTP client does: a kept connection that the server closed before it said anything is made anew, once.
"""

from __future__ import annotations

import http.client
import itertools
import json
import math
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cli.stack import REGION
from examples.generate_sessions import Knobs, request, sessions
from proofs.canaries.canary_fault import MARK

SENDERS = 48
TIMEOUT = 75.0
"""Seconds; longer than the container has, so that a request without an answer is the endpoint's doing."""


@dataclass(frozen=True)
class Request:
    """Times are those of `time.time()`. `failed`: the endpoint passed on that the variant's model failed."""

    sent: float
    heard: float
    outcome: Literal["answered", "failed", "malformed", "lost"]
    variant: str | None
    noise: bool
    detail: str = ""
    resent: bool = False


class Client:
    """`noise` is the share of requests that no model can serve."""

    def __init__(self, port: int, endpoint: str, per_second: float, noise: float, seed: int) -> None:
        self._port, self._path = port, f"/endpoints/{endpoint}/invocations"
        self._pause, self._noise = 1.0 / per_second, noise
        self._chance, self._rows = random.Random(seed), _rows(seed)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._due = 0.0
        self.begun = 0
        self._done: list[Request] = []
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        self._due = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=TIMEOUT + 5)

    def requests(self) -> list[Request]:
        """Those that are over, in the order in which they ended."""
        return list(self._done)

    def _send(self) -> None:
        connection = _Connection(self._port)
        while True:
            with self._lock:
                # nothing is made up for when all senders were held: a burst would be no steady rate
                self._due = max(self._due + self._pause, time.monotonic() - 0.2)
                wait, (row, noise) = self._due - time.monotonic(), self._next()
            if self._stop.wait(max(0.0, wait)):
                return
            with self._lock:
                self.begun += 1
            self._done.append(_exchange(connection, self._path, json.dumps(row).encode(), noise))

    def _next(self) -> tuple[dict[str, Any], bool]:
        row, noise = request(next(self._rows)), self._chance.random() < self._noise
        return (row | {"search_terms": MARK} if noise else row), noise


def _rows(seed: int) -> Iterator[dict[str, Any]]:
    for number in itertools.count(9_000 + 1_000 * seed):
        yield from sessions(Knobs(rows=500, seed=number))


class _Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._http: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes, bool]:
        """(status, headers, body, whether it was sent twice)."""
        kept = self._http is not None
        try:
            return (*self._ask(path, body), False)
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
            self.close()
            if not kept:
                raise
        except BaseException:
            self.close()
            raise
        return (*self._ask(path, body), True)

    def close(self) -> None:
        if self._http:
            self._http.close()
        self._http = None

    def _ask(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self._http = self._http or http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        self._http.request("POST", path, body, _headers(self._port, path, body))
        answer = self._http.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def _headers(port: int, path: str, body: bytes) -> dict[str, str]:
    message = AWSRequest("POST", f"http://127.0.0.1:{port}{path}", {"Content-Type": "application/json"}, body)
    SigV4Auth(Credentials("test", "test"), "sagemaker", REGION).add_auth(message)
    return dict(message.headers.items())


def _exchange(connection: _Connection, path: str, body: bytes, noise: bool) -> Request:
    sent = time.time()
    try:
        status, headers, content, resent = connection.ask(path, body)
    except (OSError, http.client.HTTPException) as error:
        return Request(sent, time.time(), "lost", None, noise, f"{type(error).__name__}: {error}")
    heard = time.time()
    if status == 200:
        variant = headers.get("x-amzn-invoked-production-variant")
        if variant is None:
            return Request(sent, heard, "lost", None, noise, "an answer of nobody", resent)
        trouble = trouble_of(content)
        return Request(sent, heard, "malformed" if trouble else "answered", variant, noise, trouble, resent)
    variant, detail = failed_variant(content), f"{status}: {content[:300].decode('utf-8', 'replace')}"
    if headers.get("x-amzn-errortype") == "ModelError" and variant:
        return Request(sent, heard, "failed", variant, noise, detail, resent)
    return Request(sent, heard, "lost", None, noise, detail, resent)


def failed_variant(content: bytes) -> str | None:
    """A ModelError names its variant in the log stream's name only: `…:log-stream:<variant>/<instance>`."""
    try:
        stream = str(json.loads(content)["LogStreamArn"]).rsplit(":log-stream:", 1)[1]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return stream.split("/", 1)[0]


def trouble_of(content: bytes) -> str:
    """What is wrong with a 200's body, as a customer of a binary model sees it; empty when nothing is."""
    try:
        (answer,) = json.loads(content)["predictions"]
        prediction, probability = answer["prediction"], answer["probability"]
    except (ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    if not isinstance(prediction, bool):
        return f"prediction {prediction!r}"
    number = isinstance(probability, (int, float)) and math.isfinite(probability) and 0 <= probability <= 1
    return "" if number else f"probability {probability!r}"
