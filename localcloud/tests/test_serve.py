"""The server inside a serving container, as a real process in the environment that stands for the container."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import localcloud
from localcloud import environments

SERVE = Path(localcloud.__file__).with_name("containers") / "serve.py"
PYTHON = environments.python(environments.SKLEARN)

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=str(environments.missing(environments.SKLEARN, PYTHON)))

INFERENCE = """
import json, os

class Unfit(Exception):
    status = 400
    def __init__(self, field):
        super().__init__("does not fit")
        self.body = {"error": "does not fit", "field": field}

class Response:
    def __init__(self, body, status):
        self.body, self.status_code, self.headers = body, status, {"Content-Type": "text/plain"}
    def get_data(self):
        return self.body

def model_fn(model_dir):
    return {"dir": model_dir}

def input_fn(body, content_type):
    if content_type == "text/plain" and body == b"unfit":
        raise Unfit("pages")
    if content_type == "text/plain" and body == b"broken":
        raise RuntimeError("a bug of the model")
    return {"type": type(body).__name__, "content_type": content_type, "size": len(body)}

def predict_fn(data, model):
    return {**data, **model, "pid": os.getpid()}

def output_fn(prediction, accept):
    if accept == "teapot":
        return Response(b"short and stout", 418)
    return json.dumps({**prediction, "accept": accept}), "application/json"
"""


class Running:
    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.port = process, port

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[subprocess.Popen] = []

    def start(code: str = INFERENCE, *, wait: bool = True, **environment: str) -> Running:
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "inference.py").write_text(textwrap.dedent(code))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [PYTHON, SERVE, "--model-dir", tmp_path, "--port", str(port), "--end-with-stdin"],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        running = Running(process, port)
        if wait:
            assert process.stdout
            assert process.stdout.readline().startswith("serving"), process.communicate()
        return running

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_answers_ping_and_invocations_with_the_container_defaults(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    assert server.ask("GET", "/ping")[0] == 200
    status, body = server.ask("POST", "/invocations", b"{}")
    answer = json.loads(body)
    assert status == 200
    assert answer["content_type"] == answer["accept"] == "application/json"
    assert answer["dir"] == str(tmp_path)


@pytest.mark.parametrize(
    ("content_type", "seen"),
    [("text/csv", "str"), ("application/json; charset=utf-8", "bytes"), ("image/png", "bytes")],
)
def test_text_types_reach_the_code_as_text(serve: Serve, content_type: str, seen: str) -> None:
    status, body = serve().ask("POST", "/invocations", b"a,b", Content_Type=content_type, Accept="*/*")
    assert (status, json.loads(body)["type"]) == (200, seen)


def test_bytes_that_are_not_utf8_are_replaced_in_text(serve: Serve) -> None:
    server = serve(SLOW)
    assert server.ask("POST", "/invocations", b"caf\xe9", Content_Type="text/csv") == (200, "caf\ufffd".encode())
    assert server.ask("POST", "/invocations", b"\xff", Content_Type="application/json") == (200, "\ufffd".encode())


def test_errors_become_the_status_that_the_code_says(serve: Serve) -> None:
    server = serve()
    status, body = server.ask("POST", "/invocations", b"unfit", Content_Type="text/plain")
    assert (status, json.loads(body)) == (400, {"error": "does not fit", "field": "pages"})
    status, body = server.ask("POST", "/invocations", b"broken", Content_Type="text/plain")
    assert (status, json.loads(body)) == (500, {"error": "RuntimeError: a bug of the model"})
    assert server.ask("POST", "/invocations", b"x", Accept="teapot") == (418, b"short and stout")
    assert server.ask("GET", "/invocations")[0] == 405
    assert server.ask("GET", "/elsewhere")[0] == 404
    server.process.terminate()
    _, errors = server.process.communicate(timeout=10)
    assert "Traceback" in errors
    assert "a bug of the model" in errors


def test_transform_fn_and_another_program(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "other.py").write_text(
        "def model_fn(d): return 'm'\ndef transform_fn(m, body, content_type, accept): return m + body\n"
    )
    server = serve(SAGEMAKER_PROGRAM="other.py", SAGEMAKER_SUBMIT_DIRECTORY=str(tmp_path / "mine"))
    assert server.ask("POST", "/invocations", b'"x"') == (200, b'm"x"')


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def model_fn(d): raise ValueError('damaged artefact')", "damaged artefact"),
        ("x = 1", "no model_fn"),
        ("import nothing_like_it", "nothing_like_it"),
    ],
)
def test_a_model_that_does_not_load_ends_the_process(serve: Serve, code: str, reason: str) -> None:
    server = serve(code, wait=False)
    assert server.process.wait(10) == 1
    assert server.process.stderr
    errors = server.process.stderr.read()
    assert "Traceback" in errors
    assert reason in errors


def test_starts_at_once_and_adds_little(serve: Serve) -> None:
    began = time.perf_counter()
    server = serve("def model_fn(d): pass\ndef transform_fn(m, b, c, a): return b'ok'\n")
    server.ask("GET", "/ping")
    assert time.perf_counter() - began < 1.5  # 0.1 s on a machine that does nothing else
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    times = []
    for _ in range(300):
        started = time.perf_counter()
        connection.request("POST", "/invocations", b'{"instances": []}')
        assert connection.getresponse().read() == b"ok"
        times.append(time.perf_counter() - started)
    connection.close()
    assert statistics.median(times) < 0.002  # most of it is this client


def test_a_slow_request_holds_up_no_other_and_is_finished_before_the_end(serve: Serve) -> None:
    server = serve(
        "import time\ndef model_fn(d): pass\n"
        "def transform_fn(m, b, c, a):\n    time.sleep(1.0 if 'slow' in b else 0)\n    return 'done'\n"
    )
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.ask, "POST", "/invocations", b"slow")
        time.sleep(0.2)
        began = time.perf_counter()
        assert server.ask("POST", "/invocations", b"quick") == (200, b"done")
        assert time.perf_counter() - began < 0.5
        server.process.terminate()
        assert slow.result(10) == (200, b"done")
    assert server.process.wait(5) == 0


SLOW = """
import sys, time
def model_fn(d): pass
def transform_fn(m, body, content_type, accept):
    if "slow" in body:
        time.sleep(0.5)
    if "exit" in body:
        sys.exit(3)
    return body * 20_000_000 if body == "x" else body
