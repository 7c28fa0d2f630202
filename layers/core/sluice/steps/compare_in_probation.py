"""Watching: in its probation late labels hold a model against its predecessor, on the rows that both answered."""

from __future__ import annotations

import json
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.ports import Champion, Json, World
from sluice.release.probation import Kind, Labelled, judge_probation
from sluice.steps.run_records import stored_json, write_json
from sluice.watch.captures import Captured, rows_of
from sluice.watch.labels import Identity, is_positive, labelled

CAP = 10.0
"""Errors of numbers beyond so many mean absolute errors of the evaluation count as that many."""


def compare_in_probation(
    world: World, contract: Contract, champion: Champion, labels: dict[Identity, str]
) -> Json | None:
    """`{"decision": keep | roll_back, "reasons", "inconclusive", "statistic"}`; None where nothing can be compared.

    That is outside of a probation, without a predecessor, and where the release replayed nothing.
    """
    if champion.previous is None or world.clock.now() >= champion.probation_until:
        return None
    requests: list[Json] = stored_json(
        world, keys.run(contract.project, champion.run_id, "replay", "requests.json"), []
    )
    pairs: list[Json] = stored_json(world, keys.run(contract.project, champion.run_id, "replay", "pairs.json"), [])
    kind, cap = _kind(contract), None
    if kind == "number":
        evaluation = stored_json(
            world, keys.run(contract.project, champion.run_id, "evaluation", "evaluation.json"), {}
        )
        cap = CAP * float(evaluation.get("candidate", {}).get("metrics", {}).get("mae") or 0.0)
    if not pairs or cap == 0.0:
        return None
    found = labelled(labels, _answered(contract, kind, requests, pairs), contract)
    rows = [row for each in found if (row := _row(each.label, each.answer, kind, contract)) is not None]
    verdict = judge_probation(rows, kind, alpha=contract.release.false_abort, cap=cap)
    record: Json = {
        "kind": "probation",
        "project": contract.project,
        "run_id": champion.run_id,
        "at": world.clock.now().isoformat(),
        "inputs": {"pairs": len(pairs), "labelled": len(rows), "predecessor": champion.previous["run_id"]},
        "thresholds": {"alpha": contract.release.false_abort, "cap": cap},
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "inconclusive": verdict.inconclusive,
        "statistic": verdict.statistic,
    }
    write_json(world, keys.monitor(contract.project, "probation", f"{champion.run_id}.json"), record)
    return {name: record[name] for name in ("decision", "reasons", "inconclusive", "statistic")}


def _kind(contract: Contract) -> Kind:
    kinds: dict[str, Kind] = {"binary": "probability", "multiclass": "class", "regression": "number"}
    return kinds[contract.problem.type]


def _answered(contract: Contract, kind: Kind, requests: list[Json], pairs: list[Json]) -> list[Captured]:
    """Requests with what both models answered to each of their rows: `{"old", "new"}`."""
    types: dict[str, str] = {name: column.type for name, column in contract.data.columns.items()}
    said = "labels" if kind == "class" else "scores"
    found = []
    for request, pair in zip(requests, pairs):
        old, new = pair["champion"].get(said) or [], pair["challenger"].get(said) or []
        rows = rows_of(request["body"], request["content_type"], types)
        if len(rows) == len(old) == len(new):
            answers = [{"old": before, "new": after} for before, after in zip(old, new)]
            found.append(Captured(request["id"], None, rows, answers))
    return found


def _row(label: str, answer: Json, kind: Kind, contract: Contract) -> Labelled | None:
    """None for a label that is none of its kind: a person's mistake, which speaks against neither model."""
    if kind == "probability":
        return Labelled(float(is_positive(label, contract.problem.positive)), answer["old"], answer["new"])
    if kind == "number":
        try:
            return Labelled(float(label), answer["old"], answer["new"])
        except ValueError:
            return None
    return Labelled(label.strip(), _plain(answer["old"]), _plain(answer["new"]))


def _plain(label: str) -> str:
    """A class as a label file writes it; the replay keeps it as JSON."""
    value: Any = json.loads(label)
    return value.strip() if isinstance(value, str) else label
