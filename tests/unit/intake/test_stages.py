"""Stages in threads of their own keep the order of what they pass on, and of what they raise."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from functools import partial

import pyarrow as pa
import pytest

from sluice.intake.stages import Behind, ahead


@pytest.fixture(params=[1, 2], ids=["one core", "two cores"])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    before = pa.cpu_count()
    pa.set_cpu_count(request.param)
    yield request.param
    pa.set_cpu_count(before)


def test_items_keep_their_order_and_an_error_comes_behind_those_before_it(cores: int) -> None:
    def source() -> Generator[int]:
        yield from range(5)
        raise ValueError("after the fifth")

    seen: list[int] = []
    with pytest.raises(ValueError, match="after the fifth"):
        seen.extend(ahead(source()))
    assert seen == [0, 1, 2, 3, 4]


def test_the_source_is_closed_when_its_reader_stops(cores: int) -> None:
    closed = []

    def source() -> Generator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    coming = ahead(source())
    assert next(coming) == 0
    coming.close()
    assert closed == [True]


def test_the_next_item_is_made_while_one_is_used() -> None:
    begun = threading.Event()

    def source() -> Generator[int]:
        yield 1
        begun.set()
        yield 2

    before = pa.cpu_count()
    pa.set_cpu_count(2)
    try:
        coming = ahead(source())
        assert next(coming) == 1
        assert begun.wait(10)
        assert list(coming) == [2]
    finally:
        pa.set_cpu_count(before)


def test_calls_are_made_in_order_and_none_after_one_that_failed(cores: int) -> None:
    made = []

    def work(number: int) -> None:
        if number == 3:
            raise OSError("the disk is full")
        made.append(number)

    def make(behind: Behind) -> None:
        with behind:
            for number in range(6):
                behind.call(partial(work, number))

    with pytest.raises(OSError, match="disk"):
        make(Behind("write"))
    assert made == [0, 1, 2]


def test_what_an_earlier_call_raised_comes_before_a_later_error(cores: int) -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    def make(behind: Behind) -> None:
        with behind:
            behind.call(fail)
            raise ValueError("of a later row")

    with pytest.raises(OSError, match="disk"):
        make(Behind("write"))
