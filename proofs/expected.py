"""What arrives where the state machines give something away, written a second time: a mistake shows as a difference.

For the samples of `samples.py`: what our functions are given, by the name of the parameter; what variables hold; what
an execution ends with. The calls of other services are in `expected_calls.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from proofs.expected_calls import ANCHOR, CHAMPION, ENDPOINT, NEW, NEW_ONLY, OLD, OLD_ONLY, PACKAGE, SEALED, SHARE
from proofs.samples import TOKEN
from proofs.shapes import Either, Exactly, Having, Held, held

_S3 = re.compile(r"s3://data/\S+")
_NAME = re.compile(r"[A-Z][\w ?]+")  # of a state
_ERROR = re.compile(r"[A-Za-z][\w.]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_CAUSE = re.compile(r"[\s\S]*[^\s:;]")  # which does not end where its reason should begin
_CHAIN: dict[str, Any] = {"state": _NAME, "error": _ERROR, "cause": _CAUSE}
FAILURE = {**_CHAIN, "before": Either(None, Having(_CHAIN))}
_MAYBE_FAILURE = Either(None, FAILURE)
_CAUGHT = {"Error": _ERROR, "Cause": _CAUSE}
_REASONS = [str]
_VERIFIED = Having({"decision": Either("verified", "failed"), "reasons": _REASONS})
_LARGE_FILE: dict[str, Any] = {
    "bucket": "data",
    "key": "raw/shop/a.csv",
    "version_id": "v1",
    "project": "shop",
    "dataset_id": "0123456789abcdef",
    "size": 10_000_000_000,
}


PARAMETERS: dict[str, Any] = {
    "project": "shop",
    "run_id": re.compile("r0|r1|d1"),
    "artifact_uri": _S3,
    "training_job": "a-TrainingJobArn",
    "warm_start_refused": str,
    "champion": CHAMPION,
    "anchor": ANCHOR,
    "package_arn": PACKAGE,
    "token": TOKEN,
    "outcome": re.compile("promoted|rejected|not_approved|rolled_back|failed"),
    "error": FAILURE,
    "failure": _MAYBE_FAILURE,
    "key": "batch/shop/a.csv",
    "version_id": "v1",
    "status": re.compile("scored|failed"),
    "output_uri": re.compile(r"s3://data/scoring/shop/\S+-answers"),
    "file": Having({"rows": int, "scored_rows": int, "quarantined_rows": int}),
    "endpoint": ENDPOINT,
    "drill": bool,
    "looks": int,
    "step_index": int,
    "percent": int,
    "step_started_at": _TIME,
    "release_plan": Having({"mode": str, "variant": str, "weights": [dict]}),
    "expected_config": re.compile(r"sluice-shop-r\d-only"),
    "expected_variant": re.compile(r"v-r\d"),
    "contract_of": Either(None, "r0"),
    "purpose": re.compile("promotion|rollback"),
    "verification": Either(None, _VERIFIED, _CAUGHT),
    "reason": re.compile("an alarm|a person"),
    "holder": "e",
    "from_run": Either(None, "r1"),
    "part": Either(0, 1),
    "task": re.compile("cut|judge|join|fail"),
    "rollback_plan": Either(None, Having({"decision": re.compile("possible|impossible|done"), "reasons": _REASONS})),
}
"""What our functions are given under a name, whichever they are."""

PAYLOADS: dict[tuple[str, str], dict[str, Any]] = {
    ("BuildModel", "Seal Candidate"): {
        "artifact_uri": "s3://data/key",
        "champion": Held("plan.champion"),
        "anchor": Held("plan.anchor"),
    },
    ("MlLifecycle", "Register Model"): {"artifact_uri": SEALED},
    ("ReleaseModel", "Verify Promotion"): {
        "expected_config": NEW_ONLY,
        "expected_variant": NEW,
        "purpose": "promotion",
    },
    ("ReleaseModel", "Verify Rollback"): {
        "expected_config": Either(OLD_ONLY, None),
        "expected_variant": Either(OLD, None),
        "contract_of": Held("plan.champion_run"),
        "purpose": "rollback",
    },
    ("RollBack", "Verify Rollback"): {
        "run_id": "r0",
        "expected_config": OLD_ONLY,
        "expected_variant": OLD,
        "purpose": "rollback",
    },
    ("BatchPredict", "Record Failure"): {"status": "failed", "error": Held("failure")},
    ("BatchPredict", "Finish Batch"): {"status": "scored"},
    ("JudgeParts", "Cut File"): {"task": "cut", "file": _LARGE_FILE},
    ("JudgeParts", "Judge Part"): {"task": "judge", "file": _LARGE_FILE},
    ("JudgeParts", "Join Parts"): {"task": "join", "file": _LARGE_FILE},
    ("JudgeParts", "Record Failure"): {"task": "fail", "file": _LARGE_FILE, "failure": Held("failure")},
    ("MlLifecycle", "Record Failure"): {"outcome": "failed", "error": Held("failure")},
    ("MlLifecycle", "Finish Run"): {"outcome": Held("outcome")},
    ("ReleaseModel", "Complete Promotion"): {"outcome": "promoted", "failure": Held("failure")},
    ("ReleaseModel", "Complete Rollback"): {
        "outcome": "rolled_back",
        "verification": Either(_VERIFIED, _CAUGHT),
        "failure": FAILURE,
    },
    ("ReleaseModel", "Judge Canary"): {
        "step_index": Held("step"),
        "percent": Held("weights.percent"),
        "step_started_at": Held("step_started_at"),
        "looks": Held("looks"),
    },
    ("ReleaseModel", "Choose Weights"): {
        "step_index": Held("step"),
        "percent": Held("weights.percent"),
        "step_started_at": Held("step_started_at"),
    },
    ("ReleaseModel", "Plan Release"): {"drill": Held("release.drill", False)},
    ("ReleaseModel", "Replay Requests"): {"looks": Held("looks")},
    ("RollBack", "Plan Rollback"): {"reason": Held("request.reason"), "from_run": Held("request.from_run")},
    ("RollBack", "Complete Rollback"): {
        "reason": Held("request.reason"),
        "rollback_plan": Held("plan"),
        "verification": Held("verification"),
        "failure": Held("failure"),
    },
}
"""What a single state has to give, where others may give more."""

NAMES: dict[tuple[str, str], str] = {
    ("BatchPredict", "Finish Batch"): "project key version_id status output_uri file",
    ("BatchPredict", "Record Failure"): "project key version_id status error file",
    ("BuildModel", "Seal Candidate"): "project run_id artifact_uri training_job champion? anchor?",
    ("JudgeParts", "Cut File"): "task file",
    ("JudgeParts", "Judge Part"): "task file part",
    ("JudgeParts", "Join Parts"): "task file",
    ("JudgeParts", "Record Failure"): "task file failure",
    ("MlLifecycle", "Judge Candidate"): "project run_id warm_start_refused",
    ("MlLifecycle", "Register Model"): "project run_id artifact_uri",
    ("MlLifecycle", "Await Approval"): "project run_id package_arn token",
    ("MlLifecycle", "Finish Run"): "project run_id outcome",
    ("MlLifecycle", "Record Failure"): "project run_id outcome error",
    ("ReleaseModel", "Plan Release"): "project run_id package_arn artifact_uri drill",
    ("ReleaseModel", "Await First Endpoint"): "endpoint",
    ("ReleaseModel", "Await Swap"): "endpoint project run_id",
    ("ReleaseModel", "Await Canary"): "endpoint project run_id",
    ("ReleaseModel", "Replay Requests"): "project run_id release_plan looks",
    ("ReleaseModel", "Await Requests"): "project run_id token",
    ("ReleaseModel", "Await Shift"): "endpoint project run_id",
    ("ReleaseModel", "Bake"): "project run_id token",
    ("ReleaseModel", "Judge Canary"): "project run_id step_index percent step_started_at release_plan looks",
    ("ReleaseModel", "Choose Weights"): "project run_id step_index percent step_started_at release_plan",
    ("ReleaseModel", "Await Promotion"): "endpoint",
    ("ReleaseModel", "Verify Promotion"): "project run_id endpoint expected_config expected_variant purpose",
    ("ReleaseModel", "Complete Promotion"): "project run_id outcome package_arn artifact_uri release_plan failure",
    ("ReleaseModel", "Await Before Rollback"): "endpoint",
    ("ReleaseModel", "Await Cut"): "endpoint",
    ("ReleaseModel", "Await Rollback"): "endpoint",
    ("ReleaseModel", "Verify Rollback"): (
        "project run_id contract_of endpoint expected_config expected_variant purpose"
    ),
    ("ReleaseModel", "Complete Rollback"): (
        "project run_id outcome package_arn artifact_uri release_plan verification failure"
    ),
    ("RollBack", "Plan Rollback"): "project reason holder from_run",
    ("RollBack", "Await Endpoint"): "endpoint",
    ("RollBack", "Await Rollback"): "endpoint",
    ("RollBack", "Verify Rollback"): "project run_id endpoint expected_config expected_variant purpose",
    ("RollBack", "Complete Rollback"): "project reason holder rollback_plan verification failure",
}
"""Which of a function's parameters a state gives: what may be left out is missed by nobody but the outcome."""

