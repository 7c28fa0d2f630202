"""The HTTP server inside a serving container: stands for SageMaker's scikit-learn inference server.

`python serve.py --model-dir DIR --port PORT` loads the module named by `SAGEMAKER_PROGRAM` (default `inference.py`)
from `SAGEMAKER_SUBMIT_DIRECTORY` (default `DIR/code`), calls `model_fn(DIR)` once and then answers `GET /ping` and
`POST /invocations`. It runs in the environment that stands for the container and needs the standard library only.

As in AWS's server, bodies of JSON and CSV reach `input_fn` as text where their content type has no parameter, and all
others as bytes; `output_fn` (or `transform_fn(model, body, content_type, accept)`) may give text, bytes,
`(body, content_type)` or a Flask-like response. An exception with an integer attribute `status` from 400 to 499 becomes
that status with its `body` as JSON; every other exception is a 500 with its traceback on stderr.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from serving_container.server import Server
from serving_container.user_code import answer, load

GARBAGE = 20_000  # new objects until cycles are looked for: a request of many rows has hundreds, and no cycle


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
