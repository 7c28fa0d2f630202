"""The labels of a labelling job as a file in labels/: written once, in a form that the intake takes."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from cli.connection import known_project
from cli.errors import CliError
from cli.text import plural
from console.reading.annotation import MAX_ROWS, labelled_by
from console.source import Source
from sluice import keys
from sluice.errors import InputError
from sluice.intake.labels import INFERENCE_ID
from sluice.model.values import Typed, parse_label
from sluice.ports import Json

MAX_ID = 256
"""Characters; SageMaker's inference ids have at most 64, and those of a row a number more."""
_JOB = re.compile(r"[0-9a-f]{12}")
_writing = threading.Lock()


def write(source: Source, project: str, given: Json) -> Json:
    """`given`: `{"job", "labels": [[inference id, label], …], "skipped": rows, "open": rows}`.

    Returns `{"key", "version", "uri", "told"}`. Raises InputError for what is not a label of the target, and CliError
    where the job's labels have been written before.
    """
    world = source.world
    project = known_project(world, project)
    _, target, column = labelled_by(world, project)
    labels = _labels(given.get("labels"))
    job = given.get("job")
    if not isinstance(job, str) or not _JOB.fullmatch(job):
        raise InputError("a labelling job has the name that its page was given")
    lines = []
    for identity, text in labels.items():
        label = parse_label(text, column.type, known=column.values)
        if label is None:
            raise InputError(f"{text[:60]!r} cannot be a label of {target} ({column.type}): no label was written")
        lines.append(json.dumps({INFERENCE_ID: identity, target: _json(label)}) + "\n")
    key = keys.labels(project) + f"annotated-{job}.jsonl"
    # two tabs may end the same job at once
    with _writing:
        if world.objects.exists(key):
            raise CliError(
                f"the labels of this job are in {key} already, and nothing was written now. A new job has what is not "
                "labelled yet"
            )
        world.objects.write(key, "".join(lines).encode(), "application/jsonl")
    skipped, still_open = (_count(given.get(name)) for name in ("skipped", "open"))
    return {
        "key": key,
        "version": world.objects.version(key) or "null",
        "uri": world.objects.uri(key),
        "told": f"{plural(len(lines), 'label')} written to {key}; rows skipped: {skipped}, left open: {still_open}",
    }


def _labels(given: Any) -> dict[str, str]:
    """Inference id → label, as a person gave it. Raises InputError."""
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_ROWS:
        raise InputError(f"a labelling job ends with 1 to {MAX_ROWS} labels")
    found: dict[str, str] = {}
    for each in given:
        if not isinstance(each, list) or len(each) != 2 or not all(isinstance(part, str) for part in each):
            raise InputError("a label is a pair of texts: the row's inference id, and the label")
        identity, label = each
        if not 1 <= len(identity) <= MAX_ID or identity in found:
            raise InputError("each row has one label, and an inference id of at most 256 characters")
        found[identity] = label
    return found


def _json(label: Typed) -> Any:
    """Numbers and truth values stay what they are, so that no number format of the contract applies to them."""
    return label if isinstance(label, bool | int | float | str) else label.isoformat()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ROWS else 0
