"""Files that a state machine judges in parts now: they have no record yet, so that only its executions know them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from cli.connection import Connection
from cli.text import moment
from sluice.escaping import visible

MAX_TOLD = 20


class JudgedInParts(NamedTuple):
    """`size` in bytes, as uploaded."""

    key: str
    size: int
    since: datetime

    @property
    def words(self) -> str:
        return f"{visible(self.key)} ({self.size / 1e6:,.1f} MB) is judged in parts since {moment(self.since)} UTC"


def judged_in_parts(connection: Connection, projects: list[str]) -> dict[str, list[JudgedInParts]]:
    """Project → its files, of the MAX_TOLD that began last. Empty for a stack that is older than such files."""
    found: dict[str, list[JudgedInParts]] = {project: [] for project in projects}
    machine = connection.outputs.get("JudgePartsArn")
    if machine is None:
        return found
    asked = connection.client("stepfunctions")
    running = asked.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=MAX_TOLD)
    for each in running["executions"]:
        file = json.loads(asked.describe_execution(executionArn=each["executionArn"])["input"])
        if file["project"] in found:
            found[file["project"]].append(JudgedInParts(file["key"], file["size"], each["startDate"]))
    return found
