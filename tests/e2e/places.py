"""Every place of an account, S3's objects apart, where a row's value could turn up; and how to put one there.

A place is read by `read(cloud)`, which yields (where, text). `plant(cloud, text)` puts `text` there by AWS's own API,
as a careless function would: the control, without which a search that finds nothing proves nothing.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from testing.inbox import Ear
from testing.line import Line

Found = Iterator[tuple[str, str]]
SERVICES = (
    *("cloudwatch", "dynamodb", "events", "glue", "iam", "lambda", "logs", "sagemaker", "scheduler", "sns", "sqs"),
    *("stepfunctions", "cloudformation"),
)
PLANTED = "leak-test"


@dataclass
class Cloud:
    """The line's account with a client for each service, and ears on both event buses."""

    line: Line
    clients: dict[str, Any] = field(default_factory=dict)
    ears: list[Ear] = field(default_factory=list)

    @classmethod
    def of(cls, line: Line) -> Cloud:
        # boto3 may not make clients in several threads
        with line._making:
            cloud = cls(line, {name: line.stack.client(name) for name in SERVICES})
            for bus in ("default", line.stack.outputs["BusName"]):
                cloud.ears.append(cloud._ear(bus))
        return cloud

    def _ear(self, bus: str) -> Ear:
        name = f"{PLANTED}-{bus}"
        pattern = json.dumps({"source": [{"prefix": ""}]})
        rule = self.clients["events"].put_rule(Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
        ear = Ear(self.line.stack, name, "events.amazonaws.com", rule)
        self.clients["events"].put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "ear", "Arn": ear.arn}])
        return ear

    def pages(self, service: str, operation: str, member: str, **request: Any) -> Iterator[Any]:
        client = self.clients[service]
        if not client.can_paginate(operation):
            yield from getattr(client, operation)(**request).get(member, [])
            return
        for page in client.get_paginator(operation).paginate(**request):
            yield from page.get(member, [])

    def stop(self) -> None:
        for ear in self.ears:
            ear.stop()


def plain(content: Any) -> str:
    return json.dumps(content, default=str, ensure_ascii=False)


def logs(cloud: Cloud) -> Found:
    for group in cloud.pages("logs", "describe_log_groups", "logGroups"):
        for event in cloud.pages("logs", "filter_log_events", "events", logGroupName=group["logGroupName"]):
            yield f"{group['logGroupName']} {event['logStreamName']}", event["message"]


