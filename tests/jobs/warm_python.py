"""Runs job scripts in forks of one process that has loaded their libraries, which take seconds to import.

A fork is a process of its own, with its own arguments, environment, working folder and output. It has the hash seed of
the others, so a test of two runs that must come to the same bytes starts one of them by itself (`fresh`).
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

SERVER = """
import json, os, runpy, sys, threading, traceback
import numpy, pandas, scipy.optimize, scipy.sparse, scipy.special, scipy.stats
import sklearn.cluster, sklearn.decomposition, sklearn.ensemble, sklearn.linear_model, sklearn.neighbors
import sklearn.neural_network, sklearn.preprocessing, sklearn.svm, sklearn.tree

def run(asked):
    for number, path in ((0, os.devnull), (1, asked["output"]), (2, asked["error"])):
        os.dup2(os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = asked["command"]
    # as Python has it for a script: its folder, then PYTHONPATH
    given = [each for each in asked["environment"].get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [os.path.dirname(sys.argv[0]), *given, *sys.path[1:]]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = run(json.loads(line))
        threading._shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run(
    command: list[str], environment: dict[str, str], folder: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run` of Python with this command returns; a script that exceeds its time is killed."""
    process, scratch = _server()
    assert process.stdin is not None
    assert process.stdout is not None
    output, error = scratch / "output", scratch / "error"
    asked = {"command": command, "environment": environment, "folder": str(folder)}
    process.stdin.write(json.dumps({**asked, "output": str(output), "error": str(error)}) + "\n")
    process.stdin.flush()
    end = threading.Timer(timeout, os.kill, (int(process.stdout.readline()), signal.SIGKILL))
    end.start()
    try:
        code = int(process.stdout.readline())
    finally:
        end.cancel()
    return subprocess.CompletedProcess(command, code, output.read_text(), error.read_text())


@cache
def _server() -> tuple[subprocess.Popen[str], Path]:
    scratch = Path(tempfile.mkdtemp(prefix="warm-"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    atexit.register(_stop, process, scratch)
    return process, scratch


def _stop(process: subprocess.Popen[str], scratch: Path) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait(timeout=30)
    shutil.rmtree(scratch, ignore_errors=True)
