"""The proof: projects side by side on one local cloud, each with customers on the line and canary after canary."""

from __future__ import annotations

import fcntl
import json
import math
import os
import random
import statistics
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.artefacts import ROOT, for_local_cloud
from cli.stack import LocalStack
from proofs.canaries.candidates import REPLAYED, Canary, canaries
from proofs.canaries.client import Client, Request
from proofs.canaries.figures import (
    Exposure,
    Requests,
    answers_by_removed,
    back_at,
    exposure_evidence,
    exposure_z,
    exposures,
)
from proofs.canaries.lifecycle import Json, Project, Release
from proofs.canaries.models import Learned, Shelf
from proofs.canaries.sight import Sight, Watch
from sluice import names
from testing.line import Line, wait_for

BACK_GOAL = 5.0
SETTLE = 30.0
INSTANCE_MIB = 320
"""A sound serving process holds about a third of it."""
# the chance of a normal variable beyond 3 sigma, shared by all releases of a run
FAMILY_ALPHA = 0.0027
NOISES = [0.0, 0.005]
"""Shares of requests that fail on every model, by project in turn."""


@dataclass
class Settings:
    good: int = 50
    bad: int = 50
    projects: int = 3
    speed: float = 30.0
    per_second: float = 40.0
    seed: int = 1
    kinds: list[str] | None = None
    noise: list[float] = field(default_factory=lambda: NOISES)
    state: Path | None = None


@dataclass(frozen=True)
class Tried:
    """A canary, and what came of it. Counts are those of the customers' requests while it was released."""

    canary: Canary
    project: str
    model: str
    champion: str
    release: Release
    exposures: list[Exposure]
    answered: int
    failed: int
    """Requests that the canary failed or answered with what is no answer."""
    back_seconds: float | None

    @property
    def as_it_should(self) -> bool:
        return self.release.outcome == ("promoted" if self.canary.good else "rolled_back")


@dataclass
class Told:
    """What one project's part of the proof found."""

    project: str
    tried: list[Tried] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    begun: int = 0
    removed: list[Request] = field(default_factory=list)
    longest_look: float = 0.0
    """Seconds that one DescribeEndpoint took at most: how long the machine stood still."""
    sound: set[str] = field(default_factory=set)
    """Variants of champions: what these fail without being meant to is a finding."""
    trouble: str = ""


def prove(settings: Settings) -> list[Told]:
    """Builds, deploys and runs everything; one Told a project."""
    with tempfile.TemporaryDirectory(prefix="canaries-") as scratch:
        folder = settings.state or Path(scratch)
        contract = yaml.safe_load(Path(__file__).with_name("contract.yaml").read_text())
        say("learning the models")
        shelf = Shelf(folder / "models", contract)
        stack = LocalStack(state=folder / "cloud", speed=settings.speed)
        say("starting the local cloud, building and deploying")
        os.environ["LOCALCLOUD_INSTANCE_MEMORY_MIB"] = str(INSTANCE_MIB)
        try:
            stack.start()
        finally:
            del os.environ["LOCALCLOUD_INSTANCE_MEMORY_MIB"]
        try:
            _deploy(stack)
            line = Line(stack)
            try:
                return _side_by_side(settings, line, shelf, contract)
            finally:
                line.stop()
        finally:
            stack.stop()


