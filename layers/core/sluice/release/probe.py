"""A live question to an endpoint: does it answer, and from which variant?

The row is built from the contract, so that it is valid without touching anybody's data.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from sluice import names
from sluice.contract import Column, Contract
from sluice.model.values import Reading
from sluice.ports import Models

ATTEMPTS = 3
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def example_row(contract: Contract) -> dict[str, Any]:
    """One value per feature column, within the contract's limits."""
    return {name: _value(contract.data.columns[name], contract.reading(name)) for name in contract.feature_columns}


def probe(models: Models, endpoint: str, contract: Contract, expected_variant: str) -> str | None:
    """None when the endpoint answers 200 from the expected variant, else a sentence that says what happened."""
    body = json.dumps(example_row(contract)).encode()
    trouble = ""
    for _ in range(ATTEMPTS):
        answer = models.invoke(endpoint, body, inference_id=f"{names.REPLAYED}verification")
        if answer.status != 200:
            trouble = f"the probe got status {answer.status}"
        elif answer.variant != expected_variant:
            trouble = f"the probe was answered by {answer.variant}, not by {expected_variant}"
        else:
            return None
    return trouble


def _value(column: Column, reading: Reading) -> Any:
    if column.type in ("category", "text"):
        return column.values[0] if column.values else "probe"
    if column.type == "boolean":
        return False
    if column.type == "timestamp":
        return _MOMENT.strftime(reading.dates[0] if reading.dates else "%Y-%m-%dT%H:%M:%SZ")
    low = column.min if column.min is not None else min(0.0, column.max if column.max is not None else 0.0)
    if column.type == "integer":
        return math.ceil(low)
    return float(low)
