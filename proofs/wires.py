"""Wires between resources that deploy although they lead nowhere: each is looked at from both ends.

What starts and what is started, what is sent and who is listening, what expires and who writes it, what a variable is
called and what it names, when CloudFormation calls a custom resource again, in which time zone a schedule is written.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from proofs.api_calls import check_call
from proofs.members import nearest
from proofs.project import SCHEDULES, Finding, Project, listed
from sluice import keys
from sluice.ports import Settings

CHECK = "wires"

# Setting → the resource whose Ref or attribute it is; those of every function are in Globals.
NAMED = {
    "STACK": ("AWS::StackName", "Ref"),
    "BUCKET": ("DataBucket", "Ref"),
    "TABLE": ("Table", "Ref"),
    "TOPIC_ARN": ("AlertTopic", "Ref"),
    "BUS": ("Bus", "Ref"),
    "LIFECYCLE_ARN": ("MlLifecycle", "Ref"),
    "ROLLBACK_ARN": ("RollBack", "Ref"),
    "RELEASE_ARN": ("ReleaseModel", "Ref"),
    "BATCH_ARN": ("BatchPredict", "Ref"),
    "PARTS_ARN": ("JudgeParts", "Ref"),
    "MONITOR_FUNCTION_ARN": ("MonitorModelFunction", "Arn"),
    "SCHEDULER_ROLE_ARN": ("SchedulerRole", "Arn"),
    "EXECUTION_ROLE_ARN": ("SageMakerRole", "Arn"),
    "DATA_KEY_ARN": ("DataKey", "Arn"),
    "SOURCE_URI": ("JobCode", "SourceUri"),
    "LEARN_URI": ("JobCode", "LearnUri"),
    "GLUE_SCRIPT_URI": ("JobCode", "GlueScriptUri"),
    "SIGNING_KEY": ("SigningKey", "Arn"),
    "DEAD_ARRIVALS_ARN": ("IntakeDeadLetterQueue", "Arn"),
}
# Setting → the function's own property that says the same number.
NUMBERS = {"SCRATCH_MB": ("EphemeralStorage", "Size"), "MEMORY_MB": ("MemorySize",)}
# Folders that may expire: what can be made again from what is kept. All else is data, or the record of a decision.
_EXPIRE = {"scoring/", "parts/"}
_DEAD_LETTERS = {"IntakeQueue": "IntakeDeadLetterQueue"}
_FAILED_EVENTS = {"Fn::GetAtt": ["EventDeadLetterQueue", "Arn"]}
_DAY = 86_400
_MAX_RETENTION = 1_209_600  # seconds: what SQS keeps at most


def findings(project: Project) -> list[Finding]:
    try:
        found = [
            *_buckets(project),
            *_lifecycles(project),
            *_custom_resources(project),
            *_rules(project),
            *_queues(project),
            *_settings(project),
            *_topics(project),
            *_schedules(project),
        ]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        return [Finding(CHECK, "template.yaml", repr(error))]
    return [Finding(CHECK, where, what) for where, what in found]


def _buckets(project: Project) -> Iterator[tuple[str, str]]:
    """A bucket that a rule listens to sends its events to EventBridge."""
    buckets = project.resources("AWS::S3::Bucket")
    for where, _, pattern, _ in _patterns(project):
        if "aws.s3" not in listed(pattern.get("source")):
            continue
        named = pattern.get("detail", {}).get("bucket", {}).get("name", [])
        for name in named:
            bucket = buckets.get(name.get("Ref", "") if isinstance(name, dict) else "")
            sends = (bucket or {}).get("NotificationConfiguration", {}).get("EventBridgeConfiguration", {})
            if sends.get("EventBridgeEnabled") is not True:
                yield where, f"{name} sends no events to EventBridge"
        if not named:
            yield where, "names no bucket of ours: every bucket of the account would start it"


@functools.cache
def areas() -> frozenset[str]:
    """The folders at the top of the bucket that anything of ours writes, by sluice.keys."""
    found = set()
    for function in vars(keys).values():
        if inspect.isfunction(function) and inspect.signature(function).return_annotation == "str":
            given = ["x" for each in inspect.signature(function).parameters.values() if each.default is each.empty]
            key = function(*[each for each, _ in zip(given, range(4), strict=False)])
            if "/" in key:
                found.add(key.partition("/")[0] + "/")
    return frozenset(found)


def _lifecycles(project: Project) -> Iterator[tuple[str, str]]:
    for bucket, properties in project.resources("AWS::S3::Bucket").items():
        rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
        expiring = set()
        for rule in rules:
            where = f"{bucket}.{rule.get('Id')}"
            if rule.get("Status") != "Enabled":
                yield where, "is not enabled"
            prefix = rule.get("Prefix", (rule.get("Filter") or {}).get("Prefix", ""))
            if prefix and prefix not in areas():
                yield where, f"nobody writes {prefix!r} (sluice/keys.py)" + nearest(prefix, sorted(areas()))
            if any(key.startswith("Expiration") for key in rule):
                expiring.add(prefix)
                yield from _expiring(where, prefix, rule, project)
            elif not any(key.startswith(("NoncurrentVersion", "Abort")) for key in rule):
                yield where, "does nothing"
        for prefix in sorted(_EXPIRE - expiring):
            yield bucket, f"{prefix} grows for ever: nothing expires it"
        everywhere = [rule for rule in rules if not rule.get("Prefix") and not rule.get("Filter")]
        for wanted in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if not any(wanted in rule for rule in everywhere):
                yield bucket, f"no rule for the whole bucket has {wanted}"


def _expiring(where: str, prefix: str, rule: dict[str, Any], project: Project) -> Iterator[tuple[str, str]]:
    if prefix not in _EXPIRE:
        yield where, f"what lies in {prefix or 'the bucket'} must not expire (proofs/wires.py)"
    if "NoncurrentVersionExpiration" not in rule:
        yield where, "the bucket keeps versions: what expired is kept as a noncurrent one"
    longest = max((int(state["TimeoutSeconds"]) for state in _transforms(project)), default=0)
    if not rule.get("ExpirationInDays", 0) * _DAY > longest:
        yield where, f"expires before a job of {longest} s has read it"


def _transforms(project: Project) -> Iterator[dict[str, Any]]:
    for definition in project.definitions.values():
        for state in definition["States"].values():
            if "createTransformJob" in str(state.get("Resource")):
                yield state


def _custom_resources(project: Project) -> Iterator[tuple[str, str]]:
    """CloudFormation calls the function again when a property changes: all that the function ships must be one."""
    functions = project.functions()
    for name, item in project.source["Resources"].items():
        if not item["Type"].startswith("Custom::"):
            continue
        properties = item.get("Properties", {})
        token = properties.get("ServiceToken", {}).get("Fn::GetAtt", ["", ""])
        function = functions.get(token[0], {})
        source = project.code.get(f"{str(function.get('CodeUri', '')).strip('/')}/app.py", "")
        if token[1] != "Arn" or '"ResponseURL"' not in source:
            yield name, f"{token[0] or 'nothing'} does not answer CloudFormation"
            continue
        for layer in function.get("Layers", []):
            if layer not in properties.values():
                yield name, f"is not called again when {layer} changes"
        bucket = function.get("Environment", {}).get("Variables", {}).get("SLUICE_BUCKET")
        if bucket not in properties.values():
            yield name, "is not called again when the bucket is another one"
        if not function.get("Timeout", 3) < int(properties.get("ServiceTimeout", 3600)) < 3600:
            yield name, "CloudFormation waits too short, or for an hour, for an answer"


def _patterns(project: Project) -> Iterator[tuple[str, Any, dict[str, Any], dict[str, Any]]]:
    """Where, the bus, the pattern and the properties of each rule, those of functions' events included."""
    for name, properties in project.resources("AWS::Events::Rule").items():
        yield name, properties.get("EventBusName"), properties.get("EventPattern", {}), properties
    for name, properties in project.resources("AWS::Serverless::Function").items():
        for event, item in properties.get("Events", {}).items():
            if item["Type"] in ("EventBridgeRule", "CloudWatchEvent"):
                own = item["Properties"]
                yield f"{name}.{event}", own.get("EventBusName"), own.get("Pattern", {}), own


