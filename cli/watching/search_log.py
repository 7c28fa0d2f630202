"""How far the search of `auto` is: the newest line about it in its training job's log.

CloudWatch Logs has the log while the job runs, on AWS as on the local cloud. A job's metrics come too late for it:
SageMaker publishes them by the minute, and has no number of trials and no time left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cli.text import number
from cli.watching.states import Evidence
from sluice.model.search_progress import SearchProgress, read
from sluice.ports import Json

GROUP = "/aws/sagemaker/TrainingJobs"
ASKED_EVERY = 5.0
"""Seconds: an account may ask for log events a few times a second in all."""
_PAGES = 5
_BACK = 600.0
"""Seconds of the log that are read at first; a search says something at least every 1 % of its budget."""


@dataclass
class SearchLog:
    """`job`: the tuning job; the names of its training jobs begin with it, and the names of their log streams with
    theirs. `logs`: the client of CloudWatch Logs.
    """

    logs: Any
    job: str
    _asked: float = field(default=float("-inf"))
    _newest: tuple[int, SearchProgress] | None = None
    """With the time of its line in milliseconds."""

    def evidence(self) -> Evidence:
        """Empty before the search has said anything, and where the log cannot be read."""
        if time.monotonic() - self._asked >= ASKED_EVERY:
            self._asked = time.monotonic()
            self._read()
        if self._newest is None:
            return Evidence()
        at, found = self._newest
        left = max(0.0, found.left - (time.time() - at / 1000))
        search = {**found._asdict(), "left": round(left)}
        return Evidence((f"auto: {search_words(search)}",), {"search": search})

    def _read(self) -> None:
        since = self._newest[0] + 1 if self._newest else int((time.time() - _BACK) * 1000)
        prefix = f"{self.job}-"
        asked = {"logGroupName": GROUP, "logStreamNamePrefix": prefix, "startTime": since}
        try:
            # an answer may be empty and have a token in any case
            for _ in range(_PAGES):
                answer = self.logs.filter_log_events(**asked)
                # a stand-in for CloudWatch may answer with the lines of every job
                own = (each for each in answer.get("events", []) if str(each["logStreamName"]).startswith(prefix))
                for event in own:
                    found, at = read(str(event["message"])), int(event["timestamp"])
                    if found and (self._newest is None or at >= self._newest[0]):
                        self._newest = at, found
                if not answer.get("nextToken"):
                    break
                asked["nextToken"] = answer["nextToken"]
        except ClientError:
            # the group does not exist before the first line, and a person may lack the right to read it
            return


def search_words(search: Json) -> str:
    """
    >>> search_words({"ended": 12, "begun": 14, "metric": "roc_auc", "best": 0.91314, "left": 61})
    'about 60 s left, 12 of 14 trials ended, best roc_auc 0.9131'
    >>> search_words({"ended": 0, "begun": 2, "metric": "rmse", "best": None, "left": 600})
    'about 10 min left, 0 of 2 trials ended'
    """
    best = f", best {search['metric']} {number(search['best'])}" if search["best"] is not None else ""
    left = search["left"]
    rest = f"about {round(left / 60)} min" if left >= 150 else f"about {max(10, round(left, -1))} s"
    return f"{rest} left, {search['ended']} of {search['begun']} trials ended{best}"
