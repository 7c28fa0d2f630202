"""Inputs, variables and mocked results by which each state of our machines can be tried alone.

One set for all: a state reads what it needs of it. tests/unit/smoke evaluates every expression of every state with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.contract import Contract, Release
from sluice.ports import Settings
from sluice.records.training_plan import ChampionModel
from sluice.release.plan import routing, step, timing
from sluice.steps.plan_training import run_plan

RUN = "r0123456789ab"
_URI = "s3://example-data/runs/smoke/r0123456789ab/training/job/output/model.tar.gz"
_PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/sluice-smoke/1"
_CONTEXT: dict[str, dict[str, Any]] = {
    "Execution": {"Id": "arn:aws:states:eu-west-1:123456789012:execution:example:one", "Name": "one", "Input": {}},
    "State": {"Name": "one", "EnteredTime": "2026-01-01T00:00:00Z", "RetryCount": 0},
    "StateMachine": {"Id": "arn:aws:states:eu-west-1:123456789012:stateMachine:example", "Name": "example"},
    "Task": {"Token": "example-token"},
    "Map": {"Item": {"Index": 0, "Value": 0}},
}
MOCKABLE = ("Task", "Parallel", "Map")


@dataclass(frozen=True)
class Sample:
    """What TestState is given for one state."""

    machine: str
    state: str
    definition: Mapping[str, Any]
    input: Any
    variables: Mapping[str, Any]
    result: Any
    context: Mapping[str, Any] = field(default_factory=lambda: _CONTEXT)

    @property
    def kind(self) -> str:
        return str(self.definition["States"][self.state]["Type"])

    @property
    def mocked(self) -> bool:
        """Every call is mocked: a state that is tried must not create a job."""
        return self.kind in MOCKABLE


def samples(machine: str, definition: Mapping[str, Any], contract: Contract) -> Iterator[Sample]:
    """A sample of each state, those in branches included, each within a definition that has it at its top."""
    known = variables(contract)
    for name, state in definition["States"].items():
        yield Sample(machine, name, definition, given(known), known, result(state, known))
        for branch in inner_machines(state):
            inner = {"QueryLanguage": definition.get("QueryLanguage", "JSONPath"), **branch}
            yield from samples(machine, inner, contract)


def inner_machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The branches of a Parallel state, and what a Map state does with each item."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def variables(contract: Contract) -> dict[str, Any]:
    """Every variable that a state of ours reads, as the states before it would have set it."""
    settings = Settings(
        stack="sluice",
        bucket="example-data",
        image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0",
        execution_role_arn="arn:aws:iam::123456789012:role/example",
        data_key_arn="arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000",
        source_uri="s3://example-data/code/0/sourcedir.tar.gz",
        learn_uri="s3://example-data/code/0/learn/",
        glue_script_uri="s3://example-data/code/0/glue/clean_dataset.py",
    )
    planned = run_plan(settings, contract, RUN, ["d0"], ChampionModel(run_id=RUN, artifact_uri=_URI)).plain()
    release = {
        "mode": "canary",
        "decision": "possible",
        "only_config": "only",
        "canary_config": "canary",
        "champion_config": "champion",
        "target_config": "champion",
        "variant": f"v-{RUN}",
        "champion_run": "champion",
        "champion_variant": "v-champion",
        "machines": 1,
        "target_variant": "v-champion",
        "weights": [step(10).plain(), step(100).plain()],
        "routing": routing(Release(strategy="blue_green")),
        "alarms": ["errors", "latency"],
        "strategy": "canary",
        "drill": False,
        "replay": True,
        "to_run": RUN,
        **timing(contract.release),
        "slice_seconds": 1,
    }
    batch = {
        "job": "job",
        "model": "model",
        "key": "batch/smoke/a.csv",
        "version_id": "v1",
        "accept": "text/csv",
        "file": {"rows": 2, "scored_rows": 2, "quarantined_rows": 0},
        "input_uri": "s3://example-data/batch/smoke/a.csv",
        "output_uri": "s3://example-data/scoring/smoke/b1-answers",
        "instance": contract.release.instance,
    }
    outcome = {"error": "Example", "cause": "an example", "state": "Example", "Error": "Example", "Cause": "an example"}
    artefact = {"artifact_uri": _URI, "training_job": "job", "definition": "d", "objective": 0.9, "seal": "example"}
    artefact["warm_start_refused"] = ""
    return {
        "plan": {**batch, **release, **planned},
        "file": {"project": contract.project, "key": "raw/smoke/large.csv", "parts": 2},
        "release": {"project": contract.project, "run_id": RUN, "package_arn": _PACKAGE, "artifact_uri": _URI},
        "request": {"project": contract.project, "reason": "an example", "run_id": RUN, "from_run": RUN},
        "baseline": artefact,
        "candidate": artefact,
        "best": {"TrainingJobName": "job", "TrainingJobDefinitionName": "d"}
        | {"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:roc_auc", "Value": 0.9}},
        "package": {"package_arn": _PACKAGE, "approval": "manual"},
        "failure": outcome,
        "tuning_failure": outcome,
        "outcome": "promoted",
        "step": 0,
        "weights": step(10).plain(),
        "verification": answer(),
        "looks": 1,
        "step_started_at": "2026-01-01T00:00:00Z",
    }


def given(known: Mapping[str, Any]) -> dict[str, Any]:
    """A state's input: a plan, an event and a function's answer in one."""
    event = {"detail": {"object": {"key": "batch/smoke/a.csv", "version-id": "v1"}}}
    return {**known["plan"], **known["release"], **answer(), **event, "parts": 2, "part": 0}


def answer() -> dict[str, Any]:
    """What any of our functions could say."""
    said = {"decision": "approved", "reasons": ["an example"], "verified": True, "approval": "manual"}
    return {**said, "config": "canary", "reason": "an example", "step_index": 0, **_PLAIN}


_PLAIN = {"package_arn": _PACKAGE, "outcome": "promoted", "status": "ok", "artifact_uri": _URI}


def result(state: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """The mocked result of a state, in the form that its integration gives."""
    if state["Type"] == "Parallel":
        return [known["baseline"], known["candidate"]]
    if state["Type"] == "Map":
        return [{"part": 0}, {"part": 1}]
    if state["Type"] != "Task":
        return None
    call = str(state["Resource"]).split(":::", 1)[-1]
    if call.startswith("lambda:invoke"):
        if call.endswith("waitForTaskToken"):
            return answer()
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": {**known["plan"], **answer()}}
    if call.startswith("states:startExecution"):
        return {
            "ExecutionArn": _CONTEXT["Execution"]["Id"],
            "Status": "SUCCEEDED",
            "StartDate": "2026-01-01T00:00:00Z",
            "Output": {**known["candidate"], "outcome": "promoted"},
        }
    return {
        "TrainingJobName": "job",
        "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/job",
        "ModelArtifacts": {"S3ModelArtifacts": _URI},
        "BestTrainingJob": known["best"],
        "Id": "jr_0",
    }
