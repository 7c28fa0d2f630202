"""One local cloud in one process: ministack on the loopback interface, the extensions, a clean end."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import types
from pathlib import Path

from localcloud import environments, identity
from localcloud.settings import Settings

logger = logging.getLogger("localcloud")

HOST = "127.0.0.1"

# In this order: repairs first, because what follows wraps what they put right.
EXTENSIONS = (
    "localcloud.repairs",
    "localcloud.lambda_runtime",
    "localcloud.object_ranges",
    "localcloud.stack_resources",
    "localcloud.authorization",
    "localcloud.stepfunctions",
    "localcloud.sagemaker",
    "localcloud.glue",
    "localcloud.alarms",
    "localcloud.schedules",
    # last: it stands before what the others installed
    "localcloud.service_calls",
    "localcloud.dead_letters",
    "localcloud.faults",
)


class StartError(Exception):
    """The cloud cannot start; the message says why and what to do."""


def serve(settings: Settings) -> None:
    """Runs the cloud until SIGTERM or SIGINT. Raises StartError when it cannot start."""
    Settings.use(settings)
    _refuse_taken_port(settings.port)
    _prepare_state(settings)
    os.environ.update(_environment(settings))
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "PERSIST_STATE", "SERVICES"):
        os.environ.pop(name, None)
    tempfile.tempdir = None  # read TMPDIR again

    from ministack import app

    if settings.enforce_iam != app.AUTH:
        raise StartError("ministack was imported before the local cloud set it up")
    _quieten_logs()
    _warn_of_missing_environments(settings)
    from localcloud import extension

    extension.install()
    installed: list[types.ModuleType] = []
    try:
        for name in EXTENSIONS:
            installed.append(_install(name, settings))
        asyncio.run(_serve(app, settings))
    finally:
        for module in reversed(installed):
            _shut_down(module)
        extension.shutdown()
        _end_lambda_workers()
        for name in ("localcloud.pid", "ready"):
            (settings.state / name).unlink(missing_ok=True)
        shutil.rmtree(settings.state / "tmp", ignore_errors=True)


def _warn_of_missing_environments(settings: Settings) -> None:
    for kind, python in ((environments.SKLEARN, settings.sklearn_python), (environments.GLUE, settings.glue_python)):
        if why := environments.missing(kind, python):
            logger.warning("%s", why)


def state_document(state: Path) -> dict[str, object] | None:
    """What a running or past cloud wrote about itself, or None."""
    try:
        return json.loads((state / "localcloud.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def running_pid(state: Path) -> int | None:
    """The process id of the cloud whose state folder this is, when it lives."""
    try:
        pid = int((state / "localcloud.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and b"localcloud" not in command.read_bytes():
            return None  # the id was given to another process since
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    return pid


def has_ended(pid: int) -> bool:
    """Whether no process has this id, or only a dead one that its parent has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_ready(state: Path) -> bool:
    """Whether the cloud of this state folder answers."""
    return running_pid(state) is not None and (state / "ready").exists()


def _environment(settings: Settings) -> dict[str, str]:
    """ministack reads its settings from the environment while it is imported."""
    state = settings.state
    return {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.port),
        "EDGE_PORT": str(settings.port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": settings.region,
        "MINISTACK_ACCOUNT_ID": settings.account,
        "AWS_ACCESS_KEY_ID": identity.ADMIN_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": identity.ADMIN_SECRET_KEY,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AUTH": "true" if settings.enforce_iam else "false",
        "SFN_WAIT_SCALE": repr(1.0 / settings.speed),
        "S3_DATA_DIR": str(state / "s3"),
        "S3_PERSIST": "0",
        "STATE_DIR": str(state / "ministack"),
        "LAMBDA_EXECUTOR": "local",
        # a burst leaves idle workers of 60 MB each behind; the first of each function stays warm
        "LAMBDA_WARM_TTL_SECONDS": "30",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
        # Ports that ministack would open beside the gateway's.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
        "DOCKER_HOST": "unix:///nonexistent",
        "TMPDIR": str(state / "tmp"),
        "LOG_LEVEL": os.environ.get("LOCALCLOUD_LOG_LEVEL", "INFO"),
    }


def _prepare_state(settings: Settings) -> None:
    if pid := running_pid(settings.state):
        raise StartError(f"process {pid} is a local cloud with the state folder {settings.state}: stop it first")
    shutil.rmtree(settings.state / "tmp", ignore_errors=True)
    for name in ("tmp", "s3", "jobs"):
        (settings.state / name).mkdir(parents=True, exist_ok=True)
    (settings.state / "ready").unlink(missing_ok=True)
    (settings.state / "localcloud.pid").write_text(str(os.getpid()))
    document = {
        "endpoint": settings.endpoint,
        "port": settings.port,
        "region": settings.region,
        "account": settings.account,
        "speed": settings.speed,
        "enforce_iam": settings.enforce_iam,
    }
    (settings.state / "localcloud.json").write_text(json.dumps(document, indent=2) + "\n")


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(
                f"port {port} cannot be used ({error.strerror}): stop what uses it or give --port"
            ) from None


def _install(name: str, settings: Settings) -> types.ModuleType:
    module = importlib.import_module(name)
    module.install(settings)
    return module


def _shut_down(module: types.ModuleType) -> None:
    try:
        module.shutdown()
    except Exception:  # the boundary: one extension's failure must not keep the others' processes alive
        logger.exception("%s did not shut down", module.__name__)


async def _serve(app: types.ModuleType, settings: Settings) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"{HOST}:{settings.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    announcing = asyncio.create_task(_announce(settings))
    try:
        await hypercorn_serve(app.app, config, shutdown_trigger=stop.wait)
    finally:
        announcing.cancel()
        # Worker threads that wait for a Lambda or a job would keep asyncio.run from returning.
        _end_lambda_workers()


async def _announce(settings: Settings) -> None:
    """Writes `ready` once the port answers and nothing listens outside the loopback interface."""
    while True:
        try:
            _reader, writer = await asyncio.open_connection(HOST, settings.port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        break
    foreign = await asyncio.to_thread(foreign_listeners)
    if foreign:
        logger.critical("this process listens outside the loopback interface (%s): stopping", ", ".join(foreign))
        os.kill(os.getpid(), signal.SIGTERM)
        return
    (settings.state / "ready").write_text(settings.endpoint)
    logger.info("the local cloud answers at %s (region %s)", settings.endpoint, settings.region)


def foreign_listeners(pid: int | None = None) -> list[str]:
    """Addresses off the loopback interface on which the process listens (Linux; empty elsewhere)."""
    fds = Path(f"/proc/{pid or os.getpid()}/fd")
    if not fds.exists():
        return []
    inodes = set()
    for fd in fds.iterdir():
        try:
            inodes.add(str(fd.readlink()))
        except OSError:
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid or os.getpid()}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address = fields[1].split(":")[0]
            loopback = address.endswith("7F") or address == "00000000000000000000000001000000"
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes and not loopback:
                found.append(fields[1])
    return found


def _end_lambda_workers() -> None:
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()


def _quieten_logs() -> None:
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    for name in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)
