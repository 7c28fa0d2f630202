"""The router's part that needs no cloud: choosing by weight, and instances that misbehave."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.sagemaker import router
from localcloud.sagemaker.router import Door, Lane, Traffic
from localcloud.sagemaker.workers import Fleet, ServingSpec, Worker

SPEC = ServingSpec(Path("python"), Path(), {})
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def lane(variant: str, weight: float) -> Lane:
    return Lane(variant, Fleet(variant, SPEC, lambda *_: None), weight)


def test_weights_are_relative_and_nothing_goes_to_zero() -> None:
    traffic = Traffic((lane("none", 0), lane("a", 3), lane("off", 0), lane("b", 1), lane("last", 0)))
    got = Counter(picked.variant for _ in range(4000) if (picked := traffic.pick()))
    assert set(got) == {"a", "b"}
    assert abs(got["b"] - 1000) < 3 * (4000 * 0.25 * 0.75) ** 0.5
    assert Traffic((lane("a", 0),)).pick() is None
    target = traffic.of("none")
    assert target
    assert target.variant == "none"
    assert traffic.of("unknown") is None


def test_a_request_is_counted_on_its_fleet_until_it_leaves() -> None:
    old, new = lane("a", 1), lane("a", 1)
    door = Door("e", Traffic((old,)))
    entered, _, worker = door.enter(None)
    door.switch(Traffic((new,)))
    assert (entered, old.fleet.in_flight, new.fleet.in_flight) == (old, 1, 0)
    assert door.enter(None)[0] is new
    door.leave(entered, worker)
    assert old.fleet.in_flight == 0


@pytest.fixture
def instance() -> Iterator[Callable[[Callable[[socket.socket, int], None]], Worker]]:
    listener = socket.create_server(("127.0.0.1", 0))

    def start(converse: Callable[[socket.socket, int], None]) -> Worker:
        def serve() -> None:
            number = 0
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                number += 1
                with connection:
                    converse(connection, number)

        threading.Thread(target=serve, daemon=True).start()
        worker = Worker("i-1", SPEC, lambda *_: None)
        worker.port, worker.ready = listener.getsockname()[1], True
        return worker

    yield start
    listener.close()


def ask(worker: Worker) -> router._Answer:
    entered = lane("a", 1)
    entered.fleet.in_flight = worker.in_flight = 1
    answer = router._exchange(Door("e"), entered, worker, {"content-type": "text/plain"}, b"x")
    assert (entered.fleet.in_flight, worker.in_flight) == (0, 0)
    return answer


def test_an_idle_connection_that_was_closed_loses_no_request(instance: Callable[..., Worker]) -> None:
    def once(connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        connection.sendall(ANSWER)

    worker = instance(once)
    assert [ask(worker).status for _ in range(3)] == [200, 200, 200]


def test_no_answer_in_time(instance: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "CONTAINER_TIMEOUT", 0.2)
    done = threading.Event()
    answer = ask(instance(lambda connection, number: done.wait(5) and None))
    done.set()
    assert answer.status == 0
    assert b"timed out" in answer.body
    assert 0.2 <= answer.seconds < 2


def test_an_instance_that_dies_while_it_answers(instance: Callable[..., Worker]) -> None:
    def half(connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        connection.sendall(ANSWER[:-1])

    assert ask(instance(half)).status == 502
    gone = Worker("i-2", SPEC, lambda *_: None)
    gone.port = 1
    assert ask(gone).status == 502
