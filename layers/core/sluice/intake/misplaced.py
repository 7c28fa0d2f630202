"""Objects that lie beside the places that Sluice reads: `projects/shop/project.yml`, `Raw/shop/day.csv`, `day.csv`.

Decided by the key alone, because most of these objects are never read. A key is a near miss when it looks like a
contract or a file of rows and lies where neither is read. All else (reports, notes, markers) belongs to people.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

from sluice import keys
from sluice.intake.markers import marker

CONTRACT = "project.yaml"
_ALIKE = 0.75
"""difflib's ratio: `projct` and `project` have 0.92, `product` and `project` 0.71."""
_BACKUP = re.compile(
    r"(?:^|[ ._-])(?:bak|backup|old|orig|original|previous|example|sample|template|schema)(?:$|[ ._-])"
)
_COPY = re.compile(r"(?:[ ._-]*(?:\(\d+\)|copy|kopie|copie|copia|new|final|draft|v?\d+))+$")
_TEXT_FORMATS = ("yaml", "yml", "json", "txt", "text", "toml", "gz", "zip")
_YAML = ("yaml", "yml")
_DATA = ("csv", "tsv", "psv", "parquet", "pq", "jsonl", "ndjson", "xlsx", "xls", "avro", "orc", "feather")
_PACKED = ("gz", "zip", "bz2", "xz", "zst")
_AREA_NAMES = {
    **dict.fromkeys(("raws", "rwa", "row", "rows", "raw-data", "raw_data", "rawdata", "data-raw"), "raw"),
    **{"label": "labels", "batches": "batch", "project": "projects"},
}


@dataclass(frozen=True)
class Misplaced:
    """`instead` is the key at which the object would be read; `<project>` stands for what the key does not say."""

    kind: str
    """`contract`, or `rows` for a file of data, labels or rows to score."""
    why: str
    instead: str


def misplaced(key: str, size: int | None = None, projects: Collection[str] = ()) -> Misplaced | None:
    """What is wrong with the place of the object; None when it is at its place, or is not meant for Sluice.

    `projects` are the names of the registered ones.

    >>> misplaced("projects/shop/project.yml").instead, misplaced("Raw/shop/day.csv").instead
    ('projects/shop/project.yaml', 'raw/shop/day.csv')
    >>> misplaced("projects/shop/project.yaml"), misplaced("projects/shop/report.html"), misplaced("notes/day.txt")
    (None, None, None)
    """
    parts = [part for part in key.split("/") if part.strip()]
    if not parts or key.endswith("/") or marker("/".join(("", "", *parts)), size):
        return None
    *folders, name = parts
    area = _area(folders[0]) if folders else None
    exact = key.startswith(tuple(f"{each}/" for each in keys.READ))
    if exact and area in ("raw", "labels", "batch"):
        return None
    if len(folders) == 2 and key == keys.contract(folders[1]):
        return None
    inside = area == "projects"
    if is_contract_name(name) or (inside and _named_for_contract(folders, name)):
        return _contract(folders, name, area, projects)
    if _is_data_name(name) or (area in ("raw", "labels", "batch") and not exact and len(folders) > 1):
        return _rows(folders, name, area, projects)
    return None


def top_folder(key: str) -> str:
    """The first folder of a key, with the slash at its end; only the slash for an object without a folder."""
    return f"{key.split('/')[0]}/" if "/" in key else "/"


def is_contract_name(name: str) -> bool:
    """Whether a file of this name is meant as a contract: `project.yaml` or nearly so.

    >>> [is_contract_name(name) for name in ("Project.YAML", "project.yaml.txt", "projct.yml", "project (1).yaml")]
    [True, True, True, True]
    >>> [is_contract_name(name) for name in ("product.yaml", "project.yaml.bak", "project.md", "projects.csv")]
    [False, False, False, False]
    """
    stem, formats = _split(name)
    if _BACKUP.search(name.lower()) or not all(_near_format(each) for each in formats):
        return False
    stem = _COPY.sub("", stem).strip(" ._-")
    if not any(_near(each, _YAML) for each in formats):
        # `projects.json` may be anybody's list; without YAML's ending the name must be the very word
        return stem == "project"
    return _near(stem, ("project",))


