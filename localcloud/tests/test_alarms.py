"""Alarm evaluation against the tables of AWS's documentation, metric math, and alarms of a running cloud."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud, wait_for

from localcloud.alarms.evaluation import next_state
from localcloud.alarms.expressions import Evaluator, Series, UnsupportedExpression, names, parse

CURRENT = "the state before"
POINT = {"0": False, "X": True, "-": None}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")

# CloudWatch User Guide, "How alarm state is evaluated when data is missing": EvaluationPeriods 3, range 5.
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - 0": ("OK", "OK", "OK", "OK"),  # not in the table, but as good as the row above
    "- - - - -": ("INSUFFICIENT_DATA", CURRENT, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", CURRENT, "ALARM", "OK"),
    "X - - - -": ("ALARM", CURRENT, "ALARM", "OK"),  # of the guide's edition of 2019
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", CURRENT, "ALARM", "OK"),
}
CASES = [
    (needed, points, treatment, state)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, states in table.items()
    for treatment, state in zip(TREATMENTS, states)
]


@pytest.mark.parametrize(("needed", "points", "treatment", "state"), CASES)
def test_the_tables_of_the_documentation(needed: int, points: str, treatment: str, state: str) -> None:
    assert next_state([POINT[p] for p in points.split()], 3, needed, treatment, CURRENT) == state


def test_the_figure_of_the_documentation() -> None:
    """Three of three: ALARM at the end of the fifth period, OK at the sixth, and a lone breach at the ninth is none."""
    breaching = [period in (3, 4, 5, 9) for period in range(1, 11)]
    states, current = [], "OK"
    for now in range(3, 11):
        current = next_state(breaching[max(0, now - 5) : now], 3, 3, "missing", current)
        states.append(current)
    assert states == ["OK", "OK", "ALARM", "OK", "OK", "OK", "OK", "OK"]


@pytest.mark.parametrize(
    ("needed", "points", "treatment", "state"),
    [
        (4, "X 0 X X X", "missing", "ALARM"),  # four of five, not in a row
        (4, "X 0 X 0 X", "breaching", "OK"),
        (4, "0 X X - X X X", "notBreaching", "ALARM"),  # five real points: the gap is not looked at
        (4, "0 - 0 - X X X", "breaching", "OK"),  # nor here, however it is to be treated
        (1, "- - - - - - X", "notBreaching", "ALARM"),  # one of five: a single breach is enough
        (1, "- - - - - - -", "notBreaching", "OK"),
        (2, "- - - - - X -", "missing", "ALARM"),  # nothing that may still come clears it: two periods ago
        (2, "- - - - - - X", "missing", "OK"),
        (2, "X - - - 0 - -", "ignore", "OK"),
    ],
)
def test_m_of_five(needed: int, points: str, treatment: str, state: str) -> None:
    assert next_state([POINT[p] for p in points.split()], 5, needed, treatment, CURRENT) == state


@pytest.mark.parametrize("points", ["- - - - X", "- - - X -"])
def test_no_premature_alarm_when_the_next_point_may_clear_it(points: str) -> None:
    assert next_state([POINT[p] for p in points.split()], 3, 3, "missing", "OK") == "OK"


def evaluate(expression: str, **series: Series) -> Series:
    return Evaluator(series, tuple(series), range(10, 14), 60.0).evaluate(parse(expression))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * 2", {10: 21.0, 11: 42.0}),
        ("-a", {10: -1.0, 11: -2.0, 13: -4.0}),
        ("100 * a / (a + b)", {10: 100 / 11, 11: 200 / 22}),
        ("a / (b - 10)", {11: 0.2}),
        ("a > 1 AND b > 1", {10: 0.0, 11: 1.0}),
        ("a > 1 || b > 100", {10: 0.0, 11: 1.0}),
        ("IF(a >= 2, a, 0)", {10: 0.0, 11: 2.0, 13: 4.0}),
        ("IF(b > 10, a)", {11: 2.0}),
        ("SUM([a, b])", {10: 11.0, 11: 22.0, 12: 30.0, 13: 4.0}),
        ("MAX(METRICS())", {10: 10.0, 11: 20.0, 12: 30.0, 13: 4.0}),
        ("a / SUM(a)", {10: 1 / 7, 11: 2 / 7, 13: 4 / 7}),
        ("FILL(a, 0)", {10: 1.0, 11: 2.0, 12: 0.0, 13: 4.0}),
        ("FILL(a, REPEAT)", {10: 1.0, 11: 2.0, 12: 2.0, 13: 4.0}),
        ("RATE(a) * 60", {11: 1.0, 13: 1.0}),
        ("a ^ 2", {10: 1.0, 11: 4.0, 13: 16.0}),
    ],
)
def test_metric_math(expression: str, expected: Series) -> None:
    found = evaluate(expression, a={10: 1.0, 11: 2.0, 13: 4.0}, b={10: 10.0, 11: 20.0, 12: 30.0})
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression",
    [
        *("SEARCH('x', 'Sum', 60)", "ANOMALY_DETECTION_BAND(a)", "a.b", "a[0]", "().__class__", "lambda: 1"),
        *(
            "a if b else 1",
            "__import__('os')",
            "FILL(a)",
            "IF(a)",
            "a < b < 3",
            "'text'",
            "a +",
            "[x for x in a]",
            "True",
        ),
    ],
)
def test_what_is_not_known_is_refused(expression: str) -> None:
    with pytest.raises(UnsupportedExpression):
        parse(expression)


def test_names_of_an_expression() -> None:
    assert names(parse("IF(a > 0, FILL(b, REPEAT), 0)")) == {"a", "b"}


# A running cloud

DIMENSIONS = [{"Name": "EndpointName", "Value": "shop"}, {"Name": "VariantName", "Value": "v-1"}]
OTHER = [{"Name": "EndpointName", "Value": "shop"}, {"Name": "VariantName", "Value": "v-2"}]


def put(cloud: Cloud, name: str, value: float, dimensions: list[dict[str, str]] = DIMENSIONS) -> None:
    datum = {"MetricName": name, "Dimensions": dimensions, "Value": value}
    cloud.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])


def state(cloud: Cloud, name: str) -> str:
    answer = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return str((answer["MetricAlarms"] + answer["CompositeAlarms"])[0]["StateValue"])


def query(identifier: str, metric: str, **more: Any) -> dict[str, Any]:
    named = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": DIMENSIONS}
    return {"Id": identifier, "MetricStat": {"Metric": named, "Period": 10, "Stat": "Sum"}, **more}


def queue(cloud: Cloud, name: str) -> tuple[str, str]:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def drain(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    sqs, bodies = cloud.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


@pytest.mark.cloud
def test_an_alarm_reads_its_own_dimensions_and_tells_events_sns_and_lambda(cloud: Cloud) -> None:
    watch, events, sns = cloud.client("cloudwatch"), cloud.client("events"), cloud.client("sns")
    url, arn = cloud.event_queue("alarm-events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [{"prefix": "S/shop/"}]}}
    events.put_rule(Name="alarm-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarm-events", Targets=[{"Id": "queue", "Arn": arn}])
    topic = sns.create_topic(Name="alarm-actions")["TopicArn"]
    topic_url, topic_queue = queue(cloud, "alarm-actions")
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": topic_queue}]})
    cloud.client("sqs").set_queue_attributes(QueueUrl=topic_url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue)
    function_url, function = _function(cloud)
    watch.put_metric_alarm(
        AlarmName="S/shop/r1/canary-errors",
        AlarmDescription="Errors of the canary",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=DIMENSIONS,
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=3,
        DatapointsToAlarm=1,
        Threshold=2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic, function],
    )
    wait_for(lambda: state(cloud, "S/shop/r1/canary-errors") == "OK")
    put(cloud, "Invocation5XXErrors", 50, OTHER)
    wait_for(lambda: len(drain(cloud, url)) == 1, every=0.5)  # INSUFFICIENT_DATA to OK
    put(cloud, "Invocation5XXErrors", 3)
    wait_for(lambda: state(cloud, "S/shop/r1/canary-errors") == "ALARM", 6)
    (event,) = wait_for(lambda: drain(cloud, url), 6)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [
        watch.describe_alarms(AlarmNames=["S/shop/r1/canary-errors"])["MetricAlarms"][0]["AlarmArn"]
    ]
    detail = event["detail"]
    assert (detail["previousState"]["value"], detail["state"]["value"]) == ("OK", "ALARM")
    assert "1 out of the last 3 datapoints [3.0" in detail["state"]["reason"]
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [3.0]
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {
        "namespace": "AWS/SageMaker",
        "name": "Invocation5XXErrors",
        "dimensions": {"EndpointName": "shop", "VariantName": "v-1"},
    }
    (notice,) = wait_for(lambda: drain(cloud, topic_url), 6)
    assert json.loads(notice["Message"])["NewStateValue"] == "ALARM"
    (call,) = wait_for(lambda: drain(cloud, function_url), 15)
    assert (call["source"], call["alarmData"]["state"]["value"]) == ("aws.cloudwatch", "ALARM")
    wait_for(lambda: state(cloud, "S/shop/r1/canary-errors") == "OK", 15)
    history = watch.describe_alarm_history(AlarmName="S/shop/r1/canary-errors", HistoryItemType="StateUpdate")
    assert "from ALARM to OK" in history["AlarmHistoryItems"][0]["HistorySummary"]
    watch.delete_alarms(AlarmNames=["S/shop/r1/canary-errors"])
    assert not watch.describe_alarms(AlarmNames=["S/shop/r1/canary-errors"])["MetricAlarms"]


def _function(cloud: Cloud) -> tuple[str, str]:
    """A function that forwards its event to a queue: the queue's URL and the function's ARN."""
    url, arn = queue(cloud, "alarm-function")
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    role = cloud.role("alarm-function", "lambda.amazonaws.com", [allowed])
    code = (
        "import boto3, json\ndef handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody=json.dumps(event))\n"
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", code)
    made = cloud.client("lambda").create_function(
        FunctionName="alarm-function",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
    )
    return url, made["FunctionArn"]


@pytest.mark.cloud
def test_metric_math_composite_and_a_state_set_by_hand(cloud: Cloud) -> None:
    watch = cloud.client("cloudwatch")
    ratio = {"Id": "ratio", "Expression": "IF(all > 0, bad / all, 0)", "ReturnData": True}
    watch.put_metric_alarm(
        AlarmName="error-ratio",
        Metrics=[ratio, query("bad", "Bad", ReturnData=False), query("all", "All", ReturnData=False)],
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    watch.put_metric_alarm(
        AlarmName="silent",
        Namespace="AWS/SageMaker",
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    watch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("error-ratio") AND NOT OK("silent")')
    stored = watch.describe_alarms(AlarmNames=["error-ratio"])["MetricAlarms"][0]
    assert [q["Id"] for q in stored["Metrics"]] == ["ratio", "bad", "all"]
    assert "MetricName" not in stored
    wait_for(lambda: state(cloud, "silent") == "ALARM")
    put(cloud, "All", 4)
    put(cloud, "Bad", 3)
    wait_for(lambda: state(cloud, "error-ratio") == "ALARM", 6, 0.05)
    wait_for(lambda: state(cloud, "both") == "ALARM", 6, 0.05)
    watch.set_alarm_state(AlarmName="silent", StateValue="OK", StateReason="by hand")
    wait_for(lambda: state(cloud, "both") == "OK", 3, 0.05)
    wait_for(lambda: state(cloud, "silent") == "ALARM", 10)
    watch.disable_alarm_actions(AlarmNames=["silent"])
    assert watch.describe_alarms(AlarmNames=["silent"])["MetricAlarms"][0]["ActionsEnabled"] is False
    watch.delete_alarms(AlarmNames=["both"])
    watch.delete_alarms(AlarmNames=["silent", "error-ratio"])


def _steady(cloud: Cloud, name: str) -> None:
    """An alarm without data, which keeps the state that it is set to."""
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )


@pytest.mark.cloud
def test_a_composite_changes_with_its_children_and_says_by_which_rule(cloud: Cloud) -> None:
    watch, events = cloud.client("cloudwatch"), cloud.client("events")

    def put_state(name: str, value: str) -> None:
        watch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="for the test")

    url, arn = cloud.event_queue("composite-events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["C/any", "C/above"]}}
    events.put_rule(Name="composite-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="composite-events", Targets=[{"Id": "queue", "Arn": arn}])
    children = ["C/errors", "C/latency"]
    for child in children:
        _steady(cloud, child)
        put_state(child, "OK")
    rule = " OR ".join(f'ALARM("{child}")' for child in children)
    watch.put_composite_alarm(AlarmName="C/any", AlarmDescription="Any trouble", AlarmRule=rule, ActionsEnabled=False)
    watch.put_composite_alarm(AlarmName="C/above", AlarmRule='ALARM("C/any") AND NOT INSUFFICIENT_DATA("C/errors")')
    assert [state(cloud, name) for name in ("C/any", "C/above")] == ["OK", "OK"]  # at once, as their rules say
    wait_for(lambda: len(drain(cloud, url)) == 2, every=0.5)  # INSUFFICIENT_DATA to OK of both
    put_state("C/latency", "ALARM")
    assert [state(cloud, name) for name in ("C/any", "C/above")] == ["ALARM", "ALARM"]
    told = {event["detail"]["alarmName"]: event for event in wait_for(lambda: _told(cloud, url, 2), 3, 0.05)}
    event = told["C/any"]
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    detail = event["detail"]
    assert detail["configuration"] == {"alarmRule": rule, "description": "Any trouble"}
    assert (detail["previousState"]["value"], detail["state"]["value"]) == ("OK", "ALARM")
    (trigger,) = json.loads(detail["state"]["reasonData"])["triggeringAlarms"]
    assert (trigger["arn"].rpartition(":")[2], trigger["state"]["value"]) == ("C/latency", "ALARM")
    put_state("C/errors", "ALARM")  # changes nothing: it rings already
    put_state("C/latency", "OK")
    assert state(cloud, "C/any") == "ALARM"
    put_state("C/errors", "OK")
    assert state(cloud, "C/any") == "OK"

    def types(**asked: Any) -> tuple[int, int]:
        answer = watch.describe_alarms(AlarmNamePrefix="C/", **asked)
        return len(answer["MetricAlarms"]), len(answer["CompositeAlarms"])

    assert types() == (2, 0)  # composites only when asked for
    assert types(AlarmTypes=["CompositeAlarm"]) == (0, 2)
    assert types(AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == (2, 2)
    for dependent in ("C/errors", "C/any"):
        with pytest.raises(ClientError, match="composite alarm\\(s\\) depending on it"):
            watch.delete_alarms(AlarmNames=[dependent])
    with pytest.raises(ClientError, match="only one composite alarm"):
        watch.delete_alarms(AlarmNames=["C/above", "C/any"])
    assert types(AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == (2, 2)
    for together in (["C/above"], ["C/any"], children):
        watch.delete_alarms(AlarmNames=together)
    assert types(AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == (0, 0)
    events.remove_targets(Rule="composite-events", Ids=["queue"])
    events.delete_rule(Name="composite-events")


def _told(cloud: Cloud, url: str, count: int) -> list[dict[str, Any]]:
    """The queue's events once there are `count` of them; kept between two looks."""
    kept = _KEPT.setdefault(url, [])
    kept.extend(drain(cloud, url))
    return kept if len(kept) >= count else []


