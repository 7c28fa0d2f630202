"""Where the clone of Sluice is that this command belongs to, and the files of the deployed application.

An installed `sluice` (`pipx install .`) carries copies of the few files that it reads. What builds, deploys or runs the
demonstration needs the clone itself.
"""

from __future__ import annotations

from pathlib import Path

from cli.errors import CliError

_CLONE = Path(__file__).resolve().parent.parent
_MARKS = ("template.yaml", "samconfig.toml", "statemachines", "layers")


def clone() -> Path:
    """The root of the clone. Raises CliError when this command was installed without one."""
    if not _is_clone(_CLONE):
        raise CliError(
            "this needs a clone of Sluice, and the installed command has none: clone the repository and run "
            "`make help` in it"
        )
    return _CLONE


def deployed_file(name: str) -> Path:
    """A file of the application as it is deployed: the clone's when there is one, else the copy beside the package."""
    return _CLONE / name if _is_clone(_CLONE) else _CLONE / "sluice_deployed" / name


def _is_clone(folder: Path) -> bool:
    return all((folder / mark).exists() for mark in _MARKS)
