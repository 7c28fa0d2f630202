"""Datasets as people name them on a command line: by the id or its beginning."""

from __future__ import annotations

from collections.abc import Iterable

from cli.errors import CliError
from sluice.contract import nearest
from sluice.escaping import visible
from sluice.model.shortening import listed

LEAST = 4
"""Characters of the beginning of an id."""


def dataset_id(project: str, named: str, known: Iterable[str]) -> str:
    """The id that is, or alone begins with, `named`. Raises CliError, which says where ids are listed."""
    ids = list(known)
    asked = named.strip().lower()
    found = [each for each in ids if each == asked] or beginning(asked, ids)
    if len(found) == 1:
        return found[0]
    if found:
        several = listed(found, 5)
        raise CliError(f"{visible(named)!r} is the beginning of {len(found)} datasets: {several}; give more of it")
    hint = nearest(named, ids)
    raise CliError(
        f"{project} has no dataset {visible(named)!r}{hint}. `sluice lineage {project} FILE` shows the id of a file, "
        f"and `sluice status {project} --json` lists all"
    )


def beginning(asked: str, ids: Iterable[str]) -> list[str]:
    """The ids that begin so; none of a beginning that is too short to mean one."""
    return [each for each in ids if len(asked) >= LEAST and each.startswith(asked)]
