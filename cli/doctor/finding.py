"""What a check says: PASS, WARN or FAIL, in a sentence, with the command that fixes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["PASS", "WARN", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """`fix`: what to do; empty for PASS."""

    check: str
    status: Status
    says: str
    fix: str = ""


def passed(check: str, says: str) -> list[Finding]:
    return [Finding(check, "PASS", says)]


def warned(check: str, says: str, fix: str) -> list[Finding]:
    return [Finding(check, "WARN", says, fix)]


def failed(check: str, says: str, fix: str) -> list[Finding]:
    return [Finding(check, "FAIL", says, fix)]
