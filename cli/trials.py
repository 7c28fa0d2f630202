"""The trials of a model that `auto` found: what its one training job tried, and what became of each."""

from __future__ import annotations

from typing import Any

from cli.text import indent, number, plural, table
from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.model.family_names import family_with_key
from sluice.ports import ObjectStore
from sluice.records.plots import Plots

SHOWN = 12


def trials_of(project: str, run_id: str, *, objects: ObjectStore) -> list[dict[str, Any]]:
    """As training noted them; empty for other models, and before the evaluation."""
    key = keys.run(project, run_id, "evaluation", "plots.json")
    try:
        return Plots.parse(objects.read(key), objects.uri(key)).trials
    except (NotFoundError, DamagedRecordError):
        return []


def told(trials: list[dict[str, Any]], problem: str = "") -> str:
    """Those that are part of the model first, then in the order in which they began; the others are counted."""
    numbered = sorted(enumerate(trials), key=lambda each: (-float(each[1].get("weight") or 0), each[0]))
    scored = sum(trial.get("score") is not None for trial in trials)
    rows = [
        (
            str(place),
            family_with_key(trial.get("family"), problem),
            number(trial.get("score")),
            number(trial.get("seconds")),
            number(trial.get("weight")) if trial.get("weight") else "",
            str(trial.get("left_out") or trial.get("from") or ""),
        )
        for place, trial in numbered[:SHOWN]
    ]
    shown = table(("trial", "family", "score", "seconds", "weight", "from, or why it was left out"), rows)
    rest = f"\n  and {plural(len(trials) - SHOWN, 'other trial')}: --json" if len(trials) > SHOWN else ""
    return f"Trials of auto: {len(trials)}, {scored} with a score\n{indent(shown)}{rest}"
