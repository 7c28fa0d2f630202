"""Prints the locked packages that have a newer release, an environment each, and what holds each of them back.

    python -m scripts.outdated

A package is held by what is installed beside it, whose requirement excludes the newest release; by its own line in
requirements/<name>.in, whose comment says why; or by what the newest release itself requires, which uv says. What
nothing holds can move: `make lock UPGRADE=1`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from proofs.locks import ROOT, normalised


@dataclass(frozen=True)
class Held:
    """`by` is empty for a package that can move."""

    name: str
    version: str
    latest: str
    by: tuple[str, ...]

    def __str__(self) -> str:
        reason = f"held by {', '.join(self.by)}" if self.by else "can move: make lock UPGRADE=1"
        return f"{self.name} {self.version}, newest {self.latest}: {reason}"


def environments() -> dict[str, Path]:
    """Those that are set up: lock's name → interpreter."""
    others = {path.parent.parent.name: path for path in sorted((ROOT / ".envs").glob("*/bin/python"))}
    return {"dev": ROOT / ".venv/bin/python", **others}


def outdated(name: str, python: Path) -> list[Held]:
    """Packages of one environment that have a newer release."""
    command = [sys.executable, "-m", "uv", "pip", "list", "--outdated", "--exclude-editable", "--format", "json"]
    done = subprocess.run(
        [*command, "--quiet", "--python", str(python)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    site = next((python.parent.parent / "lib").glob("python3.*/site-packages"))
    installed = list(distributions(path=[str(site)]))
    asked = ROOT / "requirements" / f"{name}.in"
    overrides = asked.with_suffix(".overrides")
    own = [*_lines(asked), *_lines(overrides)]
    versions = {normalised(each.name): each.version for each in installed}
    found = []
    for each in json.loads(done.stdout):
        if each["name"] == "pip":  # comes with Python, in no lock
            continue
        by = tuple(_holders(each, installed, own, asked.name)) or tuple(_conflicts(each, asked, overrides, versions))
        found.append(Held(each["name"], each["version"], each["latest_version"], by))
    return found


def _holders(package: dict[str, str], installed: list[Distribution], own: list[str], asked: str) -> Iterator[str]:
    for line in own:
        if excludes(line, package["name"], package["latest_version"]):
            yield f"{asked} ({line})"
    for each in sorted(installed, key=lambda found: found.name.lower()):
        for line in each.requires or ():
            if excludes(line, package["name"], package["latest_version"]):
                yield f"{each.name} {each.version} ({line.partition(';')[0].strip()})"


def _conflicts(package: dict[str, str], asked: Path, overrides: Path, versions: dict[str, str]) -> Iterator[str]:
    """What uv says when it is to lock the newest release beside what is asked for as it is; nothing when it can."""
    pins = {line: versions.get(normalised(line)) for line in _lines(asked)}
    wanted = [f"{name}=={version}" for name, version in pins.items() if version and name != package["name"]]
    pin = f"{package['name']}=={package['latest_version']}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wanted.in"
        file.write_text("\n".join([pin, *wanted]) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--only-binary", ":all:"]
        command += ["--python-version", "3.11", *(["--override", str(overrides)] if overrides.is_file() else [])]
        done = subprocess.run([*command, str(asked), str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        _, _, reason = " ".join(done.stderr.split()).partition("cause: Because ")
        yield f"what {pin} needs: {reason.partition(', we can conclude')[0] or done.stderr}"


def excludes(requirement: str, name: str, version: str) -> bool:
    """Whether a requirement is about the package and refuses the version.

    >>> excludes("click==8.1.8", "click", "8.5.1")
    True
    >>> excludes("click>=8", "click", "8.5.1"), excludes("rich<2; extra == 'fancy'", "rich", "15.0")
    (False, False)
    """
    try:
        read = Requirement(requirement)
    except InvalidRequirement:
        return False
    if normalised(read.name) != normalised(name) or read.specifier.contains(version, prereleases=True):
        return False
    return read.marker is None or read.marker.evaluate({"extra": ""})


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def main() -> int:
    for name, python in environments().items():
        found = outdated(name, python)
        movable = sum(not each.by for each in found)
        print(f"{name}: {len(found)} behind the newest release, of which {movable} can move")
        for each in found:
            print(f"  {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
