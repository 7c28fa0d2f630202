"""The samples of the data flow check are what the entry points answer: the same members, of the same types.

The stories are played by the real functions; a function whose answer gains or loses a member fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest

from proofs import samples
from proofs.handlers import called_step
from proofs.project import Project
from proofs.stateful.cloud import Cloud, Fault
from sluice.serving.start_drill import start_drill
from sluice.steps.judge_parts import judge_parts
from testing.release_world import JOB, NEW, OLD, PROJECT, TRAINED
from tests.unit.steps.intake_world import GOOD, shop
from tests.unit.steps.test_judge_parts import SMALL

Json = dict[str, Any]
ASKED: dict[str, Any] = {"bake": "1m", "max_bake": "2m", "min_requests": 5}


def shape(value: Any) -> Any:
    """The members and their types; of a list only that it is one, and so of an object below the first level."""
    if isinstance(value, dict):
        return {name: kind(each) for name, each in value.items()}
    return kind(value)


def kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


class Recorder:
    """Plays a story, and notes what functions answer: payload and answer by the function's name."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[Json, Any]]] = {}
        self.tokens: list[Any] = []

    def noted(self, cloud: Cloud) -> Cloud:
        real, succeed = cloud._lambda, cloud.world.executions.succeed

        def invoked(caller: str, name: str, event: Json) -> Any:
            answer = real(caller, name, event)
            self.answers.setdefault(name, []).append((event, answer))
            return answer

        def told(token: str, output: Any) -> None:
            self.tokens.append(output)
            succeed(token, output)

        cloud._lambda = invoked  # type: ignore[method-assign]
        cloud.world.executions.succeed = told  # type: ignore[method-assign]
        return cloud


def _released(recorder: Recorder, health: str, *faults: Fault, requests: int = 800, **options: Any) -> Cloud:
    cloud = recorder.noted(Cloud(captures=40, **{**ASKED, **options}))
    cloud.start_run(cloud.new_run(health))
    cloud.faults += faults
    cloud.rest(requests=requests)
    return cloud


@cache
def played() -> Recorder:
    recorder = Recorder()
    for strategy in ("canary", "shadow", "blue_green", "bandit"):
        for health in ("good", "failing"):
            options = {"steps": [100]} if strategy == "bandit" else {}
            _released(recorder, health, strategy=strategy, **options)
    _released(recorder, "good", steps=[10, 50, 100])
    # a way back that cannot be verified
    many = [Fault("denied", where="updateEndpoint") for _ in range(3)]
    _released(recorder, "good", *many, strategy="blue_green", replay=0)
    cloud = recorder.noted(Cloud(captures=40, **ASKED))
    cloud.world.call(start_drill, PROJECT)
    cloud._start_requested()
    cloud.rest()
    _line(recorder)
    _rollbacks(recorder)
    _parts(recorder)
    return recorder


def _parts(recorder: Recorder) -> None:
    """A file that is judged in parts: one that is accepted, and one that failed."""
    at = replace(shop(), settings=SMALL)
    for name in ("a.csv", "b.csv"):
        key = f"raw/shop/{name}"
        at.objects.write(key, GOOD)
        version = at.objects.version(key)
        file = {"bucket": "data", "key": key, "version_id": version, "project": "shop", "dataset_id": name, "size": 9}
        failure = {"state": "Cut File", "error": "E", "cause": "why"}
        tasks: list[Json] = [{"task": "cut"}, {"task": "judge", "part": 0}, {"task": "join"}]
        for more in tasks if name == "a.csv" else [{"task": "fail", "failure": failure}]:
            payload = {"file": file, **more}
            answer = at.call(judge_parts, **payload)
            recorder.answers.setdefault("judge_parts", []).append((payload, answer))


