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


def alike(trials: list[dict[str, Any]], problem: str = "") -> list[dict[str, Any]]:
    """Trials that read the same, but for their seconds, as one: those of the model first, then as they began.

    `{"first", "trials", "family", "score", "seconds", "weight", "origin"}`: `first` is the number of the first of them,
    `trials` how many they are, `seconds` what all of them took, and `origin` where they are from, or why left out.
    """
    numbered = sorted(enumerate(trials), key=lambda each: (-float(each[1].get("weight") or 0), each[0]))
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for place, trial in numbered:
        family = family_with_key(trial.get("family"), problem)
        origin = str(trial.get("left_out") or trial.get("from") or "")
        score, weight = trial.get("score"), trial.get("weight") or None
        group = groups.setdefault(
            (family, number(score), number(weight), origin),
            {"first": place, "trials": 0, "family": family, "score": score, "seconds": 0.0}
            | {"weight": weight, "origin": origin},
        )
        group["trials"] += 1
        group["seconds"] += float(trial.get("seconds") or 0.0)
    return list(groups.values())


def counted(trials: list[dict[str, Any]], budget: SearchBudget | None = None) -> str:
    """How many trials there are, and when and why the search ended."""
    scored = sum(trial.get("score") is not None for trial in trials)
    end = f"; {budget.end}" if budget and budget.end else ""
    return f"{len(trials)}, {scored} with a score{end}"


def told(trials: list[dict[str, Any]], problem: str = "", budget: SearchBudget | None = None) -> str:
    """The first SHOWN rows of `alike`; the other trials are counted."""
    groups = alike(trials, problem)
    rows = [
        (
            str(each["first"]),
            str(each["trials"]),
            each["family"],
            number(each["score"]),
            number(each["seconds"]),
            number(each["weight"]) if each["weight"] else "",
            each["origin"],
        )
        for each in groups[:SHOWN]
    ]
    shown = table(("first", "trials", "family", "score", "seconds", "weight", "from, or why it was left out"), rows)
    hidden = sum(each["trials"] for each in groups[SHOWN:])
    rest = f"\n  and {plural(hidden, 'other trial')}: --json" if hidden else ""
    return f"Trials of auto: {counted(trials, budget)}\n{indent(shown)}{rest}"
