"""The chosen trials, fitted on all rows, as one artefact."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from auto.choice import Choice
from auto.fitting import Exported, FullFit, parity_rows
from auto.search import Trial
from auto.workers import Workers
from families import FAMILIES
from parity import check_answers
from project_data import ProjectData
from sluice.model.errors import ModelError
from sluice.model.model import Model

PARITY = 1e-9
"""A calibration may enlarge the difference of a member: what is allowed for a whole model, at least."""


class Assembled(NamedTuple):
    """Of an artefact; `expected` is what the members' libraries answer to `rows`, weighted and calibrated."""

    state: dict[str, Any]
    arrays: dict[str, np.ndarray]
    expected: np.ndarray
    rows: list[Any]
    tolerance: float

    def prove(self, model: Model) -> float:
        """Raises ParityError, else the greatest difference."""
        return check_answers(model, self.expected, self.rows, self.tolerance, "auto")


def settled(trial: Trial) -> dict[str, Any]:
    """The trial's hyperparameters for all rows: numbers that a fold has settled, such as rounds, as their mean."""
    own = [held.settled for held in trial.held.values()]
    result = dict(trial.hyperparameters)
    for name, value in trial.hyperparameters.items():
        found = [each.get(name, value) for each in own]
        if all(each == found[0] for each in found):
            result[name] = found[0]
        else:
            mean = float(np.mean([float(each) for each in found]))
            result[name] = max(1, round(mean)) if isinstance(value, int) else mean
    return result


def refit(
    workers: Workers, members: Mapping[int, Trial], planned: float, latest: float, say: Callable[[str], None]
) -> dict[int, Exported]:
    """Each member fitted on all rows and exported.

    At `planned` what has ended is taken; if nothing has, the first that ends until `latest`. A fit is not cut short: it
    would have fewer rounds than were settled. Raises ModelError where none has ended.
    """
    ordered = sorted(members.items(), key=lambda each: -each[1].seconds)  # the longest first
    waiting = [FullFit(place, trial.family, settled(trial)) for place, trial in ordered]
    found: dict[int, Exported] = {}
    while waiting or workers.running:
        while waiting and workers.idle:
            workers.start(waiting.pop(0))
        for outcome in workers.wait(planned if found or time.monotonic() < planned else latest):
            if outcome.failure is None:
                found[outcome.job.trial] = outcome.answer
            else:
                members[outcome.job.trial].left_out = f"its fit on all rows failed: {outcome.failure}"
        now = time.monotonic()
        if now >= latest or (found and now >= planned):
            for job in [*workers.end_running(), *waiting]:
                members[job.trial].left_out = "its fit on all rows did not end within the budget"
            break
    for place in set(members) - set(found):
        say(f"member left out: {members[place].family}, {members[place].left_out}")
    if not found:
        raise ModelError("auto: no chosen model could be fitted on all rows within training.tuning.max_minutes")
    return found


def assemble(
    data: ProjectData, choice: Choice, fits: Mapping[int, Exported], family_of: Mapping[int, str], run_id: str
) -> Assembled:
    """A model with one member has the form of any other family's (format 1), so that it keeps its fast path."""
    rows = parity_rows(data)
    total = sum(choice.weights[place] for place in fits)
    weights = {place: choice.weights[place] / total for place in fits}
    state: dict[str, Any] = {
        "family": "auto",
        "run_id": run_id,
        "problem": data.contract["problem"],
        "labels": data.labels.to_json(),
    }
    if choice.calibration is not None:
        state["calibration"] = choice.calibration.to_json()
    if data.labels.problem == "binary":
        state["threshold"] = choice.threshold
    arrays: dict[str, np.ndarray] = {}
    if len(fits) == 1:
        (only,) = fits.values()
        state |= {"encoder": only.encoder, "scorer": only.meta}
        arrays = {**only.arrays, **_prefixed("e0_", only.encoder_arrays)}
    else:
        encoders: list[Exported] = []
        members = []
        for number, (place, fit) in enumerate(fits.items()):
            at = next((i for i, known in enumerate(encoders) if _same_encoder(known, fit)), len(encoders))
            if at == len(encoders):
                encoders.append(fit)
                arrays |= _prefixed(f"e{at}_", fit.encoder_arrays)
            own = {"encoder": at, "weight": weights[place], "family": family_of[place], "scorer": fit.meta}
            members.append(own)
            arrays |= _prefixed(f"m{number}_", fit.arrays)
        state |= {"encoders": [fit.encoder for fit in encoders], "members": members}
    expected = np.sum([fit.expected * weights[place] for place, fit in fits.items()], axis=0)
    if choice.calibration is not None:
        expected = choice.calibration(expected)
    tolerance = max(PARITY, *(4 * FAMILIES[family_of[place]].tolerance for place in fits))
    return Assembled(state, arrays, expected, rows, tolerance)


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _same_encoder(one: Exported, other: Exported) -> bool:
    """Rows are encoded once for all members that see them alike."""
    if one.encoder != other.encoder or one.encoder_arrays.keys() != other.encoder_arrays.keys():
        return False
    return all(np.array_equal(array, other.encoder_arrays[name]) for name, array in one.encoder_arrays.items())
