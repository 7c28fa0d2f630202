"""How the model came about: trials and learning curve."""

from __future__ import annotations

from sluice.page import Safe
from sluice.reports.facts import Facts


def sections(facts: Facts) -> list[Safe]:
    return []