_RELEASED = {"outcome": re.compile("promoted|rolled_back")}
OUTPUTS: dict[str, Any] = {
    "PrepareData": {"job_run_id": str},
    "BuildModel": {
        "artifact_uri": SEALED,
        "artifact_sha256": re.compile(r"[0-9a-f]{64}"),
        "training_job": "a-TrainingJobArn",
        "definition": str,
        "objective": float,
        "warm_start_refused": str,
    },
    "MlLifecycle": Having({"outcome": str, "pending": int}),
    "ReleaseModel": _RELEASED,
    "RollBack": Having({"outcome": re.compile("rolled_back|done|impossible"), "verified": True}),
    "BatchPredict": Having({"status": "scored", "recorded": bool}),
    "JudgeParts": {"status": re.compile("accepted|quarantined|failed|gone"), "rows": int},
}
"""What an execution that succeeds ends with: its parent reads it, and so do people."""

STATES: dict[tuple[str, str], Any] = {
    ("ReleaseModel", "No Way Back"): {
        "decision": "failed",
        "reasons": [re.compile(r"there is no model to go back to, .*: [\s\S]*\S")],
    },
}
"""What a state gives on, where the state after it would take something else for it."""

LIMITS: dict[tuple[str, str], Held] = {
    ("ReleaseModel", "Bake"): Held("plan.slice_seconds"),
    ("ReleaseModel", "Await Requests"): Held("plan.slice_seconds"),
    ("MlLifecycle", "Await Approval"): Held("plan.approval_timeout_seconds"),
}
"""How long a state waits for its token."""

