"""Jobs that are one container from start to end: what processing and batch transform share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker import checks, containers, events, jobs, store
from localcloud.sagemaker.containers import ClientError

Record = dict[str, Any]

log = logging.getLogger(__name__)

_FINISHED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Kind:
    """A kind of job. `word` is the one in the names of its API: Processing in ProcessingJobStatus."""

    word: str
    table: store.Table
    modified: bool = False
    """Its record has a LastModifiedTime."""

    @property
    def name(self) -> str:
        return f"{self.word}JobName"

    @property
    def arn(self) -> str:
        return f"{self.word}JobArn"

    @property
    def status(self) -> str:
        return f"{self.word}JobStatus"

    def create(self, request: Record, more: Record, work: Callable[[Record], Record]) -> Record:
        """Registers the job and runs `work` in a thread; the API's answer.

        `work` returns the fields that say how the job ended. It raises ClientError for a mistake of the request.
        """
        created = store.now()
        record = {
            **{k: v for k, v in request.items() if k != "Tags"},
            self.arn: store.arn(f"{self.word.lower()}-job", request[self.name]),
            self.status: "InProgress",
            **more,
            "CreationTime": created,
            **({"LastModifiedTime": created} if self.modified else {}),
            "_stop": jobs.Stop(),
        }
        self.table.add(request[self.name], record)
        store.tag(record[self.arn], request.get("Tags"))
        self._changed(record)
        jobs.run(f"{self.word.lower()}-{request[self.name]}", lambda: self._run(record, work))
        return {self.arn: record[self.arn]}

    def stop(self, request: Record) -> Record:
        """Asks a job to end. Raises ValidationException for one that has ended."""
        record = self.table.get(request[self.name])
        with store.lock():
            if record[self.status] in _FINISHED:
                raise checks.invalid(
                    f"The request was rejected because the {self.word.lower()} job is in status {record[self.status]}."
                )
            record[self.status] = "Stopping"
            self._changed(record)
        record["_stop"].set()
        return {}

    def _run(self, record: Record, work: Callable[[Record], Record]) -> None:
        try:
            with containers.slot(record["_stop"].event):
                end = work(record)
        except containers.Stopped:
            end = {self.status: "Stopped"}
        except ClientError as error:
            end = {self.status: "Failed", "FailureReason": f"ClientError: {error}"[:1024]}
        except Exception as error:
            log.exception("%s job %s failed inside the local cloud", self.word.lower(), record[self.name])
            reason = f"InternalServerError: {type(error).__name__}: {error}"
            end = {self.status: "Failed", "FailureReason": reason[:1024]}
        with store.lock():
            at = store.now()
            record.update(end, **{f"{self.word}EndTime": at})
            if self.modified:
                record["LastModifiedTime"] = at
            self._changed(record)

    def _changed(self, record: Record) -> None:
        events.changed(f"SageMaker {self.word} Job State Change", record[self.arn], record)
