"""A small HTTP client that measures: one connection in a loop, or several by epoll in one thread.

It costs about 15 µs of processor time a request, the same for every server, on the same cores as the servers.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass


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


def whole(data: bytes) -> bool:
    """Whether `data` is a complete answer. Raises RuntimeError when it is not a 200."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    if data[9:12] != b"200":
        raise RuntimeError(data[:600].decode("latin-1"))
    head = data[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        return len(data) - end - 4 >= int(head[at + 15 :].split(b"\r\n", 1)[0])
    return data.endswith(b"0\r\n\r\n")  # chunked


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection: socket.socket, message: bytes) -> bytes:
    connection.sendall(message)
    data = connection.recv(1 << 20)
    while not whole(data):
        more = connection.recv(1 << 20)
        if not more:
            raise RuntimeError("the server closed the connection")
        data += more
    return data


def one_client(port: int, message: bytes, seconds: float) -> Load:
    latencies = []
    with connect(port) as connection:
        for _ in range(5):
            ask(connection, message)
        started = now = time.perf_counter()
        while now - started < seconds:
            ask(connection, message)
            after = time.perf_counter()
            latencies.append(after - now)
            now = after
    return Load(sorted(latencies), now - started)


def many_clients(ports: Sequence[int], message: bytes, seconds: float, clients: int = 8) -> Load:
    """Clients spread over `ports`; each sends its next request when its last one is answered."""
    connections = [connect(ports[i % len(ports)]) for i in range(clients)]
    places = {connection.fileno(): i for i, connection in enumerate(connections)}
    received, sent_at, latencies = [b""] * clients, [0.0] * clients, []
    with select.epoll() as ready:
        for connection in connections:
            ready.register(connection.fileno(), select.EPOLLIN)
        started = now = time.perf_counter()
        for i, connection in enumerate(connections):
            sent_at[i] = now
            connection.sendall(message)
        while now - started < seconds:
            for number, _ in ready.poll(60):
                i = places[number]
                data = connections[i].recv(1 << 20)
                if not data:
                    raise RuntimeError("the server closed a connection")
                received[i] += data
                if whole(received[i]):
                    received[i] = b""
                    now = time.perf_counter()
                    latencies.append(now - sent_at[i])
                    sent_at[i] = now
                    connections[i].sendall(message)
    for connection in connections:
        connection.close()
    return Load(sorted(latencies), now - started)
