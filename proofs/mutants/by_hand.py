"""Mistakes that people make, one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from proofs.mutants import Mutant, Path, at
from proofs.project import REMOVED, Project, listed

KIND = "by hand"
_TRAIN: Path = ("definitions", "BuildModel", "States", "Train Models", "Branches", 0, "States", "Train Baseline")
_TUNE: Path = ("definitions", "BuildModel", "States", "Train Models", "Branches", 1, "States", "Tune Candidates")


def mutants(project: Project) -> list[Mutant]:
    return [*_machines(project), *_permissions(project), *_template(project), *_posture(project)]


def _make(project: Project, name: str, *changes: tuple[Path, Any]) -> Mutant:
    for path, value in changes:
        project = project.changed(path, value)
    return Mutant(KIND, name, project)


def _resource(*steps: str | int) -> Path:
    return ("source", "Resources", *steps)


def _state(machine: str, *steps: str | int) -> Path:
    return ("definitions", machine, "States", *steps)


def _machines(project: Project) -> Iterator[Mutant]:
    arguments = (*_TRAIN, "Arguments")
    yield _make(project, "training without a time limit", ((*arguments, "StoppingCondition"), REMOVED))
    yield _make(project, "a time limit of nothing", ((*arguments, "StoppingCondition"), {}))
    yield _make(project, "an over-long job name", ((*arguments, "TrainingJobName"), "sluice-" + "shop" * 20))
    long_name = "{% 'sluice-' & '" + "shop" * 20 + "' %}"
    yield _make(project, "an over-long job name in an expression", ((*arguments, "TrainingJobName"), long_name))
    tuning = str(at(project, (*_TUNE, "Arguments")))
    long_tuning = tuning.replace("$plan.names.tuning_job", "'" + "t" * 33 + "'")
    yield _make(project, "an over-long tuning name", ((*_TUNE, "Arguments"), long_tuning))
    yield _make(project, "an instance type that is none", ((*arguments, "ResourceConfig", "InstanceType"), "m5.large"))
    yield _make(project, "a role by its name", ((*arguments, "RoleArn"), "sluice-SageMakerRole"))
    yield _make(
        project,
        "the queue's ARN for a role",
        (
            _resource("BuildModel", "Properties", "DefinitionSubstitutions", "ExecutionRoleArn"),
            {"Fn::GetAtt": ["Table", "Arn"]},
        ),
    )
    yield _make(
        project,
        "the scheduler's role for SageMaker",
        (
            _resource("BuildModel", "Properties", "DefinitionSubstitutions", "ExecutionRoleArn"),
            {"Fn::GetAtt": ["SchedulerRole", "Arn"]},
        ),
    )
    sync = "arn:${Partition}:states:::sagemaker:updateEndpoint.sync"
    yield _make(project, ".sync where AWS has none", (_state("RollBack", "Restore Previous Model", "Resource"), sync))
    plain = "arn:${Partition}:states:::states:startExecution.sync:3"
    yield _make(project, "a .sync that is none", (_state("MlLifecycle", "Prepare Data", "Resource"), plain))
    sdk = "arn:${Partition}:states:::aws-sdk:SageMaker:describeTrainingJob"
    path = (*_TUNE[:-1], "Describe Best Candidate", "Resource")
    yield _make(project, "a service in capitals", (path, sdk))
    yield _make(
        project, "one partition for all", ((*_TRAIN, "Resource"), "arn:aws:states:::sagemaker:createTrainingJob.sync")
    )
    yield _make(
        project, "a loop that nothing leaves", (_state("PrepareData", "Clean Dataset", "Next"), "Clean Dataset")
    )
    yield _make(
        project,
        "a failure that nobody is told of",
        (_state("MlLifecycle", "Finish Run", "Catch", 0, "ErrorEquals"), ["States.TaskFailed"]),
    )
    output = "{% $states.result.payload %}"
    yield _make(
        project, "a variable before it is assigned", (_state("RollBack", "Plan Rollback", "Output"), "{% $nowhere %}")
    )
    yield _make(
        project,
        "a condition that is no expression",
        (_state("RollBack", "Rollback Possible?", "Choices", 0, "Condition"), "$plan.decision = 'possible'"),
    )
    yield _make(
        project,
        "a JSONPath reference",
        (_state("RollBack", "Plan Rollback", "Arguments", "Payload", "project"), "$.project"),
    )
    yield _make(
        project,
        "an intrinsic function",
        (
            _state("RollBack", "Plan Rollback", "Arguments", "Payload", "project"),
            "{% States.Format('{}', $request.project) %}",
        ),
    )
    yield _make(
        project,
        "a token for nobody",
        (_state("MlLifecycle", "Await Approval", "Arguments", "Payload", "token"), "{% $plan.project %}"),
    )
    yield _make(
        project,
        "a token without waiting",
        (_state("MlLifecycle", "Await Approval", "Resource"), "arn:${Partition}:states:::lambda:invoke"),
    )
    yield _make(
        project,
        "the result before there is one",
        (_state("RollBack", "Plan Rollback", "Arguments", "Payload", "project"), output),
    )
    yield _make(project, "seconds as text", (_state("RollBack", "Plan Rollback", "TimeoutSeconds"), "120"))
    yield _make(project, "no way out of a question", (_state("MlLifecycle", "How Did It End?", "Default"), REMOVED))
    yield _make(project, "a failure without a cause", (_state("RollBack", "Rollback Failed", "Cause"), REMOVED))
    yield _make(project, "a machine in JSONPath", (("definitions", "RollBack", "QueryLanguage"), "JSONPath"))
    yield _make(
        project,
        "an error that nobody raises",
        (_state("RollBack", "Await Endpoint", "Retry", 0, "ErrorEquals"), ["EndpointBusy"]),
    )
    yield _make(
        project,
        "Lambda's errors for SageMaker",
        (_state("RollBack", "Restore Previous Model", "Retry", 0, "ErrorEquals"), ["Lambda.ServiceException"]),
    )


def _permissions(project: Project) -> Iterator[Mutant]:
    for owner, name, action in (
        ("BuildModelRole", "the events of .sync", "events:PutTargets"),
        ("BuildModelRole", "PassRole", "iam:PassRole"),
        ("BuildModelRole", "StopTrainingJob", "sagemaker:StopTrainingJob"),
        ("BuildModelRole", "AddTags", "sagemaker:AddTags"),
        ("MlLifecycleRole", "StopExecution", "states:StopExecution"),
        ("MlLifecycleRole", "the rule of nested executions", "events:PutRule"),
        ("PrepareDataRole", "BatchStopJobRun", "glue:BatchStopJobRun"),
        ("ReleaseModelRole", "UpdateEndpoint", "sagemaker:UpdateEndpoint"),
        ("BatchPredictRole", "CreateTransformJob", "sagemaker:CreateTransformJob"),
        ("RollBackRole", "InvokeFunction", "lambda:InvokeFunction"),
    ):
        yield _make(project, f"{owner} without {name}", *_without(project, owner, action))
        yield _make(project, f"{owner}: a typo in {action}", *_with_typo(project, owner, action))
    for owner, wrong in (
        ("SageMakerRole", "sagemaker.amazon.com"),
        ("GlueRole", "lambda.amazonaws.com"),
        ("SchedulerRole", "events.amazonaws.com"),
        ("RollBackRole", "state.amazonaws.com"),
        ("PlanBatchFunctionRole", "states.amazonaws.com"),
    ):
        path = _resource(owner, "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")
        yield _make(project, f"{owner} trusts {wrong}", (path, wrong))
    path = _resource("RollBack", "Properties", "Role")
    yield _make(project, "another machine's role", (path, {"Fn::GetAtt": ["BatchPredictRole", "Arn"]}))
    path = _resource("PlanBatchFunction", "Properties", "Role")
    yield _make(project, "a role by its name for a function", (path, {"Ref": "PlanBatchFunctionRole"}))


def _statements(project: Project, owner: str) -> Iterator[tuple[Path, list[str]]]:
    """Path and actions of every statement of a role's own policies."""
    for number, policy in enumerate(at(project, _resource(owner, "Properties", "Policies"))):
        for index, statement in enumerate(policy["PolicyDocument"]["Statement"]):
            actions = statement["Action"]
            path = _resource(owner, "Properties", "Policies", number, "PolicyDocument", "Statement", index)
            yield path, listed(actions)


