"""The reason of a failure, out of what AWS wraps it in: texts as Step Functions reports them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.store.causes import failure_texts, message_of

REASON = "record 1, column 'browsing_minutes': not a valid number"
TRANSFORM = {
    "TransformJobName": "sluice-base-b6933c38a8a91-batch",
    "TransformJobArn": "arn:aws:sagemaker:eu-west-1:000000000000:transform-job/sluice-base-b6933c38a8a91-batch",
    "TransformJobStatus": "Failed",
    "FailureReason": f'ClientError: Bad HTTP status received from algorithm: 400: {{"error": "{REASON}"}}',
}
TOOLKIT = (
    'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "{said}"\n'
    'Command "/usr/bin/python3 train.py --family x", exit code: 1'
)


def described(**facts: Any) -> str:
    return json.dumps(facts)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (json.dumps(TRANSFORM), REASON),
        (f"Score File: States.TaskFailed: {json.dumps(TRANSFORM)}", REASON),
        (described(ExecutionArn="arn:x", Status="FAILED", Cause=f"Score File: {json.dumps(TRANSFORM)}"), REASON),
        (json.dumps(TRANSFORM)[:-10], REASON[:40]),
        (described(JobName="clean", JobRunState="FAILED", ErrorMessage="CleaningError: no rows"), "no rows"),
        (described(errorType="InputError", errorMessage="no such file", stackTrace=["a", "b"]), "no such file"),
        (described(TrainingJobName="j", FailureReason=TOOLKIT.format(said="train.py: a bad value")), "a bad value"),
        (
            described(
                ProcessingJobName="j",
                FailureReason="AlgorithmError: See job logs for more information, exit code: 1",
                ExitMessage="input champion: the archive is damaged",
            ),
            "input champion: the archive is damaged",
        ),
        ("plain words with a { in them", "plain words with a { in them"),
    ],
)
def test_the_reason_is_found(cause: str, reason: str) -> None:
    told = message_of(cause)
    assert reason in told
    assert "arn:" not in told
    assert len(told) < len(reason) + 100, "the reason comes with little around it"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            described(
                ProcessingJobName="e1",
                ProcessingJobStatus="Failed",
                FailureReason="AlgorithmError: See job logs for more information, exit code: 137",
            ),
            ["job e1", "137", "memory", "/aws/sagemaker/ProcessingJobs"],
        ),
        (described(JobName="clean", JobRunState="TIMEOUT", ErrorMessage=""), ["job clean", "TIMEOUT"]),
        (described(TrainingJobName="t1", FailureReason=TOOLKIT.format(said="")), ["exit code 1", "no reason"]),
        (
            described(
                HyperParameterTuningJobName="h1",
                HyperParameterTuningJobStatus="Failed",
                FailureReason="All training jobs failed. Please take a look at the training jobs failures to get "
                "more details.",
            ),
            ["h1", "all its training jobs failed"],
        ),
        ("", ["gave no cause"]),
        ("   ", ["gave no cause"]),
    ],
)
def test_a_service_that_gives_no_reason_is_reported_as_such(cause: str, words: list[str]) -> None:
    told = message_of(cause)
    assert all(word in told for word in words), told
    assert "See job logs" not in told
    assert 'ErrorMessage ""' not in told


def test_each_failure_of_one_cause_gives_its_reason() -> None:
    cause = f"Judge: Aborted; then Clean: {described(ErrorMessage=REASON)}; then Record: {described(errorMessage='m')}"
    assert message_of(cause) == f"Judge: Aborted; then Clean: {REASON}; then Record: m"


def test_a_long_reason_is_cut_after_its_wrapping_and_says_so() -> None:
    told = failure_texts({"state": "S", "error": "E", "cause": described(errorMessage="x" * 2_100)})
    assert told == [f"S: E: {'x' * 2_000} … (100 more characters)"]
