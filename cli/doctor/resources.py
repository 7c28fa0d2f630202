"""What belongs to the stack: bucket, table, who receives alerts, dead letters, rules, alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection
from cli.doctor.finding import Finding, failed, passed, warned
from cli.target import is_local
from cli.text import plural
from sluice.model.shortening import listed

_ROUNDING = timedelta(seconds=1)
"""Between an alarm's change and its entry in the history."""
_REDEPLOY = "deploy again: make build && .venv/bin/sam deploy"


def bucket(connection: Connection) -> list[Finding]:
    """There, and versioned: without versions one arrival or model cannot be distinguished from another of its name."""
    name, s3 = connection.outputs["DataBucketName"], connection.client("s3")
    try:
        s3.head_bucket(Bucket=name)
        versioning = s3.get_bucket_versioning(Bucket=name).get("Status")
    except ClientError as error:
        return failed("bucket", f"{name} cannot be used ({_code(error)})", _REDEPLOY)
    if versioning != "Enabled":
        fix = f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"
        return failed("bucket", f"{name} keeps no versions", fix)
    return passed("bucket", f"{name}, versioned")


def table(connection: Connection) -> list[Finding]:
    name = connection.outputs["TableName"]
    try:
        status = connection.client("dynamodb").describe_table(TableName=name)["Table"]["TableStatus"]
    except ClientError as error:
        return failed("table", f"{name} cannot be used ({_code(error)})", _REDEPLOY)
    if status not in ("ACTIVE", "UPDATING"):
        return failed("table", f"{name} is {status}", f"aws dynamodb describe-table --table-name {name}")
    return passed("table", f"{name} is {status}")


def subscriptions(connection: Connection) -> list[Finding]:
    """An address receives nothing before its owner has confirmed AWS's mail."""
    topic, sns = connection.outputs["AlertTopicArn"], connection.client("sns")
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each for page in pages for each in page["Subscriptions"]]
    people = [each for each in found if each["Protocol"] not in ("lambda", "sqs")]
    pending = [each["Endpoint"] for each in found if not str(each["SubscriptionArn"]).startswith("arn:")]
    if pending:
        fix = "open AWS's mail `Subscription Confirmation` there, and confirm; not there: register the contract again"
        return warned("alerts", f"not confirmed, so nothing is sent to {listed(sorted(pending), 5)}", fix)
    if not people and is_local(str(sns.meta.endpoint_url)):
        return passed("alerts", "nobody receives them, as is usual on a local cloud")
    if not people:
        fix = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.org"
        return warned("alerts", "nobody receives alerts", f"{fix}; or alerts.emails in a contract")
    return passed("alerts", f"{plural(len(people), 'confirmed subscription')}")


def dead_letters(connection: Connection) -> list[Finding]:
    """What no function could handle lies there."""
    sqs, full = connection.client("sqs"), []
    for _, url in resources(connection, "AWS::SQS::Queue"):
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(asked["Attributes"]["ApproximateNumberOfMessages"])
        if count and "DeadLetter" in _:
            full.append((url, count))
    if full:
        told = ", ".join(f"{plural(count, 'message')} in {url.rsplit('/', 1)[-1]}" for url, count in full)
        fix = f"read one: aws sqs receive-message --queue-url {full[0][0]}; the alert `Event Given Up` says what to do"
        return warned("dead letters", told, fix)
    return passed("dead letters", "all queues are empty")


def rules(connection: Connection) -> list[Finding]:
    """A rule that is disabled lets its events go by."""
    own, off, lost = connection.outputs["BusName"], [], []
    for name, physical in resources(connection, "AWS::Events::Rule"):
        bus, _, rule = physical.rpartition("|")
        # AWS's id of a rule names a bus of one's own, the local cloud's does not
        state, bus = next(((found, on) for on in (bus, own) if (found := _state(connection, rule, on))), ("", bus))
        if state == "DISABLED":
            off.append((name, rule, bus))
        elif not state:
            lost.append(name)
    if lost:
        return failed("rules", f"deleted: {listed(lost, 5)}", _REDEPLOY)
    if off:
        name, rule, bus = off[0]
        fix = f"aws events enable-rule --name {rule}" + (f" --event-bus-name {bus}" if bus else "")
        return failed("rules", f"disabled: {listed([each[0] for each in off], 5)}", fix)
    return passed("rules", "all are enabled")


