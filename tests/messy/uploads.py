"""Many uploads at once: delivered twice, in any order, late, at the same instant, by functions that die now and then.

Each delivery is the intake's step over stores in memory. A port's call is atomic, as a conditional write is, and
between two calls any other thread may run. A delivery that dies comes back when its claim is over, and after
MAX_RECEIVES from the dead-letter queue, as the template's queues do it.
"""

from __future__ import annotations

import gzip
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.validate_dataset import LEASE, validate_dataset
from testing.fakes import SETTINGS, Crash, FixedClock, failing, world
from tests.messy.entry import contract

MAX_RECEIVES = 3
MAX_CALLS = 18
"""A step makes no more calls of its ports, so it may die before any of them."""
DEAD = "arn:aws:sqs:us-east-1:123456789012:sluice-arrivals-dead"
PROJECTS = 50
THREADS = 4
HEADER = b"id,n\n"
BODIES: dict[str, tuple[bytes, str]] = {
    "good": (HEADER + b"a,1\nb,2\n", "accepted"),
    "packed": (gzip.compress(HEADER + b"a,1\nb,2\n"), "accepted"),
    "one bad row": (HEADER + b"a,1\nb,x\nc,3\n", "accepted"),
    "only bad rows": (HEADER + b"a,x\nb,y\n", "quarantined"),
    "no rows": (HEADER, "failed"),
    "a page": (b"<!DOCTYPE html><html><body>no table</body></html>", "failed"),
    "another header": (b"x,y\n1,2\n", "failed"),
    "not text": (bytes(range(128, 256)) * 4, "failed"),
}
"""What is uploaded, and how each has to end."""


@dataclass(frozen=True)
class Upload:
    key: str
    version: str
    kind: str
    poison: bool
    """Each function that handles it dies."""


@dataclass
class Tally:
    """What became of the uploads; `faults` in words."""

    uploads: int
    statuses: Counter[str]
    deliveries: int
    crashes: int
    faults: list[str]


class _Atomic:
    """A port whose calls exclude each other."""

    def __init__(self, port: Any, lock: threading.RLock) -> None:
        self._port, self._lock = port, lock

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return value(*args, **kwargs)

        return call


