"""The read model of a state: its input, its output, and the log of what it calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.target import Target
from console.reading import state
from console.reading.logs import place_of
from console.source import Source
from tests.console import recorded

FIRST = recorded.run_ids()[-1]


def test_a_state_has_input_output_time_and_what_it_calls(source: Source):
    found = state.read(source, "shop", FIRST, "Lifecycle", "Judge Candidate")
    (entry,) = found["entries"]
    assert entry["seconds"] > 0
    assert json.loads(entry["output"])["decision"] == "approved"
    assert entry["place"]["kind"] == "lambda"
    assert "JudgeCandidate" in entry["place"]["name"]
    cleaned = state.read(source, "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]
    assert cleaned["place"]["kind"] == "glue"
    assert cleaned["place"]["stream"].startswith("jr_")


@pytest.mark.parametrize(
    ("service", "resource", "parameters", "place"),
    [
        (
            "sagemaker",
            "createTrainingJob.sync",
            {"TrainingJobName": "t"},
            ("sagemaker", "t", "/aws/sagemaker/TrainingJobs"),
        ),
        (
            "sagemaker:createProcessingJob.sync",
            "arn:aws:states:::sagemaker:createProcessingJob.sync",
            {"ProcessingJobName": "e"},
            ("sagemaker", "e", "/aws/sagemaker/ProcessingJobs"),
        ),
        ("lambda", "invoke", {"FunctionName": "arn:aws:lambda:r:1:function:f:$LATEST"}, ("lambda", "f", "")),
        ("aws-sdk:sagemaker", "describeTrainingJob", {"TrainingJobName": "t"}, None),
        ("states", "startExecution.sync:2", {"Name": "x"}, None),
        ("lambda", "invoke", "cut off", None),
    ],
)
def test_where_the_log_of_a_task_is(service: str, resource: str, parameters: Any, place: Any):
    found = place_of(service, resource, parameters)
    assert (found and (found["kind"], found["name"], found["group"])) == place


def test_of_a_shared_log_group_the_lines_of_the_function_alone_are_shown():
    stack = recorded.stack()
    name = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["place"]["name"]
    line = {"timestamp": 1_764_000_000_000, "logStreamName": "a", "message": "START"}
    own = json.dumps({"level": "INFO", "message": "judged", "function_name": name})
    stack.clients.logs = [
        line,
        line | {"message": own},
        line | {"logStreamName": "b", "message": "of another function"},
    ]
    found = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["log"]
    assert [each["text"] for each in found["lines"]] == ["START", "INFO judged"]
    assert (found["group"], found["link"]) == ("/aws/lambda/sluice", None)


def test_of_a_job_the_lines_of_the_run_s_own_alone_are_shown():
    """Even where the service does not filter by the name of the stream."""
    stack = recorded.stack()
    place = state.read(Source(stack), "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]["place"]
    line = {"timestamp": 1_764_000_000_000, "logStreamName": "jr_of_another_run", "message": "other"}
    stack.clients.logs = [line, line | {"logStreamName": place["stream"], "message": "own"}]
    found = state.read(Source(stack), "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]["log"]
    assert [each["text"] for each in found["lines"]] == ["own"]


def test_on_aws_the_log_has_a_link_into_its_own_console():
    stack = recorded.stack()
    stack.target = Target("https://sts.eu-west-1.amazonaws.com", "eu-west-1", "123456789012")
    log = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["log"]
    assert log["link"].startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2")


def test_a_page_that_aws_refuses_says_so_and_the_log_is_missing_alone():
    stack = recorded.stack()
    stack.clients.denied = {"filter_log_events", "get_function_configuration"}
    found = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")
    assert "AccessDenied" in found["entries"][0]["log"]["why_not"]
