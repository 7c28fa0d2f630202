"""The HTTP server inside a serving container: stands for SageMaker's scikit-learn inference server.

`python serve.py --model-dir DIR --port PORT` loads the module named by `SAGEMAKER_PROGRAM` (default `inference.py`)
from `SAGEMAKER_SUBMIT_DIRECTORY` (default `DIR/code`), calls `model_fn(DIR)` once and then answers `GET /ping` and
`POST /invocations`. It runs in the environment that stands for the container and needs the standard library only.

As in AWS's server, JSON and CSV bodies reach `input_fn` as text and all others as bytes; `output_fn` (or
`transform_fn(model, body, content_type, accept)`) may give text, bytes, `(body, content_type)` or a Flask-like
response. An exception with an integer attribute `status` from 400 to 499 becomes that status with its `body` as
JSON; every other exception is a 500 with its traceback on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

TEXT_TYPES = ("application/json", "text/csv")
MAX_HEADER = 64 * 1024
KEPT_HEADER = 1024  # what is longer is read anew each time
BUFFER = 64 * 1024
BLANK_LINES = b"\r\n"  # may come before a request
GARBAGE = 20_000  # new objects until cycles are looked for: a request of many rows has hundreds, and no cycle
PHRASES = {status.value: status.phrase for status in HTTPStatus}
Answer = tuple[int, str, bytes, dict[str, str]]  # status, content type, body, further headers
Transform = Callable[[Any, Any, str, str], Any]


@functools.lru_cache(64)
def media_type(value: str) -> str:
    """`text/csv; charset=utf-8` → `text/csv`."""
    return value.split(";", 1)[0].strip().lower()


def load(model_dir: Path) -> tuple[Transform, Any]:
    """The user's transform and the loaded model; whatever the user's code raises goes through."""
    code = Path(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or model_dir / "code")
    program = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
    if not (code / program).is_file():
        raise FileNotFoundError(f"the model has no {program} in {code}")
    sys.path.insert(0, str(code))
    module = importlib.import_module(program.removesuffix(".py").replace("/", "."))
    if not hasattr(module, "model_fn"):
        raise AttributeError(f"{program} has no model_fn, and this framework has no default one")
    steps = [getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")]
    transform = getattr(module, "transform_fn", None)
    if transform and any(steps):
        raise TypeError("transform_fn cannot be used together with input_fn, predict_fn or output_fn")
    return transform or in_steps(*steps), module.model_fn(str(model_dir))


def in_steps(input_fn: Callable | None, predict_fn: Callable | None, output_fn: Callable | None) -> Transform:
    """input → predict → output as one transform, with the container's defaults where the user has none."""
    read, predict, write = input_fn or default_input, predict_fn or default_predict, output_fn or default_output

    def transform(model: Any, body: Any, content_type: str, accept: str) -> Any:
        return write(predict(read(body, content_type), model), accept)

    return transform


def default_input(body: Any, content_type: str) -> Any:
    import numpy as np

    kind = media_type(content_type)
    if kind == "application/json":
        return np.array(json.loads(body)).astype(np.float32)
    if kind == "text/csv":
        return np.atleast_2d(np.genfromtxt(body.splitlines(), delimiter=",", dtype=np.float32))
    if kind == "application/x-npy":
        import io

        return np.load(io.BytesIO(body), allow_pickle=False)
    raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content type {content_type} is not supported by this framework.")


def default_predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def default_output(prediction: Any, accept: str) -> Any:
    kind = media_type(accept)
    if kind == "application/json":
        return json.dumps(prediction.tolist()), accept
    if kind == "text/csv":
        import numpy as np

        return "\n".join(",".join(map(str, row)) for row in np.atleast_2d(prediction.T).T.tolist()) + "\n", accept
    raise Refused(HTTPStatus.NOT_ACCEPTABLE, f"Accept type {accept} is not supported by this framework.")


