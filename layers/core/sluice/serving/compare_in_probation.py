"""Watching: in probation, delayed labels compare a model with its predecessor, on the rows that both answered."""

from __future__ import annotations

import json
import math

from sluice import keys
from sluice.contract import Contract
from sluice.model.values import Typed, finite, parse_json
from sluice.ports import Champion, Clock, Json, ObjectStore
from sluice.release.probation import Kind, Labelled, judge_probation
from sluice.store.run_records import evaluation_if_any, stored_json, write_json
from sluice.watch.captures import Captured, rows_of
from sluice.watch.labels import Identity, labelled, positive

CAP = 10.0
"""Errors of numbers beyond so many mean absolute errors of the evaluation count as that many."""


def compare_in_probation(
    contract: Contract, champion: Champion, labels: dict[Identity, Typed], *, objects: ObjectStore, clock: Clock
) -> Json | None:
    """`{"decision": keep | roll_back, "reasons", "inconclusive", "statistic"}`; None where nothing can be compared.

    That is outside of a probation, without a predecessor, and where the release replayed nothing.
    """
    if contract.problem.target is None or champion.previous is None or clock.now() >= champion.probation_until:
        return None
    requests: list[Json] = stored_json(
        keys.run(contract.project, champion.run_id, "replay", "requests.json"), [], objects=objects
    )
    pairs: list[Json] = stored_json(
        keys.run(contract.project, champion.run_id, "replay", "pairs.json"), [], objects=objects
    )
    kind, cap = _kind(contract), None
    if kind == "number":
        evaluation = evaluation_if_any(contract.project, champion.run_id, objects=objects)
        cap = CAP * ((evaluation.candidate.metrics.get("mae") if evaluation else None) or 0.0)
    if not pairs or (cap is not None and not 0 < cap < math.inf):
        return None
    # one of each row, also of those that are labelled twice, by inference id and by key: bets want rows that differ
    rows: dict[int, Labelled] = {}
    for found in labelled(labels, _answered(contract, kind, requests, pairs), contract):
        row = _row(found.label, found.answer, kind, contract)
        if row is not None:
            rows[found.answer["row"]] = row
    verdict = judge_probation(list(rows.values()), kind, alpha=contract.release.false_abort, cap=cap)
    record: Json = {
        "kind": "probation",
        "project": contract.project,
        "run_id": champion.run_id,
        "at": clock.now().isoformat(),
        "inputs": {"pairs": len(pairs), "labelled": len(rows), "predecessor": champion.previous["run_id"]},
        "thresholds": {"alpha": contract.release.false_abort, "cap": cap},
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "inconclusive": verdict.inconclusive,
        "statistic": verdict.statistic,
    }
    write_json(keys.monitor(contract.project, "probation", f"{champion.run_id}.json"), record, objects=objects)
    return {name: record[name] for name in ("decision", "reasons", "inconclusive", "statistic")}


def _kind(contract: Contract) -> Kind:
    kinds: dict[str, Kind] = {"binary": "probability", "regression": "number"}
    return kinds.get(contract.problem.type, "class")


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


def _row(label: Typed, answer: Json, kind: Kind, contract: Contract) -> Labelled | None:
    """None where one of the three is not of its kind: that speaks against neither model."""
    if contract.problem.type == "anomaly":
        # what is predicted is whether a row is flagged, whatever the labels are written like
        flagged = [_class(answer[name], "boolean") for name in ("old", "new")]
        return None if None in flagged else Labelled(positive(label, contract), *flagged)
    if kind == "class":
        target = contract.data.columns[str(contract.problem.target)].type
        # the replay keeps classes as JSON
        old, new = (_class(answer[name], target) for name in ("old", "new"))
        return None if old is None or new is None else Labelled(_plain(label), _plain(old), _plain(new))
    truth = float(positive(label, contract)) if kind == "probability" else finite(label)
    old_score, new_score = finite(answer["old"]), finite(answer["new"])
    if truth is None or old_score is None or new_score is None:
        return None
    if kind == "probability" and not (0 <= old_score <= 1 and 0 <= new_score <= 1):
        return None
    return Labelled(truth, old_score, new_score)


def _class(text: str, kind: str) -> Typed | None:
    try:
        return parse_json(json.loads(text), kind)
    except (ValueError, TypeError):
        return None


def _plain(label: Typed) -> Typed:
    """3 and 3.0 are one class."""
    return float(label) if isinstance(label, int) and not isinstance(label, bool) else label
