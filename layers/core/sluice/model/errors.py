"""Errors of the learning jobs and of serving. They live here because jobs ship without `sluice.errors`.

ModelError
├── ArtifactError   an artefact is damaged, tampered with, or of an unknown format
├── DataError       a channel's file does not fit the contract
└── InputError      a request does not fit the contract; the caller's fault (HTTP 400)
"""

from __future__ import annotations

import json


class ModelError(Exception):
    """Base of everything that `sluice.model` raises on purpose."""


class ArtifactError(ModelError):
    """The artefact must not be used: damaged, tampered with, or of an unknown format."""


class DataError(ModelError):
    """A job's input file does not fit the contract; says which file and column, and what to do."""


class InputError(ModelError, ValueError):
    """A request does not fit the contract. `status` and `body` are what the serving container answers.

    `record` is the number of the request's record, from 1, where it has several.
    """

    status = 400

    def __init__(self, message: str, field: str | None = None, status: int = 400, record: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.status = status
        self.record = record

    def in_record(self, number: int) -> InputError:
        """The same refusal, of record `number`."""
        return InputError(f"record {number}: {self.message}", self.field, self.status, number)

    @property
    def body(self) -> str:
        answer: dict[str, str | int] = {"error": self.message}
        if self.field is not None:
            answer["field"] = self.field
        if self.record is not None:
            answer["record"] = self.record
        return json.dumps(answer)
