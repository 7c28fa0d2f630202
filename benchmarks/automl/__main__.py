"""`make bench-automl`: Sluice's `auto` beside AutoGluon, FLAML and two plain models, on the same splits, by one metric.

Every system gets BUDGET seconds (default 60) and CORES processors (default 2) for a split, one after the other. SETS
and SYSTEMS name a part (comma-separated), SPLITS how many of the five folds are run (default 3). A result is a line of
RESULTS (default build/automl/results.jsonl); what stands there is not run again, so an interrupted run goes on, and
`load` says how busy the machine was. The last lines are figures: {"name", "value", "goal", "ok"}.

The metric is that of the AutoML benchmark (Gijsbers et al., JMLR 2024): ROC AUC, log loss, RMSE.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.automl import ranking, sets
from benchmarks.automl.peer import PEERS
from benchmarks.automl.ranking import OURS, Results
from benchmarks.learning import tables
from benchmarks.learning.tables import ROOT, Table
from benchmarks.learning.training_job import JobFailedError, run, text, truth
from sluice.model.bootstrap import paired_difference
from sluice.model.metrics import metrics_of

BUDGET = float(os.environ.get("BUDGET") or 60)
CORES = int(os.environ.get("CORES") or 2)
SPLITS = int(os.environ.get("SPLITS") or 3)
FAMILY = os.environ.get("FAMILY") or "auto"
SYSTEMS = [name for name in (os.environ.get("SYSTEMS") or ",".join([OURS, *PEERS])).split(",") if name]
ENVIRONMENT = Path(os.environ.get("AUTOML_ENVIRONMENT") or sets.ENVIRONMENT)
RESULTS = Path(os.environ.get("RESULTS") or ROOT / "build" / "automl" / "results.jsonl")
PLAIN = "hist_gradient_boosting"
GRACE = 4.0
"""A system that takes this many times its budget, and a minute, is stopped and has failed."""


def of_peer(table: Table, system: str, learn: np.ndarray, test: np.ndarray, seed: int, folder: Path) -> dict[str, Any]:
    """Scores and seconds of a peer, which runs in its own environment. Raises RuntimeError with the end of its log."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = [] if table.kind == "regression" else ordered(table)
    task = {"kind": table.kind, "metric": table.metric, "target": table.target, "types": table.types}
    (folder / "task.json").write_text(json.dumps({**task, "classes": classes}))
    table.frame.iloc[learn].to_parquet(folder / "train.parquet")
    table.frame.iloc[test].drop(columns=table.target).to_parquet(folder / "test.parquet")
    command = [
        str(ENVIRONMENT / "bin" / "python"), str(Path(__file__).with_name("peer.py")), "--peer", system,
        "--folder", str(folder), "--seconds", str(BUDGET), "--cores", str(CORES), "--seed", str(seed),
    ]  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GRACE * BUDGET + 60,
            env={**environment, "PYTHONPATH": "", "OMP_NUM_THREADS": str(CORES)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it was stopped after {GRACE * BUDGET + 60:.0f} s") from None
    if done.returncode:
        raise RuntimeError("\n".join(done.stderr.splitlines()[-4:]))
    return {**json.loads((folder / "peer.json").read_text()), "scores": np.load(folder / "scores.npy")}


def of_sluice(table: Table, learn: np.ndarray, test: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores in the order of `ordered`, and seconds: those of the whole job, with start and export."""
    answer = run(table, learn, test, family=FAMILY, seconds=BUDGET, seed=seed, cores=CORES)
    scores = answer.scores
    if table.kind != "regression":
        scores = np.zeros((len(test), len(ordered(table))))
        scores[:, [ordered(table).index(label) for label in answer.classes]] = answer.scores
    return {"fit_seconds": answer.fit_seconds, "score_seconds": answer.score_seconds, "scores": scores}


def ordered(table: Table) -> list[str]:
    """The classes in one order for all systems: the positive one last, else by name."""
    found = sorted({text(label) for label in table.frame[table.target].tolist()})
    return sorted(found, key=lambda label: label == text(table.positive)) if table.kind == "binary" else found


def value_of(table: Table, test: np.ndarray, scores: np.ndarray) -> float:
    """The table's metric. Probabilities are brought to a sum of 1 first. Raises ValueError if there is none."""
    if not np.isfinite(scores).all():
        raise ValueError("some answers are not numbers")
    if table.kind != "regression":
        scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
    return float(metrics_of(table.kind)[table.metric](truth(table, test, ordered(table)), scores))


def scores_file(name: str, split: int, system: str) -> Path:
    return RESULTS.parent / f"{RESULTS.stem}-scores" / f"{name}-{split}-{system}.npy"


def one_run(table: Table, system: str, split: int, test: np.ndarray) -> dict[str, Any]:
    """A line of the results; a failure has no value."""
    learn = np.setdiff1d(np.arange(len(table.frame)), test)
    line: dict[str, Any] = {
        "set": table.name, "split": split, "system": system, "metric": table.metric, "rows": len(table.frame),
        "looked_at": table.looked_at, "budget": BUDGET, "cores": CORES, "load": round(os.getloadavg()[0], 1),
        **({"family": FAMILY} if system == OURS else {}),
    }  # fmt: skip
    try:
        if system == OURS:
            found = of_sluice(table, learn, test, split)
        else:
            found = of_peer(table, system, learn, test, split, RESULTS.parent / "work" / f"{table.name}-{split}")
        value = value_of(table, test, found["scores"])
    except (JobFailedError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        return {**line, "value": None, "failure": str(error)[-600:]}
    target = scores_file(table.name, split, system)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, found["scores"], allow_pickle=False)
    seconds = {name: round(found[name], 2) for name in ("fit_seconds", "score_seconds")}
    return {**line, "value": value, **seconds}


def stored() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines() if line]
    return [line for line in lines if (line["budget"], line["cores"]) == (BUDGET, CORES)]


def say(name: str, value: float, goal: str | None = None, ok: bool = True, **more: Any) -> bool:
    print(json.dumps({"name": f"automl_{name}", "value": round(value, 4), "goal": goal, "ok": ok, **more}), flush=True)
    return ok


def below_plain(available: dict[str, Any], results: Results) -> list[str]:
    """Splits on which ours is below the plain model by more than the paired interval of the test rows allows."""
    found = []
    for name, split in results:
        files = [scores_file(name, split, system) for system in (OURS, PLAIN)]
        if not all(file.exists() for file in files):
            continue
        table = sets.drawn(available[name]())
        test = tables.folds(table, 0)[split]
        ours, plain = (np.load(file) for file in files)
        y = truth(table, test, ordered(table))
        pair = paired_difference(metrics_of(table.kind)[table.metric], y, ours, plain)
        low, high = pair["low"], pair["high"]
        if low is not None and (high < 0 if table.metric == "roc_auc" else low > 0):
            found.append(f"{name} {split}: {pair['difference']:+.4f} [{low:+.4f}, {high:+.4f}]")
    return found


def summary(available: dict[str, Any]) -> bool:
    """Prints the figures of what has been run; False where a goal is missed."""
    results = ranking.losses(stored(), SYSTEMS)
    if not results or OURS not in SYSTEMS:
        return say("splits", len(results), None, True, text="no split has a result of every system")
    failures = [f"{line['system']} on {line['set']} {line['split']}" for line in stored() if line["value"] is None]
    say("failures", len(failures), None, True, text="a peer's are left out, ours count as the worst", of=failures)
    names = {name for name, _ in results}
    unseen = names - sets.LOOKED_AT
    good = say("splits", len(results), None, True, sets=sorted(names), not_looked_at=sorted(unseen))
    means = ranking.mean_ranks(results)
    for name, mean in sorted(means.items(), key=lambda each: each[1]):
        low, high = ranking.interval(results, lambda sample, name=name: ranking.mean_ranks(sample)[name])
        say(f"mean_rank_{name}", mean, None, True, low=round(low, 3), high=round(high, 3))
    for peer, goal in (("flaml", 0.95), ("autogluon_medium", None), ("autogluon_best", 0.60), (PLAIN, None)):
        if peer not in means:
            continue
        before = means[peer] - means[OURS]
        good &= say(f"rank_before_{peer}", before, *((None, True) if peer == PLAIN else ("> 0", before > 0)))
        share = ranking.won(results, peer)
        low, high = ranking.interval(results, lambda sample, peer=peer: ranking.won(sample, peer))
        ends = {"low": round(low, 3), "high": round(high, 3)}
        good &= say(
            f"pairs_won_against_{peer}", share, None if goal is None else f">= {goal:g}",
            goal is None or share >= goal, **ends,
        )  # fmt: skip
    only_unseen = {place: one for place, one in results.items() if place[0] in unseen}
    if only_unseen:
        say(
            "mean_rank_sluice_not_looked_at", ranking.mean_ranks(only_unseen)[OURS], None, True, splits=len(only_unseen)
        )
    below = below_plain(available, results) if PLAIN in SYSTEMS else []
    return say("below_plain_by_more_than_the_interval", len(below), "<= 0", not below, places=below) and good


def main() -> int:
    if not (ENVIRONMENT / "bin" / "python").exists():
        print(f"bench-automl: there is no environment {ENVIRONMENT}; make .envs/automl/.stamp", file=sys.stderr)
        return 2
    available = sets.every(ENVIRONMENT)
    chosen = [name for name in (os.environ.get("SETS") or ",".join(available)).split(",") if name]
    if unknown := sorted(set(chosen) - set(available)):
        print(f"bench-automl: SETS names {unknown[0]!r}; known: {', '.join(available)}", file=sys.stderr)
        return 2
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    done = {(line["set"], line["split"], line["system"]) for line in stored()}
    for split in range(SPLITS):
        for name in chosen:
            if name in tables.SHARED and not (tables.shared() / name).is_dir():
                print(json.dumps({"set": name, "skipped": "it is not in the folder of shared data"}), flush=True)
                continue
            missing = [system for system in SYSTEMS if (name, split, system) not in done]
            if not missing:
                continue
            table = sets.drawn(available[name]())
            test = tables.folds(table, 0)[split]
            for system in missing:
                began = time.monotonic()
                line = one_run(table, system, split, test)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps({**line, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    return 0 if summary(available) else 1


if __name__ == "__main__":
    sys.exit(main())
