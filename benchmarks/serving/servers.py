"""The servers of the comparison: how each is started, asked and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.load import ask, connect, request

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BENCH, LEARN = ROOT / ".envs/bench/bin", ROOT / ".envs/learn/bin"
WORKERS = 2
Body = Callable[[list[dict]], bytes]


@dataclass(frozen=True)
class Kind:
    """`commands` is called with (ports, folder of the models) and answers (command, further environment) each."""

    name: str
    commands: Callable[[list[int], Path], list[tuple[list[str], dict[str, str]]]]
    body: Body
    ports: int = 1


def instances(rows: list[dict]) -> bytes:
    return json.dumps(rows[0] if len(rows) == 1 else {"instances": rows}).encode()


def _container(code: Callable[[Path], Path], model: Callable[[Path], Path]) -> Callable:
    """Flask under gunicorn with gevent workers, as SageMaker's scikit-learn container starts it."""

    def commands(ports: list[int], folder: Path) -> list[tuple[list[str], dict[str, str]]]:
        command = [str(BENCH / "gunicorn"), "--timeout", "60", "-k", "gevent", "-b", f"127.0.0.1:{ports[0]}"]
        command += ["--worker-connections", str(1000 * WORKERS), "-w", str(WORKERS), "--log-level", "warning"]
        environment = {"SAGEMAKER_SUBMIT_DIRECTORY": str(code(folder)), "SAGEMAKER_PROGRAM": "inference.py"}
        environment["SM_MODEL_DIR"] = str(model(folder))
        return [([*command, "--pythonpath", str(HERE), "container_app:app"], environment)]

    return commands


def _local_workers(ports: list[int], folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    serve = ROOT / "localcloud" / "src" / "localcloud" / "containers" / "serve.py"
    model = ["--model-dir", str(folder / "ours")]
    return [([str(LEARN / "python"), str(serve), *model, "--port", str(port)], {}) for port in ports]


def _mlflow(ports: list[int], folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    command = [str(BENCH / "mlflow"), "models", "serve", "-m", str(folder / "mlflow"), "--env-manager", "local"]
    return [([*command, "-h", "127.0.0.1", "-p", str(ports[0]), "-w", str(WORKERS)], {})]


def _bento(ports: list[int], folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    command = [str(BENCH / "bentoml"), "serve", "bento_service:Model", "--working-dir", str(HERE)]
    environment = {"SM_MODEL_DIR": str(folder), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bentoml")}
    return [([*command, "--host", "127.0.0.1", "--port", str(ports[0])], environment)]


KINDS = [
    Kind("aws", _container(lambda folder: HERE / "dataframe", lambda folder: folder), instances),
    Kind("container", _container(lambda folder: folder / "ours" / "code", lambda folder: folder / "ours"), instances),
    Kind("local", _local_workers, instances, ports=WORKERS),
    Kind("mlflow", _mlflow, lambda rows: json.dumps({"dataframe_records": rows}).encode()),
    Kind("bentoml", _bento, lambda rows: json.dumps({"instances": rows}).encode()),
]


class Running:
    """A started server; a context manager that ends it with everything it started."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.ports = [free_port() for _ in range(kind.ports)]
        # scikit-learn's threads fight over two cores for two workers; without them its servers are at their best
        clean = {"PATH": f"{BENCH}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
        self.log = (folder / f"{kind.name}.log").open("ab")
        self._started = time.perf_counter()
        self.processes = [
            subprocess.Popen(
                command, env={**clean, **more}, stdout=self.log, stderr=self.log, cwd=folder, start_new_session=True
            )
            for command, more in kind.commands(self.ports, folder)
        ]

    def first_answer(self, message: bytes, patience: float = 180.0) -> float:
        """Seconds from the start to the first answer, of the slowest of its processes."""
        for port in self.ports:
            while True:
                if any(process.poll() is not None for process in self.processes):
                    raise RuntimeError(f"{self.kind.name} ended; see {self.log.name}")
                try:
                    with connect(port) as connection:
                        ask(connection, message)
                    break
                except (OSError, RuntimeError):
                    if time.perf_counter() - self._started > patience:
                        raise
                    time.sleep(0.01)
        return time.perf_counter() - self._started

    def message(self, rows: list[dict]) -> bytes:
        return request("/invocations", self.kind.body(rows))

    def memory_mb(self) -> list[float]:
        """Resident memory of each process, shared pages counted in every one of them."""
        page = os.sysconf("SC_PAGE_SIZE")
        return [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page / 1e6 for pid in self._family()]

    def cpu_seconds(self) -> dict[int, float]:
        """Process → the processor time that it has had."""
        found = {}
        for pid in self._family():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            found[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return found

    def run_seconds(self) -> float:
        """The processor time of all threads of all processes, to the nanosecond (Linux's schedstat)."""
        total = 0
        for pid in self._family():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9

    def _family(self) -> list[int]:
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    continue
        found, todo = [], [process.pid for process in self.processes]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += [child for child, parent in parents.items() if parent == pid]
        return found

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            _end(process)
        self.log.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)  # a session of its own, made above
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