def _rules(project: Project) -> Iterator[tuple[str, str]]:
    """Rules are on, and what cannot be delivered, or not be handled, is kept."""
    for where, bus, pattern, rule in _patterns(project):
        if rule.get("State", "ENABLED") != "ENABLED":
            yield where, "the rule is off"
        own = "sluice" in listed(pattern.get("source"))
        if own is not (bus == {"Ref": "Bus"}):
            yield where, "our events are on our bus, AWS's on the default one"
        for target in rule.get("Targets", [rule]):
            if target.get("DeadLetterConfig", {}).get("Arn") != _FAILED_EVENTS:
                yield where, "an event that cannot be delivered is lost: DeadLetterConfig is EventDeadLetterQueue"
            retries = target.get("RetryPolicy", {})
            if retries.get("MaximumRetryAttempts", 185) < 1 or retries.get("MaximumEventAgeInSeconds", _DAY) < 3600:
                yield where, "gives up within the hour: a short outage loses events"
            for field in ("Input", "InputPath", "InputTransformer"):
                if field in target:
                    yield where, f"{field} replaces the event, which the handlers read"
    for name, properties in project.functions().items():
        if any(each["Type"] == "EventBridgeRule" for each in properties.get("Events", {}).values()) or (
            name == "MonitorModelFunction"
        ):
            letters = properties.get("DeadLetterQueue", {})
            if letters.get("Type") != "SQS" or letters.get("TargetArn") != _FAILED_EVENTS:
                yield name, "an event on which it fails three times is lost: DeadLetterQueue is EventDeadLetterQueue"


