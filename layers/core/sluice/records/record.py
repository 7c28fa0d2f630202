"""The base of all records: refuses unknown members when it is made, tolerates them when it is read.

A record may have been written by an older or a newer deployment. Members that this one does not know are left out; a
member that it needs and does not find is an error that says where the record lies and what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from sluice.contract.hints import in_own_words
from sluice.errors import DamagedRecordError

_NAMED = 3
_SHOWN = 2


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
    shown: ClassVar[int] = _SHOWN
    """Parts of a member's path that a message shows. Deeper ones may be values of rows, which no message has."""

    @classmethod
    def of(cls, content: Any, where: str) -> Self:
        """The record in JSON `content`; `where` says where it lies. Raises DamagedRecordError."""
        with reading(where, cls.shown):
            return cls.model_validate(content, extra="ignore")

    @classmethod
    def parse(cls, body: bytes, where: str) -> Self:
        """The record in the bytes of a JSON file. Raises DamagedRecordError."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            # the parser's message may quote the object
            raise DamagedRecordError(f"{where} is not JSON; restore its last version") from None
        return cls.of(content, where)

    def plain(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return self.model_dump(mode="json")


@contextmanager
def reading(where: str, shown: int = _SHOWN) -> Iterator[None]:
    """Says in words what pydantic finds wrong: a DamagedRecordError about `where`."""
    try:
        yield
    except ValidationError as error:
        raise DamagedRecordError(
            f"{where} cannot be used: {_described(error, shown)}. Restore its last version, or start a new run"
        ) from None


def _described(error: ValidationError, depth: int) -> str:
    """What is wrong, by member, without the values."""
    found = []
    for each in error.errors(include_input=False, include_url=False):
        name = ".".join(map(str, each["loc"][:depth])) or "the record"
        found.append(f"{name} is missing" if each["type"] == "missing" else f"{name}: {in_own_words(each['msg'])}")
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
