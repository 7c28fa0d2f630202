from __future__ import annotations

from typing import Any

import pytest

from proofs.api_calls import check_call, check_definition, check_task
from proofs.integrations import OPTIMISED, parse

SAGEMAKER = "arn:aws:states:::sagemaker:"
SDK = "arn:aws:states:::aws-sdk:"
TRAINING = {
    "TrainingJobName": "sluice-shop-r0123456789ab-b",
    "RoleArn": "arn:aws:iam::123456789012:role/sluice",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "HyperParameters": {"family": "baseline", "any key": "as one likes"},
    "OutputDataConfig": {"S3OutputPath": "s3://data/runs/"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
DEFINITION = {
    "DefinitionName": "forest",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/sluice",
    "OutputDataConfig": {"S3OutputPath": "s3://data/runs/"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
TUNING = {
    "HyperParameterTuningJobName": "shop-r0123456789ab-t",
    "HyperParameterTuningJobConfig": {
        "Strategy": "Bayesian",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
    },
    "TrainingJobDefinitions": [DEFINITION],
}


def task(resource: str, arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Arguments": arguments}


def by_hand() -> dict[str, dict[str, Any]]:
    lambda_call = {"FunctionName": "${F}", "Payload": {}}
    weights = {"EndpointName": "e", "DesiredWeightsAndCapacities": "{% [{'VariantName': $v, 'DesiredWieght': 1}] %}"}
    sync = f"{SAGEMAKER}createTrainingJob.sync"
    tune = f"{SAGEMAKER}createHyperParameterTuningJob.sync"
    unlimited = {key: value for key, value in DEFINITION.items() if key != "StoppingCondition"}
    definition = {"DesiredWeight": 1}
    return {
        "createEndpoint.sync": task(
            f"{SAGEMAKER}createEndpoint.sync", {"EndpointName": "e", "EndpointConfigName": "c"}
        ),
        "updateEndpoint.sync": task(
            f"{SAGEMAKER}updateEndpoint.sync", {"EndpointName": "e", "EndpointConfigName": "c"}
        ),
        "createTrainingJob.waitForTaskToken": task(f"{SAGEMAKER}createTrainingJob.waitForTaskToken", TRAINING),
        "createTrainingJob.sync:2": task(f"{SAGEMAKER}createTrainingJob.sync:2", TRAINING),
        "aws-sdk with .sync": task(f"{SDK}sagemaker:createTrainingJob.sync", TRAINING),
        "describeEndpoint is not optimised": task(f"{SAGEMAKER}describeEndpoint", {"EndpointName": "e"}),
        "the API's name of a service": task(f"{SDK}states:startExecution", {"StateMachineArn": "a"}),
        "boto3's name of a service": task(f"{SDK}stepfunctions:startExecution", {"StateMachineArn": "a"}),
        "boto3's dashes": task(f"{SDK}sagemaker-runtime:invokeEndpoint", {"EndpointName": "e", "Body": "x"}),
        "the API's small letters": task("arn:aws:states:::states:startExecution", {"stateMachineArn": "a"}),
        "an ARN of a function": task("arn:aws:lambda:eu-west-1:123456789012:function:f", {}),
        "no Resource": {"Type": "Task", "Arguments": {}},
        "no Arguments": {"Type": "Task", "Resource": sync},
        "training name of 64 letters": task(sync, {**TRAINING, "TrainingJobName": "a" * 64}),
        "tuning name of 33 letters": task(tune, {**TUNING, "HyperParameterTuningJobName": "a" * 33}),
        "underscore in a job's name": task(sync, {**TRAINING, "TrainingJobName": "shop_r1"}),
        "unknown strategy": task(tune, {**TUNING, "HyperParameterTuningJobConfig": {"Strategy": "Bayes"}}),
        "training without limit": task(sync, {k: v for k, v in TRAINING.items() if k != "StoppingCondition"}),
        "an empty limit": task(sync, {**TRAINING, "StoppingCondition": {}}),
        "tuning definition without limit": task(tune, {**TUNING, "TrainingJobDefinitions": [DEFINITION, unlimited]}),
        "tuning definition with an empty limit": task(
            tune, {**TUNING, "TrainingJobDefinitions": [{**DEFINITION, "StoppingCondition": {}}]}
        ),
        "tuning without definitions": task(tune, {k: v for k, v in TUNING.items() if k != "TrainingJobDefinitions"}),
        "hyperparameter that is a number": task(sync, {**TRAINING, "HyperParameters": {"depth": 3}}),
        "a member of an expression misspelt": task(f"{SDK}sagemaker:updateEndpointWeightsAndCapacities", weights),
        "a weight for no variant": task(
            f"{SDK}sagemaker:updateEndpointWeightsAndCapacities",
            {"EndpointName": "e", "DesiredWeightsAndCapacities": [definition]},
        ),
        "Payload as text": task("arn:aws:states:::lambda:invoke", {**lambda_call, "Payload": "{}"}),
        "a token for nobody": task("arn:aws:states:::lambda:invoke.waitForTaskToken", lambda_call),
        "a text around a substitution where a number belongs": task(
            sync, {**TRAINING, "StoppingCondition": {"MaxRuntimeInSeconds": "${Minutes}0"}}
        ),
        "an expression with something before it": task(sync, {**TRAINING, "ResourceConfig": "x {% $r %}"}),
    }


@pytest.mark.parametrize(("name", "state"), by_hand().items(), ids=lambda each: each if isinstance(each, str) else "")
def test_a_mistake_that_people_make_is_found(name: str, state: dict[str, Any]) -> None:
    assert check_task(name, state)


def test_a_good_call_is_left_alone() -> None:
    assert check_task("Train", task(f"{SAGEMAKER}createTrainingJob.sync", TRAINING)) == []
    assert check_task("Tune", task(f"{SAGEMAKER}createHyperParameterTuningJob.sync", TUNING)) == []
    sdk = {"Sfn": f"{SDK}sfn:startExecution", "States": "arn:aws:states:::states:startExecution.sync:2"}
    for name, resource in sdk.items():
        assert check_task(name, task(resource, {"StateMachineArn": "${Arn}", "Input": "{% $plan %}"})) == []
    runtime = {"EndpointName": "e", "Body": "{% $body %}"}
    assert check_task("Probe", task(f"{SDK}sagemakerruntime:invokeEndpoint", runtime)) == []
    events = {"Entries": [{"Source": "sluice", "DetailType": "Run Finished", "Detail": {"project": "shop"}}]}
    assert check_task("Tell", task("arn:aws:states:::events:putEvents", events)) == []


def test_tasks_in_branches_and_processors_are_looked_at() -> None:
    bad = {"StartAt": "Bad", "States": {"Bad": task(f"{SAGEMAKER}createEndpoint.sync", {})}}
    for state in ({"Type": "Parallel", "Branches": [bad]}, {"Type": "Map", "ItemProcessor": bad}):
        found = check_definition({"QueryLanguage": "JSONata", "StartAt": "Outer", "States": {"Outer": state}})
        assert [each.where for each in found] == ["Bad.Resource"]


def test_a_finding_says_where_and_names_the_nearest() -> None:
    arguments = {**TRAINING, "ResourceConfig": {**TRAINING["ResourceConfig"], "instanceCount": 1}}  # type: ignore[dict-item]
    (found,) = check_task("Train", task(f"{SAGEMAKER}createTrainingJob.sync", arguments))
    assert found.where == "Train.Arguments.ResourceConfig.instanceCount"
    assert found.problem.endswith("did you mean InstanceCount?")


def test_a_definition_in_jsonpath_is_refused_rather_than_passed() -> None:
    machine = {"StartAt": "A", "States": {"A": task("arn:aws:states:::lambda:invoke", {"FunctionName": "f"})}}
    assert "JSONata" in str(check_definition(machine)[0])


@pytest.mark.parametrize("key", OPTIMISED)
def test_every_line_of_the_table_is_an_operation(key: str) -> None:
    assert parse(f"arn:aws:states:::{key}").operation.input_shape is not None


def test_recorded_calls_are_checked_by_the_api_s_own_spelling() -> None:
    good = {"stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:s", "name": "r1", "input": "{}"}
    assert check_call("stepfunctions", "StartExecution", good) == []
    assert check_call("stepfunctions", "StartExecution", {"StateMachineArn": good["stateMachineArn"]})
    assert check_call("stepfunctions", "StartExecution", {**good, "name": "a" * 81})
    assert check_call("s3", "PutObject", {"Bucket": "data", "Key": "k", "Body": b"x", "Tagging": "a=b"}) == []
    assert check_call("sagemaker", "CreateTrainingJob", TRAINING) == []
    assert check_call("sagemaker", "CreateTrainingJobs", TRAINING)
    assert check_call("sagemakers", "CreateTrainingJob", TRAINING)
