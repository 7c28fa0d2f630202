"""A small HTTP client that measures: one connection in a loop, or several by epoll in one thread.

It costs about 10 µs of processor time a request, the same for every server, on the same cores as the servers. Every
answer is looked at: a status other than 200, or a body shorter than it says, ends the run.
"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

BUFFER = 1 << 18  # bytes; no answer is longer


@dataclass(frozen=True)
class Load:
    """Latencies in seconds, ascending; `seconds` of the whole."""

    latencies: list[float]
    seconds: float

    @property
    def p50_ms(self) -> float:
        return 1e3 * self.latencies[len(self.latencies) // 2]

    @property
    def p99_ms(self) -> float:
        return 1e3 * self.latencies[len(self.latencies) * 99 // 100]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


def request(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def whole(data: bytes | bytearray, size: int) -> bool:
    """Whether the first `size` bytes of `data` are a complete answer. Raises RuntimeError when it is not a 200."""
    end = data.find(b"\r\n\r\n", 0, size) + 4
    if end < 4:
        return False
    if data[9:12] != b"200":
        raise RuntimeError(data[: min(size, 600)].decode("latin-1"))
    length = body_length(bytes(data[:end]))
    return data[size - 5 : size] == b"0\r\n\r\n" if length is None else size - end >= length


@lru_cache(256)  # most answers of a server have the same header
def body_length(head: bytes) -> int | None:
    """None where the body is chunked."""
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return None


def connect(port: int) -> socket.socket:
    """Without a timeout of Python's, which would ask the kernel before every call whether it may be made."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
    return connection


def ask(connection: socket.socket, message: bytes, buffer: bytearray | None = None) -> None:
    """Sends a request and waits for the whole answer, which is left in `buffer`."""
    buffer = bytearray(BUFFER) if buffer is None else buffer
    connection.sendall(message)
    size = connection.recv_into(buffer)
    while not whole(buffer, size):
        more = connection.recv_into(memoryview(buffer)[size:])
        if not more:
            raise RuntimeError("the server closed the connection")
        size += more


def one_client(port: int, messages: Sequence[bytes], seconds: float) -> Load:
    latencies, buffer = [], bytearray(BUFFER)
    with connect(port) as connection:
        for message in messages[:5]:
            ask(connection, message, buffer)
        started = now = time.perf_counter()
        for message in itertools.cycle(messages):
            ask(connection, message, buffer)
            after = time.perf_counter()
            latencies.append(after - now)
            now = after
            if now - started >= seconds:
                break
    return Load(sorted(latencies), now - started)


class _Client:
    """A connection, the answer as far as it has come, and when its request was sent."""

    __slots__ = ("buffer", "connection", "sent_at", "size")

    def __init__(self, port: int) -> None:
        self.connection = connect(port)
        self.buffer, self.size, self.sent_at = bytearray(BUFFER), 0, 0.0


def many_clients(ports: Sequence[int], messages: Sequence[bytes], seconds: float, clients: int = 8) -> Load:
    """Clients spread over `ports`; each sends its next request when its last one is answered."""
    them = [_Client(ports[i % len(ports)]) for i in range(clients)]
    places = {one.connection.fileno(): one for one in them}
    latencies: list[float] = []
    clock, turns = time.perf_counter, itertools.cycle(messages)
    with select.epoll() as ready:
        for number in places:
            ready.register(number, select.EPOLLIN)
        started = now = clock()
        for one in them:
            one.sent_at = now
            one.connection.sendall(next(turns))
        while now - started < seconds:
            for number, _ in ready.poll(60):
                one = places[number]
                if one.size:
                    came = one.connection.recv_into(memoryview(one.buffer)[one.size :])
                else:
                    came = one.connection.recv_into(one.buffer)
                if not came:
                    raise RuntimeError("the server closed a connection")
                one.size += came
                if whole(one.buffer, one.size):
                    one.size = 0
                    now = clock()
                    latencies.append(now - one.sent_at)
                    one.sent_at = now
                    one.connection.sendall(next(turns))
    for one in them:
        one.connection.close()
    return Load(sorted(latencies), now - started)
