"""The trials of a model that `auto` found: what its one training job tried, and what became of each."""

from __future__ import annotations

from typing import Any

from cli.text import indent, number, plural, table
from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.model.family_names import family_with_key
from sluice.ports import ObjectStore
from sluice.records.plots import Plots
from sluice.records.search_budget import SearchBudget
from sluice.store.run_records import evaluation_if_any

SHOWN = 12


def trials_of(project: str, run_id: str, *, objects: ObjectStore) -> list[dict[str, Any]]:
    """As training noted them; empty for other models, and before the evaluation."""
    key = keys.run(project, run_id, "evaluation", "plots.json")
    try:
        return Plots.parse(objects.read(key), objects.uri(key)).trials
    except (NotFoundError, DamagedRecordError):
        return []


def budget_of(project: str, run_id: str, *, objects: ObjectStore) -> SearchBudget | None:
    """What the search had and used; None for other models, and before the evaluation."""
    try:
        found = evaluation_if_any(project, run_id, objects=objects)
    except DamagedRecordError:
        return None
    return found.search if found else None


def told(trials: list[dict[str, Any]], problem: str = "", budget: SearchBudget | None = None) -> str:
    """Those that are part of the model first, then in the order in which they began; the others are counted.

    Trials that read the same, but for their seconds, are one row.
    """
    numbered = sorted(enumerate(trials), key=lambda each: (-float(each[1].get("weight") or 0), each[0]))
    alike: dict[tuple[str, ...], list[tuple[int, dict[str, Any]]]] = {}
    for place, trial in numbered:
        words = (
            family_with_key(trial.get("family"), problem),
            number(trial.get("score")),
            number(trial.get("weight")) if trial.get("weight") else "",
            str(trial.get("left_out") or trial.get("from") or ""),
        )
        alike.setdefault(words, []).append((place, trial))
    rows = [
        (
            str(same[0][0]),
            str(len(same)),
            family,
            score,
            number(sum(float(trial.get("seconds") or 0.0) for _, trial in same)),
            weight,
            origin,
        )
        for (family, score, weight, origin), same in list(alike.items())[:SHOWN]
    ]
    shown = table(("first", "trials", "family", "score", "seconds", "weight", "from, or why it was left out"), rows)
    hidden = sum(len(same) for same in list(alike.values())[SHOWN:])
    rest = f"\n  and {plural(hidden, 'other trial')}: --json" if hidden else ""
    scored = sum(trial.get("score") is not None for trial in trials)
    end = f"; {budget.end}" if budget and budget.end else ""
    return f"Trials of auto: {len(trials)}, {scored} with a score{end}\n{indent(shown)}{rest}"
