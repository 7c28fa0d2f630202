"""The job code as files and as one archive, the same bytes for the same content wherever it is built."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sluice.errors import NotFoundError

GLUE_SCRIPT = "clean_dataset.py"


def learn_files() -> dict[str, bytes]:
    """Path → content of what the learning containers run: package `learn`, and the part of Sluice that they may use."""
    found = dict(_walk(_package("learn")))
    core = _package("sluice")
    found["sluice/__init__.py"] = core.joinpath("__init__.py").read_bytes()
    found |= _walk(core.joinpath("model"), "sluice/model/")
    for needed in ("train.py", "evaluate.py", "inference.py"):
        if needed not in found:
            raise NotFoundError(f"package `learn` has no {needed}: is the jobs layer complete?")
    return dict(sorted(found.items()))


def library_files(name: str) -> dict[str, bytes]:
    """Path → content of one distribution that the jobs layer has installed from its lock. Raises NotFoundError."""
    try:
        found = distribution(name).files
    except PackageNotFoundError:
        found = None
    if not found:
        raise NotFoundError(f"library {name} is not on the path: is the jobs layer complete?")
    # commands are outside of the packages, and the machine that installs writes RECORD and bytecode itself
    inside = [path for path in found if ".." not in path.parts and path.name != "RECORD" and path.suffix != ".pyc"]
    left_out = {"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
    return {path.as_posix(): path.read_binary() for path in sorted(inside, key=str) if path.name not in left_out}


def library_hash(name: str) -> str:
    """What an archive of the library is known by before it is made. Raises NotFoundError."""
    made = _packed(name)
    return content_hash(library_files(name) if made is None else {f"{name}.tar.gz": made})


def library_archive(name: str) -> bytes:
    """A library as one .tar.gz. Raises NotFoundError."""
    made = _packed(name)
    return made if made is not None else archive(library_files(name), level=5)  # a third of the time for 3 % more bytes


def library_list(archives: Mapping[str, bytes]) -> bytes:
    """libraries.json of the job code: the SHA-256 of each archive, which a job checks before it unpacks it."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(archives.items())}
    return json.dumps(sums, indent=1).encode()


def glue_files() -> dict[str, bytes]:
    """Path → content of what the Glue job runs: GLUE_SCRIPT, and the package that it imports. Raises NotFoundError."""
    found = dict(_walk(_package("glue")))
    if GLUE_SCRIPT not in found:
        raise NotFoundError(f"package `glue` has no {GLUE_SCRIPT}: is the jobs layer complete?")
    return dict(sorted(found.items()))


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """A .zip that Python can import from: sorted, without times and not deflated, so the same bytes everywhere."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(path)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def archive(contents: Mapping[str, bytes], level: int = 9) -> bytes:
    """A .tar.gz: sorted, without times, owners or the packer's name."""
    packed = io.BytesIO()
    # mtime 0; the mode is fixed too, since `sam build` keeps the builder's
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=packed, mtime=0) as zipped,
        tarfile.open(mode="w", fileobj=zipped, format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path, content in sorted(contents.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def content_hash(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over paths and contents, not over the archive: compressors differ between machines."""
    total = hashlib.sha256()
    for path, content in sorted(contents.items()):
        total.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def _packed(name: str) -> bytes | None:
    """The archive that the build has made of a library that is too large, installed, for a layer."""
    places = (Path(place, "packed", f"{name}.tar.gz") for place in sys.path)
    return next((place.read_bytes() for place in places if place.is_file()), None)


def _package(name: str) -> Traversable:
    try:
        return files(name)
    except ModuleNotFoundError as error:
        raise NotFoundError(f"package `{name}` is not on the path: the function needs the jobs layer") from error


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name == "__pycache__" or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()