class Refused(Exception):  # noqa: N818 - it is an answer, with the protocol's `status` and `body`
    """A request that the container itself refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = int(status)
        self.body = {"error": message}


def answer(transform: Transform, model: Any, head: Head, body: bytes) -> Answer:
    """One invocation."""
    try:
        content = body.decode("utf-8", "replace") if head.text else body  # as Flask's get_data(as_text=True) does
        return as_answer(transform(model, content, head.content_type, head.accept), head.accept)
    except Exception as error:
        status = getattr(error, "status", None)
        if isinstance(status, int) and 400 <= status < 500:
            payload = getattr(error, "body", None)
            if not isinstance(payload, (str, bytes)):
                payload = json.dumps({"error": str(error)} if payload is None else payload)
            return int(status), "application/json", as_bytes(payload), {}
        traceback.print_exc()
        sys.stderr.flush()
        message = json.dumps({"error": f"{type(error).__name__}: {error}"[:1000]})
        return 500, "application/json", message.encode(), {}


def as_answer(result: Any, accept: str) -> Answer:
    if isinstance(result, tuple):
        return 200, str(result[1]), as_bytes(result[0]), {}
    if hasattr(result, "status_code") and hasattr(result, "get_data"):  # a Flask or Werkzeug response
        extra = {k: v for k, v in result.headers.items() if k.lower().startswith("x-amzn-")}
        return result.status_code, result.headers.get("Content-Type") or accept, result.get_data(), extra
    return 200, accept, as_bytes(result), {}


def as_bytes(value: Any) -> bytes:
    if type(value) is str:
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8")


@contextlib.contextmanager
def vital() -> Iterator[None]:
    """Without its leader or its watch the process would be deaf: it ends where one fails, as for want of a thread."""
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
    takes long after two that did not, and holds it up for two ticks at most. What does not go out at once is left to a
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
        self.unsent: deque[Connection] = deque()  # have an answer; a new leader goes on with them
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
        with self.lock:  # also who is no leader any more may do it, and does not wait here
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
            os.sched_yield()  # whoever has something to do goes first
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


@dataclass(slots=True)
class Unfinished:
    """A request that is not whole yet.

    `held` is what came of it, and not worth another look before it is `needed` bytes long; `waits` as in `Head`. Of a
    chunked request `head` and, in `body`, its whole chunks are read, and only what comes after them is held: to begin
    anew each time would take minutes for a large body of small chunks.
    """

    held: bytearray
    needed: int = 0
    waits: bool = False
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)


def read_request(data: bytes, pending: Unfinished | None = None) -> tuple[Head, bytes, int] | Unfinished:
    """The first request in `data`: head, body and where the next one begins. Raises ValueError where it is not HTTP.

    `pending` is the request that `data` was held of.
    """
    if pending and pending.head:
        head, start, chunks = pending.head, 0, pending.body
    else:
        start = data.find(b"\r\n\r\n") + 4
        if start < 4:
            if len(data) > MAX_HEADER:
                raise ValueError("the header is too long")
            return Unfinished(bytearray(data))
        head = read_head(data[:start]) if start <= KEPT_HEADER else read_head.__wrapped__(data[:start])
        if head.length is not None:
            end = start + head.length
            if end > len(data):
                return Unfinished(bytearray(data), end, head.waits)
            return head, data[start:end], end
        chunks = bytearray()
    end, needed = read_chunks(data, start, chunks)
    if needed:
        return Unfinished(bytearray(data[end:]), needed - end, head.waits, head, chunks)
    return head, bytes(chunks), end


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before a body.

    `length` of the body, None where it is chunked; `text`: the body is to reach the transform as text; `waits`: for
    "100 Continue" before it sends the body.
    """

    method: str
    path: str
    keep: bool
    length: int | None
    content_type: str
    accept: str
    text: bool
    waits: bool


