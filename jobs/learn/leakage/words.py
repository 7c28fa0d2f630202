"""What a suspicion says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Suspect = dict[str, Any]
ACCEPT = "if its value is known when a prediction is asked for, list it in features.known_before"
DROP = "list it in features.drop"


def suspect(kind: str, columns: Sequence[str], evidence: str, advice: str, **figures: Any) -> Suspect:
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    return {"kind": kind, "columns": list(columns), "evidence": evidence, "advice": advice, "figures": rounded}
