"""Task tokens: what is sent to one wakes the task that waits for it; a sender that is too late gets an error."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import stepfunctions as sfn


class Callback:
    """One try of a task that waits for its token. The first answer counts; `wake` is set by it and by a heartbeat."""

    def __init__(self) -> None:
        self.token: str = new_uuid()
        self.wake = threading.Event()
        self.beat: float | None = None  # monotonic time of the last heartbeat
        self.answer: dict[str, Any] | None = None  # SendTaskSuccess's or SendTaskFailure's request
        with _lock:
            _open[self.token] = self
            _issued.add(self.token)

    def close(self) -> dict[str, Any] | None:
        """Takes no more answers; returns the one that came, which its sender believes to have counted."""
        with _lock:
            _open.pop(self.token, None)
            return self.answer


_lock = threading.Lock()
_open: dict[str, Callback] = {}
_issued: set[str] = set()  # a token that was used or has expired is refused otherwise than one that never was


def install() -> None:
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(sfn, name, _sending(name, getattr(sfn, name)))


def _sending(name: str, of_activities: Any) -> Any:
    def send(data: dict[str, Any]) -> Any:
        token = data.get("taskToken", "")
        if token in sfn._task_tokens:  # an activity's: ministack runs those
            return of_activities(data)
        if name == "_send_task_success" and not _is_json(data.get("output")):
            return error_response_json("InvalidOutput", "Invalid Output: 'Invalid Output'", 400)
        with _lock:
            callback = _open.get(token)
            if callback is not None and callback.answer is None:
                if name == "_send_task_heartbeat":
                    callback.beat = time.monotonic()
                else:
                    callback.answer = data
                callback.wake.set()
                return json_response({})
            known = token in _issued
        if known:
            text = "Task Timed Out: 'Provided task does not exist anymore'"
            return error_response_json("TaskTimedOut", text, 400)
        return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)

    return send


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True
