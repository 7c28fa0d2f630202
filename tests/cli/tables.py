"""Tables from which `sluice init` drafts a contract: column to values."""

from __future__ import annotations

import random

ROWS = 200


def table() -> dict[str, list[object]]:
    return {
        "session_id": [f"s{i}" for i in range(ROWS)],
        "started_at": [f"2026-01-{1 + i % 28:02}T10:00:00" for i in range(ROWS)],
        "pages": list(range(ROWS)),
        "price": [i / 4 for i in range(ROWS)],
        "yes": ["no" if i % 3 else "off" for i in range(ROWS)],
        "comment text": [f"words {i}" for i in range(ROWS)],
        "bought": ["true" if i % 4 == 0 else "false" for i in range(ROWS)],
    }


def as_csv(columns: dict[str, list[object]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def rides(rows: int = 400) -> dict[str, list[object]]:
    chance = random.Random(2)
    casual, registered = ([chance.randrange(most) for _ in range(rows)] for most in (60, 200))
    temp = [round(chance.random(), 3) for _ in range(rows)]
    return {
        "instant": list(range(1, rows + 1)),
        "temp": temp,
        "casual": casual,
        "registered": registered,
        "cnt": [a + b for a, b in zip(casual, registered, strict=True)],
    }


def shoppers(rows: int = 2_000) -> dict[str, list[object]]:
    """Of what is known, one column says nearly all: the value of the pages that led to a purchase."""
    chance = random.Random(3)
    bought = [chance.random() < 0.3 for _ in range(rows)]
    visits = {f"visits{i}": [chance.randrange(9) + (each and not i) for each in bought] for i in range(5)}
    value = [round(chance.random() * 50, 2) if each or chance.random() < 0.15 else 0 for each in bought]
    return {**visits, "page_value": value, "bought": [str(each).lower() for each in bought]}