def _queues(project: Project) -> Iterator[tuple[str, str]]:
    queues = project.resources("AWS::SQS::Queue")
    for queue, dead in _DEAD_LETTERS.items():
        redrive = queues.get(queue, {}).get("RedrivePolicy", {})
        if redrive.get("deadLetterTargetArn") != {"Fn::GetAtt": [dead, "Arn"]}:
            yield queue, f"what is given up goes to {dead}"
        if not 2 <= redrive.get("maxReceiveCount", 0) <= 10:
            yield queue, "gives a message up after one try, or after too many"
    for queue, properties in queues.items():
        if properties.get("MessageRetentionPeriod") != _MAX_RETENTION:
            yield queue, "keeps messages for less than 14 days"
        if properties.get("DelaySeconds", 0) != 0:
            yield queue, "delays every message"
    read = set()
    for name, properties in project.functions().items():
        source = project.code.get(f"{str(properties.get('CodeUri', '')).strip('/')}/app.py", "")
        for event, item in properties.get("Events", {}).items():
            if item["Type"] != "SQS":
                continue
            where, given = f"{name}.{event}", item["Properties"]
            queue = given.get("Queue", {}).get("Fn::GetAtt", [""])[0]
            read.add(queue)
            waits = queues.get(queue, {}).get("VisibilityTimeout", 30)
            if not waits >= properties.get("Timeout", 3):
                yield where, f"{queue} shows a message again after {waits} s, while the function may still run"
            partial = "ReportBatchItemFailures" in given.get("FunctionResponseTypes", [])
            if partial is not ("bootstrap.each_message(" in source):
                yield where, "ReportBatchItemFailures is for functions that say which messages failed, and only those"
            if given.get("Enabled", True) is not True or "FilterCriteria" in given:
                yield where, "does not read every message"
            if not given.get("ScalingConfig", {}).get("MaximumConcurrency"):
                yield where, "takes all of the account's concurrent functions, and what Lambda throttles is given up"
            if given.get("BatchSize", 10) != 1:
                yield where, "a second file would wait for the first, and its time would be the first one's"
    for queue in ("IntakeQueue", "IntakeDeadLetterQueue", "EventDeadLetterQueue"):
        if queue not in read:
            yield queue, "nobody reads it"


def _settings(project: Project) -> Iterator[tuple[str, str]]:
    known = {name.upper() for name in Settings.__dataclass_fields__}
    shared = project.source.get("Globals", {}).get("Function", {}).get("Environment", {}).get("Variables", {})
    given = {"Globals": shared} | {
        name: each.get("Environment", {}).get("Variables", {}) for name, each in project.functions().items()
    }
    functions = project.functions()
    for where, variables in given.items():
        for name, value in variables.items():
            setting = str(name).removeprefix("SLUICE_")
            if setting in NUMBERS:
                said: Any = functions.get(where, {})
                for step in NUMBERS[setting]:
                    said = said.get(step) if isinstance(said, dict) else None
                if str(said) != str(value):
                    yield f"{where}.{name}", f"is {value}, but {'.'.join(NUMBERS[setting])} is {said}"
            elif setting in NAMED:
                of, attribute = NAMED[setting]
                wanted = {"Ref": of} if attribute == "Ref" else {"Fn::GetAtt": [of, attribute]}
                if value != wanted:
                    yield f"{where}.{name}", f"is {json.dumps(value)}, not {json.dumps(wanted)}"
            elif setting in known and setting not in ("IMAGE", "FRAMEWORKS_REGISTRY", "PART_MB"):
                yield f"{where}.{name}", "which resource it names is not known here (proofs/wires.py)"