def plant_logs(cloud: Cloud, text: str) -> None:
    client = cloud.clients["logs"]
    client.create_log_group(logGroupName=PLANTED)
    client.create_log_stream(logGroupName=PLANTED, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": f"Traceback: KeyError: '{text}'"}
    client.put_log_events(logGroupName=PLANTED, logStreamName="s", logEvents=[event])


def alerts(cloud: Cloud) -> Found:
    for body in cloud.line.inbox.heard():
        yield f"SNS {body.get('Subject')}", plain(body)


def plant_alerts(cloud: Cloud, text: str) -> None:
    arn = cloud.line.stack.outputs["AlertTopicArn"]
    cloud.clients["sns"].publish(TopicArn=arn, Subject="leak test", Message=f"refused because of {text}")


def metrics(cloud: Cloud) -> Found:
    for metric in cloud.pages("cloudwatch", "list_metrics", "Metrics"):
        yield f"metric {metric['MetricName']}", plain(metric)


def plant_metrics(cloud: Cloud, text: str) -> None:
    datum = {"MetricName": PLANTED, "Value": 1.0, "Dimensions": [{"Name": "Channel", "Value": text}]}
    cloud.clients["cloudwatch"].put_metric_data(Namespace="Sluice", MetricData=[datum])


def items(cloud: Cloud) -> Found:
    for table in cloud.pages("dynamodb", "list_tables", "TableNames"):
        for item in cloud.pages("dynamodb", "scan", "Items", TableName=table):
            yield f"{table} {item['pk']['S']} {item['sk']['S']}", plain(item)


def plant_items(cloud: Cloud, text: str) -> None:
    item = {"pk": {"S": PLANTED}, "sk": {"S": "x"}, "reasons": {"L": [{"S": f"value {text} is new"}]}}
    cloud.clients["dynamodb"].put_item(TableName=cloud.line.stack.outputs["TableName"], Item=item)


def executions(cloud: Cloud) -> Found:
    states = cloud.clients["stepfunctions"]
    for machine in cloud.pages("stepfunctions", "list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        for execution in cloud.pages("stepfunctions", "list_executions", "executions", stateMachineArn=arn):
            named = {"executionArn": execution["executionArn"]}
            yield execution["executionArn"], plain(states.describe_execution(**named))
            given = {**named, "includeExecutionData": True}
            for event in cloud.pages("stepfunctions", "get_execution_history", "events", **given):
                yield f"{execution['executionArn']} {event['type']}", plain(event)


def plant_executions(cloud: Cloud, text: str) -> None:
    """In a Pass state's result, so that only the history has it."""
    states = cloud.clients["stepfunctions"]
    result = {"Type": "Pass", "QueryLanguage": "JSONPath", "Result": {"row": text}, "ResultPath": "$.x", "Next": "End"}
    definition = {"StartAt": "Say", "States": {"Say": result, "End": {"Type": "Succeed"}}}
    role = states.describe_state_machine(stateMachineArn=cloud.line.stack.outputs["LifecycleArn"])["roleArn"]
    made = states.create_state_machine(name=PLANTED, definition=json.dumps(definition), roleArn=role)
    states.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")


def bus_events(cloud: Cloud) -> Found:
    for ear in cloud.ears:
        for body in ear.heard():
            yield f"event {body.get('detail-type')}", plain(body)


def plant_bus_events(cloud: Cloud, text: str) -> None:
    entry = {"Source": "sluice", "DetailType": "Leak Test", "Detail": json.dumps({"row": {"channel": text}})}
    cloud.clients["events"].put_events(Entries=[{**entry, "EventBusName": cloud.line.stack.outputs["BusName"]}])


def dead_letters(cloud: Cloud) -> Found:
    for url in cloud.pages("sqs", "list_queues", "QueueUrls"):
        if "DeadLetter" not in url and not url.endswith(PLANTED):
            continue
        got = cloud.clients["sqs"].receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        yield url, "the queue itself"
        for message in got.get("Messages", []):
            yield url, plain(message)


def plant_dead_letters(cloud: Cloud, text: str) -> None:
    url = cloud.clients["sqs"].create_queue(QueueName=PLANTED)["QueueUrl"]
    cloud.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"detail": {"error": text}}))


def alarms(cloud: Cloud) -> Found:
    for alarm in cloud.pages("cloudwatch", "describe_alarms", "MetricAlarms"):
        yield f"alarm {alarm['AlarmName']}", plain(alarm)
    for name in cloud.pages("cloudwatch", "list_dashboards", "DashboardEntries"):
        yield (
            f"dashboard {name['DashboardName']}",
            plain(cloud.clients["cloudwatch"].get_dashboard(DashboardName=name["DashboardName"])["DashboardBody"]),
        )


