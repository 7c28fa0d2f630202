"""What ministack 1.5.33 does otherwise than AWS and the line needs as on AWS; each repair with its why.

A repair looks for the text or name that it replaces and raises when it is gone: a newer ministack must be looked at.
"""

from __future__ import annotations

import json
import os
import re
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from localcloud.settings import Settings

_FUNCTION_ERROR = "__localcloud_function_error__"

_WORKER_ERROR = (
    '        except Exception as e:\n            _real_stdout.write(json.dumps({"status": "error", "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")\n'
)
_WORKER_ERROR_REPAIRED = (
    "        except Exception as e:\n"
    '            _frames = traceback.format_exception(e)\n            print("[ERROR]", "".join(_frames), flush=True)\n'
    '            _failure = {"errorMessage": str(e), "errorType": type(e).__name__,\n'
    '                        "requestId": _ms_ctx.get("request_id", ""), "stackTrace": _frames}\n'
    f'            _result = {{"{_FUNCTION_ERROR}": _failure}}\n'
    '            _real_stdout.write(json.dumps({"status": "ok", "result": _result}) + "\\n")\n'
)


def install(settings: Settings) -> None:
    """Applies every repair."""
    # Lambda workers inherit this process's environment: they must not import the repository from it.
    os.environ.pop("PYTHONPATH", None)
    _keep_the_error_type_of_a_lambda()
    _count_the_loopback_link_as_tls()
    _name_the_version_in_s3_events()
    _keep_the_key_of_a_topic()
    _count_the_functions_of_a_queue()
    _filter_log_events_by_the_stream_s_prefix()
    _let_wildcards_of_policies_match_line_ends()


def shutdown() -> None:
    """Nothing to end."""


def _keep_the_key_of_a_topic() -> None:
    """A stack's topic keeps its KmsMasterKeyId: who publishes needs permissions for that key."""
    from ministack.services import sns
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    handlers = _RESOURCE_HANDLERS["AWS::SNS::Topic"]
    create = handlers["create"]

    def create_topic(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = create(logical_id, props, stack_name)
        arn = made[0] if isinstance(made, tuple) else made
        if key := props.get("KmsMasterKeyId"):
            sns._topics[arn]["attributes"]["KmsMasterKeyId"] = key
        return made

    handlers["create"] = create_topic


def _count_the_functions_of_a_queue() -> None:
    """A parameter's value is text in a template: as MaximumConcurrency it would end the poller of every queue."""
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    def counted(props: dict[str, Any]) -> dict[str, Any]:
        scaling = props.get("ScalingConfig") or {}
        if "MaximumConcurrency" not in scaling:
            return props
        return {**props, "ScalingConfig": {**scaling, "MaximumConcurrency": int(scaling["MaximumConcurrency"])}}

    handlers = _RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create, update = handlers["create"], handlers["update"]
    handlers["create"] = lambda logical_id, props, stack_name: create(logical_id, counted(props), stack_name)
    handlers["update"] = lambda physical_id, old, new, stack_name: update(
        physical_id, counted(old), counted(new), stack_name
    )


def _keep_the_error_type_of_a_lambda() -> None:
    """A handler's exception is reported by its class, and its environment lives on.

    ministack answers `Runtime.HandlerError` for every exception, so that no state machine could catch a business
    error by name, and kills the worker, so that each failure costs a cold start.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if _WORKER_ERROR not in script:
        raise RuntimeError("ministack's Lambda worker has changed: see localcloud.repairs")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_WORKER_ERROR, _WORKER_ERROR_REPAIRED)
    execute = lambda_svc._execute_function_warm

    def execute_function_warm(func: dict, event: Any, request_id: str) -> dict:
        result = execute(func, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and _FUNCTION_ERROR in body:
            return {"body": body[_FUNCTION_ERROR], "error": True, "log": result.get("log", "")}
        return result

    lambda_svc._execute_function_warm = execute_function_warm


def _count_the_loopback_link_as_tls() -> None:
    """`aws:SecureTransport` is true: nobody can listen on the loopback link, and bucket policies that refuse plain
    HTTP, as they should on AWS, would refuse every call here.
    """
    from ministack.core.iam_evaluator import EvalContext

    initialise = EvalContext.__init__

    def initialise_as_tls(self: Any, *arguments: Any, **named: Any) -> None:
        named.setdefault("secure_transport", True)
        initialise(self, *arguments, **named)

    EvalContext.__init__ = initialise_as_tls


def _name_the_version_in_s3_events() -> None:
    """S3's events on EventBridge carry `version-id` for a versioned bucket; ministack leaves it out.

    Without it, an event cannot say which of two versions of a key it is about.
    """
    from ministack.services import eventbridge, s3

    version: ContextVar[str | None] = ContextVar("version_of_the_s3_event", default=None)
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_s3_event(*arguments: Any, **named: Any) -> None:
        token = version.set(named.get("version_id"))
        try:
            fire(*arguments, **named)
        finally:
            version.reset(token)

    def dispatch_event(event: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        if version.get() and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **named)

    s3._fire_s3_event = fire_s3_event
    eventbridge._dispatch_event = dispatch_event


def _let_wildcards_of_policies_match_line_ends() -> None:
    """`*` and `?` in a policy stand for any characters; ministack's stand for none that ends a line.

    A function was denied an object whose key has a line break, so that no verdict came on it.
    """
    from ministack.core import iam_evaluator

    compile_pattern = iam_evaluator._fnmatch_compile

    def compile_whole(pattern: str, ignore_case: bool) -> re.Pattern[str]:
        found = compile_pattern(pattern, ignore_case)
        return re.compile(found.pattern.removesuffix("$") + r"\Z", found.flags | re.DOTALL)

    iam_evaluator._fnmatch_compile = lru_cache(maxsize=4096)(compile_whole)


def _filter_log_events_by_the_stream_s_prefix() -> None:
    """FilterLogEvents answers `logStreamNamePrefix` with the events of these streams; ministack answers with all."""
    from ministack.services import cloudwatch_logs

    answer = cloudwatch_logs._filter_log_events

    def filter_log_events(data: dict[str, Any]) -> Any:
        if prefix := data.get("logStreamNamePrefix"):
            group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data)) or {"streams": {}}
            # an empty list would mean every stream, and no stream has an empty name
            named = [name for name in group["streams"] if name.startswith(prefix)] or [""]
            data = {**data, "logStreamNames": named}
        return answer(data)

    cloudwatch_logs._filter_log_events = filter_log_events
