"""Mistakes as a tired engineer makes them: one replacement in the text of a file.

Each was written before anybody looked at the checks that it is shown to. `docs/proofs.md` has the figures.
"""

# ruff: noqa: E501 - lines of other files stand here as they are
from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from proofs.mutants import Mutant
from proofs.project import ROOT, SCHEDULES, Project

KIND = "by patch"
_TEMPLATE = "template.yaml"
_RELEASE, _BUILD = "statemachines/release_model.asl.yaml", "statemachines/build_model.asl.yaml"
_LIFECYCLE, _ROLL_BACK = "statemachines/ml_lifecycle.asl.yaml", "statemachines/roll_back.asl.yaml"

# name, file, what stands there (once), what is put in its place
PATCHES: tuple[tuple[str, str, str, str], ...] = (
    (
        "a key for logs that are called otherwise",
        _TEMPLATE,
        'log-group:/aws/lambda/${AWS::StackName}"\n',
        'log-group:/aws/lambdas/${AWS::StackName}"\n',
    ),
    (
        "a bucket that refuses HTTPS",
        _TEMPLATE,
        'Resource: [!GetAtt DataBucket.Arn, !Sub "${DataBucket.Arn}/*"]\n            Condition: {Bool: {"aws:SecureTransport": "false"}}',
        'Resource: [!GetAtt DataBucket.Arn, !Sub "${DataBucket.Arn}/*"]\n            Condition: {Bool: {"aws:SecureTransport": "true"}}',
    ),
    (
        "a bucket that refuses its own key",
        _TEMPLATE,
        '{"s3:x-amz-server-side-encryption-aws-kms-key-id": !GetAtt DataKey.Arn}',
        '{"s3:x-amz-server-side-encryption-aws-kms-key-id": !GetAtt MessageKey.Arn}',
    ),
    (
        "the table's keys the other way round",
        _TEMPLATE,
        "KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]",
        "KeySchema: [{AttributeName: sk, KeyType: HASH}, {AttributeName: pk, KeyType: RANGE}]",
    ),
    (
        "a sort key that is a number",
        _TEMPLATE,
        "{AttributeName: sk, AttributeType: S}",
        "{AttributeName: sk, AttributeType: N}",
    ),
    (
        "old versions that go while they are read",
        _TEMPLATE,
        "NoncurrentVersionExpiration: {NoncurrentDays: 90}",
        "NoncurrentVersionExpiration: {NoncurrentDays: 1}",
    ),
    (
        "logs kept by the budget",
        _TEMPLATE,
        'LogGroupName: !Sub "/aws/lambda/${AWS::StackName}"\n      RetentionInDays: !Ref LogRetentionDays',
        'LogGroupName: !Sub "/aws/lambda/${AWS::StackName}"\n      RetentionInDays: !Ref MonthlyBudget',
    ),
    (
        "functions that may write the machines' logs",
        _TEMPLATE,
        "Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt FunctionLogs.Arn",
        "Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt MachineLogs.Arn",
    ),
    (
        "a refusal that holds for Lambda itself",
        _TEMPLATE,
        '{ArnLike: {"lambda:SourceFunctionArn"',
        '{ArnLike: {"aws:SourceArn"',
    ),
    (
        "a dead letter that comes back while it is reported",
        _TEMPLATE,
        "VisibilityTimeout: 90 ",
        "VisibilityTimeout: 30 ",
    ),
    ("code that a new layer does not renew", _TEMPLATE, "Core: !Ref CoreLayer", "Core: !Ref DataLayer"),
    (
        "a deployer without the jobs",
        _TEMPLATE,
        "Timeout: 300\n      Layers: [!Ref JobsLayer]",
        "Timeout: 300\n      Layers: [!Ref DataLayer]",
    ),
    (
        "arrivals of one kind of file only",
        _TEMPLATE,
        "object: {key: [{prefix: raw/}, {prefix: labels/}]}",
        "object: {key: [{suffix: .csv}]}",
    ),
    (
        "contracts in another folder",
        _TEMPLATE,
        "object: {key: [{prefix: projects/}]}",
        "object: {key: [{prefix: project/}]}",
    ),
    (
        "answers that are reported as misplaced",
        _TEMPLATE,
        "models/, capture/, monitor/, predictions/, scoring/,",
        "models/, capture/, monitor/, scoring/,",
    ),
    (
        "a smaller disk in the setting than in the function",
        _TEMPLATE,
        'SLUICE_SCRATCH_MB: "10240"\n',
        'SLUICE_SCRATCH_MB: "1024"\n',
    ),
    (
        "an intake that runs longer than its message is hidden",
        _TEMPLATE,
        "CodeUri: functions/validate_dataset/\n      Timeout: 600",
        "CodeUri: functions/validate_dataset/\n      Timeout: 900",
    ),
    (
        "dead arrivals that nobody reads",
        _TEMPLATE,
        "Properties: {Queue: !GetAtt IntakeDeadLetterQueue.Arn, BatchSize",
        "Properties: {Queue: !GetAtt IntakeQueue.Arn, BatchSize",
    ),
    ("training before the profile", _TEMPLATE, "detail-type: [Dataset Profiled]", "detail-type: [Dataset Accepted]"),
    (
        "outputs under the messages' key",
        _TEMPLATE,
        "SLUICE_DATA_KEY_ARN: !GetAtt DataKey.Arn",
        "SLUICE_DATA_KEY_ARN: !GetAtt MessageKey.Arn",
    ),
    (
        "one archive for another",
        _TEMPLATE,
        "SLUICE_LEARN_URI: !GetAtt JobCode.LearnUri",
        "SLUICE_LEARN_URI: !GetAtt JobCode.SourceUri",
    ),
    (
        "captures that may not be written",
        _TEMPLATE,
        '- &InCapture !Sub "arn:${AWS::Partition}:s3:::${DataBucket}/capture/*"',
        '- &InCapture !Sub "arn:${AWS::Partition}:s3:::${DataBucket}/captures/*"',
    ),
    ("answers that may not be written", _TEMPLATE, "${DataBucket}/scoring/*-answers/*", "${DataBucket}/predictions/*"),
    ("an alarm that is answered when it is over", _TEMPLATE, "state: {value: [ALARM]}", "state: {value: [ALARM, OK]}"),
    (
        "alarms of another name",
        _TEMPLATE,
        '{alarmName: [{prefix: !Sub "${AWS::StackName}/"}]',
        '{alarmName: [{prefix: !Sub "${AWS::StackName}-"}]',
    ),
    (
        "measurements on the wrong bus",
        _TEMPLATE,
        "            EventBusName: !Ref Bus\n            Pattern: {source: [sluice], detail-type: [Model Measured]}",
        "            Pattern: {source: [sluice], detail-type: [Model Measured]}",
    ),
    (
        "an alarm that starts a run for a rollback",
        _TEMPLATE,
        "SLUICE_ROLLBACK_ARN: !Ref RollBack",
        "SLUICE_ROLLBACK_ARN: !Ref MlLifecycle",
    ),
    (
        "an alarm about executions that were stopped",
        _TEMPLATE,
        "MetricName: ExecutionsFailed",
        "MetricName: ExecutionsAborted",
    ),
    ("a delay in milliseconds", _TEMPLATE, "Threshold: 900\n", "Threshold: 900000\n"),
    ("data in the machines' logs", _TEMPLATE, "IncludeExecutionData: false", "IncludeExecutionData: true"),
    ("a swap that is awaited for six minutes", _RELEASE, "MaxAttempts: 3600", "MaxAttempts: 36"),
    (
        "a swap that counts when it went back",
        _RELEASE,
        "$states.input.config = $plan.only_config",
        "$states.input.config = $plan.champion_config",
    ),
    (
        "a step that stays where it is",
        _RELEASE,
        "$plan.weights[$states.input.step_index + 1]",
        "$plan.weights[$states.input.step_index]",
    ),
    (
        "a wait as long as a bake",
        _RELEASE,
        'TimeoutSeconds: "{% $plan.slice_seconds %}"',
        'TimeoutSeconds: "{% $plan.bake_seconds %}"',
    ),
    (
        "weights the other way round",
        _RELEASE,
        "'DesiredWeight': $weights.champion_weight},\n          {'VariantName': $plan.variant, 'DesiredWeight': $weights.variant_weight}",
        "'DesiredWeight': $weights.variant_weight},\n          {'VariantName': $plan.variant, 'DesiredWeight': $weights.champion_weight}",
    ),
    (
        "a model's name for its archive",
        _RELEASE,
        'outcome: promoted\n        package_arn: "{% $release.package_arn %}"\n        artifact_uri: "{% $release.artifact_uri %}"',
        'outcome: promoted\n        package_arn: "{% $release.package_arn %}"\n        artifact_uri: "{% $plan.model %}"',
    ),
    (
        "a baseline that is the candidate",
        _BUILD,
        "--baseline, /opt/ml/processing/input/baseline",
        "--baseline, /opt/ml/processing/input/candidate",
    ),
    ("a metric's name for its value", _BUILD, "ObjectiveMetric.Value", "ObjectiveMetric.MetricName"),
    (
        "an approval that never times out in words",
        _LIFECYCLE,
        "- ErrorEquals: [States.Timeout]",
        "- ErrorEquals: [States.HeartbeatTimeout]",
    ),
    ("an outcome that is an approval", _LIFECYCLE, 'outcome: "{% $outcome %}"', 'outcome: "{% $package.approval %}"'),
    ("the wrong run's contract", _ROLL_BACK, 'run_id: "{% $plan.to_run %}"', 'run_id: "{% $plan.from_run %}"'),
    (
        "inputs for accepted rows",
        "statemachines/prepare_data.asl.yaml",
        '--accepted: "{% $states.input.uris.accepted %}"\n        --inputs: "{% $states.input.uris.inputs %}"',
        '--accepted: "{% $states.input.uris.inputs %}"\n        --inputs: "{% $states.input.uris.accepted %}"',
    ),
    ("answers without line ends", "statemachines/batch_predict.asl.yaml", "AssembleWith: Line", "AssembleWith: None"),
)


