"""The contract of a project: models, loading, durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.contract.hints import in_own_words, nearest
from sluice.contract.models import Bandit, Column, Contract, Gate, Release

if TYPE_CHECKING:
    from sluice.contract.loading import load_contract, schema

__all__ = ["Bandit", "Column", "Contract", "Gate", "Release", "in_own_words", "load_contract", "nearest", "schema"]


def __getattr__(name: str) -> Any:
    """What only a reader of project.yaml needs, such as PyYAML, is imported where it is first used."""
    if name not in ("load_contract", "schema"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sluice.contract import loading

    return getattr(loading, name)
