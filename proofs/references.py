"""What Ref, GetAtt, Sub, DependsOn and Condition name exists, and is of the kind that its place wants.

CloudFormation takes any text for most properties: a queue's URL where its ARN belongs is found by the first event.
What policies name is checked by proofs/policies.py, by the actions that they allow on it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from proofs.project import REGION, ROOT, Finding, Project, TranslationError

CHECK = "references"
Path = tuple[str, ...]
_PLACEHOLDER = re.compile(r"\$\{([^!}]+)\}")
_PSEUDO = {"AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix"}

_ALARM, _BUCKET, _BUS = "AWS::CloudWatch::Alarm", "AWS::S3::Bucket", "AWS::Events::EventBus"
_FUNCTION, _GROUP, _KEY = "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::KMS::Key"
_LAYER, _MACHINE, _QUEUE = "AWS::Lambda::LayerVersion", "AWS::StepFunctions::StateMachine", "AWS::SQS::Queue"
_ROLE, _RULE, _TABLE, _TOPIC = "AWS::IAM::Role", "AWS::Events::Rule", "AWS::DynamoDB::Table", "AWS::SNS::Topic"
Kind = tuple[str, str]
# Place (type and path, list items as *) → what may stand there: type and attribute. A parameter's type is its own.
_PLACES: dict[str, set[Kind]] = {
    r".*kms-key-id(\.\*)?": {(_KEY, "Arn")},
    r"AWS::CloudWatch::Alarm\.\w*Actions\.\*": {(_TOPIC, "Ref")},
    r"AWS::Budgets::Budget\..*\.Address": {(_TOPIC, "Ref"), ("String", "Ref")},
    r"AWS::Budgets::Budget\.Budget\.BudgetLimit\.Amount": {("Number", "Ref")},
    r"AWS::DynamoDB::Table\.SSESpecification\.KMSMasterKeyId": {(_KEY, "Arn")},
    r"AWS::Lambda::Function\.VpcConfig\.SecurityGroupIds(\.\*)?": {
        ("List<AWS::EC2::SecurityGroup::Id>", "Ref"),
        ("CommaDelimitedList", "Ref"),
        ("AWS::EC2::SecurityGroup", "GroupId"),
    },
    r"AWS::EC2::SecurityGroup\.VpcId": {("AWS::EC2::VPC::Id", "Ref"), ("String", "Ref")},
    r"AWS::Events::Rule\.EventBusName": {(_BUS, "Ref")},
    r"AWS::Events::Rule\.EventPattern\.detail\.bucket\.name\.\*": {(_BUCKET, "Ref")},
    r"AWS::Events::Rule\.EventPattern\.detail\.stateMachineArn\.\*": {(_MACHINE, "Ref")},
    r"AWS::Events::Rule\.Targets\.\*\.Arn": {(_FUNCTION, "Arn"), (_QUEUE, "Arn"), (_MACHINE, "Ref"), (_MACHINE, "Arn")},
    r"AWS::Events::Rule\.Targets\.\*\.DeadLetterConfig\.Arn": {(_QUEUE, "Arn")},
    r"AWS::Events::Rule\.Targets\.\*\.RoleArn": {(_ROLE, "Arn")},
    r"AWS::Glue::Job\.Command\.ScriptLocation": {("Custom::JobCode", "GlueScriptUri")},
    r"AWS::Glue::Job\.DefaultArguments\.--extra-py-files": {("Custom::JobCode", "GlueModulesUri")},
    r"AWS::Glue::Job\.NumberOfWorkers": {("Number", "Ref")},
    r"AWS::Glue::Job\.Role": {(_ROLE, "Arn")},
    r"AWS::Glue::Job\.SecurityConfiguration": {("AWS::Glue::SecurityConfiguration", "Ref")},
    r"AWS::IAM::Role\.ManagedPolicyArns\.\*": {("AWS::IAM::ManagedPolicy", "Ref")},
    r"AWS::KMS::Alias\.TargetKeyId": {(_KEY, "Ref"), (_KEY, "Arn")},
    r"AWS::Lambda::EventSourceMapping\.EventSourceArn": {(_QUEUE, "Arn")},
    r"AWS::Lambda::EventSourceMapping\.FunctionName": {(_FUNCTION, "Ref"), (_FUNCTION, "Arn")},
    r"AWS::Lambda::EventSourceMapping\.ScalingConfig\.MaximumConcurrency": {("Number", "Ref")},
    r"AWS::Lambda::Function\.DeadLetterConfig\.TargetArn": {(_QUEUE, "Arn")},
    r"AWS::Lambda::Function\.Layers\.\*": {(_LAYER, "Ref")},
    r"AWS::Lambda::Function\.LoggingConfig\.LogGroup": {(_GROUP, "Ref")},
    r"AWS::Lambda::Function\.Role": {(_ROLE, "Arn")},
    r"AWS::Lambda::Function\.VpcConfig\.SubnetIds": {
        ("List<AWS::EC2::Subnet::Id>", "Ref"),
        ("CommaDelimitedList", "Ref"),
    },
    r"AWS::Lambda::Permission\.FunctionName": {(_FUNCTION, "Ref"), (_FUNCTION, "Arn")},
    r"AWS::Lambda::Permission\.SourceArn": {(_RULE, "Arn")},
    r"AWS::Logs::LogGroup\.RetentionInDays": {("Number", "Ref")},
    r"AWS::S3::BucketPolicy\.Bucket": {(_BUCKET, "Ref")},
    r"AWS::S3::Bucket\.LoggingConfiguration\.DestinationBucketName": {(_BUCKET, "Ref")},
    r"AWS::SNS::Subscription\.Endpoint": {("String", "Ref")},
    r"AWS::SNS::Subscription\.TopicArn": {(_TOPIC, "Ref")},
    r"AWS::SNS::TopicPolicy\.Topics\.\*": {(_TOPIC, "Ref")},
    r"AWS::SQS::Queue\.RedrivePolicy\.deadLetterTargetArn": {(_QUEUE, "Arn")},
    r"AWS::SQS::QueuePolicy\.Queues\.\*": {(_QUEUE, "Ref")},
    r"AWS::StepFunctions::StateMachine\.RoleArn": {(_ROLE, "Arn")},
    r"AWS::StepFunctions::StateMachine\.LoggingConfiguration\..*LogGroupArn": {(_GROUP, "Arn")},
    r"Custom::JobCode\.Bucket": {(_BUCKET, "Ref")},
    r"Custom::JobCode\.(Core|Jobs)": {(_LAYER, "Ref")},
    r"Custom::JobCode\.ServiceToken": {(_FUNCTION, "Arn")},
    r".*\.(KmsKeyId|KmsMasterKeyId|KMSMasterKeyID|KmsKeyArn)": {(_KEY, "Arn")},
    # proofs/policies.py, metrics.py, trust.py look at these
    r".*Policy(Document)?\..*": set(),
    r"AWS::CloudWatch::(Alarm\.Dimensions|Dashboard\.DashboardBody).*": set(),
    r".*\.Tags\..*|.*\.Tags": set(),
}
# How an output's name begins → the resource that it is of, where it is not called after it.
_OUTPUTS = {"Lifecycle": "MlLifecycle"}
# A function's variables and what each must be, to the resource: many are of one kind.
VARIABLES: dict[str, Kind] = {
    "SLUICE_BUCKET": ("DataBucket", "Ref"),
    "SLUICE_TABLE": ("Table", "Ref"),
    "SLUICE_TOPIC_ARN": ("AlertTopic", "Ref"),
    "SLUICE_BUS": ("Bus", "Ref"),
    "SLUICE_DATA_KEY_ARN": ("DataKey", "Arn"),
    "SLUICE_SIGNING_KEY": ("SigningKey", "Arn"),
    "SLUICE_DEAD_ARRIVALS_ARN": ("IntakeDeadLetterQueue", "Arn"),
    "SLUICE_EXECUTION_ROLE_ARN": ("SageMakerRole", "Arn"),
    "SLUICE_SCHEDULER_ROLE_ARN": ("SchedulerRole", "Arn"),
    "SLUICE_LIFECYCLE_ARN": ("MlLifecycle", "Ref"),
    "SLUICE_BATCH_ARN": ("BatchPredict", "Ref"),
    "SLUICE_PARTS_ARN": ("JudgeParts", "Ref"),
    "SLUICE_ROLLBACK_ARN": ("RollBack", "Ref"),
    "SLUICE_MONITOR_FUNCTION_ARN": ("MonitorModelFunction", "Arn"),
    "SLUICE_SOURCE_URI": ("JobCode", "SourceUri"),
    "SLUICE_LEARN_URI": ("JobCode", "LearnUri"),
    "SLUICE_GLUE_SCRIPT_URI": ("JobCode", "GlueScriptUri"),
}


def findings(project: Project) -> list[Finding]:
    try:
        template = project.translated
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]
    return [Finding(CHECK, where, what) for where, what in _template(template, project.looked_at())]


def _template(template: dict[str, Any], looked_at: dict[str, Any]) -> Iterator[tuple[str, str]]:
    resources = template["Resources"]
    for name, item in looked_at.items():
        depends = item.get("DependsOn", [])
        for other in depends if isinstance(depends, list) else [depends]:
            if other not in resources or other == name:
                yield f"{name}.DependsOn", f"there is no resource {other!r}"
        if item.get("Condition", "") not in {"", *template.get("Conditions", {})}:
            yield f"{name}.Condition", f"there is no condition {item['Condition']!r}"
        properties = {key: value for key, value in item.get("Properties", {}).items() if key != "Definition"}
        yield from _values(template, name, item["Type"], properties)
    for name, output in template.get("Outputs", {}).items():
        wanted = max((each for each in (*resources, *_OUTPUTS) if name.startswith(each)), key=len, default="")
        wanted = _OUTPUTS.get(wanted, wanted)
        given = [(target, how) for _, target, how in references(output.get("Value"))]
        if [target for target, _ in given] != [wanted]:
            yield f"Outputs.{name}", f"is not {wanted or 'named after its resource'}"
        elif name.endswith("Arn") and given[0][1] == "Ref" and resources[wanted]["Type"] not in (_TOPIC, _MACHINE):
            yield f"Outputs.{name}", f"is no ARN: Ref of {resources[wanted]['Type']}"
    for section in ("Outputs", "Conditions"):
        yield from _values(template, section, "", template.get(section, {}))


def _values(template: dict[str, Any], name: str, kind: str, value: Any) -> Iterator[tuple[str, str]]:
    for path, target, attribute in references(value):
        where = ".".join((name, *path))
        problem = _missing(template, target, attribute)
        if not problem and kind and not target.startswith("AWS::"):
            problem = _wrong(template, kind, path, (target, attribute))
        if problem:
            yield where, problem
    for path, function, operand in _functions(value):
        where = ".".join((name, *path))
        if function == "Fn::If" and operand[0] not in template.get("Conditions", {}):
            yield where, f"there is no condition {operand[0]!r}"
        if function == "Fn::FindInMap" and operand[0] not in template.get("Mappings", {}):
            yield where, f"there is no mapping {operand[0]!r}"
        if function not in _KNOWN_FUNCTIONS:
            yield where, f"CloudFormation has no function {function}"


_KNOWN_FUNCTIONS = {
    *("Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::Not"),
    *("Fn::Equals", "Fn::And", "Fn::Or", "Fn::GetAZs"),
}


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Path, target and attribute (`Ref` without one) of every reference in a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item, (*path, "*"))
    if not isinstance(value, dict):
        return
    if len(value) == 1:
        ((function, operand),) = value.items()
        if function == "Ref":
            yield path, str(operand), "Ref"
            return
        if function == "Fn::GetAtt":
            target, attribute = operand if isinstance(operand, list) else str(operand).split(".", 1)
            yield path, str(target), str(attribute)
            return
        if function == "Fn::Sub":
            text, given = (operand, {}) if isinstance(operand, str) else operand
            yield from references(given, path)
            for name in _PLACEHOLDER.findall(text):
                if name not in given:
                    target, _, attribute = name.partition(".")
                    yield path, target, attribute or "Ref"
            return
        if function.startswith("Fn::"):
            named = function in ("Fn::If", "Fn::FindInMap")  # a condition or a mapping comes first
            for item in operand[1:] if named else operand if isinstance(operand, list) else [operand]:
                yield from references(item, path)
            return
    for key, item in value.items():
        yield from references(item, (*path, str(key)))


def _functions(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _functions(item, (*path, "*"))
    elif isinstance(value, dict):
        for key, item in value.items():
            if str(key).startswith("Fn::"):
                yield path, key, item
            yield from _functions(item, (*path, str(key)))


def _missing(template: dict[str, Any], target: str, attribute: str) -> str:
    if target.startswith("AWS::"):
        return "" if target.removeprefix("AWS::") in _PSEUDO else f"there is no pseudo parameter {target!r}"
    if target in template.get("Parameters", {}):
        return "" if attribute == "Ref" else f"a parameter has no attribute {attribute!r}"
    if target not in template["Resources"]:
        return f"there is no resource or parameter {target!r}"
    kind = template["Resources"][target]["Type"]
    if attribute != "Ref" and attribute not in _attributes(kind):
        return f"{kind} has no attribute {attribute!r}; it has {sorted(_attributes(kind))[:8]}"
    return ""


def _wrong(template: dict[str, Any], kind: str, path: Path, reference: Kind) -> str:
    """Why what is named does not belong at this place, or nothing."""
    target, attribute = reference
    if path[:2] == ("Environment", "Variables"):
        if target in template.get("Parameters", {}):
            return ""
        if path[2] in ("SLUICE_IMAGE", "SLUICE_FRAMEWORKS_REGISTRY"):
            return "an image is named by region and account only"
        wanted = VARIABLES.get(path[2])
        if wanted is None:
            return f"proofs/references.py does not know what {path[2]} must be: add it to VARIABLES"
        return "" if reference == wanted else f"must be {'.'.join(wanted)}, not {'.'.join(reference)}"
    if path[0] == "DefinitionSubstitutions":
        return ""  # proofs/substitutions.py
    place = ".".join((kind, *path))
    allowed = _allowed(place)
    if allowed is None:
        return f"proofs/references.py does not know what belongs at {place}: add a line to _PLACES"
    found = _kind(template, target)
    if allowed and (found, attribute) not in allowed:
        names = " or ".join(sorted(f"{each} ({how})" for each, how in allowed))
        return f"{target} is {found} ({attribute}); here belongs {names}"
    return ""


@functools.cache
def _allowed(place: str) -> frozenset[Kind] | None:
    """What may stand at a place, nothing where another check looks; None for an unknown place."""
    return next((frozenset(allowed) for pattern, allowed in _PLACES.items() if re.fullmatch(pattern, place)), None)


def _kind(template: dict[str, Any], target: str) -> str:
    if target in template.get("Parameters", {}):
        return str(template["Parameters"][target]["Type"])
    return str(template["Resources"][target]["Type"])


@functools.cache
def _attributes(kind: str) -> frozenset[str]:
    """The attributes that GetAtt may ask for; of our custom resource those that its function answers with."""
    if kind == "Custom::JobCode":
        step = (ROOT / "layers/core/sluice/steps/deploy_code.py").read_text(encoding="utf-8")
        return frozenset(re.findall(r'"(\w+Uri)":', step))
    try:
        return frozenset(PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).get_atts)
    except ResourceNotFoundError:
        return frozenset()
