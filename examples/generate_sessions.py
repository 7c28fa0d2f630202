"""Makes sessions of an online shop: a believable table to try Sluice with, and knobs to make its life hard.

    python examples/generate_sessions.py --rows 5000 --seed 1 > day1.csv
    python examples/generate_sessions.py --rows 5000 --damage 0.1 > broken.csv
    python examples/generate_sessions.py --rows 5000 --drift 1.0 --unlabelled > next_year.csv

The same seed gives the same file. Standard library only.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

CHANNELS = {"search": 0.38, "ads": 0.22, "email": 0.14, "direct": 0.18, "social": 0.08}
DEVICES = {"desktop": 0.46, "mobile": 0.46, "tablet": 0.08}
TERMS = (
    "shoes",
    "red dress",
    "laptop",
    "gift card",
    "size guide",
    "returns",
    "discount code",
    "kids",
    "sale",
    "rain coat",
)
COLUMNS = (
    "session_id",
    "started_at",
    "browsing_minutes",
    "pages_viewed",
    "cart_additions",
    "searches",
    "search_terms",
    "discount_percent",
    "channel",
    "device",
    "returning_visitor",
    "purchase",
)


@dataclass(frozen=True)
class Knobs:
    """How the sessions are made.

    noise: 0 = labels follow behaviour closely, 1 = labels are half noise.
    drift: 0 = today's customers; 1 = mostly mobile, social traffic that browses briefly and is lured by discounts.
    damage: share of rows that are broken on purpose, in one of several ways.
    missing: share of cells of optional columns that are empty.
    label_delay: days by which labels come late; rows younger than that have no label yet.
    """

    rows: int = 5_000
    seed: int = 0
    noise: float = 0.1
    drift: float = 0.0
    damage: float = 0.0
    missing: float = 0.02
    label_delay: float = 0.0
    days: float = 30.0
    start: datetime = datetime(2026, 10, 1, tzinfo=UTC)


def sessions(knobs: Knobs) -> Iterator[dict[str, Any]]:
    """Rows as plain values; None where a value is missing."""
    chance = random.Random(knobs.seed)
    channels = _mixed(CHANNELS, {"social": 0.6, "ads": 0.3, "search": 0.1}, knobs.drift)
    devices = _mixed(DEVICES, {"mobile": 0.92, "tablet": 0.05, "desktop": 0.03}, knobs.drift)
    end = knobs.start + timedelta(days=knobs.days)
    for number in range(knobs.rows):
        started = knobs.start + timedelta(seconds=chance.random() * knobs.days * 86_400)
        channel = _pick(chance, channels)
        device = _pick(chance, devices)
        returning = chance.random() < 0.35 * (1 - 0.6 * knobs.drift)
        minutes = chance.lognormvariate(1.6 - 0.9 * knobs.drift, 0.8)
        pages = 1 + int(chance.expovariate(1 / (2 + 1.4 * minutes)))
        searches = int(chance.expovariate(1 / 1.2)) if channel != "direct" else 0
        cart = min(pages, int(chance.expovariate(1 / (0.25 + 0.06 * pages))))
        discount = round(chance.choice((0, 0, 0, 5, 10, 20)) + 18 * knobs.drift * chance.random(), 1)
        score = (
            -3.95
            + 1.05 * math.log1p(cart)
            + math.log1p(minutes)
            + 0.05 * discount
            + (0.9 if returning else 0.0)
            + {"email": 0.7, "direct": 0.3, "search": 0.1, "ads": -0.3, "social": -0.6}[channel]
            + (-0.45 if device == "mobile" else 0.0)
            + (0.8 if cart > 2 and minutes > 8 else 0.0)
        )
        likely = 1 / (1 + math.exp(-2.2 * (score + 0.4)))
        bought = chance.random() < (1 - knobs.noise) * likely + knobs.noise * 0.5
        row: dict[str, Any] = {
            "session_id": f"s{knobs.seed:04d}-{number:07d}",
            "started_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "browsing_minutes": round(minutes, 2),
            "pages_viewed": pages,
            "cart_additions": cart,
            "searches": searches,
            "search_terms": " ".join(chance.choice(TERMS) for _ in range(min(searches, 3))) or None,
            "discount_percent": discount,
            "channel": channel,
            "device": device,
            "returning_visitor": returning,
            "purchase": bought,
        }
        for column in ("browsing_minutes", "searches", "discount_percent", "returning_visitor"):
            if chance.random() < knobs.missing:
                row[column] = None
        if knobs.label_delay and started > end - timedelta(days=knobs.label_delay):
            row["purchase"] = None
        yield row


def as_csv(knobs: Knobs, *, labelled: bool = True) -> bytes:
    """The sessions as CSV with a header; a share of `knobs.damage` rows is broken."""
    chance = random.Random(knobs.seed + 1)
    columns = COLUMNS if labelled else COLUMNS[:-1]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in sessions(knobs):
        cells = [_text(row[column]) for column in columns]
        if chance.random() < knobs.damage:
            cells = _broken(chance, columns, cells)
        writer.writerow(cells)
    return out.getvalue().encode()


def request(row: dict[str, Any]) -> dict[str, Any]:
    """What a shop would send to the endpoint for this session: everything but the answer."""
    return {name: value for name, value in row.items() if name != "purchase"}


def _mixed(today: dict[str, float], tomorrow: dict[str, float], drift: float) -> dict[str, float]:
    share = min(max(drift, 0.0), 1.0)
    return {name: (1 - share) * today.get(name, 0.0) + share * tomorrow.get(name, 0.0) for name in today}


def _pick(chance: random.Random, shares: dict[str, float]) -> str:
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _broken(chance: random.Random, columns: tuple[str, ...], cells: list[str]) -> list[str]:
    """One of the ways in which real files are broken."""
    cells = list(cells)
    way = chance.randrange(5)
    if way == 0:
        cells[columns.index("pages_viewed")] = "many"
    elif way == 1:
        cells[columns.index("browsing_minutes")] = "-7"
    elif way == 2:
        cells[columns.index("channel")] = "carrier pigeon"
    elif way == 3:
        cells[columns.index("session_id")] = ""
    else:
        cells = cells[:-3]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=Knobs.rows)
    parser.add_argument("--seed", type=int, default=Knobs.seed)
    parser.add_argument("--noise", type=float, default=Knobs.noise, help="share of labels that are a coin toss")
    parser.add_argument("--drift", type=float, default=Knobs.drift, help="0 = today's customers, 1 = other customers")
    parser.add_argument("--damage", type=float, default=Knobs.damage, help="share of rows broken on purpose")
    parser.add_argument("--missing", type=float, default=Knobs.missing, help="share of empty optional cells")
    parser.add_argument("--label-delay", type=float, default=Knobs.label_delay, help="days by which labels come late")
    parser.add_argument("--unlabelled", action="store_true", help="leave the target out, for batch/")
    chosen = vars(parser.parse_args())
    labelled = not chosen.pop("unlabelled")
    sys.stdout.buffer.write(as_csv(Knobs(**chosen), labelled=labelled))


if __name__ == "__main__":
    main()
