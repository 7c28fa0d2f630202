"""What became of a dropped file: waits for its terminal record, and says it in words."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from cli.errors import CliError
from cli.text import plural
from sluice import keys
from sluice.bootstrap import World
from sluice.datasets.corrected_by import CORRECTS, corrected_by
from sluice.datasets.report_misplaced import STACK
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.model.shortening import first
from sluice.ports import Json

SHOWN = 10
"""Reasons that are printed."""
FIRST = 5
"""Refused rows that are shown one by one."""
_OF_FILE = frozenset({"max_invalid_rows", "min_rows", "max_nulls", "correction"})
"""Rules for a file as a whole: its message says what they found, and no row breaks them."""

NEXT = {
    "HeaderMismatchError": (
        "the file does not have the columns that the contract names under data.columns: correct their names in the "
        "file, or change the contract (`sluice register`)"
    ),
    "EmptyFileError": "the file has no row: export it again",
    "UnreadableFileError": "save it as CSV (UTF-8), JSON lines or Parquet",
    "UnknownProjectError": "register the project first: `sluice register project.yaml`",
    "key": "data.key names columns that must be filled; correct the rows, or change data.key",
    "type": "give the column another type under data.columns, or correct the values",
    "nullable": "data.columns.<column>.nullable: false refuses empty cells; correct the rows, or allow them",
    "values": "add the new values to data.columns.<column>.values, or correct the rows",
    "min": "data.columns.<column>.min is the limit; correct the rows, or change the limit",
    "max": "data.columns.<column>.max is the limit; correct the rows, or change the limit",
    "min_rows": "data.expectations.min_rows is the limit: drop a larger file, or lower it",
    "max_nulls": "data.expectations.max_nulls is the limit: fill the column, or raise it",
    "CorrectionError": "correct the file that `sluice quarantine` writes for that dataset",
    "FileTooLargeError": "split the file into parts; docs/operations.md has the size that a function can take",
    "max_payload": "SageMaker takes no larger row: shorten its texts, or leave it out",
    "max_invalid_rows": "data.expectations.max_invalid_rows is the limit: correct the rows, or raise it",
}
"""What to do, by the rule or error that refused."""

NEXT_OF_DAMAGED = "send the whole file again: copy it again from a complete original, or export it again"
_DAMAGED = ("damaged", "cut off")

NEXT_OF_BATCH = {
    "HeaderMismatchError": "a file to score has the features of the model that serves: correct their names in the file",
    "NoChampionError": "train a first model: `sluice drop PROJECT FILE`, then `sluice watch PROJECT`",
    "ArtifactError": "the model that serves cannot be loaded: `sluice rollback PROJECT --reason TEXT` brings the one "
    "before back",
}
NEXT_OF_LABELS = {
    "HeaderMismatchError": "a file of labels has the columns of data.key and the target, as the contract spells them: "
    "correct the file's header",
}


def await_outcome(world: World, key: str, version: str, seconds: float) -> Json:
    """The terminal record of this version of a file. Raises CliError when there is none after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if record := world.ledger.arrival(world.objects.bucket, key, version):
            return record
        time.sleep(0.3)
    raise CliError(
        f"no verdict on {visible(key)} after {seconds:.0f} s. The file is not lost: see `sluice status`, or wait "
        f"longer with --wait"
    )


def misplaced_lines(world: World, project: str | None = None, kind: str | None = None) -> list[str]:
    """Objects that lie where nothing is read and are still there: of one project or of the whole stack."""
    found = []
    for each in world.ledger.ignored(STACK):
        expected, key = each.get("expected"), visible(each["key"])
        if expected is None:
            if project is None and kind is None:
                found.append(f"{key}: {each['what']} (for example {visible(each['example'])})")
        elif (
            project in (None, keys.project_of(expected))
            and kind in (None, each["kind"])
            and world.objects.exists(each["key"])
        ):
            found.append(f"{key}: {each['what']}; it belongs at {visible(expected)}")
    return found


def accepted(record: Json) -> bool:
    """Whether the file, or at least a row of it, counts."""
    return bool(record["status"] == "accepted")


def described(record: Json) -> list[str]:
    """The terminal record of a file in raw/, labels/ or batch/, in words: counts, reasons, places, next steps."""
    kind = str(record.get("kind", "raw"))
    lines = [_headline(kind, record)]
    if record.get("message"):
        lines.append(f"  {visible(record['message'])}")
    if kind == "batch":
        # why the file as a whole was not scored, in words
        lines += [f"  {visible(reason)}" for reason in record.get("reasons") or []]
    if unlabelled := (record.get("notes") or {}).get("without_target"):
        lines.append(f"  {plural(unlabelled, 'row')} without the target: not used to learn")
    # the message says what an error means; its class is not a reason for people
    told = [each for each in _of_rows(record).get("reasons") or [] if not (is_of_file(each) or _is_error(each))]
    reasons = [_reason(reason) for reason in told]
    lines += [f"  {line}" for line in first(reasons, SHOWN, "`sluice quarantine`")]
    lines += [f"  {line}" for line in _places(record)]
    return lines + [f"  → {each}" for each in next_steps(record)]


def refused_lines(rows: Sequence[Json]) -> list[str]:
    """`rows`: refused rows, as the quarantine has them."""
    return [
        f"  row {each['row']}: "
        + "; ".join(visible(f"{reason['column'] or 'the row'}: {reason['message']}") for reason in each["reasons"])
        for each in rows
    ]


