"""Glue jobs through the API of a running cloud: the role's permissions, S3 as Spark sees it, states and messages."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud, needs, wait_for

from localcloud import environments
from localcloud.glue_mirror import parse_uri, uris_in
from localcloud.glue_run import _last_error

BUCKET = "glue-data"
PLAIN = """
import sys, time
import helper
helper.note(sys.argv)
name = sys.argv[sys.argv.index("--mode") + 1]
if name == "sleep":
    time.sleep(60)
if name == "fail":
    raise ValueError("row 7 of s3://somewhere is bad")
import boto3
assert "GlueJobRunnerSession" in boto3.client("sts").get_caller_identity()["Arn"]
"""
# It writes one file below a staging folder and moves it, as jobs do whose readers want a name that they know.
TOTALS = """
import argparse, json
from pyspark.sql import SparkSession, functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--source")
parser.add_argument("--target")
arguments, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
rows = spark.read.parquet(arguments.source + "d1/")
totals = rows.groupBy("kind").agg(F.sum("pages").alias("pages")).orderBy("kind").coalesce(1)
path = spark._jvm.org.apache.hadoop.fs.Path
files = path(arguments.target).getFileSystem(spark._jsc.hadoopConfiguration())
staging = path(arguments.target + "_staging")
files.delete(staging, True)
totals.write.csv(arguments.target + "_staging", header=True)
part = [found.getPath() for found in files.listStatus(staging) if found.getPath().getName().startswith("part-")]
assert files.rename(part[0], path(arguments.target + "data.csv"))
files.delete(staging, True)
print(json.dumps({"rows_read": rows.count()}))
"""
HELPER = "def note(words): print('arguments', *words[1:])\n"


def test_uris() -> None:
    assert parse_uri("s3://b/k/1.json") == ("b", "k/1.json")
    assert uris_in(["s3://a/b,s3://c/d/", "x"]) == ["s3://a/b", "s3://c/d/"]


def test_the_error_message_is_the_exception_line(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    log.write_text(
        "WARN x\nTraceback (most recent call last):\n  File 'a'\n    f()\nmy.Error: gone\n  JVM stacktrace\n"
    )
    assert _last_error(log, 1) == "my.Error: gone"
    log.write_text("killed\n")
    assert _last_error(log, 137) == "The script ended with exit code 137. killed"


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> str:
    needs(environments.GLUE)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.settings.region})
    s3.put_object(Bucket=BUCKET, Key="code/plain.py", Body=PLAIN)
    s3.put_object(Bucket=BUCKET, Key="code/helper.py", Body=HELPER)
    s3.put_object(Bucket=BUCKET, Key="code/totals.py", Body=TOTALS)
    arn = f"arn:aws:s3:::{BUCKET}"
    objects = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": f"{arn}/*"}
    bucket = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]}
    return cloud.role("glue-job", "glue.amazonaws.com", [objects, bucket, {**logs, "Resource": "*"}])


def make_job(cloud: Cloud, name: str, role: str, script: str, **more: Any) -> None:
    command = {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"s3://{BUCKET}/code/{script}"}
    request = {"Name": name, "Role": role, "GlueVersion": "5.1", "Command": command, "Timeout": 5, **more}
    cloud.client("glue").create_job(**request)


def finish(cloud: Cloud, name: str, run_id: str, seconds: float = 60) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        run = cloud.client("glue").get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return None if run["JobRunState"] in ("STARTING", "RUNNING", "STOPPING") else run

    found: dict[str, Any] = wait_for(ended, seconds)
    return found


@pytest.mark.cloud
def test_a_spark_job_reads_and_writes_s3(cloud: Cloud, role: str) -> None:
    s3, glue = cloud.client("s3"), cloud.client("glue")
    count = 5000
    rows = pa.table(
        {
            "kind": [f"k{n % 3}" for n in range(count)],
            "pages": pa.array([n % 17 for n in range(count)], pa.int64()),
            "at": pa.array([dt.datetime(2026, 1, 1)] * count, pa.timestamp("us")),
        }
    )
    body = io.BytesIO()
    pq.write_table(rows, body)
    s3.put_object(Bucket=BUCKET, Key="visits/d1/part-00000.parquet", Body=body.getvalue())
    s3.put_object(Bucket=BUCKET, Key="totals/_staging/part-of-a-dead-run", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="totals/kept.txt", Body=b"x")
    make_job(cloud, "totals", role, "totals.py")
    arguments = {"--source": f"s3://{BUCKET}/visits/", "--target": f"s3://{BUCKET}/totals/"}
    run_id = glue.start_job_run(JobName="totals", Arguments=arguments)["JobRunId"]
    run = finish(cloud, "totals", run_id)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert run["Arguments"] == arguments
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix="totals/")["Contents"]]
    assert sorted(keys) == ["totals/data.csv", "totals/kept.txt"]
    written = s3.get_object(Bucket=BUCKET, Key="totals/data.csv")["Body"].read().decode()
    sums = {kind: sum(n % 17 for n in range(count) if n % 3 == kind) for kind in range(3)}
    assert written.split() == ["kind,pages", *(f"k{kind},{total}" for kind, total in sums.items())]
    logged = cloud.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run_id)["events"]
    assert json.loads(logged[-1]["message"]) == {"rows_read": count}
    assert glue.get_job_runs(JobName="totals")["JobRuns"][0]["Id"] == run_id


@pytest.mark.cloud
def test_failures_stops_and_limits(cloud: Cloud, role: str) -> None:
    glue, sqs, events = cloud.client("glue"), cloud.client("sqs"), cloud.client("events")
    url, arn = cloud.event_queue("glue-events")
    pattern = {"source": ["aws.glue"], "detail": {"jobName": ["plain"]}}
    events.put_rule(Name="glue-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="glue-events", Targets=[{"Id": "queue", "Arn": arn}])
    extra = {"--extra-py-files": f"s3://{BUCKET}/code/helper.py", "--mode": "sleep"}
    make_job(cloud, "plain", role, "plain.py", DefaultArguments=extra)
    sleeping = glue.start_job_run(JobName="plain")["JobRunId"]
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        glue.start_job_run(JobName="plain")
    wait_for(lambda: glue.get_job_run(JobName="plain", RunId=sleeping)["JobRun"]["JobRunState"] == "RUNNING")
    stopped = glue.batch_stop_job_run(JobName="plain", JobRunIds=[sleeping, "jr_none"])
    assert [each["JobRunId"] for each in stopped["SuccessfulSubmissions"]] == [sleeping]
    assert [each["ErrorDetail"]["ErrorCode"] for each in stopped["Errors"]] == ["EntityNotFoundException"]
    assert finish(cloud, "plain", sleeping)["JobRunState"] == "STOPPED"
    failing = glue.start_job_run(JobName="plain", Arguments={"--mode": "fail"})["JobRunId"]
    run = finish(cloud, "plain", failing)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: row 7 of s3://somewhere is bad")
    good = glue.start_job_run(JobName="plain", Arguments={"--mode": "good"})["JobRunId"]
    run = finish(cloud, "plain", good)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    logged = cloud.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=good)["events"]
    assert logged[0]["message"] == f"arguments --JOB_NAME plain --JOB_RUN_ID {good} --mode good"
    told: list[dict[str, Any]] = []

    def all_told() -> bool:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        told.extend(json.loads(message["Body"]) for message in messages)
        return len(told) == 3

    wait_for(all_told)
    assert {event["detail-type"] for event in told} == {"Glue Job State Change"}
    states = {event["detail"]["jobRunId"]: event["detail"]["state"] for event in told}
    assert states == {sleeping: "STOPPED", failing: "FAILED", good: "SUCCEEDED"}


@pytest.mark.cloud
def test_the_role_decides_what_the_job_reads(cloud: Cloud, role: str) -> None:
    poor = cloud.role("glue-poor", "glue.amazonaws.com", [])
    make_job(cloud, "poor", poor, "plain.py")
    run_id = cloud.client("glue").start_job_run(JobName="poor")["JobRunId"]
    run = finish(cloud, "poor", run_id)
    assert run["JobRunState"] == "FAILED"
    assert "cannot be downloaded with the job's role" in run["ErrorMessage"]


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"GlueVersion": "4.0"}, "GlueVersion '4.0' is not supported"),
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/k.py"}}, "only glueetl"),
        ({"DefaultArguments": {"--extra-jars": "s3://b/x.jar"}}, "--extra-jars"),
        ({"DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"}}, "--job-bookmark-option"),
    ],
)
def test_a_job_that_cannot_run_here_is_refused(cloud: Cloud, role: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        make_job(cloud, "refused", role, "plain.py", **changes)
