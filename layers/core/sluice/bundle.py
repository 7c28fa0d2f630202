"""The job code as files and as one archive, the same bytes for the same content wherever it is built."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from sluice.errors import NotFoundError


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


def glue_script() -> bytes:
    return _package("glue").joinpath("clean_dataset.py").read_bytes()


def archive(contents: Mapping[str, bytes]) -> bytes:
    """A .tar.gz: sorted, without times, owners or the packer's name."""
    packed = io.BytesIO()
    # level 9 and mtime 0; the mode is fixed too, since `sam build` keeps the builder's
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as zipped,
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
