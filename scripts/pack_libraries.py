"""Packs the libraries of the training jobs that are too large, installed, for a Lambda layer: an archive each.

    python scripts/pack_libraries.py [--container] --to FOLDER [--unpacked]

The wheels are those of jobs/packed/requirements.txt, fetched by their hashes for this Python, or the container's.
Code for graphics processors is left out: those sections of a shared library become zeros, all else stays as it is. Of
CatBoost that is 223 of 277 MB. So are files that are no part of a package, which are for notebooks.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "core")]

from proofs.locks import normalised, read  # noqa: E402
from sluice import bundle  # noqa: E402

LOCK = ROOT / "jobs" / "packed" / "requirements.txt"
CACHE = ROOT / "build" / "packed"
CONTAINER = "3.12"
"""The Python of SageMaker's scikit-learn container (docs/not-verified-on-aws.md)."""
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_GRAPHICS = (b".nv_fatbin",)


def packed(*, container: bool = False) -> dict[str, Path]:
    """Name → archive in build/packed, made where there is none of this lock. Raises CalledProcessError of pip."""
    made = {}
    version = CONTAINER if container else f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in read(LOCK, version).versions:
        what = f"{LOCK.read_text()}{Path(__file__).read_text()}{version}"
        archive = CACHE / f"{name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}.tar.gz"
        if not archive.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                fetch(Path(folder), container=container)
                wheel = next(each for each in Path(folder).glob("*.whl") if normalised(each.name.split("-")[0]) == name)
                part = Path(folder) / archive.name
                part.write_bytes(bundle.archive(contents(wheel), level=5))
                part.rename(archive)  # at once: another build may be looking
        made[name] = archive
    return made


def contents(wheel: Path) -> dict[str, bytes]:
    """Path → content of what is packed of a wheel."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            if not entry.endswith(("/", ".dist-info/RECORD")) and ".data/" not in entry:
                content = archive.read(entry)
                found[entry] = without_graphics(content) if content.startswith(b"\x7fELF") else content
    return found


def without_graphics(content: bytes) -> bytes:
    """A shared library of 64 bits whose sections for graphics processors are zeros."""
    table, size, count, names = struct.unpack_from("<40xQ10xHHH", content)
    sections = [struct.unpack_from("<I20xQQ", content, table + size * i) for i in range(count)]
    changed = bytearray(content)
    for name, at, length in sections:
        begin = sections[names][1] + name
        if content[begin : content.index(b"\0", begin)] in _GRAPHICS:
            changed[at : at + length] = bytes(length)
    return bytes(changed)


def fetch(folder: Path, *, container: bool) -> None:
    """The locked wheels, by pip, which refuses what has another hash. Raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "-r", str(LOCK)]
    if container:
        abi = f"cp{CONTAINER.replace('.', '')}"
        command += ["--implementation", "cp", "--python-version", CONTAINER, "--abi", abi]
        command += [part for each in _PLATFORMS for part in ("--platform", each)]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--container", action="store_true", help=f"for the container's Python {CONTAINER}")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--unpacked", action="store_true", help="what is in the archives instead of the archives")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name, archive in packed(container=options.container).items():
        content = archive.read_bytes()
        if options.unpacked:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                tar.extractall(options.to, filter="data")
        else:
            (options.to / f"{name}.tar.gz").write_bytes(content)


if __name__ == "__main__":
    main()