def _state(connection: Connection, rule: str, bus: str) -> str:
    """ENABLED or DISABLED; empty where the bus has no such rule."""
    asked = {"Name": rule} | ({"EventBusName": bus} if bus else {})
    try:
        return str(connection.client("events").describe_rule(**asked).get("State"))
    except ClientError as error:
        if _code(error) != "ResourceNotFoundException":
            raise
        return ""


def alarms(connection: Connection) -> list[Finding]:
    """Those of the pipeline and of the projects: in ALARM, or without the data that they once had.

    An alarm that has never had any waits for its first requests, measurements or labels.
    """
    own = {physical for _, physical in resources(connection, "AWS::CloudWatch::Alarm")}
    cloudwatch = connection.client("cloudwatch")
    found: dict[str, str] = {}
    since: dict[str, datetime | None] = {}
    # without their types CloudWatch lists no composite
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    for page in pages:
        for each in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
            name = str(each["AlarmName"])
            if name in own or name.startswith(f"{connection.stack}/"):
                found[name] = str(each["StateValue"])
                since[name] = each.get("StateTransitionedTimestamp")
    ringing = sorted(name for name, state in found.items() if state == "ALARM")
    silent = sorted(name for name, state in found.items() if state == "INSUFFICIENT_DATA")
    lapsed = [name for name in silent if _had_data(cloudwatch, name, since[name])]
    findings = []
    if ringing:
        fix = f"aws cloudwatch describe-alarm-history --alarm-name {ringing[0]}; docs/alerts.md has what to do"
        findings += warned("alarms", f"in ALARM: {listed(ringing, 5)}", fix)
    if lapsed:
        fix = f"aws cloudwatch describe-alarms --alarm-names {lapsed[0]}: is its metric still published?"
        findings += warned("alarms", f"had data and no longer have any: {listed(lapsed, 5)}", fix)
    if lost := sorted(own - found.keys()):
        findings += failed("alarms", f"deleted: {listed(lost, 5)}", _REDEPLOY)
    new = len(silent) - len(lapsed)
    waits = f"; {new} of them {'waits' if new == 1 else 'wait'} for the first data" if new else ""
    return findings or passed("alarms", f"{plural(len(found), 'alarm')}, none in ALARM{waits}")


def _had_data(cloudwatch: Any, name: str, since: datetime | None) -> bool:
    """Whether its state has changed to what it is `since` then: an alarm begins without data, and stays so until it
    has some.

    An entry of its creation, from no data to no data, says nothing. CloudWatch keeps the history of a deleted alarm,
    and a release makes the alarms of its project again: what an earlier alarm of this name had says nothing of this
    one, which has been silent since it was made.
    """
    asked = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
    items = [each for each in asked["AlarmHistoryItems"] if _before(each) != "INSUFFICIENT_DATA"]
    return bool(items) if since is None else any(each["Timestamp"] >= since - _ROUNDING for each in items)


def _before(item: Any) -> str:
    """The state that an entry of a history changed; empty where it does not say."""
    return str(json.loads(item.get("HistoryData") or "{}").get("oldState", {}).get("stateValue", ""))


def resources(connection: Connection, kind: str) -> Iterator[tuple[str, str]]:
    """(logical, physical) id of the stack's resources of a type."""
    pages: Any = connection.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=connection.stack):
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] == kind and each.get("PhysicalResourceId"):
                yield str(each["LogicalResourceId"]), str(each["PhysicalResourceId"])


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no reason was given"))
