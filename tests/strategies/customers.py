"""Customers of one endpoint who send at a steady rate, and remember which model answered each of them, and how."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from examples.generate_sessions import Knobs, request, sessions
from proofs.canaries.client import trouble_of
from testing.line import Line

SENDERS = 6


@dataclass(frozen=True)
class Answer:
    """Times are those of `time.time()`. `model` is the run id that the answer names: a swapped fleet keeps its
    variant's name, and only this tells the new model from the old one.
    """

    sent: float
    heard: float
    outcome: Literal["answered", "malformed", "failed", "lost"]
    variant: str = ""
    model: str = ""
    inference_id: str = ""
    detail: str = ""


class Customers:
    """Use as a context: they send while it lasts."""

    def __init__(self, line: Line, endpoint: str, per_second: float = 30.0) -> None:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=SENDERS)
        self._runtime = line.stack.client("sagemaker-runtime", config)
        self._endpoint, self._pause = endpoint, SENDERS / per_second
        self._rows = (row for seed in itertools.count(7_000) for row in sessions(Knobs(rows=500, seed=seed)))
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._answers: list[Answer] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Customers:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=65)

    def answers(self, model: str | None = None, since: float = 0.0) -> list[Answer]:
        """In the order in which they were heard."""
        found = sorted(self._answers, key=lambda each: each.heard)
        return [each for each in found if each.sent >= since and model in (None, each.model)]

    def outcomes(self, since: float = 0.0) -> Counter[str]:
        return Counter(each.outcome for each in self.answers(since=since))

    def models(self, since: float = 0.0) -> set[str]:
        """Run ids of the models that answered."""
        return {each.model for each in self.answers(since=since) if each.outcome == "answered"}

    def _send(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            with self._lock:
                row = next(self._rows)
            answer = self._ask(json.dumps(request(row)))
            with self._lock:
                self._answers.append(answer)
            # nothing is made up for: a burst would be no steady rate
            due = max(due + self._pause, time.monotonic() - 0.2)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _ask(self, body: str) -> Answer:
        sent = time.time()
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self._endpoint, ContentType="application/json", Body=body
            )
            content = answer["Body"].read()
        except ClientError as error:
            outcome: Any = "failed" if error.response["Error"]["Code"] == "ModelError" else "lost"
            return Answer(sent, time.time(), outcome, detail=str(error)[:300])
        except BotoCoreError as error:
            return Answer(sent, time.time(), "lost", detail=f"{type(error).__name__}: {error}")
        heard, variant = time.time(), str(answer["InvokedProductionVariant"])
        if trouble := trouble_of(content):
            return Answer(sent, heard, "malformed", variant, detail=trouble)
        document = json.loads(content)
        return Answer(sent, heard, "answered", variant, document["model"], document["inference_id"])


class Rewards:
    """Late labels that make each model earn at its rate, whatever it predicted: the world's opinion, told in files."""

    def __init__(self, rates: dict[str, float], seed: int = 1) -> None:
        self._rates, self._chance = rates, random.Random(seed)
        self._told: set[str] = set()

    def of(self, answers: Iterable[Answer]) -> bytes | None:
        """A file of labels/ for those that have none yet; None when there is nothing to tell."""
        fresh = [each for each in answers if each.model in self._rates and each.inference_id not in self._told]
        self._told |= {each.inference_id for each in fresh}
        lines = [f"{each.inference_id},{self._earned(each)}" for each in fresh]
        return "\n".join(["inference_id,purchase", *lines, ""]).encode() if lines else None

    def _earned(self, answer: Answer) -> str:
        return str(self._chance.random() < self._rates[answer.model]).lower()