def plant_alarms(cloud: Cloud, text: str) -> None:
    cloud.clients["cloudwatch"].put_metric_alarm(
        AlarmName=PLANTED,
        AlarmDescription=f"channel {text} drifts",
        MetricName="x",
        Namespace="Sluice",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


_DESCRIBED = (
    ("training_job", "TrainingJobSummaries", "TrainingJobName", "TrainingJobArn"),
    ("processing_job", "ProcessingJobSummaries", "ProcessingJobName", "ProcessingJobArn"),
    ("transform_job", "TransformJobSummaries", "TransformJobName", "TransformJobArn"),
    (
        "hyper_parameter_tuning_job",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobArn",
    ),
    ("model", "Models", "ModelName", "ModelArn"),
    ("endpoint_config", "EndpointConfigs", "EndpointConfigName", "EndpointConfigArn"),
    ("endpoint", "Endpoints", "EndpointName", "EndpointArn"),
)


def jobs(cloud: Cloud) -> Found:
    """Names, hyperparameters, environments, failure reasons and tags of all that SageMaker and Glue have."""
    client = cloud.clients["sagemaker"]
    for kind, member, name, arn in _DESCRIBED:
        for summary in cloud.pages("sagemaker", f"list_{kind}s", member):
            described = getattr(client, f"describe_{kind}")(**{name: summary[name]})
            yield f"{kind} {summary[name]}", plain(described)
            yield f"tags of {kind} {summary[name]}", plain(client.list_tags(ResourceArn=described[arn])["Tags"])
    for group in cloud.pages("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList"):
        named = {"ModelPackageGroupName": group["ModelPackageGroupName"]}
        for package in cloud.pages("sagemaker", "list_model_packages", "ModelPackageSummaryList", **named):
            arn = package["ModelPackageArn"]
            yield f"package {arn}", plain(client.describe_model_package(ModelPackageName=arn))
    for job in cloud.clients["glue"].get_jobs()["Jobs"]:
        for run in cloud.pages("glue", "get_job_runs", "JobRuns", JobName=job["Name"]):
            yield f"Glue run {run['Id']}", plain(run)


def plant_jobs(cloud: Cloud, text: str) -> None:
    """A tag of an endpoint's configuration, which costs no job."""
    client = cloud.clients["sagemaker"]
    first = next(iter(cloud.pages("sagemaker", "list_endpoint_configs", "EndpointConfigs")))
    client.add_tags(ResourceArn=first["EndpointConfigArn"], Tags=[{"Key": "leak:test", "Value": text}])


def schedules(cloud: Cloud) -> Found:
    for schedule in cloud.pages("scheduler", "list_schedules", "Schedules"):
        yield f"schedule {schedule['Name']}", plain(cloud.clients["scheduler"].get_schedule(Name=schedule["Name"]))


def plant_schedules(cloud: Cloud, text: str) -> None:
    role = cloud.clients["lambda"].list_functions()["Functions"][0]
    cloud.clients["scheduler"].create_schedule(
        Name=PLANTED,
        ScheduleExpression="rate(30 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
        Target={"Arn": role["FunctionArn"], "RoleArn": role["Role"], "Input": json.dumps({"row": text})},
    )


def functions(cloud: Cloud) -> Found:
    """Settings and tags."""
    for function in cloud.pages("lambda", "list_functions", "Functions"):
        tags = cloud.clients["lambda"].list_tags(Resource=function["FunctionArn"])["Tags"]
        yield f"function {function['FunctionName']}", plain([function, tags])


def plant_functions(cloud: Cloud, text: str) -> None:
    """A tag, since a changed setting would end what runs for the other stories."""
    client = cloud.clients["lambda"]
    client.tag_resource(Resource=client.list_functions()["Functions"][0]["FunctionArn"], Tags={"leak:test": text})


def trail(cloud: Cloud) -> Found:
    """What stands for CloudTrail and for AWS's own logs: the local cloud's log and its record of calls."""
    for path in sorted(cloud.line.stack.state.glob("*")):
        if path.is_file() and path.suffix in (".log", ".jsonl", ".json"):
            for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
                yield f"{path.name}:{number}", line


def plant_trail(cloud: Cloud, text: str) -> None:
    """A call's resource is in the record of calls."""
    client = cloud.clients["sagemaker"]
    with contextlib.suppress(client.exceptions.ClientError):
        client.list_tags(ResourceArn=f"arn:aws:sagemaker:eu-west-1:000000000000:model/{text}")


@dataclass(frozen=True)
class Place:
    read: Callable[[Cloud], Found]
    plant: Callable[[Cloud, str], None]


PLACES = {
    "log events": Place(logs, plant_logs),
    "SNS messages": Place(alerts, plant_alerts),
    "metric names and dimensions": Place(metrics, plant_metrics),
    "DynamoDB items": Place(items, plant_items),
    "execution histories": Place(executions, plant_executions),
    "EventBridge events": Place(bus_events, plant_bus_events),
    "dead letters": Place(dead_letters, plant_dead_letters),
    "alarms and dashboards": Place(alarms, plant_alarms),
    "jobs, models and tags": Place(jobs, plant_jobs),
    "schedules": Place(schedules, plant_schedules),
    "functions": Place(functions, plant_functions),
    "records of the cloud itself": Place(trail, plant_trail),
}


def spellings(text: str) -> list[str]:
    """`text` as it is, in hex, and what is sure to be in Base64 of something that holds it."""
    body = text.encode()
    aligned = [body[skip:][: (len(body) - skip) // 3 * 3] for skip in range(3)]
    # in small letters like what is searched: twelve letters that agree by chance are not to be feared
    return [text, body.hex(), *(base64.b64encode(part).decode().lower() for part in aligned)]


def search(cloud: Cloud, texts: list[str]) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
    """Number of pieces read in each place, and (text, place, where) of each find."""
    wanted = [(text, spelling) for text in texts for spelling in spellings(text)]
    counts: dict[str, int] = {}
    finds: set[tuple[str, str, str]] = set()
    for name, place in PLACES.items():
        counts[name] = 0
        for where, content in place.read(cloud):
            counts[name] += 1
            folded = content.lower()
            finds |= {(text, name, where) for text, spelling in wanted if spelling in folded}
    return counts, sorted(finds)
