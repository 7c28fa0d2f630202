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

from localcloud.glue_mirror import parse_uri, uris_in
from localcloud.glue_run import _last_error
from localcloud.settings import REPOSITORY
from tests.localcloud.conftest import Cloud, wait_for

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
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.settings.region})
    s3.put_object(Bucket=BUCKET, Key="code/plain.py", Body=PLAIN)
    s3.put_object(Bucket=BUCKET, Key="code/helper.py", Body=HELPER)
    s3.upload_file(str(REPOSITORY / "jobs" / "glue" / "clean_dataset.py"), BUCKET, "code/clean_dataset.py")
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
def test_the_cleaning_job_writes_its_parts_to_s3(cloud: Cloud, role: str) -> None:
    s3, glue = cloud.client("s3"), cloud.client("glue")
    count = 5000
    rows = pa.table(
        {
            "session_id": [f"s{n}" for n in range(count)],
            "pages": pa.array([n % 17 for n in range(count)], pa.int64()),
            "purchase": [n % 5 == 0 for n in range(count)],
            "_arrived_at": pa.array([dt.datetime(2026, 1, 1)] * count, pa.timestamp("us")),
            "_row": pa.array(range(count), pa.int64()),
        }
    )
    body = io.BytesIO()
    pq.write_table(rows, body)
    s3.put_object(Bucket=BUCKET, Key="accepted/shop/d1/part-00000.parquet", Body=body.getvalue())
    contract = {
        "problem": {"type": "binary", "target": "purchase"},
        "data": {
            "key": ["session_id"],
            "columns": {"pages": {"type": "integer"}},
            "split": {"test": 0.2, "validation": 0.2, "by": "random"},
        },
    }
    frozen = json.dumps({"datasets": ["d1"], "contract": contract})
    s3.put_object(Bucket=BUCKET, Key="runs/shop/r1/run.json", Body=frozen)
    s3.put_object(Bucket=BUCKET, Key="runs/shop/r1/prepared/_staging/part-of-a-dead-run", Body=b"x")
    make_job(cloud, "clean", role, "clean_dataset.py")
    arguments = {
        "--accepted": f"s3://{BUCKET}/accepted/shop/",
        "--inputs": f"s3://{BUCKET}/runs/shop/r1/run.json",
        "--output": f"s3://{BUCKET}/runs/shop/r1/prepared/",
        "--run-id": "r1",
    }
    run_id = glue.start_job_run(JobName="clean", Arguments=arguments)["JobRunId"]
    run = finish(cloud, "clean", run_id)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert run["Arguments"] == arguments
    prefix = "runs/shop/r1/prepared/"
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    assert sorted(key.removeprefix(prefix) for key in keys) == [
        "manifest.json",
        "test/data.csv",
        "train/data.csv",
        "validation/data.csv",
    ]
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{prefix}manifest.json")["Body"].read())
    assert sum(manifest["rows"].values()) == manifest["rows_read"] == count
    assert (
        s3.get_object(Bucket=BUCKET, Key=f"{prefix}test/data.csv")["Body"].readline() == b"session_id,pages,purchase\n"
    )
    logged = cloud.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run_id)["events"]
    assert json.loads(logged[-1]["message"])["rows_read"] == count
    assert glue.get_job_runs(JobName="clean")["JobRuns"][0]["Id"] == run_id


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
