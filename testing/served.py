"""What a released model answers: over its endpoint, in a batch, and as the monitoring sees it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from sluice import keys
from testing.line import Line, wait_for


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as a CSV file with a header; all have the columns of the first."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def served(
    line: Line, project: str, rows: Sequence[Mapping[str, Any]], requests: list[dict[str, Any]]
) -> dict[str, Any]:
    """The answers to `requests` from the endpoint, those to the same `rows` as a batch file, and a monitoring report.

    `{"answers": predictions, "batch": rows of the answers' CSV, "report": the first report that has seen all rows}`.
    """
    parts = [requests[at : at + 50] for at in range(0, len(requests), 50)]
    answers = [each for part in parts for each in line.invoke(project, part)["predictions"]]
    version = line.drop(project, "today.csv", as_csv(rows), area="batch")
    record = line.record(project, "today.csv", version, area="batch")
    assert record["status"] == "accepted", record
    table = line.read(record["output_uri"].removeprefix(f"s3://{line.bucket}/")).decode()

    def measured() -> dict[str, Any] | None:
        key = keys.monitor(project, "latest.json")
        report = line.read_json(key) if line.listed(key) else {}
        return report if report.get("rows", 0) >= len(rows) else None

    report = wait_for(measured, f"{project}: a measurement of the answers")
    return {"answers": answers, "batch": list(csv.DictReader(io.StringIO(table))), "report": report}
