"""Where the log of a state's work is, and its lines, as CloudWatch Logs has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from console.source import Source
from sluice.ports import Json

MAX_LINES = 200
_SAGEMAKER = {
    "createTrainingJob": ("TrainingJobName", "/aws/sagemaker/TrainingJobs"),
    "createProcessingJob": ("ProcessingJobName", "/aws/sagemaker/ProcessingJobs"),
    "createTransformJob": ("TransformJobName", "/aws/sagemaker/TransformJobs"),
    "createHyperParameterTuningJob": ("HyperParameterTuningJobName", "/aws/sagemaker/TrainingJobs"),
}


def place_of(service: str, resource: str, parameters: Any) -> Json | None:
    """`{"kind", "name", "group", "stream"}` of what a task calls; None where nothing writes a log.

    `group` is empty for a function, whose own configuration names it; `stream` is how its streams begin.
    """
    if not isinstance(parameters, dict):
        return None
    service, call = called(service, resource)
    if service == "lambda":
        name = str(parameters.get("FunctionName") or "").rpartition(":function:")[2].partition(":")[0]
        return {"kind": "lambda", "name": name, "group": "", "stream": ""} if name else None
    if service == "sagemaker" and call in _SAGEMAKER:
        member, group = _SAGEMAKER[call]
        name = str(parameters.get(member) or "")
        return {"kind": "sagemaker", "name": name, "group": group, "stream": name} if name else None
    if service == "glue" and parameters.get("JobName"):
        return {"kind": "glue", "name": str(parameters["JobName"]), "group": "", "stream": ""}
    return None


def called(service: str, resource: str) -> tuple[str, str]:
    """Service and operation of a task: AWS's history has them apart, another the integration's whole ARN.

    >>> called("sagemaker", "createTrainingJob.sync")
    ('sagemaker', 'createTrainingJob')
    >>> called("states:startExecution.sync", "arn:aws:states:::states:startExecution.sync:2")
    ('states', 'startExecution')
    """
    parts = [part for part in resource.rpartition(":::")[2].split(":") if not part.isdecimal()]
    return service.partition(":")[0], parts[-1].partition(".")[0] if parts else ""


def lines_of(source: Source, place: Json | None, begin: str, end: str | None) -> Json | None:
    """`{"group", "lines": [{"at", "text"}], "left_out", "link", "why_not"}` between two times; None without a place."""
    if place is None:
        return None
    start = datetime.fromisoformat(begin) - timedelta(seconds=1)
    stop = (datetime.fromisoformat(end) if end else datetime.now(UTC)) + timedelta(seconds=5)
    try:
        group, prefix = _group(source, place, start)
        found = _own(place, prefix, _events(source, group, prefix, start, stop))
    except (ClientError, BotoCoreError, KeyError) as error:
        why = str(getattr(error, "response", {}).get("Error", {}).get("Message") or error)
        return {"group": place["group"], "lines": [], "left_out": False, "link": None, "why_not": why}
    return {
        "group": group,
        "lines": [{"at": _iso(each["timestamp"]), "text": _message(each["message"])} for each in found[-MAX_LINES:]],
        "left_out": len(found) > MAX_LINES,
        "link": _link(source, group, start, stop),
        "why_not": None,
    }


def _group(source: Source, place: Json, at: datetime) -> tuple[str, str]:
    """The log group, and how the names of its streams begin."""
    if place["kind"] == "lambda":
        group = source.kept.get(("group", place["name"]), lambda: _of_function(source, place["name"]), 600)
        return group, f"{at:%Y/%m/%d}/"
    if place["kind"] == "glue":
        return f"/aws-glue/{source.stack}/error", place["stream"]
    return place["group"], place["stream"]


def _of_function(source: Source, name: str) -> str:
    found = source.client("lambda").get_function_configuration(FunctionName=name)
    return str((found.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}")


def _events(source: Source, group: str, prefix: str, start: datetime, stop: datetime) -> list[Json]:
    asked: Json = {"logGroupName": group, "startTime": _ms(start), "endTime": _ms(stop), "limit": 1_000}
    if prefix:
        asked["logStreamNamePrefix"] = prefix
    found: list[Json] = []
    # an answer may be empty and have a token all the same
    for _ in range(5):
        answer = source.client("logs").filter_log_events(**asked)
        found += answer.get("events", [])
        if not answer.get("nextToken") or len(found) > MAX_LINES:
            break
        asked["nextToken"] = answer["nextToken"]
    return found


def _own(place: Json, prefix: str, events: list[Json]) -> list[Json]:
    """Jobs share a log group: the streams of this one, also where the service has not filtered. Functions share one as
    well: the streams that name this one, or hold a line of it.
    """
    if place["kind"] != "lambda":
        return [each for each in events if str(each["logStreamName"]).startswith(prefix)]
    name = place["name"]
    streams = {
        each.get("logStreamName")
        for each in events
        if name in str(each.get("logStreamName", "")) or name in str(each.get("message", ""))
    }
    return [each for each in events if each.get("logStreamName") in streams]


def _message(text: str) -> str:
    """A line of a function's JSON log as its level and message; any other line unchanged."""
    line = text.rstrip("\n")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return line[:4_000]
    if not isinstance(told, dict) or "message" not in told:
        return line[:4_000]
    rest = told.get("exception") or told.get("stackTrace") or ""
    return f"{told.get('level', '')} {told['message']}{f' {rest}' if rest else ''}".strip()[:4_000]


def _link(source: Source, group: str, start: datetime, stop: datetime) -> str | None:
    """The same lines in AWS's own console; None for a local cloud, which has none."""
    target = source.connection.target
    if target.account is None:
        return None
    # CloudWatch's addresses escape twice, with $ for the second percent sign
    escaped = quote(quote(group, safe=""), safe="").replace("%", "$")
    times = quote(f"?start={_ms(start)}&end={_ms(stop)}", safe="").replace("%", "$")
    return (
        f"https://{target.region}.console.aws.amazon.com/cloudwatch/home?region={target.region}"
        f"#logsV2:log-groups/log-group/{escaped}/log-events{times}"
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat()