def _line(recorder: Recorder) -> None:
    """What comes before a release, and a file to score."""
    run = {"project": PROJECT, "run_id": NEW}
    for approval in ("automatic", "manual"):
        cloud = recorder.noted(Cloud(approval=approval, **ASKED))
        sealed = cloud._lambda("x", "seal_model", {**run, "artifact_uri": TRAINED, "training_job": JOB})
        cloud._lambda("x", "judge_candidate", run)
        package = cloud._lambda("x", "register_model", {**run, "artifact_uri": sealed["artifact_uri"]})
    cloud._lambda("x", "request_approval", {**run, "package_arn": package["package_arn"], "token": "t"})
    for status in ("Approved", "Rejected"):
        changed = {"detail": {"ModelPackageArn": package["package_arn"], "ModelApprovalStatus": status}}
        cloud.world.ledger.update_run(PROJECT, NEW, {"approval": {"token": "t", "package_arn": package["package_arn"]}})
        cloud._lambda("x", "resume_approval", changed)
    cloud._lambda("x", "finish_run", {**run, "outcome": "rejected"})
    file = {"project": PROJECT, "key": "batch/shop/a.csv", "version_id": "v1", "status": "failed"}
    cloud._lambda("x", "finish_batch", {**file, "error": {"state": "Score File", "error": "E", "cause": "why"}})


def _rollbacks(recorder: Recorder) -> None:
    """Nothing to go back to, one that is done, one that can be done, and an endpoint that is not as it should be."""
    given = {"project": PROJECT, "reason": "an alarm", "holder": "x"}
    fresh = recorder.noted(Cloud(**ASKED))
    promoted = _released(recorder, "good", strategy="shadow")
    for cloud, from_run in ((fresh, OLD), (promoted, OLD), (promoted, NEW)):
        plan = cloud._lambda("x", "plan_rollback", {**given, "from_run": from_run})
        seen = None
        if plan["decision"] == "possible":
            asked = {"project": PROJECT, "run_id": plan["to_run"], "endpoint": plan["endpoint"], "purpose": "rollback"}
            wanted = {"expected_config": plan["target_config"], "expected_variant": plan["target_variant"]}
            seen = cloud._lambda("x", "verify_endpoint", {**asked, **wanted})
        more = {"rollback_plan": plan, "verification": seen, "failure": None}
        cloud._lambda("x", "complete_rollback", {**given, **more})


def functions() -> Iterator[tuple[str, str]]:
    project = Project.load()
    for function in samples.ANSWERS:
        step = called_step(project, str(project.source["Resources"][function]["Properties"]["CodeUri"]))
        assert step is not None
        yield function, step


@pytest.mark.parametrize(("function", "step"), list(functions()))
def test_a_function_answers_what_its_sample_says(function: str, step: str) -> None:
    answers = played().answers.get(step, [])
    assert answers, f"no story calls {step}"
    if step in ("request_approval", "watch_canary"):
        return  # the machine goes on with what is sent to their token
    for payload, answer in answers:
        sampled = [shape(each) for each in samples.ANSWERS[function](payload)]
        assert shape(answer) in sampled, (answer, sampled)


@pytest.mark.parametrize(
    ("step", "decisions"),
    [
        ("plan_rollback", {"possible", "impossible", "done"}),
        ("verify_endpoint", {"verified", "failed"}),
        ("judge_canary", {"continue", "advance", "promote", "abort"}),
        ("plan_release", {"canary", "shadow", "blue_green", "bandit"}),
    ],
)
def test_the_stories_lead_to_every_decision(step: str, decisions: set[str]) -> None:
    assert {answer["decision"] for _, answer in played().answers[step]} >= decisions


def test_an_approval_answers_what_its_sample_says() -> None:
    sent = [each for each in played().tokens if "decision" in each]
    assert {each["decision"] for each in sent} == {"approved", "not_approved"}
    for each in sent:
        assert each in samples.ANSWERS["RequestApprovalFunction"]({})


def test_a_member_more_or_less_is_another_shape() -> None:
    (sample,) = samples.ANSWERS["SealModelFunction"]({})
    assert shape({**sample, "more": 1}) != shape(sample)
    assert shape({**sample, "artifact_sha256": 1}) != shape(sample)
    wrong = {"SealModelFunction": lambda _: [{"artifact_uri": "s3://x"}]}
    with patch.dict(samples.ANSWERS, wrong), pytest.raises(AssertionError):
        test_a_function_answers_what_its_sample_says("SealModelFunction", "seal_model")
