"""Live traffic: customers' sessions sent to the endpoint, at a steady rate, until stopped."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from cli.stack import LocalStack
from examples.generate_sessions import Knobs, request, sessions

SENDERS = 3


class Traffic:
    """A few senders in threads. `drift` changes who comes to the shop, also while it runs."""

    def __init__(self, stack: LocalStack, endpoint: str, per_second: float) -> None:
        self._client = stack.client("sagemaker-runtime", Config(retries={"total_max_attempts": 1}, read_timeout=30))
        self._endpoint = endpoint
        self._pause = SENDERS / per_second
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._rows = self._stream(0.0)
        self.answers: Counter[tuple[str, str]] = Counter()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=35)

    def drift(self, amount: float) -> None:
        with self._lock:
            self._rows = self._stream(amount)

    def counts(self) -> dict[str, dict[str, int]]:
        """Variant → outcome → requests so far."""
        found: dict[str, dict[str, int]] = {}
        for (variant, outcome), count in sorted(self.answers.items()):
            found.setdefault(variant, {})[outcome] = count
        return found

    def _stream(self, drift: float) -> Any:
        seeds = itertools.count(9_000)
        return (row for seed in seeds for row in sessions(Knobs(rows=500, seed=seed, drift=drift)))

    def _send(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            with self._lock:
                row = next(self._rows)
            variant, outcome = "none", "answered"
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=self._endpoint, ContentType="application/json", Body=json.dumps(request(row))
                )
                variant = answer["InvokedProductionVariant"]
                answer["Body"].read()
            except ClientError as error:
                outcome = f"failed: {error.response['Error']['Code']}"
            except Exception as error:
                outcome = f"failed: {type(error).__name__}"
            with self._lock:
                self.answers[variant, outcome] += 1
            due = max(due + self._pause, time.monotonic() - 1.0)
            self._stop.wait(max(0.0, due - time.monotonic()))
