"""What `sam build` makes: for AWS, and for a local cloud, which runs functions with a Python of its own.

A layer holds wheels for one version of Python. A local cloud runs every function with the interpreter of this virtual
environment, so its layers are built for that one, from the same lock and the same sources. Where it is the version
that AWS runs, the two builds differ in nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cli import machines
from cli.errors import CommandError
from cli.text import say

ROOT = Path(__file__).resolve().parent.parent
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_RUNTIME = re.compile(r"^ +Runtime: python(\d+\.\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Artefacts:
    """One build: `python` is the version that its layers are for."""

    python: str
    folder: Path
    cache: Path
    # what layers/Makefile takes LAYER_PYTHON for
    layers: str

    @property
    def template(self) -> Path:
        return self.folder / "template.yaml"

    def build(self) -> None:
        """`sam build` of definitions as JSON, with bytecode in the layers: imports take 2.6 times as long without."""
        machines.build()
        places = ["--build-dir", str(self.folder), "--cache-dir", str(self.cache)]
        environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "LAYER_PYTHON": self.layers}
        run([str(tool("sam")), "build", "--config-env", "local", *places], environment=environment)
        interpreter = self._interpreter()
        if interpreter is None:
            say(
                f"The layers have no bytecode, so functions take longer to start: Python {self.python} makes it, and "
                f"none is here. Install one (uv python install {self.python}) and build again.",
                sys.stderr,
            )
            return
        for layer in sorted(self.folder.glob("*Layer")):
            run([interpreter, "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash", str(layer)])

    def _interpreter(self) -> str | None:
        """A Python of the layers' version."""
        if self.python == HERE:
            return sys.executable
        command = ["sh", str(ROOT / "scripts" / "find_python.sh"), self.python]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return found.stdout.strip() or None


def runtime() -> str:
    """The version of Python that the template's functions run with on AWS: "3.13"."""
    found = _RUNTIME.search((ROOT / "template.yaml").read_text(encoding="utf-8"))
    if not found:
        raise CommandError(
            "template.yaml names no Python runtime: set Globals.Function.Runtime to one, such as python3.13"
        )
    return found[1]


def for_aws() -> Artefacts:
    """`sam deploy` takes it from where `sam build` puts it."""
    sam = ROOT / ".aws-sam"
    return Artefacts(runtime(), sam / "build", sam / "cache", layers=runtime())


def for_local_cloud() -> Artefacts:
    folder = ROOT / ".aws-sam" / f"local-{HERE}"
    return Artefacts(HERE, folder / "build", folder / "cache", layers="local")


def difference() -> str | None:
    """What to say about a local cloud that runs functions with another Python than AWS."""
    if runtime() == HERE:
        return None
    return (
        f"This local cloud runs the functions with Python {HERE}, AWS with {runtime()}: the layers are built for "
        f"{HERE} here. `rm -rf .venv .envs && make setup PYTHON=/path/to/python{runtime()}` changes that."
    )


def tool(name: str) -> Path:
    """A command of this virtual environment."""
    return Path(sys.executable).parent / name


def run(command: list[str], *, environment: dict[str, str] | None = None) -> str:
    """Runs `command` in the repository; its output. Raises CommandError with the end of it when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        shown = " ".join([Path(command[0]).name, *command[1:]])
        raise CommandError(f"`{shown}` ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout
