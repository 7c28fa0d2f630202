"""A run, or a trial of one, as an experiment tracker has it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Tracked:
    """`key` names it forever: the run's id, with the training job's name behind it for a trial.

    `status` is RUNNING, FINISHED, FAILED or KILLED. Times are milliseconds since 1970; None: not known, or not over.
    """

    key: str
    name: str
    status: str
    began: int | None = None
    ended: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    trials: tuple[Tracked, ...] = ()

    @property
    def digest(self) -> str:
        """A digest of everything but the trials. A run with an unchanged digest is not sent again."""
        told = {name: value for name, value in asdict(self).items() if name != "trials"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