@functools.lru_cache(256)
def read_head(data: bytes) -> Head:
    """A connection's requests mostly have the same header. Raises ValueError where it is not HTTP."""
    first, *lines = data.decode("latin-1").strip("\r\n").split("\r\n")
    method, target, version = first.split()
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    get = headers.get
    coding, length = get("transfer-encoding"), get("content-length", "0")
    if coding is not None and coding.lower() != "chunked":
        raise ValueError(f"transfer-encoding {coding} is not supported; only chunked is")
    if not (length.isascii() and length.isdigit()):  # neither are two of them
        raise ValueError(f"content-length is not a number: {length}")
    newer = version == "HTTP/1.1"
    accept = get("accept") or "*/*"
    if accept == "*/*":
        accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
    content_type = get("content-type") or "application/json"
    return Head(
        method,
        target.split("?", 1)[0],
        keep=newer and "close" not in get("connection", "").lower().replace(" ", "").split(","),
        length=None if coding else int(length),
        content_type=content_type,
        accept=accept,
        text=media_type(content_type) in TEXT_TYPES,
        waits=newer and get("expect", "").lower() == "100-continue",
    )


def read_chunks(data: bytes, at: int, body: bytearray) -> tuple[int, int]:
    """Adds to `body` the whole chunks that begin at `at`. Raises ValueError.

    Answers where they end, and how long `data` must be to go on: 0 when that was the end of the body.
    """
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return at, len(data) + 1
        size = int(data[at:line].split(b";")[0], 16)
        if size < 0:
            raise ValueError("a chunk's size is negative")
        if size == 0:
            break
        end = line + 2 + size
        if end + 2 > len(data):
            return at, end + 2
        if data[end : end + 2] != b"\r\n":
            raise ValueError("a chunk is longer than it says")
        body += data[line + 2 : end]
        at = end + 2
    trailer = line + 2
    while (end := data.find(b"\r\n", trailer)) != trailer:
        if end < 0:
            return at, len(data) + 1
        trailer = end + 2
    return trailer + 2, 0


def render(status: int, content_type: str, body: bytes, extra: dict[str, str], *, keep: bool) -> bytes:
    more = "".join(f"{name}: {_line(value)}\r\n" for name, value in extra.items()) if extra else ""
    if not keep:
        more += "Connection: close\r\n"
    return b"%b%d\r\n%b\r\n%b" % (
        _first_lines(status, content_type),
        len(body),
        more.encode("latin-1", "replace"),
        body,
    )


@functools.lru_cache(64)
def _first_lines(status: int, content_type: str) -> bytes:
    """Up to the length of the body."""
    lines = f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\nContent-Type: {_line(content_type)}\r\nContent-Length: "
    return lines.encode("latin-1", "replace")


def _line(value: str) -> str:
    """A header value cannot smuggle in a line."""
    return value if value.isprintable() else " ".join(value.splitlines())


def end_with_stdin() -> None:
    """Ends the process when the other end of standard input is closed, so that no worker outlives a killed cloud."""
    while os.read(0, 4096):  # not sys.stdin: its lock, held here, would abort an interpreter that ends by itself
        pass
    os._exit(0)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model-dir", type=Path, required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int)
    where.add_argument("--fd", type=int, help="a bound socket inherited from the parent, instead of --port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input is closed")
    options = parser.parse_args(arguments)
    if options.end_with_stdin:
        threading.Thread(target=end_with_stdin, daemon=True).start()

    transform, model = load(options.model_dir.resolve())
    gc.freeze()  # what is there now stays, and is not looked at again
    gc.set_threshold(GARBAGE, 10, 10)
    if options.fd is not None:
        listener = socket.socket(fileno=options.fd)
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
    # Listening starts only now: until the model is loaded a connection is refused rather than left to hang.
    listener.listen(128)
    server = Server(listener, lambda head, body: answer(transform, model, head, body))

    def finish(*_: Any) -> None:
        server.stop()
        os._exit(0)

    # Python runs the handler in this thread. Where another thread gets the signal, signal.pause would sleep on here.
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=finish).start())
    print("serving", listener.getsockname()[1], flush=True)
    threading.Thread(target=server.run, daemon=True).start()
    while True:
        os.read(wake, 1)


if __name__ == "__main__":
    sys.exit(main())