ENTERED: dict[tuple[str, str], Any] = {
    # a fleet that was swapped serves the new model alone; traffic that was shifted has no configuration to tell
    ("ReleaseModel", "Open Bake"): Having({"config?": Held("plan.only_config")}),
}
"""What a state is entered with: a question before it that is asked wrong lets others through."""

AGREE: dict[tuple[str, str], Callable[[dict[str, Any]], bool]] = {
    ("ReleaseModel", "Canary Healthy?"): lambda held: held["weights"] == held["plan"]["weights"][held["step"]],
}
"""Whether variables that a state assigns together agree with each other."""

VARIABLES: dict[str, Any] = {
    "failure": Either(None, FAILURE, _CAUGHT),
    "tuning_failure": Either(None, _CAUGHT),
    "parents": Either(Exactly([]), [{"HyperParameterTuningJobName": "sluice-r0-t"}]),
    "outcome": re.compile("promoted|rejected|not_approved|rolled_back"),
    "step": int,
    "looks": int,
    "weights": {"percent": int, "champion_weight": SHARE, "variant_weight": SHARE},
    "step_started_at": _TIME,
    "baseline": {"artifact_uri": _S3},
    "best": Either({}, Having({"TrainingJobName": str})),
    "candidate": Having({"artifact_uri": _S3, "training_job": "a-TrainingJobArn", "definition": str}),
    "package": Having({"package_arn": PACKAGE, "approval": re.compile("automatic|manual")}),
    "file": _LARGE_FILE,
    "plan": Either(None, Having({"decision": str}), Having({"project": "shop"})),
    "release": Having({"project": "shop", "run_id": re.compile("r1|d1"), "package_arn": PACKAGE}),
    "request": Having({"project": "shop", "reason": str}),
    "verification": Either(None, _VERIFIED),
}
"""What a variable holds once it is assigned."""


