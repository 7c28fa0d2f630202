"""The chosen trials, fitted on all rows, as one artefact."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from auto.choice import BUDGET_MS, Choice
from auto.few_rows import best_of_each_family
from auto.fitting import Exported, FullFit, parity_rows
from auto.settling import mean_settled
from auto.trials import Trial, loss_of
from auto.workers import Workers
from families import FAMILIES
from parity import check_answers
from project_data import ProjectData
from sluice.model.errors import ModelError
from sluice.model.model import Model

PARITY = 1e-9
"""A calibration may enlarge the difference of a member: what is allowed for a whole model, at least."""

SEEDS = 3
"""Fits of one member at most, each with a seed of its own: the mean of three has most of what many would gain."""
_MEMBERS = 4
"""The number of costly members to allow time for if there are many rows."""
_SLOWER = 1.3
"""A fit with another seed is begun only if this many times the duration of the first one is left."""


class Assembled(NamedTuple):
    """The content of an artefact. `expected`: what the members' libraries answer to `rows`, weighted and calibrated."""

    state: dict[str, Any]
    arrays: dict[str, np.ndarray]
    expected: np.ndarray
    rows: list[Any]
    tolerance: float

    def prove(self, model: Model) -> float:
        """Raises ParityError, else the greatest difference."""
        return check_answers(model, self.expected, self.rows, self.tolerance, "auto")


def settled(trial: Trial) -> dict[str, Any]:
    """The trial's hyperparameters for all rows."""
    return mean_settled(trial.hyperparameters, [held.settled for held in trial.held.values()])


def seconds_of_refits(ended: Sequence[Trial], begun: Sequence[Trial], *, few: bool, workers: int) -> float:
    """What `refit` will take at most for the trials that are likely to be chosen, and those that are `begun`.

    If there are `few` rows, each family may have a member.
    """
    if few:
        likely, most = [ended[place] for place in best_of_each_family(ended)], len(FAMILIES)
    else:
        likely, most = sorted(ended, key=loss_of)[: 3 * _MEMBERS], _MEMBERS
    costs = sorted((trial.refit_seconds for trial in [*likely, *begun]), reverse=True)[:most]
    return max([*costs[:1], sum(costs) / workers])


def refit(
    workers: Workers,
    members: Mapping[int, Trial],
    weights: Mapping[int, float],
    planned: float,
    latest: float,
    say: Callable[[str], None],
) -> dict[int, list[Exported]]:
    """Each member fitted on all rows and exported; in the time that is left, again with other seeds.

    At `planned` what has ended is taken; if nothing has, the first that ends until `latest`, beyond the budget. A fit
    is not cut short: it would have fewer rounds than were settled. Raises ModelError where none has ended.
    """
    ordered = sorted(members.items(), key=lambda each: -each[1].seconds)  # the longest first
    waiting = [FullFit(place, trial.family, settled(trial)) for place, trial in ordered]
    begun = dict.fromkeys(members, 1)
    found: dict[int, list[Exported]] = {}
    while True:
        while workers.idle:
            if not waiting:
                waiting += _again(members, weights, begun, found, planned)
            if not waiting:
                break
            workers.start(waiting.pop(0))
        if not workers.running:
            break
        for outcome in workers.wait(planned if found or time.monotonic() < planned else latest):
            if outcome.failure is None:
                found.setdefault(outcome.job.trial, []).append(outcome.answer)
            elif outcome.job.again == 0:
                members[outcome.job.trial].left_out = f"its fit on all rows failed: {outcome.failure}"
        now = time.monotonic()
        if now >= latest or (found and now >= planned):
            for job in [*workers.end_running(), *waiting]:
                if job.again == 0:
                    members[job.trial].left_out = "its fit on all rows did not end within the budget"
            break
    for place in set(members) - set(found):
        say(f"member left out: {members[place].family}, {members[place].left_out}")
    if not found:
        raise ModelError("auto: no chosen model could be fitted on all rows within training.tuning.max_minutes")
    return found


def _again(
    members: Mapping[int, Trial],
    weights: Mapping[int, float],
    begun: dict[int, int],
    found: Mapping[int, list[Exported]],
    planned: float,
) -> list[FullFit]:
    """The next fit of a member with another seed, [] for none. A single model stays one: it keeps its fast path."""
    taken = max(trial.reading_ms for trial in members.values())
    taken += sum(members[place].row_ms * count for place, count in begun.items())
    able = [
        place
        for place, trial in members.items()
        if len(members) > 1
        and FAMILIES[trial.family].seeded
        and place in found
        and begun[place] < SEEDS
        and taken + trial.row_ms <= BUDGET_MS
        and time.monotonic() + _SLOWER * found[place][0].seconds <= planned
    ]
    if not able:
        return []
    place = min(able, key=lambda place: (begun[place], -weights[place]))
    begun[place] += 1
    return [FullFit(place, members[place].family, settled(members[place]), begun[place] - 1)]


def assemble(
    data: ProjectData, choice: Choice, found: Mapping[int, list[Exported]], family_of: Mapping[int, str], run_id: str
) -> Assembled:
    """A model with one member has the form of any other family's (format 1), so that it keeps its fast path.

    The fits of one trial with several seeds share its weight.
    """
    rows = parity_rows(data)
    total = sum(choice.weights[place] for place in found)
    fits = [(family_of[p], choice.weights[p] / total / len(every), fit) for p, every in found.items() for fit in every]
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
        ((_, _, only),) = fits
        state |= {"encoder": only.encoder, "scorer": only.meta}
        arrays = {**only.arrays, **_prefixed("e0_", only.encoder_arrays)}
    else:
        encoders: list[Exported] = []
        members = []
        for number, (family, weight, fit) in enumerate(fits):
            at = next((i for i, known in enumerate(encoders) if _same_encoder(known, fit)), len(encoders))
            if at == len(encoders):
                encoders.append(fit)
                arrays |= _prefixed(f"e{at}_", fit.encoder_arrays)
            own = {"encoder": at, "weight": weight, "family": family, "scorer": fit.meta}
            members.append(own)
            arrays |= _prefixed(f"m{number}_", fit.arrays)
        state |= {"encoders": [fit.encoder for fit in encoders], "members": members}
    expected = np.sum([fit.expected * weight for _, weight, fit in fits], axis=0)
    if choice.calibration is not None:
        expected = choice.calibration(expected)
    tolerance = max(PARITY, *(4 * FAMILIES[family].tolerance for family, _, _ in fits))
    return Assembled(state, arrays, expected, rows, tolerance)


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _same_encoder(one: Exported, other: Exported) -> bool:
    """Rows are encoded once for all members that see them alike."""
    if one.encoder != other.encoder or one.encoder_arrays.keys() != other.encoder_arrays.keys():
        return False
    return all(np.array_equal(array, other.encoder_arrays[name]) for name, array in one.encoder_arrays.items())
