"""Find the reason in the cause that Step Functions reports.

The services nest what went wrong: the cause of a nested execution is its description as JSON, which holds the cause
of a job, which is that job's description with its ARN and names first, which holds the container's answer. The reason
comes last, and it is what a person needs first.
"""

from __future__ import annotations

import json
import re
from typing import Any

_REASONS = (
    "errorMessage",  # a Lambda function
    "FailureReason",  # a SageMaker job
    "ExitMessage",  # a processing job: what the container itself wrote
    "ErrorMessage",  # a Glue run
    "Cause",  # an execution of a state machine
    "error",  # the container that serves a model
    "message",
    "Message",
)
_STATUSES = ("JobRunState", "Status", "State")
_LOGS = {
    "TrainingJobName": "/aws/sagemaker/TrainingJobs",
    "ProcessingJobName": "/aws/sagemaker/ProcessingJobs",
    "TransformJobName": "/aws/sagemaker/TransformJobs",
}
_SAYS_NOTHING = re.compile(r"See job logs for more information|Please take a look at the training jobs failures", re.I)
_TOOLKIT = re.compile(r'\w+Error:\s*ExitCode\s+(\S+)\s+ErrorMessage\s+"(.*?)"\s*(?:ExtraInfo|Command)\s+".*', re.DOTALL)
"""How AWS's training toolkit writes a script's failure: the message lies between an exit code and a long command."""
_EXIT_CODE = re.compile(r"exit code:? *(-?\d+)", re.I)
_KILLED = {"137", "-9"}
NEXT_FAILURE = "; then "
"""What stands between the failures that a Fail state says (statemachines/shared.yaml, Reasons)."""
_DEPTH = 20
REASON_LIMIT = 2_000
"""Characters of a reason that are kept, counted after its wrapping is taken off: reasons come last in a cause."""


def message_of(cause: str) -> str:
    """The reason within a cause, with the words before it; never empty.

    A cause that Step Functions cut off in the middle of its JSON still gives its reason.
    """
    return _message(cause, _DEPTH).strip() or "the service gave no cause"


def reason_of(cause: str) -> str:
    """The reason within a cause; of a long one its beginning, and how much is left out."""
    reason = message_of(cause)
    cut = len(reason) - REASON_LIMIT
    return f"{reason[:REASON_LIMIT]} … ({cut} more characters)" if cut > 0 else reason


def failures_of(failure: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each failure that a state machine kept, in their order; `before` holds what had failed before one."""
    found = []
    while failure:
        found.append(failure)
        failure = failure.get("before")
    return found[::-1]


def failure_texts(failure: dict[str, Any] | None) -> list[str]:
    """`state: error: reason` of each failure that a state machine kept, in their order."""
    return [_failure_text(each) for each in failures_of(failure)]


def _failure_text(failure: dict[str, Any]) -> str:
    return f"{failure.get('state')}: {failure.get('error')}: {reason_of(str(failure.get('cause') or ''))}"


def _message(cause: str, depth: int) -> str:
    # ends for a cause that holds itself in another spelling
    if depth == 0:
        return cause
    cause = _script_message(cause)
    start = cause.find("{")
    if start < 0:
        return cause
    content, rest = _object(cause[start:])
    if content is None:
        return cause
    reason = _reason_in(content, depth)
    if reason is None:
        return cause
    if rest.startswith(NEXT_FAILURE):
        rest = NEXT_FAILURE + _message(rest.removeprefix(NEXT_FAILURE), depth - 1)
    elif not rest.startswith(", exit code"):
        rest = ""
    return (cause[:start] + reason).strip() + rest


def _object(text: str) -> tuple[dict[str, Any] | None, str]:
    """The JSON object at the beginning of a text, and what follows it. Cut off or escaped JSON is read as far as it
    goes.
    """
    for candidate in (text, text.replace('\\"', '"')):
        try:
            content, end = json.JSONDecoder().raw_decode(candidate)
        except ValueError:
            continue
        return (content, candidate[end:]) if isinstance(content, dict) else (None, "")
    members = re.findall(r'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*)', text)
    found = {name: _unescaped(value) for name, value in members}
    return (found, "") if found else (None, "")


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text.replace('\\"', '"').replace("\\n", "\n").rstrip("\\")


def _reason_in(content: dict[str, Any], depth: int) -> str | None:
    """The first member that says something; else what is known about the job. None for an object of another kind."""
    silent = None
    for name in _REASONS:
        value = content.get(name)
        if not value or not isinstance(value, str | dict):
            continue
        text = _message(value if isinstance(value, str) else json.dumps(value), depth - 1)
        if not _SAYS_NOTHING.search(text):
            return text
        silent = silent or text
    status = next((str(content[key]) for key in content if key.endswith(_STATUSES) and content[key]), None)
    if silent is None and status is None:
        return None
    kind, job = next(((k, content[k]) for k in content if k.endswith("JobName") and content[k]), ("", ""))
    what = f"job {job}" if job else "the job"
    if "TuningJobName" in kind:
        return f"{what}: all its training jobs failed; their own failure reasons are in SageMaker's list of them"
    code = _EXIT_CODE.search(silent or "")
    ended = f"{what} ended as {status or 'Failed'}" + (f" with exit code {code[1]}" if code else "")
    killed = "; it was killed, usually because memory ran out" if code and code[1] in _KILLED else ""
    log = f"; its log is in {_LOGS[kind]}, in the stream that begins with {job}" if kind in _LOGS else ""
    return f"{ended} and gave no reason{killed}{log}"


def _script_message(text: str) -> str:
    """The message within the training toolkit's report of a failed script."""
    found = _TOOLKIT.search(text)
    if not found:
        return text
    said = " ".join(found[2].split())
    return text[: found.start()] + (said or f"the script ended with exit code {found[1]} and gave no reason")
