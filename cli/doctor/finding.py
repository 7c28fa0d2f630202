"""What a check says: PASS, WARN or FAIL, in a sentence, with the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["PASS", "WARN", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """`mend`: what to do; empty for PASS."""

    check: str
    status: Status
    says: str
    mend: str = ""


def passed(check: str, says: str) -> list[Finding]:
    return [Finding(check, "PASS", says)]


def warned(check: str, says: str, mend: str) -> list[Finding]:
    return [Finding(check, "WARN", says, mend)]


def failed(check: str, says: str, mend: str) -> list[Finding]:
    return [Finding(check, "FAIL", says, mend)]
