"""Bandit: the next shares of champion and challenger, from the rewards that the labels tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Bandit, Contract
from sluice.contract.durations import seconds
from sluice.datasets.late_labels import late_labels
from sluice.errors import ReleaseError
from sluice.names import digest
from sluice.ports import Clock, Json, Ledger, ObjectStore
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import ReleasePlan
from sluice.records.run_record import RunFacts, StageDecision
from sluice.release import plan
from sluice.release.bandit import BanditMeasurement, Choice, Reward, choose
from sluice.serving.captured_requests import captured, time_of
from sluice.store.run_records import run_contract, stored_json, update_run, write_json
from sluice.watch.labels import Labelled, is_correct, labelled, positive

MAX_CAPTURED = 20_000
"""Requests of one variant at one share that are read, the first ones."""


@json_boundary
def choose_weights(
    project: str,
    run_id: str,
    step_index: int,
    percent: int,
    step_started_at: str,
    release_plan: ReleasePlan,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    clock: Clock,
) -> Json:
    """`{"decision": continue | shift | promote | abort, "reasons", "inconclusive", "weights"}`.

    Each call counts the labels that came since the last one, by the share under which their requests were routed: a
    batch each. Raises ReleaseError for a contract without a bandit.
    """
    contract = run_contract(project, run_id, objects=objects)
    release = contract.release
    if release.bandit is None:
        raise ReleaseError(f"the contract of {run_id} has no bandit")
    now = clock.now()
    record_key, counted_key = keys.decision(project, run_id, "bandit"), keys.run(project, run_id, "bandit.json")
    record: Json = stored_json(
        record_key, {"kind": "bandit", "project": project, "run_id": run_id, "steps": []}, objects=objects
    )
    counted: Json = stored_json(counted_key, {"labels": [], "batches": [], "spans": []}, objects=objects)
    counted["spans"].append({"percent": percent, "from": step_started_at, "until": now.isoformat()})
    counted["batches"] += _batches(contract, release.bandit, release_plan, counted, objects=objects, clock=clock)
    bake = seconds(release.bake)
    begun = datetime.fromisoformat(release_plan.started_at)
    look = BanditMeasurement(
        share=percent / 100,
        history=[(Reward(*old), Reward(*new)) for old, new in counted["batches"]],
        elapsed=max((now - begun).total_seconds(), len(counted["spans"]) * bake),
        longest=release.longest_bake_seconds,
    )
    options = release.bandit
    choice = choose(look, confidence=options.confidence, min_labels=options.min_labels, explore=options.explore)
    decision, reasons, inconclusive = _held_to_the_sample(project, run_id, choice, look, objects=objects)
    weights = plan.step(max(1, min(99, round(100 * (choice.share if decision == "shift" else look.share)))))
    entry = {
        "at": now.isoformat(),
        "step_index": step_index,
        "inputs": {"share": look.share, "history": counted["batches"], "elapsed": look.elapsed},
        **choice.record,
        "decision": decision,
        "reasons": reasons,
        "weights": weights.plain(),
    }
    record["steps"] = [*record["steps"], entry]
    record["thresholds"] = release.model_dump(mode="json")
    summary: Json = {"decision": decision, "reasons": reasons, "inconclusive": inconclusive}
    record.update(summary)
    # the counts first: a label that was counted must not count again, and a decision can be repeated
    write_json(counted_key, counted, objects=objects)
    write_json(record_key, record, objects=objects)
    update_run(project, run_id, RunFacts(bandit=StageDecision(**summary, percent=percent)), ledger=ledger)
    return {**summary, "weights": weights.plain()}


def _held_to_the_sample(
    project: str, run_id: str, choice: Choice, look: BanditMeasurement, *, objects: ObjectStore
) -> tuple[str, list[str], bool]:
    """Better rewards do not promote what has not shown that it answers: the judge's planned sample counts here too."""
    if choice.decision != "promote":
        return choice.decision, choice.reasons, choice.inconclusive
    judged = stored_json(keys.decision(project, run_id, "canary"), {"looks": []}, objects=objects)["looks"]
    statistic = judged[-1]["statistic"] if judged else {"lacking": ["the judge has not measured yet"], "against": []}
    if statistic["lacking"]:
        if look.elapsed >= look.longest:
            return "abort", [f"inconclusive after {look.elapsed:.0f} s", *statistic["lacking"]], True
        return "continue", [*choice.reasons, *statistic["lacking"]], False
    if statistic["against"]:
        return "abort", ["inconclusive at the planned measurement", *statistic["against"]], True
    return "promote", choice.reasons, False


def _batches(
    contract: Contract, options: Bandit, release_plan: ReleasePlan, counted: Json, *, objects: ObjectStore, clock: Clock
) -> list[list[list[int]]]:
    """[[successes, trials] of the champion, the same of the challenger], of new labels, per share."""
    labels = late_labels(contract, objects=objects, clock=clock).labels
    known = set(counted["labels"])
    # A label by key may be of requests to both variants. Its first one is as likely on either as the share says; the
    # last one, or always the champion's, would be the more so the longer a session is.
    first: dict[str, tuple[datetime, int, int, Labelled]] = {}
    for span in counted["spans"]:
        # captures tell whole seconds: the first one may hold requests of the share before
        since = datetime.fromisoformat(span["from"]).replace(microsecond=0) + timedelta(seconds=1)
        until = datetime.fromisoformat(span["until"])
        for side, variant in enumerate((release_plan.control, release_plan.variant)):
            requests = captured(contract, (release_plan.endpoint, variant), since, until, MAX_CAPTURED, objects=objects)
            for each in labelled(labels, reversed(requests), contract):
                at, marks = time_of(each.request), _marks(each)
                mark = marks[-1]
                if known.isdisjoint(marks) and (mark not in first or at < first[mark][0]):
                    first[mark] = (at, span["percent"], side, each)
    # by share, not by span: labels that trickle in one by one would be batches that tell nothing
    found: dict[int, list[list[int]]] = {}
    for _, percent, side, each in first.values():
        reward = found.setdefault(percent, [[0, 0], [0, 0]])[side]
        reward[0] += _rewarded(each, options, contract)
        reward[1] += 1
    counted["labels"] = sorted(known.union(*(_marks(each) for *_, each in first.values())))
    return list(found.values())


def _marks(found: Labelled) -> list[str]:
    """A row has a mark for its inference id and for its key: labelled by both, it is one trial."""
    return [digest(*identity) for identity in found.identities]


def _rewarded(found: Labelled, options: Bandit, contract: Contract) -> bool:
    if options.reward == "correct":
        return is_correct(found.label, found.answer.get("prediction"), contract)
    return positive(found.label, contract)
