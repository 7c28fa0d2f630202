"""The loop that takes requests and sends answers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator

from serving_container.http_messages import BLANK_LINES, Answer, Head, Unfinished, read_request, render

BUFFER = 64 * 1024


@contextlib.contextmanager
def vital() -> Iterator[None]:
    """Without its leader or its watch the process would be deaf: it ends if one fails, for example because no "
    "thread can start."""
    try:
        yield
    except BaseException:
        try:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


class Connection:
    """A caller's connection.

    `pending` is a request that is not whole yet; `answer` is what is still to be sent, and `keep` whether the
    connection stays open after that.
    """

    __slots__ = ("answer", "keep", "pending", "socket")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.pending: Unfinished | None = None
        self.answer = b""
        self.keep = True


class Server:
    """HTTP/1.1 with keep-alive.

    One thread, the leader, waits for all connections and itself answers what comes on one: that is its turn. A
    hand-over to another thread would cost more than the answer. A watch looks every TICK; a turn that it sees twice is
    a slow one, and then a new leader takes over all other connections while the old one finishes its turn and ends.
    So a slow model, or a caller that does not read its answer, holds up the others, /ping among them, for two ticks at
    most; and the next APART requests get threads of their own at once.

    Short answers to requests that came together are sent together, since each wakes a caller, who would take the
    processor away from the next answer: at the end of a turn, when the first of them began TOGETHER ago, and before a
    request that is LARGE or came in pieces. The answer after a turn longer than TOGETHER is sent at once: there turns
    are long. So an answer waits for TOGETHER and the rest of one more turn; that one is long only where a small request
    takes long after two that did not, and delays it for two ticks at most. What does not go out at once is left to a
    thread.
    """

    TICK = 0.05  # seconds
    APART = 50
    LINGER = 50e-6  # seconds
    TOGETHER = 200e-6  # seconds
    SHORT = 16 * 1024  # bytes of an answer; what is longer is sent at once
    LARGE = 4 * 1024  # bytes of a request

    def __init__(self, listener: socket.socket, invoke: Callable[[Head, bytes], Answer]) -> None:
        self.listener, self.invoke = listener, invoke
        self.connections: dict[int, Connection] = {}
        self.events = select.epoll()
        self.lock = threading.RLock()
        self.leader: threading.Thread | None = None
        self.turn: Connection | None = None  # the leader's
        self.unsent: deque[Connection] = deque()  # have an answer; a new leader continues with them
        self.turns = 0
        self.aside = 0  # turns of other threads than the leader
        self.apart = 0  # turns that are still to get a thread of their own
        self.stopping = False
        self.drained = threading.Event()

    def run(self) -> None:
        """Answers until the process ends; the watch."""
        with vital():
            self.listener.setblocking(False)
            self.events.register(self.listener.fileno(), select.EPOLLIN)
            self._elect()
            seen = 0
            while True:
                time.sleep(self.TICK)
                with self.lock:
                    if self.turn is not None and self.turns == seen:
                        self._set_aside(self.turn)
                        self.turn, self.apart = None, self.APART
                        self._elect()
                    seen = self.turns

    def stop(self, patience: float = 5.0) -> None:
        """Takes no further connection and returns when no request is on, at most after `patience` seconds."""
        self.stopping = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the leader
        self.drained.wait(patience)

    def _elect(self) -> None:
        self.leader = threading.Thread(target=self._lead, daemon=True)
        self.leader.start()

    def _lead(self) -> None:
        with vital():
            self._answer_all()

    def _answer_all(self) -> None:
        me, buffer = threading.current_thread(), memoryview(bytearray(BUFFER))
        entrance, connections, lock = self.listener.fileno(), self.connections, self.lock
        poll, clock = self.events.poll, time.perf_counter
        together, long = self.TOGETHER, True
        while True:
            self._send_unsent()
            events = poll(0) or self._wait()
            if self.stopping and not (events or self.aside or any(c.pending for c in list(connections.values()))):
                self.drained.set()
            began = clock()
            send_at = began + together
            for number, _ in events:
                if number == entrance:
                    self._accept()
                    continue
                connection = connections[number]
                if self.apart:
                    self.apart -= 1
                    self._set_aside(connection, self._take_apart)
                    continue
                self.turns += 1
                self.turn = connection
                connection.keep = self._take(connection, buffer)
                with lock:
                    leads = self.leader is me
                    if leads:
                        self.turn = None
                if not leads:
                    self._give_back(connection)
                    return  # the other events are the new leader's
                if connection.answer:
                    self.unsent.append(connection)
                elif not connection.keep:
                    self._close(connection)
                now = clock()
                after_long, long = long, now - began > together
                if after_long or now > send_at:
                    self._send_unsent()
                    now = clock()  # whom it woke may have had the processor
                began = now

    def _send_unsent(self) -> None:
        if not self.unsent:
            return
        with self.lock:  # a thread that is not the leader any more may do it, too, without waiting
            while self.unsent:
                connection = self.unsent.popleft()
                try:
                    sent = connection.socket.send(connection.answer, socket.MSG_DONTWAIT)
                except OSError:  # it would have to wait, or the other side went away: sending will tell
                    sent = 0
                connection.answer = connection.answer[sent:]
                if connection.answer:
                    self._set_aside(connection, self._give_back)
                elif not connection.keep:
                    self._close(connection)

    def _wait(self) -> list[tuple[int, int]]:
        """What comes next. A busy caller's next request comes soon; going to sleep and being woken would cost more."""
        end = time.perf_counter() + self.LINGER
        while time.perf_counter() < end:
            os.sched_yield()  # another thread with work goes first
            if events := self.events.poll(0):
                return events
        return self.events.poll(self.TICK if self.stopping else None)

    def _take_apart(self, connection: Connection) -> None:
        began = time.monotonic()
        connection.keep = self._take(connection, memoryview(bytearray(BUFFER)))
        if time.monotonic() - began > self.TICK:
            self.apart = self.APART
        self._give_back(connection)

    def _set_aside(self, connection: Connection, act: Callable[[Connection], None] | None = None) -> None:
        """Leaves the connection to a thread, a new one where `act` says what it is to do; then it is given back."""
        self.events.unregister(connection.socket.fileno())
        with self.lock:
            self.aside += 1
        if act is not None:
            threading.Thread(target=act, args=(connection,), daemon=True).start()

    def _give_back(self, connection: Connection) -> None:
        try:
            self._send(connection)
        except OSError:  # the other side went away
            connection.keep = False
        if connection.keep:
            self.events.register(connection.socket.fileno(), select.EPOLLIN)
        else:
            self._close(connection)
        with self.lock:
            self.aside -= 1

    def _accept(self) -> None:
        try:
            accepted, _ = self.listener.accept()
        except BlockingIOError:
            return
        except OSError:
            if self.stopping:
                self.events.unregister(self.listener.fileno())
            else:  # as when there are no descriptors left: it stays ready, and is not to be asked without a pause
                self._send_unsent()
                time.sleep(0.01)
            return
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections[accepted.fileno()] = Connection(accepted)
        self.events.register(accepted.fileno(), select.EPOLLIN)

    def _close(self, connection: Connection) -> None:
        self.connections.pop(connection.socket.fileno(), None)
        connection.socket.close()

    def _take(self, connection: Connection, buffer: memoryview) -> bool:
        """Reads what has come and answers every whole request of it; False when the connection is to be closed."""
        try:
            size = connection.socket.recv_into(buffer)
            if not size:
                return False
            pending = connection.pending
            if self.unsent and (pending or size > self.LARGE):
                self._send_unsent()  # what follows may take long
            if pending:
                pending.held += buffer[:size]
                if len(pending.held) < pending.needed:
                    return True
                data = bytes(pending.held)
                connection.pending = None
            else:
                data = bytes(buffer[:size]).lstrip(BLANK_LINES)
            while data:
                request = read_request(data, pending)
                if isinstance(request, Unfinished):
                    if request.waits and not (pending and pending.waits):
                        connection.answer += b"HTTP/1.1 100 Continue\r\n\r\n"
                    connection.pending = request
                    return True
                head, body, end = request
                data, pending = data[end:].lstrip(BLANK_LINES), None
                answered = self.route(head, body)
                keep = head.keep and not self.stopping
                connection.answer += render(*answered, keep=keep)
                if head.method == "HEAD":  # is answered with the header only
                    connection.answer = connection.answer.removesuffix(answered[2])
                if len(connection.answer) > self.SHORT:
                    self._send(connection)
                if not keep:
                    return False
            return True
        except ValueError as error:  # it does not speak HTTP, or more of it than is spoken here
            message = json.dumps({"error": f"bad request: {error}"}).encode()
            connection.answer += render(400, "application/json", message, {}, keep=False)
            return False
        except OSError:  # the other side went away
            return False
        except BaseException:  # a model that calls sys.exit does not end the leader
            traceback.print_exc()
            return False

    def _send(self, connection: Connection) -> None:
        answer, connection.answer = connection.answer, b""
        connection.socket.sendall(answer)

    def route(self, head: Head, body: bytes) -> Answer:
        if head.path == "/invocations" and head.method == "POST":
            return self.invoke(head, body)
        if head.path == "/ping" and head.method == "GET":
            return 200, "application/json", b"", {}
        known = head.path in ("/ping", "/invocations")
        return (405 if known else 404), "application/json", b'{"error": "no such resource"}', {}
