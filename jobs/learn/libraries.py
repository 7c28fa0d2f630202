"""Libraries that the container lacks: they come by the channel `libraries`, and libraries.json has their hashes.

`deploy_code` packs what the jobs layer has installed from its lock, and writes libraries.json into the job code.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from sluice.model.errors import ModelError

LIST = Path(__file__).resolve().parent / "libraries.json"


def provide(channel: Path, hashes: Path = LIST) -> list[str]:
    """Checks and unpacks the channel's archives and puts them last on the path; their names.

    Raises ModelError when an archive is not one that the job code was deployed with.
    """
    try:
        known = json.loads(hashes.read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(f"channel libraries: the job code has no {hashes.name}; deploy the stack again") from None
    archives = sorted(channel.glob("*.tar.gz"))
    if not archives:
        raise ModelError(f"channel libraries: there is no archive in {channel}")
    folder = tempfile.mkdtemp(prefix="libraries-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for archive in archives:
        with archive.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
            if known.get(archive.name) != found:
                raise ModelError(
                    f"channel libraries: {archive.name} has the SHA-256 {found}, and the job code expects "
                    f"{known.get(archive.name, 'no such file')}; deploy the stack again"
                )
            content.seek(0)
            with tarfile.open(fileobj=content) as tar:
                tar.extractall(folder, filter="data")
    # last, so that nothing of the container is replaced
    sys.path.append(folder)
    return [archive.name for archive in archives]
