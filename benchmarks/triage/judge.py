"""What a judge is: a function of the training window and of the live window that answers with a verdict."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.triage.truth import Decision, Reason
from benchmarks.triage.window import Seen
from sluice.watch.triage.window import Window


@dataclass(frozen=True)
class Verdict:
    """`reason` is null only with the decision to do nothing. `columns` are those that the judge blames."""

    decision: Decision
    reason: Reason | None = None
    columns: tuple[str, ...] = ()


Judge = Callable[[Seen, Seen], Verdict]
"""Training window and live window → verdict.

All cases of a set have the same training object, so that a judge can keep a profile of it by identity for as long as it
holds the object. A drift may come with a training window of its own.
"""


class JudgeNotConnectedError(NotImplementedError):
    """A judge that cannot judge at all: it ends the run."""


def connected(training: Seen, live: Seen) -> Verdict:
    """The triage of Sluice. A difference that it asks a person about is held."""
    from benchmarks.triage.sluice_window import reference_of

    return _judged(reference_of(training), live)


def without_times(training: Seen, live: Seen) -> Verdict:
    """The triage of Sluice under a contract without `data.time`: training rows have no times, and come in any order."""
    from benchmarks.triage.sluice_window import unordered_reference_of

    return _judged(unordered_reference_of(training), live)


def _judged(reference: Window, live: Seen) -> Verdict:
    from benchmarks.triage.sluice_window import window_of
    from sluice.watch.triage.judge import judge

    found = judge(reference, window_of(live))
    if found.answer == "nothing":
        return Verdict(Decision.NOTHING)
    known = {str(reason) for reason in Reason}
    reason = Reason(str(found.reason)) if str(found.reason) in known else None
    return Verdict(Decision.RETRAIN if found.answer == "retrain" else Decision.HELD, reason, found.columns)


def named(name: str) -> Judge:
    """The judge at `module:function`. Raises ValueError if the name is of another form."""
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"--judge {name}: give module:function")
    found: Judge = getattr(importlib.import_module(module), function)
    return found
