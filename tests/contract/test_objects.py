from __future__ import annotations

from pathlib import Path

import pytest

from sluice.bootstrap import World
from sluice.errors import NotFoundError

KEY = "raw/shop/a+b c%20.csv"


def test_a_written_object_is_read_back_under_its_very_key(world: World) -> None:
    world.objects.write(KEY, b"one")
    assert world.objects.read(KEY) == b"one"
    assert world.objects.exists(KEY)
    assert world.objects.uri(KEY) == f"s3://data/{KEY}"


def test_each_version_stays_readable(world: World, tmp_path: Path) -> None:
    world.objects.write(KEY, b"one")
    first = world.objects.version(KEY)
    world.objects.write(KEY, b"two")
    second = world.objects.version(KEY)
    assert first != second
    assert (world.objects.read(KEY, first), world.objects.read(KEY, second), world.objects.read(KEY)) == (
        b"one",
        b"two",
        b"two",
    )
    world.objects.download(KEY, tmp_path / "file", first)
    assert (tmp_path / "file").read_bytes() == b"one"


def test_a_copy_is_of_the_version_that_is_asked_for(world: World) -> None:
    world.objects.write(KEY, b"one")
    first = world.objects.version(KEY)
    world.objects.write(KEY, b"two")
    world.objects.copy(KEY, "scoring/shop/1/a", first)
    world.objects.copy(KEY, "scoring/shop/2/a")
    assert (world.objects.read("scoring/shop/1/a"), world.objects.read("scoring/shop/2/a")) == (b"one", b"two")
    with pytest.raises(NotFoundError):
        world.objects.copy("batch/shop/none.csv", "scoring/shop/3/a")


def test_an_upload_and_a_download_are_the_same_bytes(world: World, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"\0\xff" * 1_000)
    world.objects.upload(tmp_path / "in", "accepted/x", "application/octet-stream")
    world.objects.download("accepted/x", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"\0\xff" * 1_000


def test_what_is_absent_is_said_to_be_absent(world: World, tmp_path: Path) -> None:
    assert not world.objects.exists("no")
    assert world.objects.version("no") is None
    with pytest.raises(NotFoundError, match="s3://data/no"):
        world.objects.read("no")
    with pytest.raises(NotFoundError):
        world.objects.download("no", tmp_path / "file")
    world.objects.write("yes", b"")
    with pytest.raises(NotFoundError):
        world.objects.read("yes", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")


def test_a_listing_is_sorted_whole_and_below_its_prefix(world: World) -> None:
    for number in range(1_005):
        world.objects.write(f"many/{number:04}", b"x" * (number % 3))
    world.objects.write("manyother", b"")
    found = world.objects.list("many/")
    assert [item.key for item in found] == [f"many/{number:04}" for number in range(1_005)]
    assert found[2].size == 2
    assert found[0].modified.tzinfo is not None
    assert world.objects.list("none/") == []


def test_another_content_of_the_same_size_has_another_etag(world: World) -> None:
    def etag() -> str:
        (found,) = world.objects.list("changed")
        return found.etag

    world.objects.write("changed", b"one")
    first = etag()
    assert first
    assert etag() == first
    world.objects.write("changed", b"two")
    assert etag() != first


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1, 6 * 2**20])
def test_chunks_are_the_bytes_of_the_version_that_was_asked_for(size: int, world: World) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    world.objects.write(KEY, body)
    first = world.objects.version(KEY)
    world.objects.write(KEY, b"newer")
    assert b"".join(world.objects.chunks(KEY, first)) == body
    assert b"".join(world.objects.chunks(KEY)) == b"newer"
    with pytest.raises(NotFoundError):
        next(world.objects.chunks("no"))


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_the_new_one(world: World) -> None:
    old, new = b"o" * (6 * 2**20), b"n" * (6 * 2**20)
    world.objects.write(KEY, old)
    stream = world.objects.chunks(KEY)
    read = next(stream)
    world.objects.write(KEY, new)
    try:
        read += b"".join(stream)
    except NotFoundError:
        assert set(read) == set(b"o")
    else:
        assert read == old


def test_a_range_is_read_and_a_stream_is_written(world: World) -> None:
    body = bytes(range(256)) * 20_000
    world.objects.write_chunks(KEY, (body[at : at + 70_000] for at in range(0, len(body), 70_000)))
    assert world.objects.read(KEY) == body
    version = world.objects.version(KEY)
    for start, end in ((0, 5), (3, 5_000_001), (len(body) - 1, None), (7, 7)):
        assert b"".join(world.objects.chunks(KEY, version, start, end)) == body[start:end]
    world.objects.write_chunks(KEY, [])
    assert world.objects.read(KEY) == b""
