"""The contract of a project: models, loading, durations."""

from sluice.contract.hints import nearest
from sluice.contract.loading import load_contract, schema
from sluice.contract.models import (
    Alerts,
    Bandit,
    Business,
    Column,
    Contract,
    Data,
    Drift,
    Expectations,
    Features,
    Gate,
    Monitor,
    Problem,
    Quality,
    Release,
    Retrain,
    Split,
    Training,
    Tuning,
)

__all__ = [
    "Alerts",
    "Bandit",
    "Business",
    "Column",
    "Contract",
    "Data",
    "Drift",
    "Expectations",
    "Features",
    "Gate",
    "Monitor",
    "Problem",
    "Quality",
    "Release",
    "Retrain",
    "Split",
    "Training",
    "Tuning",
    "load_contract",
    "nearest",
    "schema",
]
