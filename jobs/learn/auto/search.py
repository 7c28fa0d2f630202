"""The search within a budget: the portfolio first, then proposals near the leaders, until the time is over.

A trial is a configuration that is fitted on every fold. After its first fold it goes on only where it is not clearly
worse there than the best trial so far, unless it is the first of its family: an ensemble lives on families that err
differently. A costly one waits until the cheap ones have ended. Each trial that has no score says why.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from auto.assemble import seconds_of_refits
from auto.few_rows import weighs
from auto.fitting import FoldFit, Held
from auto.folds import Folds, mean_by_row
from auto.guide import Loss, RowLosses, complements, errors_behind
from auto.portfolio import portfolio
from auto.propose import Space, propose
from auto.settling import settle
from auto.trials import REFIT, Trial, loss_of
from auto.workers import Outcome, Workers
from families import FAMILIES, available
from project_data import ProjectData
from sluice.model.search_spaces import SEARCH_SPACES

PATIENCE = 40
"""The search ends after this many proposals without a better trial: small data do not use the whole budget."""
PROBED_ROWS = 4_000
"""With more rows in a fold, a family's first fit is of this many: an estimate of what all of them cost."""
FAMILY_SHARES = (0.55, 0.25, 0.12, 0.08)
"""The share of the proposals that a family gets, by the rank of its best trial."""
_BEHIND = 0.2
"""Its part of the share of a family whose best trial is clearly worse than the best of all."""
CLEARLY_WORSE, WORSE = 3.0, 1.0
"""Standard errors of the mean difference of the rows' losses: for a trial, and for one that is costly."""
_FIT_SHARE = 0.25
"""The share of the budget that the folds of one trial may take."""
_CHEAP = 0.1
"""The share of the budget that a family's first trial may take, even if it is clearly worse on its first fold."""
_COSTLY = 0.08
"""A trial of the portfolio that takes more than this share of the budget waits until the others have ended."""
_FIRST = 1 / 3
"""The share of the budget that the first trial may take without waiting. It is known to be strong on most data, and if
the machine becomes busy meanwhile, no time is left for what waits."""
_AHEAD = 1.25
"""The time that is kept for the most promising waiting trial, as a multiple of its estimated cost."""
_SEEDS = 0.1
"""The share of the budget that fits of the members with other seeds may take."""
NO_TIME = ("needs about", "not ended within the budget")
"""How the reasons begin for which a trial is left out that the budget has no time for."""
_CHOICE_SECONDS, _EXPORT_SECONDS = 0.8, 0.6
"""Seconds on an idle processor."""


