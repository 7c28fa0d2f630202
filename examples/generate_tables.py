"""Makes small tables for the tutorials in docs/tutorials: one for each type of problem that has no other example.

    python3 examples/generate_tables.py kinds --rows 900 > homes.csv
    python3 examples/generate_tables.py prices --rows 150 --seed 2 --unlabelled > new-homes.csv
    python3 examples/generate_tables.py prices --rows 150 --seed 2 --labels > sold.csv

The same seed gives the same rows. Standard library only.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

Row = dict[str, Any]


def homes(chance: random.Random, rows: int, name: str) -> Iterator[Row]:
    """Homes whose price follows from area and district, and whose kind follows from rooms and area, with exceptions."""
    for number in range(rows):
        rooms, district = chance.randint(1, 9), chance.choice(["north", "harbour", "old town"])
        area = round(rooms * chance.uniform(14, 26), 1)
        price = area * {"north": 2_000, "harbour": 3_500, "old town": 5_000}[district] + chance.gauss(0, 8_000)
        kind = "studio" if rooms == 1 else "flat" if area < 110 else "house"
        if chance.random() < 0.03:
            kind = chance.choice(["studio", "flat", "house"])
        known = chance.random() >= 0.02
        yield {
            "id": f"{name}{number}",
            "area": area if known else "",
            "rooms": rooms,
            "district": district,
            "price": round(price, 2),
            "kind": kind,
        }


def customers(chance: random.Random, rows: int, name: str) -> Iterator[Row]:
    """Customers of three groups that are apart in spend, visits and channel."""
    for number in range(rows):
        group = chance.randrange(3)
        yield _customer(chance, f"{name}{number}", group, 10 ** (1 + group + chance.gauss(0, 0.15)))


def payments(chance: random.Random, rows: int, name: str) -> Iterator[Row]:
    """The same customers, of whom 4 % are like no group; of every tenth it is not known whether it is fraud."""
    for number in range(rows):
        group, odd = chance.randrange(3), chance.random() < 0.04
        amount = 10 ** (1 + group + chance.gauss(0, 0.15) + (chance.choice([-2.5, 3.5]) if odd else 0))
        row = _customer(chance, f"{name}{number}", group, amount)
        row["visits"] += chance.choice([-40, 60]) if odd else 0
        yield row | {"fraud": "" if number % 10 == 0 else "yes" if odd else "no"}


def _customer(chance: random.Random, identity: str, group: int, spend: float) -> Row:
    return {
        "id": identity,
        "spend": "" if chance.random() < 0.03 else round(spend, 3),
        "visits": round(5 + 12 * group + chance.gauss(0, 2)),
        "channel": ("phone", "shop", "web")[group],
    }


TABLES: dict[str, tuple[Callable[[random.Random, int, str], Iterator[Row]], str, tuple[str, ...]]] = {
    "kinds": (homes, "kind", ("price",)),
    "prices": (homes, "price", ("kind",)),
    "customers": (customers, "", ()),
    "payments": (payments, "fraud", ()),
}
"""Name of a table → how its rows are made, the column to predict, columns that are left out."""


def table(name: str, rows: int, seed: int, part: str = "all") -> Iterator[Row]:
    """Rows of a table. `part`: all; unlabelled, without the column to predict; labels, with it and the key alone."""
    make, target, left_out = TABLES[name]
    for row in make(random.Random(seed), rows, f"r{seed}-"):
        kept = {column: value for column, value in row.items() if column not in left_out}
        if part == "unlabelled":
            kept.pop(target, None)
        elif part == "labels":
            kept = {"id": row["id"], target: row[target]}
        yield kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--rows", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--unlabelled", action="store_true", help="leave the column to predict out, for batch/")
    part.add_argument("--labels", action="store_true", help="only the key and the column to predict, for labels/")
    chosen = parser.parse_args()
    if chosen.labels and not TABLES[chosen.table][1]:
        parser.error(f"{chosen.table} has no column to predict")
    kind = "unlabelled" if chosen.unlabelled else "labels" if chosen.labels else "all"
    rows = list(table(chosen.table, chosen.rows, chosen.seed, kind))
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
