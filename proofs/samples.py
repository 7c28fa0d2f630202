"""What the state machines are given: inputs as our code writes them, answers as our steps return them.

An answer is a function of the payload, and there is one for each decision that the step may come to. AWS's own
answers are made of botocore's output shapes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from proofs.integrations import Integration, operation_model
from proofs.members import Spelling, spelt
from sluice.contract import Contract, Release
from sluice.ports import Settings
from sluice.records.batch_plan import BatchPlan
from sluice.records.large_file import LargeFile
from sluice.records.release_plan import NoRollback, ReleasePlan, ReleaseRequest, RollbackPlan
from sluice.records.training_plan import ChampionModel
from sluice.release import plan as release_plans
from sluice.steps.plan_training import run_plan

Json = dict[str, Any]
TOKEN = "$states.context.Task.Token"
NOW = "2026-11-29T08:00:00.000Z"
_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:"
_ARTIFACT = "s3://data/models/shop/r1/model.tar.gz"
_SETTINGS = Settings(
    bucket="data",
    execution_role_arn="arn:aws:iam::123456789012:role/sluice",
    data_key_arn="arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    image="141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0",
    frameworks_registry="763104351884.dkr.ecr.eu-west-1.amazonaws.com",
    source_uri="s3://data/code/0/sourcedir.tar.gz",
    learn_uri="s3://data/code/0/learn/",
    glue_script_uri="s3://data/code/0/glue/clean_dataset.py",
)
_CONTRACT: Json = {
    "project": "shop",
    "problem": {"type": "binary", "target": "bought", "positive": True},
    "data": {"columns": {"pages": {"type": "integer"}, "bought": {"type": "boolean"}}},
}
_BATCH = BatchPlan(
    project="shop",
    key="batch/shop/a.csv",
    file={"rows": 3, "scored_rows": 3, "quarantined_rows": 0, "format": "csv", "key_columns": ["id"]},
    version_id="v1",
    run_id="r1",
    job="sluice-shop-b1-batch",
    model="sluice-shop-r1",
    input_uri="s3://data/scoring/shop/b1/a.csv",
    output_uri="s3://data/scoring/shop/b1-answers",
    instance="ml.m5.large",
    tags=[{"Key": "sluice:project", "Value": "shop"}],
    accept="text/csv",
)
_LARGE_FILE = LargeFile(
    bucket="data",
    key="raw/shop/a.csv",
    version_id="v1",
    project="shop",
    dataset_id="0123456789abcdef",
    size=10_000_000_000,
)


@functools.cache
def inputs() -> dict[str, list[Json]]:
    """Logical id of a machine that nobody nests → the inputs that our code starts it with."""
    contract = Contract.model_validate(_CONTRACT)
    tuning = {"warm_start": True, "early_stopping": True}
    alone = Contract.model_validate({**_CONTRACT, "training": {"candidates": ["gradient_boosting"], "tuning": tuning}})
    loss = Contract.model_validate({**alone.model_dump(), "problem": {**_CONTRACT["problem"], "metric": "log_loss"}})
    champion = ChampionModel(run_id="r0", artifact_uri="s3://data/models/shop/r0/model.tar.gz")
    anchor = ChampionModel(run_id="r-1", artifact_uri="s3://data/models/shop/r-1/model.tar.gz")
    rivals = ((champion, anchor), (champion, None), (None, None))
    package = f"{_ARN}model-package/sluice-shop/1"
    drill = ReleaseRequest(project="shop", run_id="d1", package_arn=package, artifact_uri=_ARTIFACT, drill=True)
    return {
        "MlLifecycle": [
            *(run_plan(_SETTINGS, contract, "r1", ["d1"], serving, anchor=best).plain() for serving, best in rivals),
            run_plan(_SETTINGS, alone, "r1", ["d1"], None, last=run_plan(_SETTINGS, alone, "r0", ["d1"], None)).plain(),
            run_plan(_SETTINGS, loss, "r1", ["d1"], None).plain(),
        ],
        "ReleaseModel": [drill.plain()],
        "RollBack": [
            {"project": "shop", "reason": "an alarm", "from_run": "r1"},
            {"project": "shop", "reason": "a person"},
        ],
        "BatchPredict": [
            _BATCH.model_copy(update={"accept": kind}).plain() for kind in ("text/csv", "application/jsonlines")
        ],
        "JudgeParts": [_LARGE_FILE.plain()],
    }


@functools.cache
def _release_plans() -> list[Json]:
    found = []
    for mode, options in (
        ("create", {}),
        ("replace", {}),
        ("canary", {"steps": [10, 100]}),
        ("shadow", {"strategy": "shadow"}),
        ("bandit", {"strategy": "bandit"}),
        ("blue_green", {"strategy": "blue_green"}),
    ):
        release = Release.model_validate(options)
        alone, beside = mode in ("create", "replace"), mode not in ("create", "replace", "blue_green")
        times = release_plans.timing(release)
        found.append(
            ReleasePlan(
                mode=mode,
                decision=mode,
                strategy=release.strategy,
                drill=False,
                endpoint="sluice-shop",
                model="sluice-shop-r1",
                package_arn=f"{_ARN}model-package/sluice-shop/1",
                artifact_uri=_ARTIFACT,
                only_config="sluice-shop-r1-only",
                canary_config="sluice-shop-r1-canary" if beside else None,
                champion_config=None if alone else "sluice-shop-r0-only",
                champion_variant=None if alone else "v-r0",
                champion_run=None if alone else "r0",
                variant="v-r1",
                machines=1,
                weights=release_plans.weights(release),
                routing=release_plans.routing(release),
                replay=mode in ("canary", "shadow"),
                alarms=[] if alone else ["sluice/shop/r1/canary"],
                started_at=NOW,
                tags=[{"Key": "sluice:project", "Value": "shop"}],
                bake_seconds=times["bake_seconds"],
                slice_seconds=times["slice_seconds"],
                max_bake_seconds=times["max_bake_seconds"],
            ).plain()
        )
    return found


def _settled(payload: Json) -> list[Json]:
    endpoint, configs = payload["endpoint"], ["only", "canary"]
    names = ["sluice-shop-r0-only", *(f"sluice-shop-r1-{each}" for each in configs)]
    return [{"endpoint": endpoint, "config": each, "reason": "none", "weights": {"v-r0": 1.0}} for each in names]


def _judged(payload: Json) -> list[Json]:
    step, last = payload["step_index"], len(payload["release_plan"]["weights"]) - 1
    bandit = payload["release_plan"]["strategy"] == "bandit"
    decisions = ["continue", "abort", *(["advance"] if step < last or bandit else []), "promote"]
    more = {"reasons": ["because"], "inconclusive": False, "percent": payload["percent"], "step_index": step}
    return [{"decision": each, **more, "record": "runs/shop/r1/decisions/canary.json"} for each in decisions]


def _decided(*decisions: str, **more: Any) -> Callable[[Json], list[Json]]:
    return lambda _: [{"decision": each, "reasons": ["because"], **more} for each in decisions]


def _verified(payload: Json) -> list[Json]:
    more = {"reasons": ["because"], "endpoint": payload["endpoint"], "purpose": payload["purpose"]}
    return [{"decision": each, "config": "sluice-shop-r1-only", **more} for each in ("verified", "failed")]


def _completed(payload: Json) -> list[Json]:
    return [{"outcome": payload.get("outcome", "rolled_back"), "verified": each} for each in (True, False)]


def _rollback_plans(_: Json) -> list[Json]:
    possible = RollbackPlan(
        decision="possible",
        endpoint="sluice-shop",
        target_config="sluice-shop-r0-only",
        target_variant="v-r0",
        from_run="r1",
        to_run="r0",
        package_arn=f"{_ARN}model-package/sluice-shop/1",
        reasons=["because"],
    )
    impossible = NoRollback(decision="impossible", reasons=["because"])
    done = NoRollback(decision="done", reasons=["because"])
    return [each.plain() for each in (possible, impossible, done)]


def _judged_parts(payload: Json) -> list[Json]:
    if payload.get("task") == "cut":
        return [{"parts": number} for number in (1, 2)]
    if payload.get("task") == "judge":
        return [{"part": payload["part"]}]
    ends = ("accepted", "quarantined", "failed", "gone")
    return [{"status": each, "rows": 3 if each == "accepted" else 0} for each in ends]


ANSWERS: dict[str, Callable[[Json], list[Json]]] = {
    "SealModelFunction": lambda _: [{"artifact_uri": _ARTIFACT, "artifact_sha256": "0" * 64}],
    "JudgeCandidateFunction": _decided(
        "approved", "rejected", "inconclusive", record="runs/shop/r1/decisions/gates.json"
    ),
    "RegisterModelFunction": lambda _: [
        {
            "decision": each,
            "approval": each,
            "package_arn": f"{_ARN}model-package/sluice-shop/1",
            "artifact_sha256": "0",
        }
        for each in ("automatic", "manual")
    ],
    # what resume_approval sends to the token
    "RequestApprovalFunction": lambda _: [{"decision": each} for each in ("approved", "not_approved")],
    "FinishRunFunction": lambda payload: [{"outcome": payload["outcome"], "pending": 0}],
    "FinishBatchFunction": lambda payload: [{"status": payload["status"], "recorded": True}],
    "JudgePartsFunction": _judged_parts,
    "PlanReleaseFunction": lambda _: _release_plans(),
    "AwaitEndpointFunction": _settled,
    "ReplayRequestsFunction": _decided("more", "wait", "pass", "abort", result="pass", inconclusive=False, replayed=20),
    "WatchCanaryFunction": lambda _: [{}],
    "JudgeCanaryFunction": _judged,
    "ChooseWeightsFunction": _decided(
        "shift", "continue", "promote", "abort", inconclusive=False, weights=release_plans.step(30).plain()
    ),
    "VerifyEndpointFunction": _verified,
    "CompleteReleaseFunction": _completed,
    "PlanRollbackFunction": _rollback_plans,
    "CompleteRollbackFunction": lambda _: [
        {"outcome": outcome, "verified": each} for outcome in ("rolled_back", "done") for each in (True, False)
    ],
}


@functools.cache
def of_aws(call: Integration) -> tuple[Any, ...]:
    """What Step Functions gives to a state as the result of a call: for .sync the description of the job.

    A list of what failed may be empty.
    """
    name, action = call.operation.name, call.operation.name.removeprefix("Create")
    if call.pattern == "sync" and call.service == "sagemaker":
        return (_sample(operation_model("sagemaker", f"Describe{action}").output_shape, ()),)
    if call.pattern == "sync" and name == "StartJobRun":
        return (_sample(operation_model("glue", "GetJobRun").output_shape, ())["JobRun"],)
    if not call.operation.output_shape:
        return ({},)
    full = _sample(call.operation.output_shape, ())
    # a list of things may be empty, and the things in it need not have all their members
    empty: Json = {each: [] for each, value in full.items() if isinstance(value, list)}
    bare: Json = {each: [{}] for each in empty if isinstance(full[each][0], dict)}
    left_out = _LEFT_OUT.get(name, frozenset())
    less: Json = {each: [{k: v for k, v in full[each][0].items() if k not in left_out}] for each in bare}
    return tuple({**full, **each} for each in (({}, empty, bare, *([less] if left_out else [])) if empty else ({},)))


# of the things in a list: a tuning job with one definition has no names of definitions
_LEFT_OUT = {"ListTrainingJobsForHyperParameterTuningJob": frozenset({"TrainingJobDefinitionName"})}


def _sample(shape: Any, above: tuple[str, ...]) -> Any:
    """A value with every member of the shape; texts are of its enum or say what they are."""
    kind = shape.type_name
    if kind == "structure":
        if shape.name in above:
            return {}
        return {
            spelt(name, Spelling.STATES): _sample(each, (*above, shape.name)) for name, each in shape.members.items()
        }
    if kind == "list":
        return [_sample(shape.member, above)]
    if kind == "map":
        return {"key": _sample(shape.value, above)}
    if kind in ("integer", "long", "float", "double"):
        return shape.metadata.get("min", 1)
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return NOW
    return next(iter(getattr(shape, "enum", [])), "s3://data/key" if "S3" in shape.name else f"a-{shape.name}")
