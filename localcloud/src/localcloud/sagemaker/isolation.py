"""EnableNetworkIsolation for real: the container's process has the loopback interface of its own, and nothing else.

As on AWS, the data are moved by the service outside of the container, and the role's credentials stay out of it. It
takes `unshare` (util-linux) and a kernel that lets this user make a user and a network namespace; elsewhere the job
runs with the network, and its log says so. A listening socket that was made outside and is inherited belongs to the
network that it was made in: that is how an isolated server still serves.
"""

from __future__ import annotations

import functools
import logging
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

NOT_ENFORCED = (
    "network isolation was requested but is not enforced: this machine does not let users create network namespaces "
    "(unshare --user --net); the container uses the machine's network"
)
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")
# Brings the loopback interface up (SIOCSIFFLAGS with IFF_UP) and becomes the container's entry point. In Python,
# because `ip` is not on every machine and the container's interpreter is.
_ENTER = (
    "import fcntl, os, socket, struct, sys\n"
    "with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack('16sh22x', b'lo', 1))\n"
    "try: os.execvp(sys.argv[1], sys.argv[1:])\n"
    "except OSError as e: sys.exit(f'the entry point {sys.argv[1]!r} cannot be run: {e.strerror}')\n"
)
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


def isolated(command: list[str], python: Path) -> list[str]:
    """`command` in a network namespace of its own, as it is where `possible` says no. `python` is the container's."""
    if not possible():
        return command
    return [*_UNSHARE, str(python), "-I", "-S", "-c", _ENTER, *command]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without what only a container with network could use."""
    return {name: value for name, value in env.items() if name not in _CREDENTIALS}


@functools.cache
def possible() -> bool:
    """Whether this machine lets this user have a network of their own. Tried once, by doing it."""
    done = None
    if shutil.which("unshare"):
        try:
            attempt = [*_UNSHARE, "true"]
            done = subprocess.run(attempt, capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            done = None
    if done is None or done.returncode != 0:
        log.warning(NOT_ENFORCED)
        return False
    return True
