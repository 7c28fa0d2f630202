"""The record of a comparison in sentences, for alerts and the command line."""

from __future__ import annotations

from typing import Any

MAX_TOLD = 20
"""Sentences that are shown; the record has all."""


def summary(record: dict[str, Any]) -> str:
    """One line: how many of the accepted rows a run can learn from."""
    usable, rows = record["usable_rows"], record["rows"]
    least, most = usable["at_least"], usable["at_most"]
    count = f"{least:,}" if least == most else f"between {least:,} and {most:,}"
    return f"{count} of {rows:,} accepted rows can be learned from under the new contract"


def verdict(record: dict[str, Any]) -> list[str]:
    """What the comparison comes to: what can be learned from, whether a run stops, and the way out."""
    told = [summary(record)]
    told += [f"a run with these datasets stops: {each}" for each in record["stops"]]
    if record["run_stops"]:
        told.append(
            "to go on, register the old contract again; or leave the datasets out (`sluice withdraw "
            f"{record['project']} <dataset> --reason TEXT`) and drop their files again under the new contract"
        )
    return told


def lines(record: dict[str, Any]) -> list[str]:
    """The comparison in words, one sentence in each line: the verdict, what changed, and for how many rows."""
    told = verdict(record)
    told += [f"changed: {each}" for each in record["differences"]]
    told += record["sentences"][:MAX_TOLD]
    if len(record["sentences"]) > MAX_TOLD:
        told.append(f"{len(record['sentences']) - MAX_TOLD} more sentences are in the record")
    if unread := record["unread"]:
        rows, why = sum(each["rows"] for each in unread), dict.fromkeys(each["why"] for each in unread)
        told.append(
            f"{len(unread)} of {len(unread) + len(record['datasets'])} datasets ({rows:,} rows) were not compared "
            f"({'; '.join(why)}): the true counts may be higher"
        )
    return told
