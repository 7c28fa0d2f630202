"""Train one family on one project: the SageMaker training job (script mode).

Channels `train`, `validation`, `contract`, for clustering `champion`, if there is one, and `libraries` for families
whose library the container lacks; hyperparameters `family`, `run-id` and the family's own. Prints one line per
validation metric and writes the artefact (docs/architecture.md). Any error is one line on stderr and exit code 1.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time

# imports count, too: the budget of `auto` is the job's
os.environ["SLUICE_JOB_BEGAN"] = str(time.monotonic())

from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import exploring
import leakage
import learning_curve
import libraries
import model_folder
import numpy as np
import similar_values
import trial
import windows

import auto
from channels import crash, read_contract
from families import FAMILIES
from sluice.model.errors import ModelError
from sluice.model.labels import UNLABELLED
from sluice.model.shortening import shortened


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, dict[str, str]]:
    """Known arguments, and the family's hyperparameters as texts (`_` in a name counts as `-`). Raises ModelError."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--family", required=True)
    parser.add_argument("--run-id", required=True)
    # whether a fit in rounds prints the contract's metric while it goes on; Hyperband and early stopping act on it
    parser.add_argument("--report-progress", choices=("true", "false"), default="false")
    environment = os.environ.get
    for name, variable in (
        ("train", "SM_CHANNEL_TRAIN"),
        ("validation", "SM_CHANNEL_VALIDATION"),
        ("contract", "SM_CHANNEL_CONTRACT"),
        ("champion", "SM_CHANNEL_CHAMPION"),
        ("libraries", "SM_CHANNEL_LIBRARIES"),
        ("model-dir", "SM_MODEL_DIR"),
        ("output-data-dir", "SM_OUTPUT_DATA_DIR"),
    ):
        parser.add_argument(f"--{name}", type=Path, default=environment(variable), help=f"default: ${variable}")
    known, rest = parser.parse_known_args([_spelled(text) for text in argv])
    if len(rest) % 2 or not all(name.startswith("--") for name in rest[::2]):
        raise ModelError(f"arguments must be pairs of --name value: {' '.join(rest)}")
    for name in ("train", "validation", "contract", "model_dir"):
        if getattr(known, name) is None:
            raise ModelError(f"channel or folder {name} is not given; SageMaker sets it, or pass --{name}")
    return known, {name[2:]: value for name, value in zip(rest[::2], rest[1::2])}


def _spelled(text: str) -> str:
    # SageMaker's toolkit passes a hyperparameter whose name has one letter as `-c`
    if len(text) == 2 and text[0] == "-" and text[1].isalpha():
        return f"-{text}"
    return f"--{text[2:].replace('_', '-')}" if text.startswith("--") and "=" not in text else text


def train(arguments: argparse.Namespace, given: dict[str, str]) -> dict[str, float]:
    """The whole job; answers the validation metrics. Raises ModelError, ValueError (hyperparameters)."""
    began = time.perf_counter()
    contract = read_contract(arguments.contract)
    if contract["problem"].get("type") in UNLABELLED:
        # here, not above: what they import is nothing to the others
        from unsupervised import training

        return training.train(arguments, given, contract)
    if arguments.libraries is not None:
        libraries.provide(arguments.libraries)
    if arguments.family == auto.NAME:
        return search(arguments, given)
    family = FAMILIES.get(arguments.family)
    if family is None:
        raise ModelError(f"hyperparameter family is {arguments.family!r}; known: {', '.join([*FAMILIES, auto.NAME])}")
    hyperparameters = family.hyperparameters(given)
    data = windows.read(arguments.contract, arguments.train, arguments.validation)
    metric = data.task.metric

    def report(metrics: dict[str, float]) -> None:
        say({metric: metrics[metric]})

    done = trial.run(
        data, family, hyperparameters, arguments.run_id, report if arguments.report_progress == "true" else None
    )
    if family.name == "baseline":
        # the one job that every run has once; evaluation reads it from there
        done.state["training"]["leakage"] = leakage.found_in(data)
        done.state["training"]["exploration"] = exploring.found_in(
            data.schema, data.rows, data.labels, data.y, data.task.seed
        )
        done.state["training"]["similar_values"] = similar_values.found_in(data)
    done.state["training"]["window"] = data.window
    model, difference = model_folder.write(
        arguments.model_dir, done.state, done.arrays, lambda model: done.prove(model, family, data)
    )
    print(
        f"family={family.name} rows={done.rows} columns={done.width} fit_seconds={done.fit_seconds:.2f} "
        f"seconds={time.perf_counter() - began:.2f} parity={difference:.2g} serving={model.serving} "
        f"numpy={np.__version__}",
        flush=True,
    )
    return done.metrics


def search(arguments: argparse.Namespace, given: dict[str, str]) -> dict[str, float]:
    """The same for `auto`, which finds families and hyperparameters itself."""
    auto.hyperparameters(given)
    began = float(os.environ["SLUICE_JOB_BEGAN"])
    data = windows.read(arguments.contract, arguments.train, arguments.validation)
    done = auto.run(data, arguments.run_id, began)
    assembled = done.assembled
    assembled.state["training"]["window"] = data.window
    if data.training.get("learning_curve", True):
        told = assembled.state["training"]
        told["learning_curve"] = learning_curve.of_leader(data, told["trials"])
    model, difference = model_folder.write(arguments.model_dir, assembled.state, assembled.arrays, assembled.prove)
    print(
        f"family=auto members={len(model.members)} rows={done.rows} columns={done.width} "
        f"seconds={time.monotonic() - began:.2f} parity={difference:.2g} serving={model.serving} "
        f"numpy={np.__version__}",
        flush=True,
    )
    return done.metrics


def main(argv: Sequence[str] | None = None) -> int:
    try:
        metrics: dict[str, Any] = train(*parse(sys.argv[1:] if argv is None else argv))
    except Exception as error:
        known = isinstance(error, ModelError | ValueError)
        reason = str(error) if known else crash(error)
        say_why(reason)
        # without a failure file, the toolkit makes the FailureReason of lines that name one of Python's own exceptions
        print(f"train.py: ValueError: {reason}", file=sys.stderr, flush=True)
        if not known:
            raise
        return 1
    # last, so that these values are the job's own, whatever it has reported before
    say(metrics)
    return 0


def say(metrics: dict[str, float]) -> None:
    """Prints metrics on validation as the metric definitions of the plan read them."""
    for name, value in metrics.items():
        print(f"validation:{name}={value!r}", flush=True)


def say_why(reason: str) -> None:
    """Writes the failure file that SageMaker makes the job's FailureReason; the toolkit leaves one that exists alone.

    The toolkit's own file can be empty: it only repeats the lines of the log in which it recognises an exception.
    """
    folder = os.environ.get("SM_OUTPUT_DIR")
    if not folder:
        return
    try:
        Path(folder, "failure").write_text(shortened(f"train.py: {reason}", 1_000, "the job's log"), encoding="utf-8")
    except OSError as error:
        print(f"train.py: the failure file could not be written: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
