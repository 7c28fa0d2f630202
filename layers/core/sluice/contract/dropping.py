"""The line of a contract that takes columns from what a model sees."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from sluice.contract.models import Contract


def with_dropped(contract: Contract, columns: Iterable[str]) -> str:
    """The `features` section, whole and in one line, with these columns in `drop` beside those that it has."""
    kept = contract.features.model_dump(mode="json", exclude_defaults=True)
    section = {**kept, "drop": list(dict.fromkeys([*contract.features.drop, *columns]))}
    text: str = yaml.safe_dump(section, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return f"features: {text.strip()}"
