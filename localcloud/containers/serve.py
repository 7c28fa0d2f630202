"""The HTTP server inside a serving container: stands for SageMaker's scikit-learn inference server.

`python serve.py --model-dir DIR --port PORT` loads the module named by `SAGEMAKER_PROGRAM` (default `inference.py`)
from `SAGEMAKER_SUBMIT_DIRECTORY` (default `DIR/code`), calls `model_fn(DIR)` once and then answers `GET /ping` and
`POST /invocations`. It runs in the learning environment and needs the standard library only.

As in AWS's server, JSON and CSV bodies reach `input_fn` as text and all others as bytes; `output_fn` (or
`transform_fn(model, body, content_type, accept)`) may give text, bytes, `(body, content_type)` or a Flask-like
response. An exception with an integer attribute `status` from 400 to 499 becomes that status with its `body` as
JSON; every other exception is a 500 with its traceback on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

TEXT_TYPES = ("application/json", "text/csv")
MAX_HEADER = 64 * 1024
PHRASES = {status.value: status.phrase for status in HTTPStatus}
Answer = tuple[int, str, bytes, dict[str, str]]  # status, content type, body, further headers
Transform = Callable[[Any, Any, str, str], Any]


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


def answer(transform: Transform, model: Any, headers: dict[str, str], body: bytes) -> Answer:
    """One invocation."""
    content_type = headers.get("content-type") or "application/json"
    accept = headers.get("accept") or "*/*"
    if accept == "*/*":
        accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
    try:
        content = body.decode("utf-8") if media_type(content_type) in TEXT_TYPES else body
        return as_answer(transform(model, content, content_type, accept), accept)
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
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8")


class Server:
    """HTTP/1.1 with keep-alive, one thread per connection: the router holds few connections and reuses them."""

    def __init__(self, listener: socket.socket, invoke: Callable[[dict[str, str], bytes], Answer]) -> None:
        self.listener, self.invoke = listener, invoke
        self.busy = 0
        self.lock = threading.Lock()
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def stop(self, patience: float = 5.0) -> None:
        """Takes no further connection and returns when no request is on, at most after `patience` seconds."""
        self.stopping = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept, which closing alone does not
        self.listener.close()
        end = time.monotonic() + patience
        while self.busy and time.monotonic() < end:
            time.sleep(0.01)

    def converse(self, connection: socket.socket) -> None:
        with connection:
            stream = Stream(connection)
            try:
                while self.one(connection, stream):
                    pass
            except (OSError, ValueError):  # the other side went away, or does not speak HTTP
                return

    def one(self, connection: socket.socket, stream: Stream) -> bool:
        """Answers one request; False when the connection is to be closed."""
        head = stream.until(b"\r\n\r\n").lstrip(b"\r\n").decode("latin-1")
        if not head:
            return False
        first, *lines = head.split("\r\n")
        method, target, version = first.split()
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        with self.lock:
            self.busy += 1
        try:
            body = read_body(stream, headers)
            answered = self.route(method, target.split("?", 1)[0], headers, body)
            keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close" and not self.stopping
            connection.sendall(render(*answered, keep=keep))
        finally:
            with self.lock:
                self.busy -= 1
        return keep

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/ping" and method == "GET":
            return 200, "application/json", b"", {}
        if path == "/invocations" and method == "POST":
            return self.invoke(headers, body)
        known = path in ("/ping", "/invocations")
        return (405 if known else 404), "application/json", b'{"error": "no such resource"}', {}


class Stream:
    """What a connection sends, read in as few calls as it comes in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._data = connection, b""

    def until(self, end: bytes) -> bytes:
        """Everything before `end`, which is taken off too; empty when the other side closes between requests."""
        while (at := self._data.find(end)) < 0:
            if len(self._data) > MAX_HEADER:
                raise ValueError("the header is too long")
            if not self._more():
                if self._data.strip():
                    raise OSError("the request ended early")
                return b""
        found, self._data = self._data[:at], self._data[at + len(end) :]
        return found

    def exactly(self, length: int) -> bytes:
        if len(self._data) < length:
            parts, missing = [self._data], length - len(self._data)
            while missing > 0:
                self._data = b""
                if not self._more():
                    raise OSError("the request ended early")
                parts.append(self._data)
                missing -= len(self._data)
            self._data = b"".join(parts)
        found, self._data = self._data[:length], self._data[length:]
        return found

    def _more(self) -> bool:
        data = self._connection.recv(256 * 1024)
        self._data += data
        return bool(data)


def read_body(stream: Stream, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return stream.exactly(int(headers.get("content-length") or 0))
    parts = []
    while size := int(stream.until(b"\r\n").split(b";")[0], 16):
        parts.append(stream.exactly(size))
        stream.exactly(2)
    while stream.until(b"\r\n"):  # trailers
        pass
    return b"".join(parts)


def render(status: int, content_type: str, body: bytes, extra: dict[str, str], *, keep: bool) -> bytes:
    phrase = PHRASES.get(status, "")
    more = "".join(f"{name}: {_line(value)}\r\n" for name, value in extra.items()) if extra else ""
    if not keep:
        more += "Connection: close\r\n"
    kind = _line(content_type)
    head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("latin-1", "replace") + body


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
    if options.fd is not None:
        listener = socket.socket(fileno=options.fd)
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
    # Listening starts only now: until the model is loaded a connection is refused rather than left to hang.
    listener.listen(128)
    server = Server(listener, lambda headers, body: answer(transform, model, headers, body))

    def finish(*_: Any) -> None:
        server.stop()
        os._exit(0)

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=finish).start())
    print("serving", listener.getsockname()[1], flush=True)
    threading.Thread(target=server.run, daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
