"""Small projects with something to learn, for the tests of the learning jobs."""

import csv
import json
import random


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def make_data(folder, kind, rows=400, seed=3):
    """A small project with every column type, missing values and something to learn."""
    chance = random.Random(seed)
    header = ["id", "pages", "seconds", "channel", "member", "words", "at", "y"]
    types = ["text", "integer", "number", "category", "boolean", "text", "timestamp"]
    target = {"binary": "boolean", "multiclass": "category", "regression": "number"}[kind]
    columns = {name: {"type": t, "nullable": True} for name, t in zip(header, [*types, target])}
    metric = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[kind]
    contract = {
        "problem": {"type": kind, "target": "y", "positive": True if kind == "binary" else None, "metric": metric},
        "business": {"value_per_true_positive": 12.0, "cost_per_contact": 0.4},
        "data": {"key": ["id"], "time": None, "columns": columns},
        "features": {"drop": [], "bins": {}, "log": ["seconds"], "interactions": False},
        "training": {"candidates": [], "seed": 0},
        "gates": [{"metric": metric, "not_worse_than_champion_by": 0.01, "confidence": 0.9}],
    }
    for part in ("train", "validation", "test"):
        lines = []
        for i in range(rows):
            pages, seconds = chance.randint(0, 30), chance.expovariate(0.01)
            channel = chance.choice(["search", "ads", "email"])
            signal = pages / 30 + (channel == "ads") + chance.gauss(0, 0.3)
            y = {
                "binary": str(signal > 0.9),
                "multiclass": "low" if signal < 0.5 else "mid" if signal < 1 else "high",
                "regression": f"{signal:.4f}",
            }[kind]
            known = ["" if chance.random() < 0.05 else str(value) for value in (pages, round(seconds, 3), channel)]
            when = f"2026-{chance.randint(1, 12):02d}-11T{chance.randint(0, 23):02d}:30:00Z"
            lines.append([f"{part}{i}", *known, chance.choice(["true", "false"]), "red shoe", when, y])
        write_csv(folder / part / "data.csv", header, lines)
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract))
    return folder