def _deploy(stack: LocalStack) -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    # .aws-sam is one folder for the whole checkout
    with (ROOT / "build" / "sam.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for_local_cloud().build()
        stack.deploy()


def _side_by_side(settings: Settings, line: Line, shelf: Shelf, contract: Json) -> list[Told]:
    _ = line.resources, line.stack.world.ledger.projects(), line.stack.world.objects.exists("nothing")
    work = _Queue(canaries(settings.good, settings.bad, settings.seed, settings.kinds))
    with ThreadPoolExecutor(settings.projects, thread_name_prefix="project") as pool:
        parts = [pool.submit(_Part(settings, line, shelf, contract, n).run, work) for n in range(settings.projects)]
        return [part.result() for part in parts]


class _Queue:
    """Canaries that wait for whichever project is free."""

    def __init__(self, waiting: Sequence[Canary]) -> None:
        self._waiting, self._lock = list(waiting), threading.Lock()
        self._total = len(waiting)

    def take(self) -> tuple[Canary, str] | None:
        with self._lock:
            if not self._waiting:
                return None
            return self._waiting.pop(0), f"{self._total - len(self._waiting)}/{self._total}"


class _Part:
    """One project: a champion, a client, a watch, and canaries until the queue is empty."""

    def __init__(self, settings: Settings, line: Line, shelf: Shelf, contract: Json, number: int) -> None:
        self._chance = random.Random(f"{settings.seed}-{number}")
        noise = settings.noise[number % len(settings.noise)]
        # a limit that some hundred requests can show, background included
        limits = {"max_error_rate": max(0.01, 6 * noise), "expected_error_rate": noise}
        release = contract["release"] | limits
        name = f"shop{number}"
        self.project = Project(line, shelf, name, {**contract, "release": release})
        endpoint = self.project.endpoint
        self.client = Client(line.stack.port, endpoint, settings.per_second, noise, number)
        sagemaker, cloudwatch = line.stack.client("sagemaker"), line.stack.client("cloudwatch")
        self.watch = Watch(sagemaker, endpoint, cloudwatch, names.alarm(line.stack.stack, name, ""))
        self.told = Told(name)
        self.line, self.shelf = line, shelf

    def run(self, work: _Queue) -> Told:
        try:
            self._first_champion()
            self.watch.start()
            self.client.start()
            try:
                self._try_all(work)
                time.sleep(1.0)
            finally:
                self.client.stop()
                self.watch.stop()
            self.told.requests, self.told.begun = self.client.requests(), self.client.begun
            self.told.longest_look = max((s.heard - s.asked for s in self.watch.sights()), default=0.0)
            self.told.removed = answers_by_removed(Requests(self.told.requests), self.watch.sights())
        except Exception as error:
            traceback.print_exc()
            self.told.trouble = f"{type(error).__name__}: {error}"
        return self.told

    def _first_champion(self) -> None:
        self.project.register()
        model = self.shelf.learned[0]
        first = self.project.release(Canary("champion", True, "the first model"), model)
        if first.outcome != "promoted":
            raise AssertionError(f"{self.project.name}: the first model was not released: {first}")
        self.told.sound.add(first.variant)

    def _try_all(self, work: _Queue) -> None:
        # a release replays what was captured: as many requests as it asks for, and their upload
        wait_for(lambda: len(self.client.requests()) > 1.2 * REPLAYED, "requests to replay")
        time.sleep(6.0)
        while taken := work.take():
            canary, number = taken
            tried = self._try(canary)
            self.told.tried.append(tried)
            mark = "ok " if tried.as_it_should else "BAD"
            say(
                f"{mark} {number} {self.project.name} {canary.name} {canary.kind} ({canary.shown}): "
                f"{tried.release.outcome} in {tried.release.ended - tried.release.began:.1f} s; "
                f"{'; '.join(tried.release.reasons)[:160]}"
            )
            if not self._alone():
                raise AssertionError(f"{canary.name} left {self.project.endpoint} as {self.watch.sights()[-1:]}")

    def _try(self, canary: Canary) -> Tried:
        champion = self.project.champion
        if champion is None:
            raise AssertionError(f"{self.project.name} has no champion")
        model = self.shelf.challenger(canary.kind, champion, self._chance)
        release = self.project.release(canary, model)
        settled = self._settled()
        rang = {n: why for n, why in self.watch.rang.items() if f"/{release.run_id}/" in n}
        release.reasons.extend(f"{n.rsplit('/', 1)[1]}: {why}" for n, why in rang.items())
        if release.outcome == "promoted" and canary.good:
            self.told.sound.add(release.variant)
        requests, sights = Requests(self.client.requests()), self.watch.sights()
        own = [one for one in requests.sent(release.began, settled) if one.variant == release.variant]
        tried = Tried(
            canary,
            self.project.name,
            model.name,
            champion.name,
            release,
            exposures(requests, [s for s in sights if s.heard >= release.began], release.variant),
            answered=sum(one.outcome == "answered" for one in own),
            failed=sum(one.outcome in ("failed", "malformed") and not one.noise for one in own),
            back_seconds=self._back(release, requests, sights),
        )
        if release.outcome == "promoted" and not canary.good:
            self._undo(champion)
        return tried

    def _back(self, release: Release, requests: Requests, sights: list[Sight]) -> float | None:
        if release.decided_at is None or release.outcome == "promoted":
            return None
        at = back_at(requests, sights, release.variant, release.decided_at)
        return None if at is None else at - release.decided_at

    def _undo(self, champion: Learned) -> None:
        self.project.roll_back(champion)
        self._settled()

    def _settled(self) -> float:
        """Waits until one variant alone serves, at most SETTLE seconds, and for the requests that are on; the time."""
        deadline = time.monotonic() + SETTLE
        while not self._alone() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.6)
        return time.time()

    def _alone(self) -> bool:
        sights = self.watch.sights()
        return bool(sights) and sights[-1].status == "InService" and len(sights[-1].weights) == 1


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Report:
    """JSON lines, one a figure."""

    def __init__(self) -> None:
        self.lines: list[Json] = []

    def say(self, name: str, value: Any, goal: str, ok: bool) -> None:
        shown = round(value, 4) if isinstance(value, float) else value
        self.lines.append({"name": name, "value": shown, "goal": goal, "ok": bool(ok)})
        print(json.dumps(self.lines[-1]), flush=True)

    @property
    def missed(self) -> list[str]:
        return [line["name"] for line in self.lines if not line["ok"]]