def first_refused(world: World, record: Json) -> list[Json]:
    """Numbers and reasons of the first refused rows of a file."""
    if not (_of_rows(record).get("quarantined_rows") and record.get("project") and record.get("dataset_id")):
        return []
    key, start = keys.quarantined_rows(record["project"], record["dataset_id"]), b""
    try:
        for chunk in world.objects.chunks(key):
            start += chunk
            if start.count(b"\n") >= FIRST:
                break
    except NotFoundError:
        return []
    rows = [json.loads(line) for line in start.split(b"\n")[:FIRST] if line]
    return [{"row": each["row"], "reasons": each["reasons"]} for each in rows]


def still_out(world: World, record: Json) -> tuple[int, list[str]]:
    """How many rows that this file could have corrected do not count yet, and that in words."""
    corrects = record.get(CORRECTS)
    if not corrects:
        return 0, []
    project, whole = record["project"], corrects["lines_of"] == record["dataset_id"]
    first = corrects["dataset_id"] if whole else corrects["lines_of"]
    summary = json.loads(world.objects.read(keys.quarantine_summary(project, first)))
    total, key = int(summary["quarantined_rows"]), visible(summary["key"])
    if whole:
        left = total - int(record["rows"]) - int(record["quarantined_rows"])
        told = f"  {left} of the {plural(total, 'row')} of {key} did not come again, and stay out"
    else:
        left = total - sum(int(each["rows"]) for each in corrected_by(first, world.ledger.datasets(project)))
        told = f"  of the {plural(total, 'refused row')} of {key}, {left} still out"
    return max(0, left), [told] if left > 0 else []


def next_steps(record: Json) -> list[str]:
    """What to do about what was refused: the contract's key that decided, and where the rows are."""
    reasons = _of_rows(record).get("reasons") or []
    rules = [str(each.get("rule")) for each in reasons if isinstance(each, dict)] + [str(record.get("error"))]
    known = NEXT | {"labels": NEXT_OF_LABELS, "batch": NEXT_OF_BATCH}.get(str(record.get("kind")), {})
    if record.get("error") == "UnreadableFileError" and _is_damaged(record):
        known |= {"UnreadableFileError": NEXT_OF_DAMAGED}
    steps = list(dict.fromkeys(known[rule] for rule in rules if rule in known))
    if _of_rows(record).get("quarantined_rows") and record.get("dataset_id"):
        where = f"{record.get('project') or 'PROJECT'} {record['dataset_id']}"
        steps.append(f"the refused rows with their reasons: sluice quarantine {where}")
    if held := record.get("held_rows"):
        dataset = record.get("dataset_id")
        again = f", and send all of it: sluice redrive {record.get('project') or 'PROJECT'} FILE --dataset {dataset}"
        how = again if dataset else " before you drop it"
        steps.append(f"the file's {plural(held, 'good row')} would count as well: correct the file{how}")
    return steps


def _is_damaged(record: Json) -> bool:
    """Whether the reader says that bytes are missing or wrong: saved in another format they would stay so."""
    told = " ".join(str(each) for each in (record.get("message"), *(record.get("reasons") or [])))
    return any(word in told for word in _DAMAGED)


def _of_rows(record: Json) -> Json:
    """What counts the rows: of a file to score it is a part of its own, which plan_batch has made."""
    return (record.get("file") or {}) if record.get("kind") == "batch" else record


def _headline(kind: str, record: Json) -> str:
    counted, status = _of_rows(record), str(record["status"])
    refused = counted.get("quarantined_rows", 0)
    if kind == "labels":
        counts = (
            f"{plural(record.get('labels', 0), 'label')} from {plural(record.get('rows', 0), 'row')}, "
            f"{plural(record.get('without_label', 0), 'row')} without a label, {refused} refused, "
            f"{record.get('duplicates', 0)} repeated, {record.get('conflicts', 0)} contradicting"
        )
        return f"{status}: {counts}"
    if kind == "batch":
        verdict = {"accepted": "scored", "failed": "not scored"}.get(status, status)
        if not counted:
            return verdict
        read, scored = counted.get("rows", 0), counted.get("scored_rows", 0)
        # a job that failed has scored no row, whatever the plan was
        counts = f"{plural(read, 'row')} read, {scored if accepted(record) else 0} scored, {refused} refused"
        return f"{verdict}: {counts}"
    if (held := record.get("held_rows")) is not None:
        total = record["rows"] + refused
        return (
            f"{status} as a whole: no row accepted, {total - held:,} of {total:,} refused, {held:,} good and held back"
        )
    told = f"{status}: {plural(record.get('rows', 0), 'row')} accepted, {refused:,} refused"
    if before := (record.get("notes") or {}).get("accepted_before"):
        told += f", {before:,} accepted before and left out"
    return told


def _places(record: Json) -> list[str]:
    """Where the answers are, and the rows that were refused."""
    counted = _of_rows(record)
    places = [
        ("answers", record.get("output_uri")),
        ("refused rows, numbers and reasons", record.get("refused_uri")),
        ("refused rows, whole", counted.get("refused_uri")),
        ("report of the refused rows", counted.get("report_uri")),
        ("the model's own output", record.get("raw_uri")),
    ]
    return [f"{what}: {visible(uri)}" for what, uri in places if uri]


def is_of_file(reason: Json | str) -> bool:
    return isinstance(reason, dict) and reason.get("rule") in _OF_FILE


def _is_error(reason: Json | str) -> bool:
    return isinstance(reason, dict) and str(reason.get("rule")).endswith("Error") and not reason.get("message")


def _reason(reason: Json | str) -> str:
    if isinstance(reason, str):
        return visible(reason)
    where = f"column {visible(reason['column'])}: " if reason.get("column") else ""
    count = f" ({plural(reason['rows'], 'row')})" if reason.get("rows") else ""
    return f"{where}{reason.get('message') or reason.get('rule')}{count}"
