"""The 23 columns of the generated file, as a contract has them."""

from __future__ import annotations

from typing import Any

CATEGORIES = {"channel": 4, "country": 60, "city": 3_000, "product": 400, "plan": 5}
COLUMNS: dict[str, dict[str, Any]] = {
    "order_id": {"type": "text"},
    "customer": {"type": "integer", "min": 0},
    **{f"amount_{i}": {"type": "number", "nullable": i % 2 == 0} for i in range(8)},
    "age": {"type": "integer", "min": 0, "max": 130},
    "visits": {"type": "integer"},
    "days": {"type": "integer"},
    **{name: {"type": "category"} for name in CATEGORIES},
    "active": {"type": "boolean"},
    "ordered_at": {"type": "timestamp"},
    "paid_at": {"type": "timestamp"},
    "comment": {"type": "text"},
    "returned": {"type": "boolean"},
}
"""The columns of the contract."""
CONTRACT: dict[str, Any] = {
    "project": "bench",
    "problem": {"type": "binary", "target": "returned", "positive": True},
    "data": {"columns": COLUMNS, "time": "ordered_at"},
}