def report(settings: Settings, told: Sequence[Told]) -> Report:
    out = Report()
    tried = [one for part in told for one in part.tried]
    bad, good = [t for t in tried if not t.canary.good], [t for t in tried if t.canary.good]
    aborted = sum(t.release.outcome == "rolled_back" for t in bad)
    passed = sum(t.release.outcome == "promoted" for t in good)
    out.say(f"bad canaries rolled back, of {settings.bad}", aborted, f"= {settings.bad}", aborted == settings.bad)
    out.say(f"good canaries promoted, of {settings.good}", passed, f"= {settings.good}", passed == settings.good)
    hurt = sum(t.release.outcome != "promoted" for t in good)
    out.say(f"good canaries rolled back, of {settings.good}", hurt, "= 0", hurt == 0)
    _speed(out, bad)
    _exposure(out, tried)
    _requests(out, told)
    crashed = [part.trouble for part in told if part.trouble]
    out.say("projects that could not be tried to the end", len(crashed), "= 0", not crashed)
    return out


def _speed(out: Report, bad: Sequence[Tried]) -> None:
    decided = [t for t in bad if t.release.decided_at is not None]
    back = [t.back_seconds for t in decided if t.back_seconds is not None]
    if decided:
        worst = max(back) if len(back) == len(decided) else None
        out.say(
            f"worst seconds from the decision to 100 % champion, {len(decided)} releases",
            worst,
            f"<= {BACK_GOAL:g}",
            worst is not None and worst <= BACK_GOAL,
        )
        live = [t.back_seconds for t in decided if t.back_seconds is not None and t.answered + t.failed]
        if live:
            shown = f"median seconds from the decision to 100 % champion, {len(live)} canaries that had served"
            out.say(shown, statistics.median(live), f"<= {BACK_GOAL:g}", statistics.median(live) <= BACK_GOAL)
    # without a decision the canary must never have served: it did not come up
    unseen = [t for t in bad if t.release.decided_at is None and t.as_it_should]
    served = sum(t.answered + t.failed for t in unseen)
    out.say(f"requests to canaries that nothing decided against, {len(unseen)} releases", served, "= 0", served == 0)
    exposed = [t.failed for t in bad if t.canary.kind == "failing" and t.failed]
    if exposed:
        out.say(
            f"median of failed requests of customers, {len(exposed)} failing canaries that served",
            statistics.median(exposed),
            "",
            True,
        )
    harmed = [t.failed for t in bad]
    out.say("customers' requests that bad canaries failed, all releases", sum(harmed), "", True)


