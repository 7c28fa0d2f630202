"""Watching: in its probation late labels hold a model against its predecessor, on the rows that both answered."""

from __future__ import annotations

import json
import math
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
    if not pairs or (cap is not None and not 0 < cap < math.inf):
        return None
    # one of each row, also of those that are labelled twice, by inference id and by key: bets want rows that differ
    rows: dict[int, Labelled] = {}
    for found in labelled(labels, _answered(contract, kind, requests, pairs), contract):
        if _is_a_label(found.label, contract):
            rows[found.answer["row"]] = _row(found.label, found.answer, kind, contract)
    verdict = judge_probation(list(rows.values()), kind, alpha=contract.release.false_abort, cap=cap)
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
    """Requests with what both models answered to each of their rows: `{"row", "old", "new"}`; `row` is its number."""
    said = "labels" if kind == "class" else "scores"
    found: list[Captured] = []
    number = 0
    for request, pair in zip(requests, pairs):
        old, new = pair["champion"].get(said) or [], pair["challenger"].get(said) or []
        rows = rows_of(request["body"], request["content_type"], contract)
        if len(rows) == len(old) == len(new):
            answers = [{"row": number + i, "old": old[i], "new": new[i]} for i in range(len(rows))]
            found.append(Captured(request["id"], None, rows, answers))
        number += len(rows)
    return found


def _is_a_label(label: str, contract: Contract) -> bool:
    """False for a label that the target cannot have: a person's mistake, which speaks against neither model."""
    column = contract.data.columns[str(contract.problem.target)]
    if column.type in ("integer", "number"):
        return _number(label) is not None
    if column.type == "boolean":
        return is_positive(label, True) or is_positive(label, False)
    return column.values is None or label.strip() in column.values


def _row(label: str, answer: Json, kind: Kind, contract: Contract) -> Labelled:
    if kind == "probability":
        return Labelled(float(is_positive(label, contract.problem.positive)), answer["old"], answer["new"])
    if kind == "number":
        return Labelled(_number(label), answer["old"], answer["new"])
    # the replay keeps classes as JSON; an answer in CSV has 3.0 where a label file says 3
    truth, old, new = label.strip(), _plain(answer["old"]), _plain(answer["new"])
    if contract.data.columns[str(contract.problem.target)].type in ("integer", "number"):
        return Labelled(_number(truth), _number(old), _number(new))
    return Labelled(truth, old, new)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _plain(label: str) -> str:
    """A class as a label file writes it; the replay keeps it as JSON."""
    value: Any = json.loads(label)
    return value.strip() if isinstance(value, str) else label
