"""The base of all records: refuses unknown members when it is made, tolerates them when it is read.

A record may have been written by an older or a newer deployment. Members that this one does not know are left out; a
member that it needs and does not find is an error that says where the record lies and what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from sluice.errors import DamagedRecordError

_NAMED = 3
_DEPTH = 3
"""Parts of a member's path that are shown. Deeper ones may be values of rows, which a message never has."""


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, content: Any, where: str) -> Self:
        """The record in JSON `content`; `where` says where it lies. Raises DamagedRecordError."""
        try:
            return cls.model_validate(content, extra="ignore")
        except ValidationError as error:
            raise DamagedRecordError(
                f"{where} cannot be used: {_described(error)}. Restore its last version, or start a new run"
            ) from None

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


def _described(error: ValidationError) -> str:
    """What is wrong, by member, without the values."""
    found = list(_problems(error))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _problems(error: ValidationError, above: tuple[int | str, ...] = ()) -> Iterator[str]:
    for each in error.errors(include_input=False, include_url=False):
        path = (*above, *each["loc"])
        inner = each.get("ctx", {}).get("error")
        if isinstance(inner, ValidationError):
            yield from _problems(inner, path)
            continue
        name = ".".join(map(str, path[:_DEPTH])) or "the record"
        yield f"{name} is missing" if each["type"] == "missing" else f"{name}: {each['msg']}"
