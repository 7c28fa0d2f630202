"""What a person does about an alert, with the command: the last line of its text.

docs/alerts.md has the same by kind, in more words. A kind that is not listed here gets the command that shows where
the project stands.
"""

from __future__ import annotations

import re
from typing import Any

NEXT = {
    "Contract Registered": "drop a file: `sluice drop {project} FILE`",
    "Contract Refused": "correct it, then `sluice check project.yaml` and `sluice register project.yaml`",
    "Contract Changed": "read the counts: `sluice status {project}`",
    "File Misplaced": "drop it where it is read: `sluice drop {project} FILE`",
    "Dataset Accepted": "nothing; a run follows: `sluice watch {project}`",
    "Dataset Quarantined": "see the refused rows: `sluice quarantine {project} {dataset_id}`; correct them, drop again",
    "Dataset Failed": "correct or split the file, then `sluice drop {project} FILE`",
    "Dataset Gone": "nothing if it was deleted on purpose, else `sluice drop {project} FILE`",
    "Dataset Withdrawn": "if the serving model learned from it: `sluice retrain {project} --reason TEXT`",
    "Labels Accepted": "nothing; the next measurement counts them: `sluice status {project}`",
    "Labels Refused": "correct the file, then `sluice label {project} FILE`",
    "Monitoring Incomplete": "restore the object that is named, or send the file again; `sluice status {project}`",
    "Data Changed": "compare the counts with what you expect: `sluice why {run_id}`",
    "Leakage Suspected": "for each column, features.drop or features.known_before; then `sluice register project.yaml` "
    "and `sluice retrain {project} --reason TEXT`",
    "Candidate Rejected": "nothing has to be done, the champion stays. Reasons and page: `sluice why {run_id}`, "
    "`sluice report {run_id}`",
    "Model Not Approved": "nothing; the champion keeps serving: `sluice why {run_id}`",
    "Model Promoted": "nothing; its pages: `sluice report {run_id}`; to go back: `sluice rollback {project} --reason "
    "TEXT`",
    "Model Rolled Back": "read why before the next release: `sluice why {run_id}`, `sluice report {run_id}`",
    "Rollback Not Verified": "compare the endpoint with the champion, and restore it: `sluice status {project}`, "
    "`sluice why {run_id}`",
    "Rollback Impossible": "train another model, or remove this one: `sluice retrain {project} --reason TEXT`, "
    "`sluice remove-endpoint {project}`",
    "Release Waits": "send requests, for example `sluice ask {project}`, or wait",
    "Run Failed": "see where and why: `sluice why {run_id}`; once corrected, `sluice retrain {project} --reason TEXT`",
    "Canary Abort Requested": "nothing; the rollback follows: `sluice watch {project}`",
    "Rollback Drill": "if it failed: `sluice status {project}` and `sluice why {run_id}`",
    "Rollback Started": "nothing; wait for the alert that says how it ended: `sluice status {project}`",
    "Retraining Started": "nothing; a run follows: `sluice watch {project}`",
    "Response Held": "correct a broken feed at its source; to retrain now: `sluice retrain {project} --reason TEXT`",
    "Data Fault": "correct it at its source; if the change is real: `sluice accept-drift {project} --reason TEXT`; if "
    "it is over and no measurement shows it: `sluice end-fault {project} --reason TEXT`",
    "Change Held": "ask at the source; if the change is real: `sluice accept-drift {project} --reason TEXT`",
    "Held Change Over": "nothing; what was left out: `sluice responses {project}`",
    "Drift Accepted": "nothing; what follows from it: `sluice responses {project}`",
    "Endpoint Awake": "nothing; it answers in some minutes: `sluice status {project}`",
    "Batch Finished": "fetch the answers from the place above",
    "Batch Failed": "correct the file, then `sluice batch {project} FILE`",
}
"""Kind → the last line. Names in braces are the project, and members of the alert's facts."""
SAID = frozenset({"Approval Requested", "Endpoint Missing", "Endpoint Asleep", "Event Given Up"})
"""Their own text has the command."""
_OTHERWISE = "see where the project stands: `sluice status {project}`"
_NAME = re.compile(r"\{(\w+)\}")


def next_step(kind: str, project: str, facts: dict[str, Any] | None = None) -> str:
    """`What to do: …`; empty for an alert whose text has it.

    >>> next_step("Dataset Failed", "shop")
    'What to do: correct or split the file, then `sluice drop shop FILE`'
    >>> next_step("Data Changed", "shop", {"run_id": "r0123"})
    'What to do: compare the counts with what you expect: `sluice why r0123`'
    """
    if kind in SAID:
        return ""
    known = {**(facts or {}), "project": project or "PROJECT"}
    # a fact that is missing is named, so that the command shows what to write there
    text = _NAME.sub(
        lambda found: str(known.get(found[1]) or found[1].removesuffix("_id").upper()), NEXT.get(kind, _OTHERWISE)
    )
    return f"What to do: {text}"