def mutants(project: Project) -> Iterator[Mutant]:
    for name, file, old, new in PATCHES:
        yield Mutant(KIND, name, _patched(project, file, old, new))


@cache
def _files() -> tuple[tuple[str, str], ...]:
    """Path and text of everything that a Project is read of."""
    paths = [ROOT / _TEMPLATE, *sorted((ROOT / "statemachines").iterdir()), ROOT / SCHEDULES]
    paths += sorted((ROOT / "functions").rglob("*.py"))
    return tuple((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths)


def _patched(project: Project, file: str, old: str, new: str) -> Project:
    """The application as its files are read with one replacement. What is equal stays the same object."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _files():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == file:
                assert text.count(old) >= 1, f"{old!r} is not in {file} any more"
                text = text.replace(old, new, 1)
            path.write_text(text, encoding="utf-8")
        read = Project.load(Path(folder))
    changed = project
    for part in ("source", "definitions", "code"):
        for path_below, value in _differences(getattr(project, part), getattr(read, part)):
            changed = changed.changed((part, *path_below), value)
    assert changed is not project, f"{file}: {new!r} changes nothing"
    return changed


def _differences(good: Any, other: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(good, dict) and isinstance(other, dict) and good.keys() == other.keys():
        for key in good:
            yield from (((key, *path), value) for path, value in _differences(good[key], other[key]))
    elif good != other:
        yield (), other