class Search:
    """`deadline` is that of the whole job: the time for fits on all rows and the export is kept back from it."""

    def __init__(
        self,
        data: ProjectData,
        folds: Folds,
        workers: Workers,
        *,
        began: float,
        deadline: float,
        columns: int,
    ) -> None:
        self._data, self._folds, self._workers = data, folds, workers
        self._began, self._deadline = began, deadline
        self._y = data.all_rows[1]
        problem = data.contract["problem"]
        self._few = weighs(len(folds.rows), data.labels.problem, problem["metric"])
        business = data.contract.get("business")
        self._row_losses = RowLosses(data.labels.problem, problem["metric"])
        self._loss = Loss(data.labels.problem, problem["metric"], business)
        self._chance = np.random.default_rng(data.task.seed)
        self.trials: list[Trial] = []
        self.absent: set[str] = set()
        """Families of the portfolio that this environment does not have."""
        self.best: Trial | None = None
        self.ended = ""
        self.ended_at = began
        self._since_best = 0
        self._next: deque[tuple[Trial, int]] = deque()
        self._later: list[Trial] = []
        self._preparing: dict[tuple[str, bool, bool], float] = {}
        self._probed: dict[str, float] = {}
        self.portfolio = self._known(columns)  # what was not begun yet
        self._proposed = 0

    def run(self) -> list[Trial]:
        """The trials that were begun or left out, in their order. `ended` says why there are no more."""
        while True:
            while self._workers.idle and not self._over() and (job := self._job()) is not None:
                self._workers.start(job)
            if not self._workers.running:
                break
            for outcome in self._workers.wait(self._search_end()):
                self._take(outcome)
            if self._over() and self._late():
                for job in self._workers.end_running():
                    self._leave(self.trials[job.trial], "not ended within the budget")
                break
        for trial in self.trials:
            if trial.loss is None and not trial.left_out:
                self._leave(trial, "not ended within the budget")
        self.ended = self.ended or "all configurations were tried"
        self.ended_at = time.monotonic()
        return self.trials

    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.loss is not None]

    def rescue(self) -> Folds | None:
        """Judges a trial that the budget left with some of its folds, on these alone, and returns these folds.

        Where no trial has ended, it is the one with the most folds. Otherwise it is one that all ended trials are
        clearly worse than, as a busy machine may leave time for a weak family only; they are then compared on its
        folds. None where there is no such trial.
        """
        found = (
            self._unjudged_leader()
            if self.finished()
            else max(self._cut_short(), key=lambda each: len(each.held), default=None)
        )
        if found is None:
            return None
        kept = sorted(found.held)
        compared = [*self.finished(), found]
        text = f"{len(kept)} of {self._folds.text}, as the budget was over"
        self._folds = Folds([self._folds.folds[fold] for fold in kept], text)
        self.best = None
        for trial in compared:
            trial.held = {place: trial.held[fold] for place, fold in enumerate(kept)}
            trial.left_out = ""
            self._finish(trial)
        return self._folds

    def _cut_short(self) -> list[Trial]:
        """Trials that have folds, and were left out because the budget had no time for the others."""
        return [each for each in self.trials if each.held and each.left_out.startswith(NO_TIME)]

    def _unjudged_leader(self) -> Trial | None:
        """The trial that was cut short though it is clearly better on its first fold than all ended ones."""
        leader = min(self._cut_short(), key=self._first_loss, default=None)
        if leader is None:
            return None
        y, ours = self._y[self._folds.folds[0].held_out], leader.held[0].answer
        behind = (errors_behind(self._row_losses, y, each.held[0].answer, ours) for each in self.finished())
        return leader if all(errors > CLEARLY_WORSE for errors in behind) else None

    def _first_loss(self, trial: Trial) -> float:
        rows = self._folds.folds[0].held_out
        return float(self._row_losses(self._y[rows], trial.held[0].answer).mean())

    def answers(self, trial: Trial) -> np.ndarray:
        """Its out-of-fold answers, by place of row."""
        return mean_by_row(self._folds, [trial.held[i].answer for i in range(len(self._folds))], len(self._y))

    @property
    def export_seconds(self) -> float:
        """What proving and writing the artefact will take, on a machine as busy as it has been."""
        return _EXPORT_SECONDS * self._busy

    # --- time ---

    @property
    def _busy(self) -> float:
        """How much longer fits take than their processor time: 1 where nothing else runs, or little is known yet."""
        held = [each for trial in self.trials for each in trial.held.values()]
        # fits of milliseconds say little: a second without any wait counts with them
        wall, processor = (1.0 + sum(times) for times in ([h.seconds for h in held], [h.processor for h in held]))
        return min(10.0, max(1.0, wall / processor))

    def _late(self) -> bool:
        return time.monotonic() >= self._search_end()

    def _over(self) -> bool:
        if self._late():
            self.ended = self.ended or "the rest of the budget is for the final fit"
            return True
        if self._since_best >= PATIENCE:
            self.ended = f"{PATIENCE} trials in a row were not better"
        return bool(self.ended)

    def _refits(self) -> float:
        """What fits on all rows of the best trials will take, and of those whose folds are being fitted."""
        begun = [each for each in self.trials if each.held and not each.ended and each not in self._later]
        return seconds_of_refits(self.finished(), begun, few=self._few, workers=len(self._workers))

    def _search_end(self) -> float:
        """The deadline, less what fits on all rows and the export will take."""
        refits = self._refits()
        if self._proposed:  # a portfolio that has ended leaves time for other seeds
            refits += min(refits, _SEEDS * (self._deadline - self._began))
        return self._deadline - refits - self.export_seconds - _CHOICE_SECONDS * self._busy

    def _left(self) -> float:
        return self._search_end() - time.monotonic()

    def _fold_seconds(self, trial: Trial) -> float | None:
        """What one of its folds costs: its own, else the family's so far, else what a probe says."""
        own = [held.seconds for held in trial.held.values()]
        family = [h.seconds for each in self.trials if each.family == trial.family for h in each.held.values()]
        if own or family:
            return float(np.mean(own or family))
        return self._probed.get(trial.family)

    # --- what to do next ---

    def _job(self) -> FoldFit | None:
        if self._next:
            return self._fit(*self._next.popleft())
        while (trial := self._new()) is not None:
            if trial.held:
                if self._goes_on(trial):
                    return self._fit(*self._next.popleft())
                continue
            probe = self._probe(trial)
            if probe is not None:
                return probe
            cost = self._fold_seconds(trial)
            needed = 0.0 if cost is None else cost * len(self._folds) / len(self._workers)
            if self._waits(trial, needed):
                continue
            if needed > self._left():
                self._leave(trial, f"needs about {needed:.0f} s, {max(0.0, self._left()):.0f} s are left")
                if trial.origin == "search":
                    self.ended = "no time for another trial before the final fit"
                    return None
                continue
            return self._fit(trial, 0)
        return None

    def _new(self) -> Trial | None:
        found = next(self.portfolio, None)
        if found is not None:
            return self._begin(*found, origin="portfolio")
        if self._later:
            turn = self._promising() or min(self._later, key=self._turn)
            self._later.remove(turn)
            return turn
        return self._proposal()

    def _turn(self, trial: Trial) -> tuple[bool, float]:
        """The order of the waiting trials: families without an ended trial first, then the cheapest."""
        known = any(each.family == trial.family for each in self.finished())
        return known, self._fold_seconds(trial) or 0.0

    def _begin(self, family: str, hyperparameters: Mapping[str, Any], origin: str) -> Trial:
        trial = Trial(len(self.trials), family, dict(hyperparameters), origin)
        trial.refit = REFIT * len(self._y) / len(self._folds.folds[0].train)
        self.trials.append(trial)
        return trial

    def _known(self, columns: int) -> Iterator[tuple[str, dict[str, Any]]]:
        schema = self._data.schema
        texts = any(schema.types[name] == "text" for name in schema.features)
        for each in portfolio(self._data.labels.problem, len(self._y), columns, texts=texts):
            if not available(each.family):
                self.absent.add(each.family)
                continue
            if each.stands_for and available(each.stands_for):
                continue
            family = FAMILIES[each.family]
            yield each.family, {**family.hyperparameters({}), **each.hyperparameters}

    def _probe(self, trial: Trial) -> FoldFit | None:
        """A fit on few rows, where there are many and nothing is known about what the family costs."""
        rows = len(self._folds.folds[0].train)
        known = self._fold_seconds(trial) is not None
        if known or rows <= 2 * PROBED_ROWS:
            return None
        return self._fit(trial, 0, share=PROBED_ROWS / rows)

    def _fit(self, trial: Trial, fold: int, share: float = 1.0) -> FoldFit:
        budget = self._deadline - self._began
        longest = _FIT_SHARE * budget * len(self._workers) / len(self._folds)
        end = min(self._search_end(), time.monotonic() + longest * share)
        timed = fold == len(self._folds) - 1
        return FoldFit(trial.number, trial.family, trial.hyperparameters, fold, end, share, timed)

    def _proposal(self) -> Trial | None:
        ranked: dict[str, Trial] = {}
        for trial in sorted(self.finished(), key=loss_of):
            if len(self._space(trial)):
                ranked.setdefault(trial.family, trial)
        if not ranked:
            return None
        leaders = [each for each in list(ranked.values())[: len(FAMILY_SHARES)] if self._fits(each)]
        # of a family that is far behind, better hyperparameters make no good member either
        near = np.array([self._errors_behind(each) <= CLEARLY_WORSE for each in leaders], dtype=bool)
        if not near.any():
            self.ended = "no time for another trial before the final fit"
            return None
        shares = np.array(FAMILY_SHARES[: len(leaders)]) * np.where(near, 1.0, _BEHIND)
        leader = leaders[int(self._chance.choice(len(shares), p=shares / shares.sum()))]
        space = self._space(leader)
        tried = [(t.hyperparameters, loss_of(t)) for t in self.finished() if t.family == leader.family]
        self._proposed += 1
        return self._begin(leader.family, {**leader.hyperparameters, **propose(space, tried, self._chance)}, "search")

    def _fits(self, trial: Trial) -> bool:
        """Whether there is time for another one of its family."""
        return (self._fold_seconds(trial) or 0.0) * len(self._folds) / len(self._workers) <= self._left()

    def _errors_behind(self, trial: Trial) -> float:
        """How far an ended trial is behind the best one, in standard errors of all rows' mean difference."""
        if self.best is None or trial is self.best:
            return 0.0
        rows = self._folds.rows
        ours, best = (self.answers(each)[rows] for each in (trial, self.best))
        return errors_behind(self._row_losses, self._y[rows], ours, best)

    def _space(self, trial: Trial) -> Space:
        settled = next(iter(trial.held.values())).settled
        names = frozenset(name for name, value in trial.hyperparameters.items() if settled.get(name) != value)
        return Space(trial.family, names) if trial.family in SEARCH_SPACES else Space("baseline", frozenset())

    # --- what has come back ---

    def _take(self, outcome: Outcome) -> None:
        job: FoldFit = outcome.job
        trial = self.trials[job.trial]
        if outcome.failure is not None:
            self._next = deque(each for each in self._next if each[0] is not trial)
            self._leave(trial, outcome.failure)
            return
        held: Held = outcome.answer
        own = FAMILIES[trial.family]
        seen = own.encoding, own.uses_words, own.uses_learned_columns
        self._preparing[seen] = trial.preparing = max(held.preparing, self._preparing.get(seen, 0.0))
        if job.share < 1.0:
            self._probed[trial.family] = held.seconds / job.share ** FAMILIES[trial.family].growth
            needed = self._probed[trial.family] * len(self._folds) / len(self._workers)
            if needed > self._left() and not FAMILIES[trial.family].rounds:
                self._leave(trial, f"needs about {needed:.0f} s, {max(0.0, self._left()):.0f} s are left")
            else:
                self._next.append((trial, 0))
            return
        if trial.left_out:
            return
        trial.held[job.fold] = held
        if len(trial.held) == len(self._folds):
            self._finish(trial)
        elif job.fold == 0:
            whole = (trial.seconds + held.preparing) * len(self._folds) / len(self._workers)
            if not self._waits(trial, whole):
                self._goes_on(trial)

    def _waits(self, trial: Trial, seconds: float) -> bool:
        """Whether it waits, as all of its folds would take this many seconds: much, or what a better one needs."""
        if trial.waited or trial.origin != "portfolio":
            return False
        if trial.number == 0 and seconds <= _FIRST * (self._deadline - self._began):
            return False
        first = self._promising()
        kept = 0.0 if first is None else _AHEAD * self._seconds_of_rest(first)
        if seconds <= _COSTLY * (self._deadline - self._began) and seconds + kept <= self._left():
            return False
        if first is None and seconds > self._left():
            return False  # it does not fit, and says so
        trial.waited = True
        self._later.append(trial)
        return True

    def _promising(self) -> Trial | None:
        """The waiting trial that is better on its first fold than every ended one. Time is kept for it."""
        begun = [each for each in self._later if each.held]
        if not begun:
            return None
        found = min(begun, key=self._first_loss)
        return found if self.best is None or self._first_loss(found) < self._first_loss(self.best) else None

    def _seconds_of_rest(self, trial: Trial) -> float:
        """The time for its other folds, and for what its fit on all rows needs beyond the time kept for such fits."""
        one = trial.seconds + trial.held[0].preparing
        return one * (len(self._folds) - 1) / len(self._workers) + max(0.0, trial.refit_seconds - self._refits())

    def _goes_on(self, trial: Trial) -> bool:
        """Whether its other folds are next, after the first one."""
        if not (why := self._worse(trial)):
            needed = self._seconds_of_rest(trial)
            # where nothing has ended, some folds are better than none
            if self.best is not None and needed > self._left():
                why = f"needs about {needed:.0f} s more, {max(0.0, self._left()):.0f} s are left"
        if why:
            self._leave(trial, why)
            return False
        self._next.extend((trial, fold) for fold in range(1, len(self._folds)))
        return True

    def _worse(self, trial: Trial) -> str:
        """Why a trial is not worth its other folds; "" if it is."""
        leader = (self._promising() if trial.waited else None) or self.best
        if leader is None:
            return ""
        whole = trial.seconds * len(self._folds) / len(self._workers)
        first = not any(each.family == trial.family for each in self.finished())
        if first and whole <= _CHEAP * (self._deadline - self._began):
            return ""
        y = self._y[self._folds.folds[0].held_out]
        ours, best = trial.held[0].answer, leader.held[0].answer
        if first and complements(self._row_losses, y, ours, best):
            return ""
        errors = errors_behind(self._row_losses, y, ours, best)
        if errors > (WORSE if trial.waited else CLEARLY_WORSE):
            self._since_best += trial.origin == "search"
            also = f", and would take {whole:.0f} s" if first or trial.waited else ""
            return f"{'clearly ' if errors > CLEARLY_WORSE else ''}worse on its first fold{also}"
        return ""

    def _finish(self, trial: Trial) -> None:
        rows = self._folds.rows
        family = FAMILIES[trial.family]
        trial.held = settle(trial.held, trial.hyperparameters, family, self._folds, self._y, self._loss)
        if not np.isfinite(answers := self.answers(trial)[rows]).all():
            self._leave(trial, "its answers are not finite")
            return
        trial.loss = self._loss(self._y[rows], answers)
        if self.best is None or trial.loss < loss_of(self.best):
            self.best = trial
            self._since_best = 0
        elif trial.origin == "search":
            self._since_best += 1

    def _leave(self, trial: Trial, why: str) -> None:
        trial.left_out = trial.left_out or why