"""


def test_slow_requests_are_answered_side_by_side_while_ping_goes_on(serve: Serve) -> None:
    server = serve(SLOW)
    began = time.monotonic()
    pings = []
    with ThreadPoolExecutor(12) as pool:
        slow = [pool.submit(server.ask, "POST", "/invocations", f"slow {i}".encode()) for i in range(12)]
        while not all(one.done() for one in slow):
            asked = time.monotonic()
            assert server.ask("GET", "/ping")[0] == 200
            pings.append(time.monotonic() - asked)
    assert [one.result() for one in slow] == [(200, f"slow {i}".encode()) for i in range(12)]
    assert time.monotonic() - began < 4  # 6 s one after the other
    assert max(pings) < 0.4


def test_a_caller_who_does_not_read_its_answer_holds_up_no_other(serve: Serve) -> None:
    server = serve(SLOW)
    with socket.create_connection(("127.0.0.1", server.port)) as lazy:
        lazy.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
        time.sleep(0.1)
        assert server.ask("POST", "/invocations", b"quick") == (200, b"quick")
        size = 0
        while size < 20_000_000:
            size += len(lazy.recv(1 << 20))


def test_an_answer_waits_for_no_slow_one_that_was_asked_for_at_once(serve: Serve) -> None:
    server = serve(SLOW)
    request = b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\n\r\n"
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(3)]
        began = time.monotonic()
        for caller, body in zip(callers, (b"quick", b"slow!", b"quick"), strict=True):
            caller.sendall(request + body)
        for caller in (callers[0], callers[2]):
            assert caller.recv(1 << 16).endswith(b"quick")
        assert time.monotonic() - began < 0.4  # the slow one takes 0.5 s
        assert callers[1].recv(1 << 16).endswith(b"slow!")


@pytest.mark.parametrize(
    ("before", "size"), [(b"0.01", 20), (b"0", 10_000)], ids=["after a long one", "before a large one"]
)
def test_a_short_answer_does_not_wait_for_a_long_one(serve: Serve, before: bytes, size: int) -> None:
    server = serve(
        "import time\ndef model_fn(d): pass\n"
        "def transform_fn(m, b, c, a):\n    time.sleep(float(b.split()[0]))\n    return b[:9]\n"
    )

    def request(body: bytes) -> bytes:
        return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body

    times = []
    with contextlib.ExitStack() as stack:
        quick, long = (stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(2))
        for _ in range(5):
            for body in (*10 * [b"0"], before):
                quick.sendall(request(body))
                quick.recv(1 << 16)
            server.process.send_signal(signal.SIGSTOP)  # so that it finds both at once
            quick.sendall(request(b"0"))
            long.sendall(request(b"0.04".ljust(size)))
            server.process.send_signal(signal.SIGCONT)
            began = time.monotonic()
            quick.recv(1 << 16)
            times.append(time.monotonic() - began)
            long.recv(1 << 16)
    assert statistics.median(times) < 0.02


def test_no_thread_for_a_new_leader_ends_the_process(serve: Serve) -> None:
    """Its callers would wait for ever, while whoever started it took it for alive."""
    server = serve(
        "import threading, time\ndef model_fn(d): pass\n"
        "def transform_fn(m, b, c, a):\n"
        '    def start(thread): raise RuntimeError("can\'t start new thread")\n'
        "    threading.Thread.start = start\n    time.sleep(5)\n"
    )
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        server.ask("POST", "/invocations", b"slow")
    assert server.process.wait(2) == 1


def test_who_sends_on_without_reading_gets_every_answer_and_holds_up_no_other(serve: Serve) -> None:
    server, count = serve(SLOW), 300
    request = b"POST /invocations HTTP/1.1\r\nContent-Length: 15000\r\n\r\n" + 15_000 * b"y"

    def send(lazy: socket.socket) -> None:
        for _ in range(count):
            lazy.sendall(request)

    with socket.create_connection(("127.0.0.1", server.port)) as lazy, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, lazy)
        time.sleep(0.3)
        assert server.ask("POST", "/invocations", b"quick") == (200, b"quick")
        size = 0
        while size < count * 15_000:
            size += lazy.recv(1 << 20).count(b"y")
        sent.result(5)


def test_a_model_that_exits_ends_its_connection_and_not_the_server(serve: Serve) -> None:
    server = serve(SLOW)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        server.ask("POST", "/invocations", b"exit")
    assert server.ask("POST", "/invocations", b"after") == (200, b"after")


def conversation(server: Running, *pieces: bytes) -> bytes:
    """Sends the pieces one by one, and answers what came back until the server closed the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.02)
        answer = b""
        while more := connection.recv(1 << 16):
            answer += more
    return answer


HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
LAST = b"Connection: close\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + LAST + b"Content-Length: 5\r\n\r\nhello"],
        [b"\r\n\r\n" + HEAD[:20], HEAD[20:] + LAST + b"content-LENGTH:5\r\n\r\nhe", b"llo"],
        [HEAD + LAST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"],
        [HEAD + LAST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nh", b"e\r\n3\r", b"\nllo\r\n0\r\nA: b\r\n", b"\r\n"],
        [HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 5\r\n\r\n", b"hello"],
        [HEAD + b"Connection: close, TE\r\nContent-Length: 5\r\n\r\nhello"],
        [HEAD + LAST + b"Cookie: " + 5_000 * b"x" + b"\r\nContent-Length: 5\r\n\r\nhello"],
    ],
)
def test_a_request_may_come_in_pieces(serve: Serve, pieces: list[bytes]) -> None:
    answer = conversation(serve(SLOW), *pieces)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nhello")


def test_several_requests_at_once_are_answered_in_their_order(serve: Serve) -> None:
    first = b"".join(HEAD + b"Content-Length: 1\r\n\r\n%d" % i for i in range(5))
    answer = conversation(serve(SLOW), first + HEAD, LAST + b"Content-Length: 3\r\n\r\nend")
    assert [part.rsplit(b"\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [*b"0 1 2 3 4 end".split()]


def test_equal_headers_are_of_requests_of_their_own(serve: Serve) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    first = [HEAD + b"Content-Length: 1\r\n\r\na", chunked + b"1\r\nb\r\n0\r\n\r\n"]
    second = [HEAD + b"Content-Length: 1\r\n\r\nc", chunked + b"2\r\nde\r\n0\r\n\r\n"]
    answer = conversation(serve(SLOW), *first, *second, HEAD + LAST + b"\r\n")
    assert [part.rsplit(b"\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"a",
        b"b",
        b"c",
        b"de",
        b"",
    ]


def test_a_body_that_waits_to_be_asked_for_is_asked_for_once(serve: Serve) -> None:
    head = HEAD + LAST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    # a body that is there before it is asked for would not be asked for: it is sent only then, in two parts
    with socket.create_connection(("127.0.0.1", serve(SLOW).port), timeout=10) as connection:
        connection.sendall(head)
        answer = connection.recv(1 << 16)
        for part in (b"bo", b"dy"):
            connection.sendall(part)
            time.sleep(0.02)
        while more := connection.recv(1 << 16):
            answer += more
    assert answer.count(b"100 Continue") == 1
    assert answer.endswith(b"\r\n\r\nbody")


def test_every_body_that_waits_is_asked_for_after_the_one_before_too(serve: Serve) -> None:
    waits = HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    last = HEAD + LAST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    answer = conversation(serve(SLOW), waits, b"a" + last, b"b")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"100", b"200", b"100", b"200"]


def test_an_old_caller_is_not_asked_for_its_body(serve: Serve) -> None:
    head = HEAD.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    assert conversation(serve(SLOW), head, b"a").startswith(b"HTTP/1.1 200 OK\r\n")


def test_head_is_answered_with_the_header_of_the_answer_only(serve: Serve) -> None:
    server = serve(SLOW)
    answers = [
        conversation(server, method + b" /invocations HTTP/1.1\r\n" + LAST + b"\r\n") for method in (b"GET", b"HEAD")
    ]
    assert answers[0].startswith(b"HTTP/1.1 405 ")
    assert answers[1] == answers[0][: answers[0].index(b"\r\n\r\n") + 4]


def test_a_blank_line_after_a_request_is_not_a_request_that_is_on(serve: Serve) -> None:
    server = serve(SLOW)
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /ping HTTP/1.1\r\n\r\n\r\n")
        assert idle.recv(1 << 16)
        time.sleep(0.05)
        server.process.terminate()
        assert server.process.wait(2) == 0


def test_a_large_body_of_small_chunks_is_read_once(serve: Serve) -> None:
    server = serve(SLOW)
    head = HEAD + LAST + b"Transfer-Encoding: chunked\r\n\r\n"
    began = time.monotonic()
    answer = conversation(server, head + b"1\r\ny\r\n" * 400_000 + b"0\r\n\r\n")
    assert time.monotonic() - began < 3  # 0.3 s alone on the machine; 5 s when it begins anew each time
    assert answer.endswith(b"\r\n\r\n" + b"y" * 400_000)


def test_a_large_body_arrives_whole(serve: Serve) -> None:
    body = bytes(range(97, 123)) * 200_000
    assert serve(SLOW).ask("POST", "/invocations", body) == (200, body)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"x" * 70_000,
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_hung_up_on(serve: Serve, sent: bytes) -> None:
    server = serve(SLOW)
    with contextlib.suppress(ConnectionError):  # it had not read everything
        answer = conversation(server, sent)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"Connection: close\r\n" in answer
    assert server.ask("GET", "/ping")[0] == 200


def test_ends_when_its_parent_does(serve: Serve) -> None:
    server = serve()
    assert server.process.stdin
    server.process.stdin.close()
    assert server.process.wait(5) == 0
    server.process.stdin = None
