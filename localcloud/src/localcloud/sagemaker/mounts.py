"""A job's folder as `/opt/ml`: a mount namespace of its own, in which nothing of the machine is changed.

Needed by programs that have `/opt/ml` in their own text, such as the drivers that the SageMaker SDK's ModelTrainer
sends along. It takes `unshare` and `mount` of util-linux and a kernel that lets this user make a user namespace. The
folder `/opt` is covered by an empty file system that shows what was in it, and the job's folder as `ml` beside it.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private")

# $1: the job's folder. /opt is never written to: as root, a missing /opt/ml would otherwise be made on the machine.
_SCRIPT = """
set -e
root=$1; shift
if [ -d /opt/ml ]; then
  mount --bind "$root" /opt/ml
else
  stage=$root/tmp/opt
  mkdir -p "$stage"
  mount -t tmpfs -o mode=755 tmpfs "$stage"
  for entry in /opt/* /opt/.[!.]*; do
    name=${entry#/opt/}
    if [ -L "$entry" ]; then cp -P "$entry" "$stage/$name"
    elif [ -d "$entry" ]; then mkdir "$stage/$name"; mount --rbind "$entry" "$stage/$name"
    elif [ -e "$entry" ]; then : > "$stage/$name"; mount --bind "$entry" "$stage/$name"
    fi
  done
  mkdir "$stage/ml"
  mount --bind "$root" "$stage/ml"
  mount --rbind "$stage" /opt
fi
cd /opt/ml
exec "$@"
"""


def as_opt_ml(root: Path, command: list[str]) -> list[str]:
    """`command` in a mount namespace in which `root` is `/opt/ml`. Ask `possible` first."""
    return [*_UNSHARE, "sh", "-c", _SCRIPT, "sh", str(root), *command]


@functools.cache
def possible() -> bool:
    """Whether this machine lets this user mount in a namespace of their own. Tried once, by doing it."""
    if not shutil.which("unshare") or not Path("/opt").is_dir():
        return False
    attempt = [*_UNSHARE, "sh", "-c", "mount -t tmpfs tmpfs /opt"]
    try:
        done = subprocess.run(attempt, capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
