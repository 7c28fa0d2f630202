"""What a judge is: a function of the training window and of the live window that answers with a verdict."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.triage.truth import Decision, Reason
from benchmarks.triage.window import Seen


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
    """The bench has cases but not yet a judge."""


def connected(training: Seen, live: Seen) -> Verdict:
    """The judge of Sluice. Raises JudgeNotConnectedError until somebody connects it here."""
    raise JudgeNotConnectedError(
        "No judge is connected to the triage bench: benchmarks/triage/judge.py, `connected`, must call the triage of "
        "Sluice and map its answer to a Verdict. Nothing has been measured. Another judge can be named with "
        "--judge module:function."
    )


def named(name: str) -> Judge:
    """The judge at `module:function`. Raises ValueError if the name is of another form."""
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"--judge {name}: give module:function")
    found: Judge = getattr(importlib.import_module(module), function)
    return found
