"""Where everything lies in the data bucket. The table is in docs/architecture.md."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple
from urllib.parse import unquote

from sluice.errors import InputError

READ = ("raw", "labels", "batch", "projects")
"""Areas that people write to, and Sluice reads."""
WRITTEN = (
    *("accepted", "accepted-labels", "quarantine", "profiles", "runs", "models", "capture", "monitor"),
    *("predictions", "scoring", "code", "contracts", "parts"),
)
"""Areas that Sluice and its jobs write to."""


_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_CORRECTION = re.compile(r"raw/[^/]+/corrects=([^/]+)/.")


class Arrival(NamedTuple):
    """The parts of a key that a person dropped a file at."""

    area: str
    project: str
    name: str


def parse_arrival(key: str) -> Arrival:
    """`raw/shop/day 1.csv` → Arrival("raw", "shop", "day 1.csv").

    EventBridge gives keys as they are, not URL-encoded, so they are never decoded here.
    """
    parts = key.split("/", 2)
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise InputError(f"{key!r}: files belong in {parts[0]}/<project>/<file>")
    return Arrival(*parts)


def correction(project: str, dataset: str, name: str) -> str:
    """Where a file belongs that corrects rows in the quarantine of `dataset`."""
    return f"raw/{project}/corrects={dataset}/{name}"


def corrected(key: str) -> str | None:
    """The dataset whose quarantined rows a file in raw/ corrects, by its key; None for any other file.

    >>> corrected("raw/shop/corrects=0123456789abcdef/refused.csv"), corrected("raw/shop/day 1.csv")
    ('0123456789abcdef', None)
    """
    found = _CORRECTION.match(key)
    return found[1] if found else None


def columns_in(key: str, columns: Container[str] = ()) -> dict[str, str | None]:
    """The columns that the folders of a key name as Hive and Spark write them; None is their missing value.

    >>> columns_in("raw/shop/year=2024/at=2024-05-01 10%3A00/part-0.parquet")
    {'year': '2024', 'at': '2024-05-01 10:00'}

    Raises InputError for one of `columns`, the contract's, that occurs twice; of other names the last one counts. A key
    that names the dataset it corrects has no columns.
    """
    found: dict[str, str | None] = {}
    for folder in [] if corrected(key) else key.split("/")[2:-1]:
        name, sign, value = folder.partition("=")
        if not sign or not name:
            continue
        name = unquote(name)
        if name in found and name in columns:
            raise InputError(f"{key!r}: two folders are named {name!r}; which one counts is unknown")
        found[name] = None if value == _NO_VALUE else unquote(value)
    return found


def project_of(key: str) -> str:
    """The project's part of any key below an area; empty where there is none."""
    return [*key.split("/"), ""][1]


def contract(project: str) -> str:
    return f"projects/{project}/project.yaml"


def contract_change(project: str, version: str) -> str:
    """What a version of the contract changed for the rows accepted before it."""
    return f"contracts/{project}/{version}/change.json"


def accepted(project: str, dataset: str = "") -> str:
    return f"accepted/{project}/{dataset}/" if dataset else f"accepted/{project}/"


def accepted_part(project: str, dataset: str, number: int = 0) -> str:
    """A file that was judged in parts has one for each."""
    return f"accepted/{project}/{dataset}/part-{number:05}.parquet"


def part(project: str, dataset: str, name: str, number: int | None = None) -> str:
    """What the functions that judge a file in parts write for each other: `plan.json`, or `name` of one part."""
    return f"parts/{project}/{dataset}/{name}" if number is None else f"parts/{project}/{dataset}/{number:05}/{name}"


def quarantined_rows(project: str, dataset: str) -> str:
    return f"quarantine/{project}/{dataset}/rows.jsonl"


def quarantine_summary(project: str, dataset: str) -> str:
    return f"quarantine/{project}/{dataset}/summary.json"


def quarantine_report(project: str, dataset: str) -> str:
    """For people; `summary.json` beside it is what programs read."""
    return f"quarantine/{project}/{dataset}/report.html"


def profile(project: str, dataset: str) -> str:
    return f"profiles/{project}/{dataset}/profile.json"


def profile_report(project: str, dataset: str) -> str:
    return f"profiles/{project}/{dataset}/report.html"


def evaluation_report(project: str, run_id: str) -> str:
    """For people; `evaluation.json` beside it is what programs read."""
    return run(project, run_id, "evaluation", "report.html")


def model_card(project: str, run_id: str) -> str:
    return run(project, run_id, "evaluation", "model_card.html")


def release_report(project: str, run_id: str) -> str:
    """For people; the records in `decisions/` are what programs read."""
    return run(project, run_id, "release", "report.html")


def run(project: str, run_id: str, *rest: str) -> str:
    """A key below the run's folder; without `rest` the folder itself, with the slash at its end."""
    return f"runs/{project}/{run_id}/" + "/".join(rest)


def sealed(project: str, run_id: str, name: str) -> str:
    """`model.tar.gz` and `signature.json` of a run whose candidate was sealed: what is registered and served."""
    return f"models/{project}/{run_id}/{name}"


def decision(project: str, run_id: str, name: str) -> str:
    return run(project, run_id, "decisions", f"{name}.json")


def capture(project: str) -> str:
    return f"capture/{project}/"


def monitor(project: str, *rest: str) -> str:
    return f"monitor/{project}/" + "/".join(rest)


def labels(project: str) -> str:
    return f"labels/{project}/"


def accepted_labels(project: str, source_digest: str = "") -> str:
    """What was accepted of a label file. There is one object for each key in labels/: its newest version counts."""
    return f"accepted-labels/{project}/" + (f"{source_digest}.jsonl" if source_digest else "")


def scoring(project: str, batch: str, name: str) -> str:
    """The one version of a file that a transform job reads, in a folder of its own."""
    return f"scoring/{project}/{batch}/{name}"


def scored_rows(project: str, batch: str) -> str:
    """Number and key of each row that a transform job reads; no name that its input's prefix would take in."""
    return f"scoring/{project}/{batch}-rows.jsonl"


def scored_answers(project: str, batch: str) -> str:
    """Where the transform job writes: of each version of a file apart, since it names its output after the file."""
    return f"scoring/{project}/{batch}-answers"


def predictions(project: str, name: str = "") -> str:
    """What became of a file in batch/ lies under its name, with an ending for each part."""
    return f"predictions/{project}/{name}"