def _without(project: Project, owner: str, action: str) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = []
    for path, actions in _statements(project, owner):
        if action in actions and len(actions) > 1:
            found.append(((*path, "Action"), [each for each in actions if each != action]))
        elif action in actions:
            found.append((path, REMOVED))
    assert found, f"{owner} has no {action}"
    return found[::-1]


def _with_typo(project: Project, owner: str, action: str) -> list[tuple[Path, Any]]:
    wrong = action[:-2] + action[-1]
    return [
        ((*path, "Action"), [wrong if each == action else each for each in actions])
        for path, actions in _statements(project, owner)
        if action in actions
    ]


def _template(project: Project) -> Iterator[Mutant]:
    target = _resource("ArrivalRule", "Properties", "Targets", 0, "Arn")
    yield _make(project, "a target by its URL", (target, {"Ref": "IntakeQueue"}))
    yield _make(project, "a target by its name", (target, {"Fn::GetAtt": ["IntakeQueue", "QueueName"]}))
    yield _make(project, "a target that is no target", (target, {"Fn::GetAtt": ["Table", "Arn"]}))
    key = _resource("ArrivalRule", "Properties", "EventPattern", "detail", "object", "key")
    yield _make(project, "a pattern that cannot match", (key, [{"prefix": "raws/"}]))
    yield _make(project, "a pattern with text for a list", (key, "raw/"))
    yield _make(project, "a pattern with an operator that is none", (key, [{"begins-with": "raw/"}]))
    yield _make(project, "a pattern for every folder", (key, [{"prefix": ""}]))
    detail = _resource("ArrivalRule", "Properties", "EventPattern", "detail-type")
    yield _make(project, "an event type in another case", (detail, ["Object created"]))
    alarm = _resource("IntakeDeadLetterAlarm", "Properties")
    yield _make(project, "a metric that nobody publishes", ((*alarm, "MetricName"), "NumberOfMessagesFailed"))
    yield _make(project, "a dimension that is none", ((*alarm, "Dimensions", 0, "Name"), "Queue"))
    value = (*alarm, "Dimensions", 0, "Value")
    yield _make(project, "a queue's URL as a dimension", (value, {"Ref": "IntakeDeadLetterQueue"}))
    yield _make(project, "a queue's ARN as a dimension", (value, {"Fn::GetAtt": ["IntakeDeadLetterQueue", "Arn"]}))
    failed = _resource("RunFailedAlarm", "Properties", "Dimensions", 0, "Value")
    yield _make(project, "a machine's name as its ARN", (failed, {"Fn::GetAtt": ["MlLifecycle", "Name"]}))
    watch = _resource("MonitorFailedAlarm", "Properties", "Dimensions", 0, "Value")
    yield _make(project, "a function's ARN as its name", (watch, {"Fn::GetAtt": ["MonitorModelFunction", "Arn"]}))
    body = _resource("Dashboard", "Properties", "DashboardBody", "Fn::Sub")
    text = at(project, body)
    for name, one, other in (
        ("a metric of the dashboard", "ExecutionsSucceeded", "ExecutionSucceeded"),
        ("a metric of ours on the dashboard", "DriftScore", "Drift"),
        ("a dimension on the dashboard", '"QueueName"', '"Queue"'),
        ("the dashboard's JSON", '{"widgets": [', '{"widgets": '),
    ):
        assert one in text
        yield _make(project, f"{name} misspelt", (body, text.replace(one, other)))
    function = _resource("PlanBatchFunction", "Properties")
    yield _make(project, "a handler that is not there", ((*function, "Handler"), "app.lambda_handler"))
    yield _make(project, "another function's folder", ((*function, "CodeUri"), "functions/plan_batches/"))
    yield _make(project, "a deprecated runtime", ((*function, "Runtime"), "python3.8"))
    yield _make(
        project,
        "an import that is gone",
        _code(project, "plan_batch", "sluice.steps.plan_batch", "sluice.steps.plan_scoring"),
    )
    yield _make(project, "a handler without a context", _code(project, "plan_batch", ", context: LambdaContext", ""))
    yield _make(project, "a syntax error", _code(project, "plan_batch", "def handler(", "def handler(("))
    yield _make(
        project,
        "a layer is missing",
        (_resource("ProfileDatasetFunction", "Properties", "Layers"), [{"Ref": "CoreLayer"}]),
    )
    yield _make(project, "nothing to build with", (_resource("CoreLayer", "Properties", "ContentUri"), "layer/core/"))
    yield _make(
        project,
        "a bucket's name in capitals",
        (_resource("DataBucket", "Properties", "BucketName"), {"Fn::Sub": "${AWS::StackName}-Data"}),
    )
    long_name = {"Fn::Sub": "${AWS::StackName}-" + "data-" * 12 + "${AWS::AccountId}"}
    yield _make(project, "an over-long bucket name", (_resource("DataBucket", "Properties", "BucketName"), long_name))
    job = _resource("CleanDatasetJob", "Properties")
    yield _make(
        project,
        "an ARN for a job's name",
        (
            _resource("PrepareData", "Properties", "DefinitionSubstitutions", "CleanDatasetJobName"),
            {"Fn::Sub": "arn:aws:glue:::job/${CleanDatasetJob}"},
        ),
    )
    yield _make(project, "a worker that Glue has not", ((*job, "NumberOfWorkers"), "many"))
    redrive = _resource("IntakeQueue", "Properties", "RedrivePolicy", "deadLetterTargetArn")
    yield _make(project, "letters to a queue's URL", (redrive, {"Ref": "IntakeDeadLetterQueue"}))
    yield _make(project, "a resource that waits for nothing", (_resource("JobCode", "DependsOn"), "DeployCode"))
    yield _make(project, "a condition that is none", (_resource("AlertEmailSubscription", "Condition"), "HasEmail"))


