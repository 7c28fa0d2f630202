"""Finds what is wrong with the setup, and prints the command that fixes it: this machine, the way to AWS, the stack.

It changes nothing. Exit code 1: a check failed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from cli.connection import Connection
from cli.doctor.checks import findings
from cli.options import FINE, REFUSED
from cli.options import Json as JsonFlag
from cli.output import Output, Shape

NAME = "doctor"
HELP = "find what is wrong with the setup, and how to fix it"
EXAMPLE = "sluice doctor"
DOING = "checking the set-up"
JSON = Shape(
    {
        "checks": "for each finding: check, status (PASS, WARN, FAIL), says, fix",
        "passed": "how many",
        "warned": "how many",
        "failed": "how many",
        "not_checked": "checks that depend on one that failed",
    }
)


def run(connection: Connection, as_json: JsonFlag = False) -> int:
    """0 without a FAIL."""
    out = Output(as_json)
    found, skipped = findings(connection)
    for each in found:
        out.say(f"{each.status}  {each.check}: {each.says}")
        if each.fix:
            out.say(f"      → {each.fix}")
    if skipped:
        out.say(f"not checked before that is fixed: {', '.join(skipped)}")
    counts = Counter(each.status for each in found)
    out.say(f"{counts['PASS']} passed, {counts['WARN']} warned, {counts['FAIL']} failed")
    numbers = {"passed": counts["PASS"], "warned": counts["WARN"], "failed": counts["FAIL"]}
    out.result({"checks": [asdict(each) for each in found], **numbers, "not_checked": skipped})
    return REFUSED if counts["FAIL"] else FINE