def _exposure(out: Report, tried: Sequence[Tried]) -> None:
    found = [one for t in tried for one in t.exposures]
    z, both = exposure_z(found), sum(one.both for one in found)
    out.say(f"exposure against the weights in sigma, {both} requests", z, "|z| <= 3", both > 0 and abs(z) <= 3)
    for weight in sorted({one.weight for one in found}):
        own = [one for one in found if one.weight == weight]
        share = sum(one.canary for one in own) / max(1, sum(one.both for one in own))
        z = exposure_z(own)
        out.say(f"share of the canaries at a weight of {weight:.0%}, in sigma from it {z:.2f}", share, "", abs(z) <= 3)
    limit = -math.log(FAMILY_ALPHA / max(1, len(tried)))
    worst = max((exposure_evidence(t.exposures) for t in tried), default=0.0)
    out.say("a single release's evidence against its weights (ln E)", worst, f"< {limit:.2f}", worst < limit)


def _requests(out: Report, told: Sequence[Told]) -> None:
    every = [one for part in told for one in part.requests]
    lost = [one for one in every if one.outcome == "lost"]
    out.say(f"requests lost, of {len(every)}", len(lost), "= 0", bool(every) and not lost)
    open_ones = sum(part.begun - len(part.requests) for part in told)
    out.say("requests without an end", open_ones, "= 0", open_ones == 0)
    removed = [one for part in told for one in part.removed]
    out.say("answers by removed variants, or against a weight of 0", len(removed), "= 0", not removed)
    sound = [
        one
        for part in told
        for one in part.requests
        if one.variant in part.sound and one.outcome in ("failed", "malformed") and not one.noise
    ]
    out.say("requests that a sound model failed", len(sound), "= 0", not sound)
    busy = max((part.longest_look for part in told), default=0.0)
    out.say("longest DescribeEndpoint in seconds, which says how busy the machine was", busy, "", True)
    noise = sum(one.noise for one in every)
    out.say("requests that fail on every model", noise, "", True)
    out.say("connections that were made anew", sum(one.resent for one in every), "", True)
    for one in [*lost[:5], *removed[:5], *sound[:5]]:
        say(f"  {one}")


def table(told: Sequence[Told]) -> str:
    """One row a canary."""
    rows = _rows(told)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def keep(path: Path, settings: Settings, found: Report, told: Sequence[Told]) -> None:
    """The figures and the table as JSON."""
    head, *rows = _rows(told)
    content = {
        "settings": {name: value for name, value in vars(settings).items() if name != "state"},
        "figures": found.lines,
        "canaries": [dict(zip(head, row)) for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def _rows(told: Sequence[Told]) -> list[tuple[str, ...]]:
    head = ("canary", "project", "kind", "knobs", "outcome", "tests", "reasons", "served", "failed", "s", "back s")
    rows = [
        (
            t.canary.name,
            t.project,
            t.canary.kind if not t.canary.good else f"{t.canary.kind}: {t.model} after {t.champion}",
            t.canary.shown,
            t.release.outcome + ("" if t.as_it_should else " (!)"),
            ", ".join(t.release.tests),
            "; ".join(t.release.reasons)[:160],
            str(t.answered + t.failed),
            str(t.failed),
            f"{t.release.ended - t.release.began:.1f}",
            "" if t.back_seconds is None else f"{t.back_seconds:.2f}",
        )
        for part in told
        for t in part.tried
    ]
    return [head, *sorted(rows)]
