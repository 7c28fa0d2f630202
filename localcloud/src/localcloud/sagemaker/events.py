"""State-change events of SageMaker on the account's default bus."""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

from localcloud.sagemaker import jobs, store
from localcloud.settings import Settings

log = logging.getLogger(__name__)


def emit(detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Sends one event with source `aws.sagemaker`; times in `detail` become milliseconds, as in AWS's events.

    PutEvents refuses sources that begin with `aws.`, hence the emulator's own entry point. Never raises: an event
    that cannot be delivered must not fail the job that it describes (AWS sends them best effort as well).
    """
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    settings = Settings.current()
    entry = {
        "Source": "aws.sagemaker",
        "DetailType": detail_type,
        "Resources": resources,
        "Detail": json.dumps(_with_milliseconds(store.public(detail)), default=str),
    }
    try:
        with request_scope(settings.account, settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:
        log.exception("event %s for %s was not delivered", detail_type, resources)


def changed(detail_type: str, arn: str, record: dict[str, Any]) -> None:
    """Emits the record of `arn` as it is now, after the events before it, without waiting."""
    detail = {**copy.deepcopy(store.public(record)), "Tags": store.tags_of(arn)}
    jobs.later(lambda: emit(detail_type, [arn], detail))


def _with_milliseconds(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _with_milliseconds(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_milliseconds(v) for v in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and name.endswith(("Time", "Timestamp")):
        return int(value * 1000)
    return value