_KEPT: dict[str, list[dict[str, Any]]] = {}


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"AlarmRule": 'ALARM("R/nowhere")'}, "do not exist"),
        ({"AlarmRule": "ALARM(R/child) XOR TRUE"}, "Error in AlarmRule"),
        (
            {"AlarmRule": "ALARM(R/child)", "ActionsSuppressor": "R/child", "ActionsSuppressorWaitPeriod": 60},
            "not supported by the local cloud",
        ),
    ],
)
def test_a_composite_that_means_nothing_is_refused(cloud: Cloud, request_: dict[str, Any], words: str) -> None:
    _steady(cloud, "R/child")
    with pytest.raises(ClientError, match=words):
        cloud.client("cloudwatch").put_composite_alarm(AlarmName="R/composite", **request_)
    cloud.client("cloudwatch").delete_alarms(AlarmNames=["R/child"])


@pytest.mark.cloud
def test_a_composite_is_made_by_who_may_make_any(cloud: Cloud) -> None:
    iam, watch = cloud.client("iam"), cloud.client("cloudwatch")
    _steady(cloud, "I/child")
    iam.create_user(UserName="composer")
    key = iam.create_access_key(UserName="composer")["AccessKey"]
    own = cloud.client("cloudwatch", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    prefix = f"arn:aws:cloudwatch:{cloud.settings.region}:{cloud.settings.account}:alarm:"

    def allow(*statements: tuple[str, str]) -> None:
        listed = [{"Effect": "Allow", "Action": f"cloudwatch:{action}", "Resource": arn} for action, arn in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": listed})
        iam.put_user_policy(UserName="composer", PolicyName="p", PolicyDocument=document)

    def compose(**more: Any) -> None:
        own.put_composite_alarm(AlarmName="I/composite", AlarmRule='ALARM("I/child")', **more)

    allow(("PutCompositeAlarm", f"{prefix}I/*"))
    with pytest.raises(ClientError, match="PutCompositeAlarm"):
        compose()
    allow(("PutCompositeAlarm", f"{prefix}*"))
    compose()
    tagged = {"Tags": [{"Key": "k", "Value": "v"}]}
    with pytest.raises(ClientError, match="TagResource"):
        compose(**tagged)
    allow(("PutCompositeAlarm", f"{prefix}*"), ("TagResource", f"{prefix}I/*"))
    compose(**tagged)
    watch.delete_alarms(AlarmNames=["I/composite"])
    watch.delete_alarms(AlarmNames=["I/child"])


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Period": 45}, "multiple of 60"),
        ({"Period": 60, "EvaluationPeriods": 1441}, "must not exceed 86400 seconds"),
        ({"Period": 86400, "EvaluationPeriods": 8}, "must not exceed 604800 seconds"),
        ({"ExtendedStatistic": "tm90"}, "is required and supported"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "not supported by the local cloud"),
        ({"EvaluationPeriods": 1, "DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"Metrics": [{"Id": "e", "Expression": "SEARCH(1)"}]}, "cannot be combined"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_refused(cloud: Cloud, changes: dict[str, Any], words: str) -> None:
    request = {
        "AlarmName": "refused",
        "Namespace": "N",
        "MetricName": "M",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }
    if "ExtendedStatistic" in changes:
        del request["Statistic"]
    with pytest.raises(ClientError, match=words):
        cloud.client("cloudwatch").put_metric_alarm(**request)


@pytest.mark.cloud
def test_metric_data_is_read_by_dimensions_with_percentiles_and_expressions(cloud: Cloud) -> None:
    watch = cloud.client("cloudwatch")
    for value in (1, 2, 3, 4, 100):
        put(cloud, "Latency", value)
    put(cloud, "Latency", 7, OTHER)
    now = dt.datetime.now(dt.UTC)
    window = {"StartTime": now - dt.timedelta(minutes=10), "EndTime": now + dt.timedelta(minutes=1)}
    latency = query("m", "Latency")
    latency["MetricStat"] |= {"Period": 3600, "Stat": "p50"}
    answer = watch.get_metric_data(MetricDataQueries=[latency, {"Id": "double", "Expression": "m * 2"}], **window)
    assert [result["Values"] for result in answer["MetricDataResults"]] == [[3.0], [6.0]]
    named = {"Namespace": "AWS/SageMaker", "MetricName": "Latency", "Period": 3600, **window}
    (point,) = watch.get_metric_statistics(Dimensions=DIMENSIONS, Statistics=["Maximum", "SampleCount"], **named)[
        "Datapoints"
    ]
    assert (point["Maximum"], point["SampleCount"]) == (100.0, 5.0)
    assert watch.get_metric_statistics(Statistics=["Sum"], **named)["Datapoints"] == []