def _code(project: Project, function: str, one: str, other: str) -> tuple[Path, str]:
    path: Path = ("code", f"functions/{function}/app.py")
    text = at(project, path)
    assert one in text, f"{path[1]} has no {one!r}"
    return path, text.replace(one, other)


def _posture(project: Project) -> Iterator[Mutant]:
    bucket = _resource("DataBucket", "Properties")
    for name, path, value in (
        ("an unencrypted queue", _resource("IntakeQueue", "Properties", "KmsMasterKeyId"), REMOVED),
        ("an unencrypted topic", _resource("AlertTopic", "Properties", "KmsMasterKeyId"), REMOVED),
        ("an unencrypted log", _resource("FunctionLogs", "Properties", "KmsKeyId"), REMOVED),
        ("logs that are kept for ever", _resource("FunctionLogs", "Properties", "RetentionInDays"), REMOVED),
        ("a table without recovery", _resource("Table", "Properties", "PointInTimeRecoverySpecification"), REMOVED),
        ("a table under AWS's own key", _resource("Table", "Properties", "SSESpecification"), REMOVED),
        ("a key that is never rotated", _resource("DataKey", "Properties", "EnableKeyRotation"), False),
        ("a bucket without versions", (*bucket, "VersioningConfiguration"), REMOVED),
        ("an open bucket", (*bucket, "PublicAccessBlockConfiguration", "BlockPublicPolicy"), False),
        ("a bucket without owner", (*bucket, "OwnershipControls"), REMOVED),
        ("a bucket under another key", (*bucket, "BucketEncryption"), REMOVED),
    ):
        at(project, path)
        yield _make(project, name, (path, value))
    path = _resource("DataBucketPolicy", "Properties", "PolicyDocument", "Statement", 0)
    assert "SecureTransport" in json.dumps(at(project, path))
    yield _make(project, "plain http allowed", (path, REMOVED))
    for sid in ("EventsGoToQueues", "AlarmsGoToTheTopic", "LogsAreKept"):
        policy = _resource("MessageKey", "Properties", "KeyPolicy", "Statement")
        kept = [each for each in at(project, policy) if each.get("Sid") != sid]
        assert len(kept) < len(at(project, policy)), sid
        yield _make(project, f"a key without the grant {sid}", (policy, kept))
