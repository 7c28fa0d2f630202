"""A CSV and a gzip file far above what one function can read, judged in parts on the local cloud.

    python -m benchmarks.large_files --csv-gb 10 --gzip-gb 4

The objects are made of one block that the local cloud serves as often as asked (localcloud.object_ranges), so that
no disk holds them. What the functions write of a file is in the local cloud's memory until the next one comes. One line
of JSON for each file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testing import line as lines
from testing.line import Line, deployed, wait_for

CONTRACT = """
project: {project}
problem: {{type: regression, target: amount}}
data:
  file: {{header: 0, delimiter: ","}}
  columns:
    customer: {{type: text}}
    amount: {{type: number, max: 900}}
    visits: {{type: integer}}
    channel: {{type: category}}
  expectations: {{max_invalid_rows: 0.5}}
"""
BLOCK_ROWS = 100_000
REFUSED = 1_000
"""Rows of a block whose amount is too large."""


def block(seed: int) -> bytes:
    """Rows of which exactly REFUSED break a rule."""
    draw = random.Random(seed)
    rows = []
    for number in range(BLOCK_ROWS):
        amount = 950 if number % (BLOCK_ROWS // REFUSED) == 0 else draw.randrange(900)
        rows.append(
            f"c{draw.randrange(10**9)},{amount}.{draw.randrange(100):02},{draw.randrange(50)},{'abcd'[number % 4]}"
        )
    return ("\n".join(rows) + "\n").encode()


def change(line: Line, function: str, **variables: str) -> None:
    """Changes some of a function's environment variables."""
    name, client = line.resources[function], line.aws("lambda")
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})


def judge(line: Line, project: str, name: str, body: bytes, gigabytes: float) -> dict[str, Any]:
    """Drops the file, waits for its record, and compares its counts with those that the block has."""
    times = max(2, round(gigabytes * 1e9 / len(body)))
    line.put_contract(project, CONTRACT.format(project=project))
    # no run shall learn from this: the dataset waits for the end of one that there is not
    line.ledger.acquire_lock(project, "r000000000000", datetime.now(UTC))
    key, began = f"raw/{project}/{name}", time.monotonic()
    version = line.aws("s3").put_object(
        Bucket=line.bucket, Key=key, Body=body, Metadata={"localcloud-repeat": str(times)}
    )["VersionId"]
    record = wait_for(lambda: line.ledger.arrival(line.bucket, key, version), f"the record of {key}")
    rows = times * (BLOCK_ROWS - REFUSED)
    right = (record["status"], record["rows"], record["quarantined_rows"]) == ("accepted", rows, times * REFUSED)
    if right:
        profile = line.read_json(f"profiles/{project}/{record['dataset_id']}/profile.json")
        right = profile["rows"] == profile["columns"]["amount"]["moments"]["n"] == rows
    return {
        "name": f"{name} in parts",
        "value": round(time.monotonic() - began, 1),
        "unit": "s",
        "ok": right,
        "gigabytes": round(times * len(body) / 1e9, 2),
        "parts": record.get("notes", {}).get("parts"),
        "rows": record["rows"],
        "quarantined_rows": record["quarantined_rows"],
        "message": record.get("message"),
    }


def forget(line: Line, project: str) -> None:
    """Deletes the accepted rows, which the local cloud would keep in memory beside those of the next file."""
    client = line.aws("s3")
    pages = client.get_paginator("list_object_versions").paginate(Bucket=line.bucket, Prefix=f"accepted/{project}/")
    for each in [each for page in pages for each in page.get("Versions", [])]:
        client.delete_object(Bucket=line.bucket, Key=each["Key"], VersionId=each["VersionId"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv-gb", type=float, default=1.0)
    parser.add_argument("--gzip-gb", type=float, default=0.0)
    parser.add_argument("--part-mb", type=float, default=64.0)
    given = parser.parse_args()
    lines.PATIENCE = 10_800.0
    results = []
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder) / "cloud", 20.0) as line:
        change(line, "JudgePartsFunction", SLUICE_PART_MB=str(given.part_mb))
        # the event has the size of the block; on AWS that of the file would hand it over
        change(line, "ValidateDatasetFunction", SLUICE_SCRATCH_MB="1")
        body = block(1)
        for gigabytes, project, file, content in (
            (given.csv_gb, "plain", "large.csv", body),
            (given.gzip_gb, "packed", "large.csv.gz", gzip.compress(body)),
        ):
            if gigabytes:
                results.append(judge(line, project, file, content, gigabytes))
                print(json.dumps(results[-1]), flush=True)
                forget(line, project)
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