def _topics(project: Project) -> Iterator[tuple[str, str]]:
    """Whoever notifies people does it through the one topic that they subscribe to."""
    topic = {"Ref": "AlertTopic"}
    for name, properties in project.resources("AWS::CloudWatch::Alarm").items():
        if topic not in listed(properties.get("AlarmActions")):
            yield name, "does not notify AlertTopic"
    for name, properties in project.resources("AWS::SNS::Subscription").items():
        if properties.get("TopicArn") != topic or "FilterPolicy" in properties:
            yield name, "does not get every alert"
        if properties.get("Protocol") == "email" and properties.get("Endpoint") != {"Ref": "AlertEmail"}:
            yield name, "goes to another address than AlertEmail"
    for name, properties in project.resources("AWS::Budgets::Budget").items():
        for each in properties.get("NotificationsWithSubscribers", []):
            if [reader.get("Address") for reader in each.get("Subscribers", [])] != [topic]:
                yield name, "does not notify AlertTopic"


def _schedules(project: Project) -> Iterator[tuple[str, str]]:
    """Times are UTC everywhere: in the contract, in the records, and so in schedules."""
    for name, item in project.source["Resources"].items():
        for where, given in _scheduled(name, item):
            zone = given.get("ScheduleExpressionTimezone", "UTC")
            if zone != "UTC":
                yield where, f"is in the time zone {zone}; ours is UTC"
            if given.get("State", "ENABLED") != "ENABLED" or given.get("Enabled", True) is not True:
                yield where, "is off"
    try:
        made = _made(project.code.get(SCHEDULES, ""))
    except Exception as error:
        yield SCHEDULES, f"makes no schedule: {error!r}"
        return
    if sorted(made) != ["create_schedule", "update_schedule"]:
        yield SCHEDULES, "a schedule is made, or changed when there is one"
    for operation, call in made.items():
        where = f"{SCHEDULES}.{operation}"
        name = "".join(each.capitalize() for each in operation.split("_"))
        yield from ((where, str(each)) for each in check_call("scheduler", name, call))
        target = call.get("Target", {})
        wanted = {
            "time zone": (call.get("ScheduleExpressionTimezone", "UTC"), "UTC"),
            "expression": (call.get("ScheduleExpression"), _EXPRESSION),
            "name": (call.get("Name"), "sluice-shop-monitor"),
            "group": (call.get("GroupName", "default"), "default"),
            "state": (call.get("State", "ENABLED"), "ENABLED"),
            "window": (call.get("FlexibleTimeWindow"), {"Mode": "OFF"}),
            "begin and end": ([call.get("StartDate"), call.get("EndDate")], [None, None]),
            "after its end": (call.get("ActionAfterCompletion", "NONE"), "NONE"),
            "target": (target.get("Arn"), _TARGET),
            "role": (target.get("RoleArn"), _ROLE),
            "input": (json.loads(target.get("Input", "null")), {"project": "shop"}),
        }
        for what, (is_, should) in wanted.items():
            if is_ != should:
                yield where, f"{what} is {is_!r}, not {should!r}"


def _scheduled(name: str, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    properties = item.get("Properties", {})
    if item["Type"] == "AWS::Scheduler::Schedule" or "ScheduleExpression" in properties:
        yield name, properties
    for event, each in properties.get("Events", {}).items() if isinstance(properties.get("Events"), dict) else ():
        if each["Type"] in ("Schedule", "ScheduleV2"):
            yield f"{name}.{event}", each["Properties"]


_EXPRESSION = "rate(1 hours)"
_TARGET = "arn:aws:lambda:eu-west-1:000000000000:function:monitor"
_ROLE = "arn:aws:iam::000000000000:role/scheduler"


@functools.lru_cache(maxsize=512)
def _made(source: str) -> dict[str, dict[str, Any]]:
    """Operation → arguments of the calls with which the adapter's source makes a schedule that exists already."""
    from botocore.exceptions import ClientError

    made: dict[str, dict[str, Any]] = {}

    class Recorder:
        def create_schedule(self, **call: Any) -> None:
            made["create_schedule"] = call
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "it exists"}}, "CreateSchedule")

        def update_schedule(self, **call: Any) -> None:
            made["update_schedule"] = call

    namespace: dict[str, Any] = {"__name__": "schedules_under_proof"}
    exec(compile(source, SCHEDULES, "exec"), namespace)
    (adapter,) = (each for name, each in namespace.items() if re.fullmatch(r"\w+Schedules", name))
    settings = Settings(scheduler_role_arn=_ROLE)
    adapter(lambda _: Recorder(), settings).ensure("sluice-shop-monitor", _EXPRESSION, _TARGET, {"project": "shop"})
    return made
