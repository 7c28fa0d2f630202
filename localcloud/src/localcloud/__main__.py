"""`localcloud start | stop | status | wait | environment`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from localcloud import environments, server
from localcloud.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 60.0  # a machine whose cores others use ends its processes slowly


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is 0 when it did what it says."""
    parser = argparse.ArgumentParser(prog="localcloud", description="A local AWS on the loopback interface.")
    commands = parser.add_subparsers(dest="command", required=True)
    defaults = Settings()
    for name, text in (
        ("start", "start the cloud, in the foreground unless --background"),
        ("stop", "stop the cloud of the state folder and all its processes"),
        ("status", "report whether the cloud of the state folder runs; exit code 1 if not"),
        ("wait", "return when the cloud of the state folder answers"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--state", type=Path, default=defaults.state, help="folder for everything that the cloud writes"
        )
        if name == "start":
            command.add_argument("--port", type=int, default=defaults.port)
            command.add_argument("--speed", type=float, default=1.0, help="cloud seconds in one real second")
            command.add_argument("--account", default=defaults.account)
            command.add_argument("--region", default=defaults.region)
            command.add_argument(
                "--instance-memory-mib",
                type=int,
                default=int(os.environ.get("LOCALCLOUD_INSTANCE_MEMORY_MIB", "0")),
                help="memory of every serving instance; 0: the memory of its type on AWS",
            )
            for kind in environments.KINDS.values():
                found = defaults.python_of(kind)
                text = f"interpreter that stands for {kind.stands_for} (default: {found})".replace("%", "%%")
                command.add_argument(f"--{kind.name}-python", type=Path, default=found, metavar="PYTHON", help=text)
            command.add_argument(
                "--make-environment",
                default="",
                metavar="COMMAND",
                help="makes an environment that a job needs and that is missing; {name} in it is the environment's "
                "name (default: localcloud environment {name})",
            )
            command.add_argument("--no-iam", action="store_true", help="allow every call")
            command.add_argument("--background", action="store_true", help="return when the cloud answers")
    command = commands.add_parser("environment", help="create the environment that stands for one of AWS's containers")
    command.add_argument("kind", choices=environments.KINDS)
    command.add_argument("--folder", type=Path, help="its folder; default: the one in which every cloud looks for it")
    options = parser.parse_args(arguments)
    if options.command == "environment":
        return _environment(options)
    options.state = options.state.resolve()
    return {"start": _start, "stop": _stop, "status": _status, "wait": _wait}[options.command](options)


def _environment(options: argparse.Namespace) -> int:
    kind = environments.KINDS[options.kind]
    try:
        print(environments.make(kind, (options.folder or environments.default_folder(kind)).absolute()))
    except environments.InstallError as error:
        return _fail(str(error))
    return 0


def _start(options: argparse.Namespace) -> int:
    if options.speed <= 0:
        return _fail("--speed must be above 0")
    if options.instance_memory_mib < 0:
        return _fail("--instance-memory-mib must not be below 0")
    if not (options.account.isdigit() and len(options.account) == 12):
        return _fail("--account must have 12 digits")
    settings = Settings(
        port=options.port,
        state=options.state,
        speed=options.speed,
        account=options.account,
        region=options.region,
        enforce_iam=not options.no_iam,
        instance_memory_mib=options.instance_memory_mib,
        # not resolved: the interpreter of a virtual environment is a link
        sklearn_python=options.sklearn_python.absolute(),
        glue_python=options.glue_python.absolute(),
        pytorch_python=options.pytorch_python.absolute(),
        tensorflow_python=options.tensorflow_python.absolute(),
        make_environment=options.make_environment,
    )
    if options.background:
        return _start_in_background(settings)
    try:
        server.serve(settings)
    except server.StartError as error:
        return _fail(str(error))
    return 0


def _start_in_background(settings: Settings) -> int:
    settings.state.mkdir(parents=True, exist_ok=True)
    log = settings.state / "localcloud.log"
    # -P: what lies in the folder that this is called in is not imported
    command = [sys.executable, "-P", "-m", "localcloud", "start"]
    command += ["--port", str(settings.port), "--state", str(settings.state), "--speed", str(settings.speed)]
    command += ["--account", settings.account, "--region", settings.region]
    command += ["--instance-memory-mib", str(settings.instance_memory_mib)]
    for kind in environments.KINDS.values():
        command += [f"--{kind.name}-python", str(settings.python_of(kind))]
    command += ["--make-environment", settings.make_environment]
    command += [] if settings.enforce_iam else ["--no-iam"]
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return _fail(f"the cloud ended while starting; the end of {log}:\n{log.read_text()[-2000:]}")
        if server.running_pid(settings.state) == process.pid and server.is_ready(settings.state):
            print(settings.endpoint)
            return 0
        time.sleep(0.05)
    process.terminate()
    return _fail(f"the cloud did not answer within {START_SECONDS:.0f} s; see {log}")


def _stop(options: argparse.Namespace) -> int:
    pid = server.running_pid(options.state)
    if pid is None:
        print(f"no local cloud runs with the state folder {options.state}")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        # the state folder's pid file goes first, the process and its threads after it
        if server.running_pid(options.state) != pid and server.has_ended(pid):
            print("stopped")
            return 0
        time.sleep(0.05)
    return _fail(f"process {pid} did not stop within {STOP_SECONDS:.0f} s")


def _status(options: argparse.Namespace) -> int:
    pid = server.running_pid(options.state)
    document = server.state_document(options.state)
    if pid is None or document is None:
        print(f"no local cloud runs with the state folder {options.state}")
        return 1
    state = "answers" if server.is_ready(options.state) else "is starting"
    print(
        f"{state} at {document['endpoint']} (process {pid}, region {document['region']}, speed {document['speed']:g})"
    )
    return 0


def _wait(options: argparse.Namespace) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.is_ready(options.state):
            return _status(options)
        time.sleep(0.05)
    return _fail(f"no local cloud answered within {START_SECONDS:.0f} s (state folder {options.state})")


def _fail(message: str) -> int:
    print(f"localcloud: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
