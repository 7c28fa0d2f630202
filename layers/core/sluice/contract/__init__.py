"""The contract of a project: models, loading, durations."""

from sluice.contract.hints import nearest
from sluice.contract.loading import load_contract, schema
from sluice.contract.models import Bandit, Column, Contract, Gate, Release

__all__ = ["Bandit", "Column", "Contract", "Gate", "Release", "load_contract", "nearest", "schema"]
