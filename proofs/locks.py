"""Requirements files as pip and uv read them: what they pin, by which hashes, and what may be built from source.

A lock holds for every Python that the project runs on. Where a package dropped one of them, two lines pin it, each with
a marker (`; python_full_version >= '3.12'`), and of those a `Lock` has the one for the Python that is asked about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
ALL = ":all:"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_MARKER = re.compile(r";\s*(.*?)\s*(?=--hash|$)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)")
_ADDRESSES = ("--index-url", "-i ", "--extra-index-url", "--find-links", "-f ", "--trusted-host")
FROM_SOURCE = frozenset({"inotify-simple", "pyspark", "sagemaker-training"})
"""No wheel is published of these; docs/supply-chain.md says about each what it is for. None of them is deployed."""


@dataclass
class Lock:
    """One requirements file: normalised name → version and sha256 of each file that may be installed for it."""

    path: Path
    versions: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, list[str]] = field(default_factory=dict)
    only_binary: bool = False
    from_source: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def locks(root: Path = ROOT) -> list[Lock]:
    """Every file that something is installed from: the environments', the layers' and the functions'."""
    found = [
        *root.glob("requirements/*.txt"),
        *root.glob("layers/*/requirements.txt"),
        *root.glob("functions/*/requirements.txt"),
        *root.glob("jobs/**/requirements.txt"),
    ]
    return [read(path) for path in sorted(found)]


def read(path: Path, python: str | None = None) -> Lock:
    """Reads one file as Python `python` ("3.13") would, or this one; `problems` has what makes it less than a lock."""
    lock = Lock(path)
    environment = {"python_version": python, "python_full_version": f"{python}.0"} if python else None
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        if line.startswith("-"):
            _option(lock, line)
            continue
        pin = _PIN.match(line)
        if not pin:
            lock.problems.append(f"{line.split(' --hash')[0]!r} is not pinned to one version (name==version)")
            continue
        name, hashes = normalised(pin[1]), _HASH.findall(line)
        if not hashes:
            lock.problems.append(f"{name} has no --hash=sha256:…")
        marker = _MARKER.search(line)
        if marker and not Marker(marker[1]).evaluate(environment):
            continue
        if name in lock.versions:
            lock.problems.append(f"{name} is pinned twice")
        lock.versions[name], lock.hashes[name] = pin[2], hashes
    if lock.versions and not lock.only_binary:
        lock.problems.append("lacks --only-binary :all:, so a source distribution may be built, running its code")
    lock.problems += [
        f"{name} may be built from source, which only {', '.join(sorted(FROM_SOURCE))} may"
        for name in sorted(lock.from_source - FROM_SOURCE)
    ]
    return lock


def _option(lock: Lock, line: str) -> None:
    name, _, value = line.replace("=", " ", 1).partition(" ")
    if name == "--only-binary":
        lock.only_binary |= value.strip() == ALL
    elif name == "--no-binary":
        lock.from_source.add(normalised(value.strip()))
    elif line.startswith(_ADDRESSES):
        lock.problems.append(f"names where packages come from ({name}); that is the machine's to say")
    else:
        lock.problems.append(f"has the option {name}, which this check does not know")


def _logical_lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ").splitlines()
    return [line for line in (" ".join(re.sub(r"(^|\s)#.*", "", each).split()) for each in joined) if line]


def normalised(name: str) -> str:
    """PEP 503's name.

    >>> normalised("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
