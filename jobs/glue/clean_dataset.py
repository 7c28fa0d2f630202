"""Glue job: accepted Parquet becomes typed train, validation and test CSV files, with one row for each key.

    clean_dataset.py --accepted s3://b/accepted/shop/ --inputs s3://b/runs/shop/r1/run.json
                     --output s3://b/runs/shop/r1/prepared/ --run-id r1
                     --champion-prepared s3://b/runs/shop/r0/prepared/ --anchor-prepared none

`--inputs` freezes what is read: {"datasets": ["<dataset_id>", ...], "contract": {...}}. Only those dataset folders
below `--accepted` are read, so that a replay sees the same rows (a job bookmark would be hidden state).
`--champion-prepared` and `--anchor-prepared` are what this job wrote for the runs of the models that the candidate is
compared with, or "none". In `--inputs`, `left_out` and `window` may choose among the rows: see `cleaning.chosen_rows`,
and `cleaning.compared_windows` for several windows.

Writes `<output>/{train,validation,test}/data.csv`, `<output>/trained_on/` and `<output>/manifest.json`. CSV: RFC 4180
with header, nulls as empty fields, booleans true/false, timestamps ISO 8601 in UTC without offset. Row order and bytes
are reproducible.

A row keeps its fold for life: see `fold_of`. `trained_on` has the ids of every row of train and validation. Against
those of an earlier run the test rows are marked that its model was trained on: the column `_seen_by_champion`.

Rows are never removed because they are equal, unless the contract has a key or says `data.duplicates: remove`.
Whatever is removed, becomes missing or changes is counted in the manifest's `losses`, each with a sentence; beyond
`data.expectations.max_lost_rows` the job stops instead and says what would go.

A value means here what it means to intake (`sluice.model.values`), which this script does not import: it is shipped
to Glue with the package `cleaning` alone. Tests hold the two against each other.

Every failure is an exception whose message says what to do: Glue shows the last line as the run's ErrorMessage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cleaning.balance import summarise
from cleaning.chosen_rows import leave_out_faults, thin_by_age, with_moment, within_window
from cleaning.compared_windows import mark_windows
from cleaning.duplicates import deduplicate, losses_by_duplicates
from cleaning.folds import FOLD_RULE, split
from cleaning.losses import check_limit, losses_when_read
from cleaning.parts import write_parts
from cleaning.plan import Plan
from cleaning.rare_classes import leave_out_rare_classes
from cleaning.reading import count_read, read_accepted, unusable
from cleaning.seen_rows import mark_seen, write_trained_on
from cleaning.store import Store

COMPARED = ("champion", "anchor")
"""The models that the candidate is compared with."""
NO_MODEL = "none"
"""Stands for the address of a model's prepared data where there is no such model."""


def clean(
    spark: SparkSession, accepted: str, inputs: str, output: str, run_id: str, compared: dict[str, str]
) -> dict[str, Any]:
    """Does the job and returns the manifest that it wrote; for `compared` see `mark_seen`."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    store = Store(spark)
    output = output.rstrip("/") + "/"
    frozen = json.loads(store.read(inputs))
    plan = Plan.of(frozen["contract"])
    datasets = sorted(set(frozen["datasets"]))
    raw = read_accepted(spark, accepted, datasets, plan)
    read = count_read(raw, plan)
    total = sum(group["n"] for group in read)
    losses = losses_when_read(read, raw.found, raw.checked, plan)
    check_limit(losses, total, plan)
    no_target, no_time = unusable(plan)
    usable = raw.rows.where(~no_target & ~no_time)
    created_at = str(frozen.get("created_at"))
    faults = list(frozen.get("left_out") or [])
    usable, by_fault, left_out = leave_out_faults(usable, faults, created_at, total, plan)
    losses += by_fault
    usable, by_window, window = within_window(with_moment(usable, plan), frozen.get("window"), created_at)
    losses += by_window
    rows = split(deduplicate(usable, plan), plan).cache()
    duplicates, exact, superseded = losses_by_duplicates(rows, read, plan)
    losses += duplicates
    check_limit(losses, total, plan)
    rows, by_windows, window = mark_windows(rows, window, created_at)
    losses += by_windows
    rows, by_age, thinned = thin_by_age(rows, frozen.get("window"), created_at)
    losses += by_age
    rows, by_class = leave_out_rare_classes(rows, plan)
    losses += by_class
    counts, targets, uneven = summarise(rows, plan)
    losses += uneven
    write_trained_on(rows, plan, output)
    test, seen = mark_seen(rows, compared, spark, store)
    write_parts(rows, [part for part in plan.parts if part != "test" or not seen], plan, output, store)
    if seen:
        write_parts(test, ["test"], plan, output, store)
    types = dict(rows.dtypes)
    manifest = {
        "format": 1,
        "run_id": run_id,
        "inputs": [{"dataset_id": group["_dataset"], "rows": group["n"]} for group in read],
        "rows_read": total,
        "null_target_dropped": sum(group["unlabelled"] for group in read),
        "null_time_dropped": sum(group["undated"] for group in read),
        "exact_duplicates_removed": exact,
        "superseded_by_key_removed": superseded,
        "duplicates_removed": exact + superseded,
        "left_out": left_out,
        "window": window,
        "thinned": thinned,
        "losses": [loss.to_json() for loss in losses],
        "max_lost_rows": plan.max_lost,
        "duplicates": "remove" if plan.remove_duplicates else "keep",
        "rows": counts,
        "target": targets,
        "columns": [{"name": name, "type": types[name]} for name in plan.columns],
        "key": plan.key,
        "split": {"by": plan.split_by, "validation": plan.validation, "test": plan.test, "group": plan.group},
        "folds": {"rule": FOLD_RULE, "stratified": False},
        "seen": seen,
        "script_sha256": _code_hash(),
    }
    store.write(f"{output}manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def _code_hash() -> str:
    """SHA-256 of this script and of its modules, wherever they lie: in a folder or in Glue's archive."""
    modules = sorted((each for each in files("cleaning").iterdir() if each.name.endswith(".py")), key=lambda m: m.name)
    total = hashlib.sha256()
    for content in (Path(__file__).read_bytes(), *(each.read_bytes() for each in modules)):
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--accepted", "--inputs", "--output", "--run-id"):
        parser.add_argument(name, required=True)
    for role in COMPARED:
        parser.add_argument(f"--{role}-prepared", default=NO_MODEL)
    # Glue adds arguments of its own (--JOB_NAME, --TempDir, ...).
    arguments, _ = parser.parse_known_args(argv)
    spark = SparkSession.builder.appName("clean_dataset").getOrCreate()
    addresses = {role: getattr(arguments, f"{role}_prepared") for role in COMPARED}
    compared = {role: address for role, address in addresses.items() if address != NO_MODEL}
    manifest = clean(spark, arguments.accepted, arguments.inputs, arguments.output, arguments.run_id, compared)
    for loss in manifest["losses"]:
        print(loss["text"])
    print(json.dumps({"rows_read": manifest["rows_read"], "rows": manifest["rows"]}))


if __name__ == "__main__":
    main(sys.argv[1:])
