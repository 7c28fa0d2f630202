"""The last two lines of an alert's text: what Sluice did, and what a person does, with the command.

What happened, why and on which evidence is the alert's own text. docs/alerts.md has the same by kind, in more words.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Closing(NamedTuple):
    """`todo`: names in braces are the project, and members of the alert's facts. Empty where the text has its own."""

    done: str
    todo: str


_STAYS = "the model was not released, and what serves is unchanged"
CLOSINGS = {
    "Contract Registered": Closing(
        "the next file and the next run follow this contract", "drop a file: `sluice drop {project} FILE`"
    ),
    "Contract Refused": Closing(
        "nothing was registered; the object stays where it is",
        "correct it, then `sluice check project.yaml` and `sluice register project.yaml`",
    ),
    "Contract Changed": Closing(
        "the contract is registered; no accepted row was changed", "read the counts: `sluice status {project}`"
    ),
    "File Misplaced": Closing(
        "nothing was read, moved or deleted", "drop it where it is read: `sluice drop {project} FILE`"
    ),
    "Dataset Accepted": Closing(
        "the accepted rows count for each later run", "nothing; a run may follow: `sluice watch {project}`"
    ),
    "Dataset Quarantined": Closing(
        "the refused rows are kept, with their reasons, and no run learns from them",
        "see them: `sluice quarantine {project} {dataset_id}`; once corrected, `sluice redrive {project} FILE`",
    ),
    "Dataset Failed": Closing(
        "no row was accepted; the file stays where it is", "correct or split it, then `sluice drop {project} FILE`"
    ),
    "Dataset Gone": Closing(
        "no row was read", "nothing if it was deleted on purpose, else `sluice drop {project} FILE`"
    ),
    "Dataset Withdrawn": Closing(
        "each later run leaves it out; the file and its record stay",
        "if the serving model learned from it: `sluice retrain {project} --reason TEXT`",
    ),
    "Event Given Up": Closing("the event is not tried again", ""),
    "Labels Accepted": Closing(
        "each label is joined to the answer that it belongs to",
        "nothing; quality and its labels: `sluice status {project}`",
    ),
    "Labels Refused": Closing(
        "what was refused does not count; the labels of other files do",
        "correct the file, then `sluice label {project} FILE`",
    ),
    "Monitoring Incomplete": Closing(
        "everything else was measured",
        "restore the object that is named, or send the file again; `sluice status {project}`",
    ),
    "Data Changed": Closing(
        "the run learns from the rest", "compare the counts with what you expect: `sluice why {run_id}`"
    ),
    "Leakage Suspected": Closing(
        "nothing was left out: the model uses these columns",
        "for each column, features.drop or features.known_before; then `sluice register project.yaml` and "
        "`sluice retrain {project} --reason TEXT`",
    ),
    "Candidate Rejected": Closing(
        _STAYS, "nothing has to be done. Reasons and page: `sluice why {run_id}`, `sluice report {run_id}`"
    ),
    "Approval Requested": Closing(
        "the release waits, and what serves is unchanged",
        "read `sluice report {run_id}`, then `sluice approve {run_id}` or `sluice reject {run_id} --reason TEXT`",
    ),
    "Model Not Approved": Closing(_STAYS, "nothing; every decision: `sluice why {run_id}`"),
    "Model Promoted": Closing(
        "it has all requests, and its probation and monitoring have begun",
        "nothing; its pages: `sluice report {run_id}`; to go back: `sluice rollback {project} --reason TEXT`",
    ),
    "Model Rolled Back": Closing(
        "the model no longer gets requests, and its package is rejected",
        "read why before the next release: `sluice why {run_id}`, `sluice report {run_id}`",
    ),
    "Rollback Not Verified": Closing(
        "the champion's configuration was set, and it is not certain that it serves",
        "compare the endpoint with the champion, and restore it: `sluice status {project}`, `sluice why {run_id}`",
    ),
    "Rollback Impossible": Closing(
        "nothing was changed; what serves goes on",
        "train another model, or remove this one: `sluice retrain {project} --reason TEXT`, "
        "`sluice remove-endpoint {project}`",
    ),
    "Release Waits": Closing(
        "the champion answers, and the new model runs beside it",
        "send requests, for example `sluice ask {project} JSON`, or wait",
    ),
    "Run Failed": Closing(
        "the run has ended, and the next one may begin",
        "see where and why: `sluice why {run_id}`; once corrected, `sluice retrain {project} --reason TEXT`",
    ),
    "Canary Abort Requested": Closing(
        "the release was asked to give all requests back to the champion",
        "nothing; the rollback follows: `sluice watch {project}`",
    ),
    "Rollback Drill": Closing(
        "a copy of the champion was released and rolled back; no model was changed",
        "nothing if it passed; if it failed: `sluice status {project}` and `sluice why {drill_id}`",
    ),
    "Rollback Started": Closing(
        "the champion's predecessor is being brought back",
        "nothing; wait for the alert that says how it ended: `sluice status {project}`",
    ),
    "Retraining Started": Closing(
        "a run over all rows that count was requested", "nothing; a run follows: `sluice watch {project}`"
    ),
    "Response Held": Closing(
        "nothing was trained, and nothing rolled back",
        "correct a broken feed at its source; to retrain now: `sluice retrain {project} --reason TEXT`",
    ),
    "Data Fault": Closing(
        "nothing is trained while it lasts, and rows of its time stay out of later runs",
        "correct it at its source; if the change is real: `sluice accept-drift {project} --reason TEXT`; if it is over "
        "and no measurement shows it: `sluice end-fault {project} --reason TEXT`",
    ),
    "Change Held": Closing(
        "no alarm starts a training until a person decides, or the change is over",
        "ask at the source; if the change is real: `sluice accept-drift {project} --reason TEXT`",
    ),
    "Held Change Over": Closing(
        "alarms may start trainings again",
        "answer its question, if it asks one; else nothing. What was left out: `sluice responses {project}`",
    ),
    "Drift Accepted": Closing(
        "it no longer holds any training back", "nothing; what follows from it: `sluice responses {project}`"
    ),
    "Endpoint Missing": Closing("nothing was changed", ""),
    "Endpoint Asleep": Closing(
        "the endpoint is deleted; the model and its configuration stay", "nothing, or `sluice wake {project}`"
    ),
    "Endpoint Awake": Closing(
        "the endpoint is being created", "nothing; it answers in a few minutes: `sluice status {project}`"
    ),
    "Batch Finished": Closing(
        "the answers and the refused rows were written", "fetch the answers from the place above"
    ),
    "Batch Failed": Closing(
        "no row was scored; the file stays where it is", "correct it, then `sluice batch {project} FILE`"
    ),
}
OWN = frozenset(kind for kind, each in CLOSINGS.items() if not each.todo)
"""Their text says what to do, because it depends on what happened."""
_OTHERWISE = Closing("", "see the state of the project: `sluice status {project}`")
_NAME = re.compile(r"\{(\w+)\}")


def closing_lines(kind: str, project: str, facts: dict[str, Any] | None = None) -> str:
    """`What was done: …` and `What to do: …`; of a kind that CLOSINGS does not have, where to look.

    >>> print(closing_lines("Dataset Failed", "shop"))
    What was done: no row was accepted; the file stays where it is.
    What to do: correct or split it, then `sluice drop shop FILE`.
    >>> print(closing_lines("Data Changed", "shop", {"run_id": "r0123"}).splitlines()[1])
    What to do: compare the counts with what you expect: `sluice why r0123`.
    """
    known = {**(facts or {}), "project": project or "PROJECT"}
    done, todo = CLOSINGS.get(kind, _OTHERWISE)
    lines = [f"What was done: {done}."] if done else []
    if todo:
        # a fact that is missing is named, so that the command shows what to write there
        told = _NAME.sub(lambda name: str(known.get(name[1]) or name[1].removesuffix("_id").upper()), todo)
        lines.append(f"What to do: {told}.")
    return "\n".join(lines)