ASSIGNED: dict[tuple[str, str], dict[str, str]] = {
    ("MlLifecycle", "Open Run"): {"": "plan failure"},
    ("MlLifecycle", "Prepare Data"): {"Catch[0]": "failure"},
    ("MlLifecycle", "Build Model"): {"": "candidate", "Catch[0]": "failure"},
    ("MlLifecycle", "Judge Candidate"): {"Catch[0]": "failure"},
    ("MlLifecycle", "Candidate Good Enough?"): {"Default": "outcome"},
    ("MlLifecycle", "Register Model"): {"": "package", "Catch[0]": "failure"},
    ("MlLifecycle", "Await Approval"): {"Catch[0]": "outcome", "Catch[1]": "failure"},
    ("MlLifecycle", "Model Approved?"): {"Default": "outcome"},
    ("MlLifecycle", "Release Model"): {"": "outcome", "Catch[0]": "failure"},
    ("MlLifecycle", "Finish Run"): {"Catch[0]": "failure"},
    ("MlLifecycle", "Record Failure"): {"Catch[0]": "failure"},
    ("PrepareData", "Clean Dataset"): {"Catch[0]": "failure"},
    ("BuildModel", "Open Build"): {"": "plan failure"},
    ("BuildModel", "Train Models"): {"": "baseline candidate", "Catch[0]": "failure"},
    ("BuildModel", "Seal Candidate"): {"": "candidate", "Catch[0]": "failure"},
    ("BuildModel", "Evaluate Candidate"): {"Catch[0]": "failure"},
    ("BuildModel", "Open Tuning"): {"": "parents tuning_failure"},
    ("BuildModel", "Tune Candidates"): {"Catch[0]": "tuning_failure", "Catch[1]": "tuning_failure"},
    ("BuildModel", "Started From Another Run?"): {"Choices[0]": "parents"},
    ("BuildModel", "List Failed Training Jobs"): {"": "tuning_failure", "Catch[0]": "tuning_failure"},
    ("BuildModel", "List Best Candidate"): {"": "best", "Catch[0]": "tuning_failure"},
    ("BuildModel", "Candidate Trained?"): {"Default": "tuning_failure"},
    ("BuildModel", "Describe Best Candidate"): {"Catch[0]": "tuning_failure"},
    ("ReleaseModel", "Open Release"): {"": "release failure"},
    ("ReleaseModel", "Plan Release"): {"": "plan step looks weights", "Catch[0]": "failure"},
    ("ReleaseModel", "Create Endpoint"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Replace Configuration"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await First Endpoint"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Swap Fleet"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Swap"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Fleet Swapped?"): {"Default": "failure"},
    ("ReleaseModel", "Attach Canary"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Canary"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Canary Attached?"): {"Choices[0]": "failure"},
    ("ReleaseModel", "Replay Requests"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Replay Passed?"): {"Default": "failure", "Choices[1]": "looks"},
    ("ReleaseModel", "Await Requests"): {"Catch[1]": "failure"},
    ("ReleaseModel", "Shift Traffic"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Shift"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Open Bake"): {"": "step_started_at looks"},
    ("ReleaseModel", "Bake"): {"Catch[0]": "looks", "Catch[1]": "failure"},
    ("ReleaseModel", "Judge Canary"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Canary Healthy?"): {"Default": "failure", "Choices[2]": "step weights"},
    ("ReleaseModel", "Choose Weights"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Better Model Known?"): {"Default": "failure", "Choices[0]": "step weights", "Choices[1]": "step"},
    ("ReleaseModel", "Promote Model"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Promotion"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Verify Promotion"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Promotion Verified?"): {"Default": "failure"},
    ("ReleaseModel", "Complete Promotion"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Before Rollback"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Cut Canary Traffic"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Cut"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Restore Champion"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Await Rollback"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Verify Rollback"): {"Catch[0]": "failure"},
    ("ReleaseModel", "Complete Rollback"): {"Catch[0]": "failure"},
    ("RollBack", "Open Rollback"): {"": "request plan verification failure"},
    ("RollBack", "Plan Rollback"): {"": "plan", "Catch[0]": "failure"},
    ("RollBack", "Await Endpoint"): {"Catch[0]": "failure"},
    ("RollBack", "Restore Previous Model"): {"Catch[0]": "failure"},
    ("RollBack", "Await Rollback"): {"Catch[0]": "failure"},
    ("RollBack", "Verify Rollback"): {"": "verification", "Catch[0]": "failure"},
    ("RollBack", "Complete Rollback"): {"Catch[0]": "failure"},
    ("BatchPredict", "Open Batch"): {"": "plan failure"},
    ("BatchPredict", "Score File"): {"Catch[0]": "failure"},
    ("BatchPredict", "Finish Batch"): {"Catch[0]": "failure"},
    ("BatchPredict", "Record Failure"): {"Catch[0]": "failure"},
    ("JudgeParts", "Open File"): {"": "file failure"},
    ("JudgeParts", "Cut File"): {"Catch[0]": "failure"},
    ("JudgeParts", "Judge Parts"): {"Catch[0]": "failure"},
    ("JudgeParts", "Join Parts"): {"Catch[0]": "failure"},
    ("JudgeParts", "Record Failure"): {"Catch[0]": "failure"},
}
"""Which variables a state assigns, on which way: what is left out keeps an older value, which nothing else shows."""


def payload(place: tuple[str, str], known: dict[str, Any]) -> dict[str, Any] | None:
    """The shape of what a state gives to one of our functions; None for a state that is not known here."""
    if place not in NAMES:
        return None
    own = PAYLOADS.get(place, {})
    found = {}
    for name in NAMES[place].split():
        plain = name.removesuffix("?")
        shape = own.get(plain, PARAMETERS[plain])
        shape = held(shape, known)
        if shape is not None or plain == name:
            found[plain] = shape
    return found


def cause(failure: dict[str, Any]) -> str:
    """What a Fail has to say about what was kept."""
    if "Cause" in failure:
        return str(failure["Cause"])
    before = failure.get("before")
    return (f"{cause(before)}; then " if before else "") + f"{failure['state']}: {failure['cause']}"
