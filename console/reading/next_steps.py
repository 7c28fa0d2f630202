"""What a person can do about a run as it stands: sentences, pages that help, and lines to paste into a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sluice.ports import Json

Page = tuple[str, str]
"""Words of a link, and where it leads: a path below the run's address, or with `..` below the project's."""
Steps = tuple[list[str], list[Page], list[Json]]
"""Sentences, pages, and what is to paste."""
DECISIONS: Page = ("Decisions", "decisions")
EVALUATION: Page = ("Evaluation", "evaluation")
CARD: Page = ("Model card", "evaluation?show=card")
RELEASE: Page = ("Release", "release")
MONITORING: Page = ("Monitoring", "../monitor")
PROJECT: Page = ("What serves", "..")
DROP: Page = ("Drop a file", "../drop")


def of_run(project: str, record: Json, serves: str | None, gate: str = "") -> Json | None:
    """`{"told": [sentence], "pages": [[words, path]], "paste": [{"words", "lines"}]}`; None while nothing is to do.

    `serves`: the run whose model serves; `gate`: one that would hold later models to what this one is worth.
    """
    told, pages, lines = _stage(record)(project, record, serves)
    if gate:
        words = "Optional: to hold later models to what this one reached, add to gates in project.yaml:"
        lines.append({"words": words, "lines": [f"- {gate}"]})
    without = pasted(record.get("without_leaks") or [])
    if not (told or without):
        return None
    suspected = [str(each) for each in record.get("suspected_leaks") or []] if without else []
    return {"told": [*told, *suspected], "pages": [list(page) for page in pages], "paste": [*without, *lines]}


def pasted(told: Sequence[str]) -> list[Json]:
    """`[{"words", "lines"}]` of a record's lines: those to paste are indented, and follow what they are."""
    found: list[Json] = []
    for line in map(str, told):
        if not line.startswith("  ") or not found:
            found.append({"words": line.strip(), "lines": []})
        else:
            found[-1]["lines"].append(line.strip())
    return found


def waits(record: Json) -> Json | None:
    """The approval that the run waits for."""
    approval = record.get("approval") or {}
    if record.get("outcome") or approval.get("decision") or not approval.get("package_arn"):
        return None
    return {"since": approval.get("requested_at"), "package": approval["package_arn"]}


def _stage(record: Json) -> Callable[[str, Json, str | None], Steps]:
    outcome = str(record.get("outcome") or "")
    if outcome:
        return _ENDS.get(outcome, _nothing)
    if waits(record):
        return _waiting
    parts = [record.get(part) or {} for part in ("canary", "replay")]
    held = any(part.get("no_traffic") == "hold" for part in parts) and not record.get("release_outcome")
    return _held if held else _nothing


def _nothing(project: str, record: Json, serves: str | None) -> Steps:
    return [], [], []


def _held(project: str, record: Json, serves: str | None) -> Steps:
    told = (
        "The release waits for live requests, and continues with the first one. Until then the machines of both models "
        "run and are billed."
    )
    return [told], [RELEASE], [{"words": "To see a request that you can send:", "lines": [f"sluice ask {project}"]}]


def _waiting(project: str, record: Json, serves: str | None) -> Steps:
    told = "Look at what the gates measured and how good the model is. Then approve or reject it here."
    return [told], [DECISIONS, EVALUATION, CARD], []


def _promoted(project: str, record: Json, serves: str | None) -> Steps:
    if back := record.get("rolled_back"):
        told = f"The model was released, and later rolled back: {back.get('reason')}. {_serving(serves)}"
        return [told], [MONITORING, PROJECT], []
    if serves != record.get("run_id"):
        return [_serving(serves)], [PROJECT], []
    lines = [{"words": "To see a request and its answer:", "lines": [f"sluice ask {project}"]}]
    return ["The model serves. Monitoring measures it on the contract's schedule."], [MONITORING, DROP], lines


def _rejected(project: str, record: Json, serves: str | None) -> Steps:
    told = [f"The gates did not pass the model. {_serving(serves)} The decisions say by how much it missed."]
    if few := record.get("few_trials"):
        told.append(f"{few}.")
    if record.get("without_leaks"):
        return told, [DECISIONS, EVALUATION], []
    told.append(
        "A run over the same rows with the same contract ends the same way. So add rows, or change project.yaml: "
        "columns, families, the time of the search, or a limit that asks for more than you need."
    )
    return told, [DECISIONS, EVALUATION, DROP], [_again(project)]


def _not_approved(project: str, record: Json, serves: str | None) -> Steps:
    approval = record.get("approval") or {}
    why = str(approval.get("reason") or "no reason was given")
    decided = f"A person rejected the model: {why}." if approval.get("decision") else "Nobody decided in time."
    told = [f"{decided} {_serving(serves)}", "Add rows or change project.yaml, then train again."]
    return told, [DECISIONS, EVALUATION, DROP], [_again(project)]


def _rolled_back(project: str, record: Json, serves: str | None) -> Steps:
    if record.get("rollback_verified") is False:
        first = "It could not be verified that the endpoint serves the previous model: check it now."
    else:
        first = f"The release was aborted and rolled back. {_serving(serves)}"
    told = [
        first,
        "The release's page has what was measured. Correct what made the model fail (rows, contract or serving code), "
        "then train again.",
    ]
    return told, [RELEASE, PROJECT, DROP], [_again(project)]


def _failed(project: str, record: Json, serves: str | None) -> Steps:
    told = [
        "The state that failed has the error and the log.",
        f"{_serving(serves)} A temporary cause, such as a busy service or a limit of the account, needs only "
        "another run. A cause in the rows, the contract or the code stays until it is corrected.",
    ]
    return told, [PROJECT, DROP], [_again(project)]


def _drilled(project: str, record: Json, serves: str | None) -> Steps:
    return [_serving(serves)], [RELEASE], []


_ENDS = {
    "promoted": _promoted,
    "rejected": _rejected,
    "not_approved": _not_approved,
    "rolled_back": _rolled_back,
    "failed": _failed,
    "drill_passed": _drilled,
    "drill_failed": _drilled,
}


def _serving(serves: str | None) -> str:
    return f"{serves} serves." if serves else "Nothing serves: this would have been the first model."


def _again(project: str) -> Json:
    command = f"sluice register project.yaml && sluice retrain {project} --reason 'contract changed'"
    return {"words": "After a change of project.yaml:", "lines": [command]}