class _Simulation:
    def __init__(self, count: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FixedClock()
        self.fakes = world(clock=self.clock, settings=replace(SETTINGS, dead_arrivals_arn=DEAD))
        lock = threading.RLock()
        ports = {f.name: getattr(self.fakes, f.name) for f in fields(World) if f.name not in ("settings", "clock")}
        self.world = replace(self.fakes, **{name: _Atomic(port, lock) for name, port in ports.items()})
        self.crashed: set[Upload] = set()
        self.crashes = self.deliveries = 0
        for number in range(PROJECTS):
            rules = contract({"id": {"type": "text"}, "n": {"type": "integer"}})
            self.fakes.ledger.save_contract(f"p{number}", rules | {"project": f"p{number}"}, "v1")
        self.uploads = [self._upload(number) for number in range(count)]

    def _upload(self, number: int) -> Upload:
        # one in twenty replaces an object that came before; one in fifty belongs to no project
        name = self.rng.randrange(number) if number and self.rng.random() < 0.05 else number
        project = f"p{name % PROJECTS}" if name % 50 != 7 else "nobody"
        key, kind = f"raw/{project}/{name}.csv", self.rng.choice([*BODIES, "good", "good", "one bad row"])
        self.fakes.objects.write(key, BODIES[kind][0])
        return Upload(key, self.fakes.objects.version(key) or "", kind, self.rng.random() < 0.01)

    def run(self) -> Tally:
        """Delivers in waves, between which the claims of dead functions end."""
        waiting: Counter[Upload] = Counter()
        late: list[Upload] = []
        wave: list[Upload] = []
        for upload in self.uploads:
            wave.append(upload)
            if self.rng.random() < 0.3:
                # a second delivery: at the same instant, at any other, or after the first one is done
                place = self.rng.randrange(3)
                wave.append(upload) if place == 0 else late.append(upload)
        self._shuffle(wave)
        while wave or late:
            died = self._deliver(wave)
            waiting.update(died)
            self.clock.advance(LEASE.total_seconds() + 60)
            dead = [upload for upload in dict.fromkeys(died) if waiting[upload] >= MAX_RECEIVES]
            self._deliver(dead, DEAD)
            again = [upload for upload in died if upload not in dead]
            wave, late = again + late[: len(late) // 2 + 1], late[len(late) // 2 + 1 :]
            self.rng.shuffle(wave)
        return Tally(len(self.uploads), self._statuses(), self.deliveries, self.crashes, list(self._faults()))

    def _shuffle(self, wave: list[Upload]) -> None:
        """Mixes uploads, and keeps a twin beside its first in half of the cases."""
        self.rng.shuffle(wave)
        for at in range(0, len(wave) - 1, 2):
            twin = next((i for i in range(at + 1, min(at + 50, len(wave))) if wave[i] == wave[at]), None)
            if twin is not None:
                wave[at + 1], wave[twin] = wave[twin], wave[at + 1]

    def _deliver(self, wave: list[Upload], queue: str = "") -> list[Upload]:
        """The uploads whose function died."""
        plans = []
        for upload in wave:
            dies = not queue and (upload.poison or self.rng.random() < 0.08)
            plans.append((upload, self.rng.randint(1, MAX_CALLS) if dies else 0))
        with ThreadPoolExecutor(THREADS) as pool:
            ends = list(pool.map(lambda plan: self._one(*plan, queue), plans))
        self.deliveries += len(ends)
        return [upload for upload, died in ends if died]

    def _one(self, upload: Upload, dies_at: int, queue: str) -> tuple[Upload, bool]:
        at = failing(self.world, dies_at) if dies_at else self.world
        size = len(BODIES[upload.kind][0])
        try:
            at.call(validate_dataset, "data", upload.key, upload.version, size, queue)
        except Crash:
            self.crashes += 1
            self.crashed.add(upload)
            return upload, True
        return upload, False

    def _statuses(self) -> Counter[str]:
        return Counter(record["status"] for record in self.fakes.ledger.arrivals.values())

    def _faults(self) -> Any:
        """Says what is wrong: records, datasets, events and alerts, each exactly once."""
        ledger, published = self.fakes.ledger, self.fakes.alerts.published
        alerts = Counter((alert.kind, alert.facts.get("dataset_id")) for alert in published)
        events = Counter(
            detail["dataset_id"] for kind, detail in self.fakes.events.put_events if kind == "Dataset Accepted"
        )
        datasets = Counter(dataset for found in ledger.dataset_records.values() for dataset in found)
        if len(ledger.arrivals) != len(self.uploads):
            yield f"{len(self.uploads)} uploads, {len(ledger.arrivals)} records"
        for upload in self.uploads:
            record = ledger.arrival("data", upload.key, upload.version)
            if record is None:
                yield f"{upload}: no record"
                continue
            dataset, status = record["dataset_id"], record["status"]
            if status != self._expected(upload) and not (upload in self.crashed and status == "failed"):
                yield f"{upload}: {status}, {record.get('message')}"
            kind = {"accepted": "Dataset Accepted", "quarantined": "Dataset Quarantined", "failed": "Dataset Failed"}[
                status
            ]
            once: Callable[[int], bool] = (lambda n: n >= 1) if upload in self.crashed else (lambda n: n == 1)
            if not once(alerts[kind, dataset]):
                yield f"{upload}: {alerts[kind, dataset]} alerts {kind}"
            if status == "accepted":
                if not once(events[dataset]) or datasets[dataset] != 1:
                    yield f"{upload}: {events[dataset]} events, {datasets[dataset]} datasets"
                if not self.fakes.objects.exists(keys.accepted_part(record["project"], dataset)):
                    yield f"{upload}: its accepted rows are not there"
            elif events[dataset] or datasets[dataset]:
                yield f"{upload}: {status}, and yet an event or a dataset"

    @staticmethod
    def _expected(upload: Upload) -> str:
        return "failed" if "/nobody/" in upload.key else BODIES[upload.kind][1]


def simulate(count: int, seed: int = 1) -> Tally:
    """Runs so many uploads to their end."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        return _Simulation(count, seed).run()
    finally:
        sys.setswitchinterval(before)
