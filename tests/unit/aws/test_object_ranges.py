"""An object that is read in ranges: what AWS answers when a connection breaks or the object changes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError

from sluice.aws.objects import S3Objects
from sluice.errors import NotFoundError
from sluice.ports import Settings

BODY = bytes(range(256)) * 24_000
RANGES = 3  # the first of 1 MiB, then of 4 MiB


class Body(io.BytesIO):
    """An answer whose reading fails."""

    def read(self, *_: Any) -> bytes:
        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)


class Client:
    """`broken`: at which requests the connection breaks while the answer is read."""

    def __init__(self, broken: tuple[int, ...] = (), changed_at: int = 99) -> None:
        self.broken, self.changed_at = broken, changed_at
        self.asked: list[dict[str, Any]] = []

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if len(self.asked) == self.changed_at:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        first, last = map(int, asked["Range"].removeprefix("bytes=").split("-"))
        part = BODY[first : last + 1]
        body = Body() if len(self.asked) in self.broken else io.BytesIO(part)
        return {"Body": body, "ETag": '"e1"', "ContentRange": f"bytes {first}-{first + len(part) - 1}/{len(BODY)}"}


def objects(client: Client) -> S3Objects:
    return S3Objects(lambda _: client, Settings(bucket="data"))  # type: ignore[arg-type]


def test_ranges_join_and_ask_for_the_version_that_was_read_first() -> None:
    client = Client()
    assert b"".join(objects(client).chunks("k", "v1")) == BODY
    assert len(client.asked) == RANGES
    assert [asked.get("IfMatch") for asked in client.asked] == [None, '"e1"', '"e1"']
    assert all(asked["VersionId"] == "v1" for asked in client.asked)


def test_a_range_whose_connection_breaks_is_read_again() -> None:
    client = Client(broken=(1, 3, 4))
    assert b"".join(objects(client).chunks("k")) == BODY
    assert len(client.asked) == RANGES + 3


def test_a_range_that_breaks_three_times_is_an_error() -> None:
    stream = objects(Client(broken=(2, 3, 4))).chunks("k")
    assert len(next(stream)) == 2**20
    with pytest.raises(IncompleteReadError):
        next(stream)


def test_an_object_that_was_replaced_is_not_read_on() -> None:
    stream = objects(Client(changed_at=2)).chunks("k")
    next(stream)
    with pytest.raises(NotFoundError, match="was replaced while it was read"):
        next(stream)