def contract_among_rows(key: str) -> str | None:
    """Why a file in raw/, labels/ or batch/ cannot be one of rows: it is a contract by its name. Else None.

    >>> contract_among_rows("raw/shop/project.yml")
    "this is a contract by its name, not a file of rows: upload it to 'projects/shop/project.yaml'"
    >>> contract_among_rows("raw/shop/project.json") is None  # rows may be in a JSON file of any name
    True
    """
    name = key.rsplit("/", 1)[-1]
    if not (is_contract_name(name) and any(_near(each, _YAML) for each in _split(name)[1])):
        return None
    where = keys.contract(keys.project_of(key) or "<project>")
    return f"this is a contract by its name, not a file of rows: upload it to {where!r}"


def _named_for_contract(folders: list[str], name: str) -> bool:
    """Whether a YAML file in projects/ must be meant as a contract, though it has another name."""
    stem, formats = _split(name)
    if _BACKUP.search(name.lower()) or not formats or formats[0] not in _YAML:
        return False
    stem = _COPY.sub("", stem).strip(" ._-")
    return len(folders) == 1 or stem in ("contract", "sluice", folders[1].lower())


def _is_data_name(name: str) -> bool:
    """
    >>> [_is_data_name(name) for name in ("day.csv", "day.CSV.gz", "day.csv.txt", "notes.txt", "csv")]
    [True, True, True, False, False]
    """
    return any(each in _DATA for each in _split(name)[1])


def _contract(folders: list[str], name: str, area: str | None, projects: Collection[str]) -> Misplaced:
    inside = area == "projects"
    named = folders[1:] if inside else folders
    if not named and inside and name.lower().endswith((".yaml", ".yml")) and not is_contract_name(name):
        named = [_split(name)[0]]
    project = next((each for each in named if each in projects), named[0] if named and inside else "<project>")
    why = []
    if folders[:1] != ["projects"]:
        why.append("a contract is read in the folder projects/ only")
    elif len(folders) == 1:
        why.append("a contract lies in a folder with its project's name")
    elif len(folders) > 2:
        why.append("a contract lies directly in its project's folder")
    if name != CONTRACT:
        why.append(f"a contract's name is {CONTRACT}, with just these letters")
    return Misplaced("contract", " and ".join(why) or "the key has a blank or empty part", keys.contract(project))


def _rows(folders: list[str], name: str, area: str | None, projects: Collection[str]) -> Misplaced | None:
    inner = folders[1:] if area else folders
    project = next((each for each in inner if each in projects), inner[0] if area and inner else "<project>")
    if area is None and folders and project not in projects:
        return None
    rest = inner[inner.index(project) + 1 :] if project in inner else []
    if area == "projects":
        why = "projects/ is for contracts, and no row is read there"
    elif area is None:
        why = "rows are read in the folders raw/, labels/ and batch/ only"
    elif folders[0] == area:
        why = "the key has a blank or empty part"
    else:
        why = f"the folder's name is {area}/, with just these letters"
    target = "raw" if area in (None, "projects") else area
    return Misplaced("rows", why, "/".join((str(target), project, *rest, name)))


def _area(folder: str) -> str | None:
    """The area that the first folder of a key names or was meant to name.

    >>> [_area(folder) for folder in ("raw", "RAW", "lables", "label", "Projects ", "runs", "reports", "draws")]
    ['raw', 'raw', 'labels', 'labels', 'projects', None, None, None]
    """
    name = folder.strip().lower()
    if name in keys.READ:
        return name
    if name in keys.WRITTEN:
        return None
    if name in _AREA_NAMES:
        return _AREA_NAMES[name]
    close = difflib.get_close_matches(name, [each for each in keys.READ if len(each) > 3], n=1, cutoff=_ALIKE)
    return close[0] if close else None


def _split(name: str) -> tuple[str, list[str]]:
    """The name without its endings, and the endings, all in small letters."""
    stem, *formats = name.lower().strip().split(".")
    return stem.strip(), [each.strip() for each in formats]


def _near(word: str, known: Collection[str]) -> bool:
    return bool(difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE))


def _near_format(ending: str) -> bool:
    return ending in (*_TEXT_FORMATS, *_PACKED) or _near(ending, _YAML)
