"""Mistakes that the property test must find: without them it could be green because it looks at nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from hypothesis import Phase

from proofs.stateful import asl
from proofs.stateful.cloud import door
from proofs.stateful.releases import run
from testing.fakes import FakeLedger

EXAMPLES = 400
Change = Callable[[dict[str, Any]], None]


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _verified(**given: Any) -> dict[str, Any]:
    return {"decision": "verified", "reasons": [], "purpose": given["purpose"]}


def _anybody(self: FakeLedger, project: str, run_id: str, now: Any, of: str = "run") -> bool:
    self._locks(of)[project] = {"run_id": run_id, "acquired_at": now.isoformat(), "pending": [], "pending_reason": None}
    return True


def _promote_at_once(definition: dict[str, Any]) -> None:
    definition["States"]["Canary Healthy?"]["Choices"][0]["Next"] = "Promote Model"


def _give_up(definition: dict[str, Any]) -> None:
    definition["States"]["Complete Rollback"]["Retry"] = []


def _too_much(percent: int) -> dict[str, Any]:
    return {"percent": percent, "champion_weight": (100 - percent) / 100, "variant_weight": percent / 50}


# name → (what is patched, with what), or a change of release_model's definition
MUTANTS: dict[str, tuple[str, Any] | Change] = {
    "anybody gets a lock": ("testing.fakes.ledger.FakeLedger.acquire_lock", _anybody),
    "locks stay": ("testing.fakes.ledger.FakeLedger.release_lock", _nothing),
    "nothing is verified": ("sluice.steps.verify_endpoint.verify_endpoint", _verified),
    "alarms stay": ("sluice.serving.canary_alarms.remove", _nothing),
    "no package is rejected": ("testing.fakes.sagemaker.FakeRegistry.decide", _nothing),
    "no token is kept": ("sluice.steps.watch_canary.watch_canary", lambda **_: {"decision": "watching"}),
    "weights do not add up": ("sluice.release.plan.step", _too_much),
    "people are told each time": ("sluice.steps.complete_release._told", lambda *_, **__: False),
    "nobody is told": ("testing.fakes.messages.FakeAlerts.publish", _nothing),
    "the first look promotes": _promote_at_once,
    "a function that dies is not asked again": _give_up,
}


def caught(name: str) -> bool:
    """Whether the property test fails with the mistake."""
    mutant = MUTANTS[name]
    with ExitStack() as stack:
        if isinstance(mutant, tuple):
            stack.enter_context(patch(*mutant))
        else:
            stack.enter_context(_changed(mutant))
        # doors find their step when they are loaded
        door.cache_clear()
        stack.callback(door.cache_clear)
        try:
            run(EXAMPLES, derandomize=True, phases=[Phase.generate])
        except AssertionError:
            return True
    return False


def _changed(change: Change) -> Any:
    real = asl.definition

    def definition(name: str) -> dict[str, Any]:
        return damaged if name == "release_model" else real(name)

    damaged = real.__wrapped__("release_model")
    change(damaged)
    return patch.object(asl, "definition", definition)
