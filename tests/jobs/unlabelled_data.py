"""Small projects without labels, for the tests of clustering and anomaly detection."""

import json
import random

from tests.jobs.learning_data import write_csv

HEADER = ("id", "spend", "visits", "channel", "member", "fraud")
TYPES = ("text", "number", "integer", "category", "boolean", "boolean")


def contract_of(kind, *, target=None, **problem):
    columns = {name: {"type": each, "nullable": True} for name, each in zip(HEADER, TYPES, strict=True)}
    if target is None:
        del columns["fraud"]
    metric = {"clustering": "silhouette", "anomaly": "pr_auc" if target else "stability"}[kind]
    return {
        "problem": {"type": kind, "target": target, "positive": True if target else None, "metric": metric, **problem},
        "data": {"key": ["id"], "time": None, "columns": columns},
        "features": {"drop": ["member"] if kind == "clustering" else [], "bins": {}, "log": [], "interactions": False},
        "training": {"candidates": [], "seed": 0},
        "gates": [],
    }


def make_unlabelled(folder, kind, rows=300, seed=5, target=None, groups=3, **problem):
    """Customers in `groups` groups, apart in spend (heavy-tailed), visits and channel;
    4 % of the rows of an anomaly project are like no group."""
    chance = random.Random(seed)
    contract = contract_of(kind, target=target, **problem)
    header = [name for name in HEADER if name in contract["data"]["columns"]]
    for part in ("train", "validation", "test"):
        lines = []
        for i in range(rows):
            group, odd = chance.randrange(groups), kind == "anomaly" and chance.random() < 0.04
            spend = 10 ** (1 + group + chance.gauss(0, 0.15) + (chance.choice([-2.5, 3.5]) if odd else 0))
            visits = round(5 + 12 * group + chance.gauss(0, 2) + (chance.choice([-40, 60]) if odd else 0))
            channel = ("phone", "shop", "web")[group % 3]
            known = ["" if chance.random() < 0.05 else str(value) for value in (round(spend, 3), visits, channel)]
            values = [f"{part}{i}", *known, chance.choice(["true", "false"]), str(odd).lower()]
            if chance.random() < 0.1:
                values[-1] = ""
            lines.append(values[: len(header)])
        write_csv(folder / part / "data.csv", header, lines)
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract))
    return folder
