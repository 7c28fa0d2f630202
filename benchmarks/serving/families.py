"""`make bench-families`: a model of each family that is exported, in AWS's container stack, beside its library.

Every model is trained here, written as an artefact, and served by the container stack of `make bench-serving`: Flask
under gunicorn with gevent, from the code in the artefact. Two JSON lines for each, {"name", "value", "goal", "ok"}:

- the p50 of one row, in ms, of one client that asks for 1,000 different rows in turn. The goal counts for what `auto`
  chooses; of the largest models that a search space allows, it is for information;
- the greatest difference of the served answers from the library's own, on the same 1,000 rows, with missing values and
  unseen categories, asked for one by one and 100 at a time. For numbers it is relative above 1.

ONLY="lof,binary texts" measures the cases whose names contain one of these. Exits 1 when a goal is missed. A family
whose library is absent cannot be measured: its lines have no value, and miss their goals.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import model_folder

from benchmarks.serving import family_data, page
from benchmarks.serving.family_cases import Case, Fit, absent, cases
from benchmarks.serving.load import BUFFER, ask, body_length, connect, one_client
from benchmarks.serving.page import Served
from benchmarks.serving.servers import KINDS, Running
from sluice.model.manifest import ARRAYS
from sluice.model.model import Model

MAX_MS, MAX_DIFFERENCE = 0.5, 1e-6
SECONDS = 1.0
BATCH = 100
ONLY = [part for part in (os.environ.get("ONLY") or "").split(",") if part]
CONTAINER = next(kind for kind in KINDS if kind.name == "container")


def say(name: str, value: float | None, most: float | None, **more: Any) -> bool:
    ok = most is None or (value is not None and value <= most)
    goal = None if most is None else f"<= {most:g}"
    shown = None if value is None else float(f"{value:.4g}")
    print(json.dumps({"name": name, "value": shown, "goal": goal, "ok": ok, **more}), flush=True)
    return ok


def measure(case: Case, folder: Path, served: list[Served]) -> bool:
    """Prints a case's two figures, and adds them to `served`; False where a goal is missed."""
    of_time = MAX_MS if case.goal else None
    if library := absent(case.family):
        why = {"not_measured": f"the library {library} is not installed here"}
        served.append(Served(case.model, case.size, None, None))
        in_time = say(f"{case.name}: p50 of one row, ms", None, of_time, **why)
        return say(f"{case.name}: difference from the library", None, MAX_DIFFERENCE, **why) and in_time
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = case.make()
    model, _ = model_folder.write(folder / "ours", fit.state, fit.arrays, lambda _: 0.0)
    about = {**size_of(model, fit, folder / "ours"), "fit_seconds": round(time.monotonic() - began, 1)}
    rows = family_data.asked(texts=case.texts)
    with Running(CONTAINER, folder) as server:
        server.first_answer(server.message(rows[:1]))
        ones = [server.message([row]) for row in rows]
        difference = greatest_difference(server, model, fit, rows)
        used = server.run_seconds()
        load = one_client(server.ports[0], ones, SECONDS)
        used = server.run_seconds() - used
    # on a busy machine the processor time says more than the p50: waiting for the processor is no part of it
    about |= {"processor_ms": round(1e3 * used / len(load.latencies), 4), "load": round(os.getloadavg()[0], 1)}
    served.append(Served(case.model, case.size, load.p50_ms, difference))
    in_time = say(f"{case.name}: p50 of one row, ms", load.p50_ms, of_time, **about)
    return say(f"{case.name}: difference from the library", difference, MAX_DIFFERENCE) and in_time


def size_of(model: Model, fit: Fit, folder: Path) -> dict[str, Any]:
    """How large the model became."""
    trees = sum(len(array) for name, array in fit.arrays.items() if name.endswith("roots"))
    return {
        "serving": model.serving,
        "members": [type(member.scorer).__name__ for member in model.members],
        "columns": [encoder.width for encoder in model.encoders],
        **({"trees": trees} if trees else {}),
        "megabytes": round((folder / ARRAYS).stat().st_size / 1e6, 2),
    }


def greatest_difference(server: Running, model: Model, fit: Fit, rows: list[family_data.Record]) -> float:
    singles = list(answers(server, [[row] for row in rows]))
    batches = list(answers(server, [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]))
    return max(
        apart(model, answer, expected)
        for found in (singles, batches)
        for answer, expected in zip(found, fit.expected, strict=True)
    )


def answers(server: Running, requests: list[Any]) -> Iterator[dict[str, Any]]:
    buffer = bytearray(BUFFER)
    with connect(server.ports[0]) as connection:
        for rows in requests:
            ask(connection, server.message(list(rows)), buffer)
            end = buffer.find(b"\r\n\r\n") + 4
            size = body_length(bytes(buffer[:end]))
            yield from json.loads(bytes(buffer[end : end + (size or 0)]))["predictions"]


def apart(model: Model, answer: dict[str, Any], expected: Any) -> float:
    """How far an answer is from the library's: its number, and its prediction, where that is another one."""
    classes, problem = model.labels.classes, model.labels.problem
    if problem == "regression":
        return float(abs(answer["prediction"] - expected) / max(1.0, abs(expected)))
    place = classes.index(answer["prediction"])
    if problem in ("binary", "anomaly"):
        p = answer["probability" if problem == "binary" else "score"]
        # a prediction on the other side of the threshold is as far away as the threshold
        beside = abs(expected[1] - model.threshold) if (expected[1] >= model.threshold) != place else 0.0
        return float(max(abs(p - expected[1]), beside))
    return float(max(abs(answer["probability"] - expected[place]), expected.max() - expected[place]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/serving.md")
    options = parser.parse_args()
    good, served, load = True, [], os.getloadavg()[0]
    for case in cases():
        if ONLY and not any(part in case.name for part in ONLY):
            continue
        folder = Path(tempfile.mkdtemp())
        try:
            good &= measure(case, folder, served)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if options.write_docs:
        about = f"{os.cpu_count()} cores; load of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} after."
        page.PATH.write_text(page.families_written(page.PATH.read_text("utf-8"), about, served), "utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
