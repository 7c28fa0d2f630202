"""A request is compared with the contract: what the model does not use, does not get, and does not know."""

from __future__ import annotations

from typing import Any

import pytest

from cli.request_notes import notes
from sluice.contract import Contract

CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "binary", "target": "bought", "positive": True, "metric": "roc_auc"},
        "data": {
            "key": ["id"],
            "columns": {
                "id": {"type": "text"},
                "pages": {"type": "integer"},
                "paid": {"type": "integer"},
                "device": {"type": "category", "values": ["phone", "desktop", True]},
                "bought": {"type": "boolean"},
            },
        },
        "features": {"drop": ["paid"]},
        "gates": [{"metric": "roc_auc", "min": 0.5}],
    }
)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"pages": 3, "device": "phone"}, []),
        ({"pages": 0, "device": True, "id": "x", "bought": False}, []),
        ({"pages": 3, "device": " phone "}, []),
        ({"pages": 3, "device": "phone", "Foo": 1}, ["not in the contract, so not used: Foo"]),
        (
            {"pages": 3, "device": "phone", "paid": 7},
            ["in the contract, but not among the model's features, so not used: paid"],
        ),
        ({}, ["2 of 2 features are missing (read as empty cells): pages, device"]),
        ({"pages": None, "device": "phone"}, ["1 of 2 features are missing (read as empty cells): pages"]),
        (
            {"pages": 3, "device": "tablet"},
            ["device: 'tablet' is not one of the contract's values (phone, desktop, true)"],
        ),
        ({"pages": 3, "device": ["phone"]}, []),
    ],
)
def test_what_the_model_does_not_use_get_or_know_is_said(record: dict[str, Any], told: list[str]) -> None:
    assert notes(CONTRACT, record) == told
