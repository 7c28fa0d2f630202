"""The refused rows of a file as one HTML page that needs nothing else: rules, columns, counts, and the first rows.

Unlike a profile's report it shows values of rows, so it lies beside them, in quarantine/.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sluice import charts
from sluice.digits import percent
from sluice.escaping import short
from sluice.intake.quarantine_columns import shown
from sluice.model.shortening import more
from sluice.page import Child, Safe, element, page, row, table, tag, tiles

ROWS = 20
REASONS = 50
CELLS = 12
_MAX_CELL = 80
_MAX_LINE = 400
_WORDS = {
    "fields": "another number of fields than the header",
    "key": "missing, but it identifies the row",
    "max": "above the column’s max",
    "min": "below the column’s min",
    "nullable": "missing, but the contract says nullable: false",
    "type": "not a value of the column’s type",
    "values": "not among the contract’s values",
}
"""What breaks a rule; the names of the others say it."""


def render(summary: Mapping[str, Any], lines: Iterable[str], next_steps: Sequence[str] = ()) -> str:
    """`summary`: of summary.json; `lines`: those of rows.jsonl, of which the first ROWS are read and shown;
    `next_steps`: what to do, a sentence each.
    """
    refused, rows = int(summary.get("quarantined_rows", 0)), int(summary.get("rows") or 0)
    whole = summary.get("status") == "quarantined"
    entries = [json.loads(line) for line in islice(lines, ROWS)]
    name = str(summary["key"]).split("/", 2)[-1]
    # of a whole file that was refused, the rows that break no rule are not among the lines
    count = f"{refused:,}", "the whole file" if whole else _share(refused, rows)
    return page(
        f"{short(summary['project'])}: refused rows of {short(name)}",
        element(
            "header",
            element("h1", f"Refused rows of {short(name, 400)}"),
            element("p", f"Project {short(summary['project'])}, dataset {short(summary['dataset_id'])}", class_="sub"),
        ),
        tiles(("Rows refused", *count), ("Rows accepted", "0" if whole else f"{rows:,}", "")),
        *_refusals(summary),
        [element("h2", "What to do"), element("ul", [element("li", step) for step in next_steps])]
        if next_steps
        else None,
        *_reasons(summary.get("reasons") or [], {each.get("rule") for each in summary.get("refusals") or []}),
        element("h2", "First rows"),
        table(
            [("Row", None), ("Why", None), ("Values", None)],
            [_row(entry) for entry in entries],
            _told(len(entries)),
            slim=True,
        ),
    )


def _share(refused: int, accepted: int) -> str:
    return f"{percent(refused / (refused + accepted), 2)} of the file" if refused else ""


def _told(count: int) -> str:
    first = "The first refused row" if count == 1 else f"The first {count:,} refused rows"
    return f"{first}, by number in the file; rows.jsonl beside this page has every row that breaks a rule."


def _refusals(summary: Mapping[str, Any]) -> list[Safe]:
    """Why the file as a whole was refused."""
    found = [str(each["message"]) for each in summary.get("refusals") or []]
    if not found and summary.get("status") == "quarantined" and summary.get("message"):
        found = [str(summary["message"])]
    return [element("p", tag("whole file", "bad"), f" {short(why, 1_000)}") for why in found]


def _reasons(every: Sequence[Mapping[str, Any]], of_file: Collection[Any]) -> list[Safe]:
    """`of_file`: rules that the file as a whole breaks."""
    reasons = [each for each in every[:REASONS] if isinstance(each, Mapping)]
    most = max((int(reason["rows"]) for reason in reasons), default=0) or 1
    rows = [
        row(
            [
                short(reason["rule"]),
                element("div", words, class_="note") if (words := _WORDS.get(reason["rule"])) else None,
            ],
            short(reason["column"])
            if reason.get("column")
            else element("span", "whole file" if reason["rule"] in of_file else "whole row", class_="quiet"),
            (f"{reason['rows']:,}", "n"),
            charts.meter(int(reason["rows"]) / most, width=80),
        )
        for reason in reasons
    ]
    told = "A row may break several rules."
    if len(every) > len(reasons):
        told += f" The {len(reasons)} most frequent are shown{more(len(every) - len(reasons), 'summary.json')}."
    header: list[tuple[str, str | None]] = [("Rule", None), ("Column", None), ("Rows", "n"), ("", None)]
    return [element("h2", "Reasons"), table(header, rows, told, slim=True)]


def _row(entry: Mapping[str, Any]) -> Safe:
    reasons = [
        element("div", f"{short(reason['column'])} " if reason["column"] else "", short(reason["message"], 300))
        for reason in entry["reasons"]
    ]
    return row(f"{entry['row']:,}", reasons, _values(entry))


def _values(entry: Mapping[str, Any]) -> Child:
    values = entry["values"]
    if not isinstance(values, dict):
        line = values if isinstance(values, str) else ", ".join(map(shown, values))
        return short(line, _MAX_LINE)
    broken = {reason["column"] for reason in entry["reasons"]}
    # what was refused first: it must not be among what is left out
    names = sorted(values, key=lambda name: name not in broken)
    cells = [
        [
            element(
                "span",
                tag(short(name, _MAX_CELL), "bad" if name in broken else None),
                " ",
                short(shown(values[name]), _MAX_CELL),
                class_="pair",
            ),
            " ",
        ]
        for name in names[:CELLS]
    ]
    rest = len(names) - len(cells)
    return [cells, element("div", f"{rest:,} more columns", class_="quiet") if rest else None]
