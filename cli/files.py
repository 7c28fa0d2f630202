"""The files that people name on a command line."""

from __future__ import annotations

import os
from pathlib import Path

from cli.errors import CliError
from sluice.contract import nearest

_ADDRESS = ("s3:", "http:", "https:", "gs:", "file:")


def existing_file(path: Path, project: str = "") -> Path:
    """`path`, when it is a file that may be read. Raises CliError: what it is instead, and what to do.

    `project`: what was given as the project before it; people swap the two.
    """
    try:
        if path.is_file():
            if os.access(path, os.R_OK):
                return path
            raise CliError(f"{path} may not be read: allow it, such as with `chmod u+r`, or copy the file")
        if path.is_dir():
            raise CliError(f"{path} is a folder: give the path of a file in it")
        if path.exists():
            raise CliError(f"{path} is not a regular file: save its content as a file, and give the path of that")
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}; give the path of a file that exists") from None
    if project and _is_file(Path(project)):
        raise CliError(f"there is no file {path}, and {project} is one: give the project first, then the file")
    if str(path).startswith(_ADDRESS):
        raise CliError(f"there is no file {path}: an address is not read; download the file, and give its path")
    raise CliError(f"there is no file {path}{_beside(path)}: give the path of a file that exists")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _beside(path: Path) -> str:
    """The file of the nearest name in the same folder, as a question."""
    try:
        return nearest(path.name, [each.name for each in path.parent.iterdir() if each.is_file()])
    except OSError:
        return ""
