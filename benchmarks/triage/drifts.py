"""Kinds of real drift: rows of the pool, reweighted, or changed jointly in a plausible way.

A drift takes a set, a size, a seed and a severity, and returns a window. Unlike a fault it moves several columns, the
labels, or the mix of rows, with the spread that real changes have, and it lasts until the end of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.triage.sets import LiveSet
from benchmarks.triage.truth import Decision, NotApplicableError, Reason, Source, Truth, chance_of
from benchmarks.triage.window import Window

ISSUE, BRIEF, OWN = Source
Chance = np.random.Generator


@dataclass(frozen=True)
class Drifted:
    """`first`: the row at which it begins. `training` replaces the set's own training window where it is given."""

    window: Window
    columns: tuple[str, ...] = ()
    first: int = 0
    training: Window | None = None


Make = Callable[[LiveSet, int, int, float], Drifted]


@dataclass(frozen=True)
class Drift:
    """A kind of real drift; `text` is its row in docs/triage-bench.md."""

    name: str
    reason: Reason
    source: Source
    text: str
    make: Make
    also: tuple[Reason, ...] = ()

    def draw(self, live: LiveSet, size: int, seed: int, severity: float = 0.6) -> tuple[Window, Truth, Window | None]:
        """Return the window, its truth, and the training window if the kind needs one of its own.

        Raises NotApplicableError if the set has no column on which the kind is possible.
        """
        if not 0 < severity <= 1:
            raise ValueError(f"severity {severity} is not in (0, 1]")
        made = self.make(live, size, seed, severity)
        if not len(made.window):
            raise NotApplicableError(f"{self.name} leaves no row of {live.name}")
        rows = len(made.window) - made.first
        truth = Truth(
            self.name, self.reason, made.columns, made.first, rows, frozenset({Decision.RETRAIN}), self.also, self.text
        )
        return made.window, truth, made.training


DRIFTS: dict[str, Drift] = {}


def drift(reason: Reason, source: Source, text: str, *also: Reason) -> Callable[[Make], Make]:
    """Register a kind under its function's name."""

    def register(make: Make) -> Make:
        name = make.__name__
        if name in DRIFTS:
            raise ValueError(f"{name} is registered twice")
        DRIFTS[name] = Drift(name, reason, source, text, make, also)
        return make

    return register


def role(live: LiveSet, name: str) -> tuple[str, ...]:
    """The columns that have a role. Raises NotApplicableError if none has it."""
    if found := getattr(live.roles, name):
        return tuple(found)
    raise NotApplicableError(f"{live.name} has no column among {name}")


def direction(live: LiveSet, rows: pd.DataFrame) -> np.ndarray:
    """The scores of `rows` on the first principal component of the set's numbers, with standard deviation 1.

    Columns are standardised over the whole set, and nulls are their mean. The sign is such that the component has
    positive correlation with the first column.
    """
    names = list(live.roles.numbers)
    whole = live.frame[names].astype(float)
    middle, spread = whole.mean(), whole.std().replace(0, 1)
    standard = ((whole - middle) / spread).fillna(0).clip(-4, 4).to_numpy()
    axis = np.linalg.eigh(standard.T @ standard)[1][:, -1]
    axis = axis if axis[0] >= 0 else -axis
    scores = ((rows[names].astype(float) - middle) / spread).fillna(0).clip(-4, 4).to_numpy() @ axis
    return scores / (standard @ axis).std()


def tilt(scores: np.ndarray, strength: np.ndarray | float) -> np.ndarray:
    """Weights exp(strength × score), with scores limited to ±2 so that enough rows are accepted."""
    return np.exp(strength * (np.clip(scores, -2, 2) - 2))


def scaled(window: Window, columns: tuple[str, ...], factor: np.ndarray, where: np.ndarray) -> Window:
    """The columns times one factor for each row; whole numbers stay whole, rates stay at most 1, and no column gets or
    loses digits: that would be a fault."""
    for name in columns:
        old = window.rows[name].to_numpy(dtype=np.float64)[where]
        new = old * factor
        usual = window.rows[name].dropna().to_numpy(dtype=np.float64)
        digits = digits_of(usual)
        new = np.round(new, digits)
        if digits and usual.max() <= 1:
            new = np.minimum(new, 1.0)
        window = window.with_values(name, where, new)
    return window


def digits_of(values: np.ndarray) -> int:
    """The number of digits after the point that a column's values have, at most 9."""
    return next((digits for digits in range(9) if np.allclose(values, np.round(values, digits), rtol=0, atol=1e-9)), 9)


def relabelled(window: Window, where: np.ndarray, up: np.ndarray, chance: Chance, strength: float) -> Window:
    """Labels of rows with `up` rise, the others fall: classes with the probability `strength`, numbers by a factor."""
    if window.kind != "binary":
        old = window.label_values[where]
        factor = np.exp(np.where(up, 1, -1) * strength * chance.uniform(0.5, 1.0, len(where)))
        return window.with_labels(where, np.maximum(np.rint(old * factor), 1))
    other = next(each for each in pd.unique(window.labels) if each != window.positive)
    new = window.labels.to_numpy(dtype=object)[where]
    turn = chance.random(len(where)) < strength
    new[turn & up], new[turn & ~up] = window.positive, other
    return window.with_labels(where, new)


def labels_of_pool(live: LiveSet) -> np.ndarray:
    if live.kind == "binary":
        return (live.labels == live.positive).to_numpy(dtype=float)[live.pool]
    return live.labels.to_numpy(dtype=float)[live.pool]


def by_place(live: LiveSet, weights: np.ndarray) -> Callable[[pd.DataFrame, np.ndarray], np.ndarray]:
    """Weights of the pool's rows, found by their place, since a draw may permute them."""
    of = pd.Series(weights, index=live.pool)
    return lambda rows, when: of.loc[rows.index].to_numpy()


@drift(Reason.PRIOR_SHIFT, ISSUE, "the positive class gains 30 points (15 → 45 %), or high values become usual",
       Reason.COVARIATE_SHIFT)  # fmt: skip
def prior_rises(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    labels = labels_of_pool(live)
    if live.kind == "binary":
        rate = labels.mean()
        goal = min(0.9, rate + 0.5 * severity)
        odds = goal / (1 - goal) / (rate / (1 - rate))
        return Drifted(live.draw(size, seed, by_place(live, np.where(labels > 0, odds, 1.0))))
    rank = pd.Series(labels).rank(pct=True).to_numpy()
    return Drifted(live.draw(size, seed, by_place(live, np.exp(3 * severity * rank))))


@drift(Reason.PRIOR_SHIFT, OWN, "the positive class, or high values, become rare", Reason.COVARIATE_SHIFT)
def prior_falls(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    labels = labels_of_pool(live)
    if live.kind == "binary":
        return Drifted(live.draw(size, seed, by_place(live, np.where(labels > 0, 1 - 0.9 * severity, 1.0))))
    rank = pd.Series(labels).rank(pct=True).to_numpy()
    return Drifted(live.draw(size, seed, by_place(live, np.exp(-3 * severity * rank))))


@drift(
    Reason.COVARIATE_SHIFT, ISSUE, "prices × 1.5, each row by its own factor; customers react, so demand changes too"
)
def prices_rise(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    money = role(live, "money")
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "prices_rise")
    where = np.arange(len(window))
    factor = 1 + (0.5 / 0.6) * severity * chance.uniform(0.6, 1.4, len(window))
    reacting = tuple(name for name in live.roles.activity if name not in money)
    window = scaled(window, money, factor, where)
    window = scaled(window, reacting, factor**-0.35, where)
    up = np.full(len(window), not live.roles.prices_lower_label)
    return Drifted(relabelled(window, where, up, chance, 0.15 + 0.1 * severity), (*money, *reacting))


@drift(Reason.COVARIATE_SHIFT, OWN, "slow inflation: money grows through the window, faster in some segments")
def slow_inflation(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    money = role(live, "money")
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "slow_inflation")
    segment = pd.factorize(window.rows[live.roles.segments[0]])[0]
    speed = chance.uniform(0.7, 1.3, segment.max() + 2)[segment]
    passed = np.arange(len(window)) / max(1, len(window) - 1)
    factor = np.exp(severity * speed * passed * chance.normal(1, 0.15, len(window)))
    window = scaled(window, money, factor, np.arange(len(window)))
    if live.kind == "regression":
        window = window.with_labels(np.arange(len(window)), np.rint(window.label_values * factor**0.8))
    else:
        strength = 0.15 * severity
        late = np.flatnonzero(passed > 0.4)
        window = relabelled(window, late, np.zeros(len(late), dtype=bool), chance, strength)
    return Drifted(window, money)


@drift(Reason.NEW_SEGMENT, ISSUE, "a new segment: a group with a value of its own and other habits",
       Reason.COVARIATE_SHIFT)  # fmt: skip
def new_segment(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    product = role(live, "product")[0]
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "new_segment")
    scores = direction(live, window.rows)
    joins = np.flatnonzero(chance.random(len(window)) < np.minimum(0.95, 0.9 * severity / (1 + np.exp(-1.5 * scores))))
    habits = live.roles.activity
    factor = np.exp(chance.normal(0.35, 0.15, len(joins)))
    window = scaled(window, habits, factor, joins).with_values(product, joins, live.roles.newcomer)
    window = relabelled(window, joins, chance.random(len(joins)) < 0.6, chance, 0.3)
    return Drifted(window, (product, *habits), int(joins[0]) if len(joins) else 0)


@drift(Reason.NEW_SEGMENT, BRIEF, "a new product category takes a growing share from the others; rows are as usual",
       Reason.COVARIATE_SHIFT)  # fmt: skip
def new_category(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    product = role(live, "product")[0]
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "new_category")
    begin = round(0.2 * len(window))
    share = np.zeros(len(window))
    share[begin:] = np.linspace(0.1, 0.8 * severity, len(window) - begin)
    taken = np.flatnonzero(chance.random(len(window)) < share)
    window = window.with_values(product, taken, live.roles.newcomer)
    window = relabelled(window, taken, chance.random(len(taken)) < 0.5, chance, 0.2)
    return Drifted(window, (product,), int(taken[0]) if len(taken) else begin)


@drift(Reason.COVARIATE_SHIFT, ISSUE, "a change of consent: within days, most of one group is no longer recorded",
       Reason.FEED)  # fmt: skip
def consent_changes(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "consent_changes")
    segment = window.rows[role(live, "segments")[0]]
    share = segment.value_counts(normalize=True)
    large = share.index[share >= 0.2]
    group = (segment == (chance.choice(large) if len(large) else share.index[0])).to_numpy()
    passed = np.arange(len(window)) / max(1, len(window) - 1)
    leaves = group & (chance.random(len(window)) < np.minimum(1, passed / 0.3) * (0.4 + 0.55 * severity))
    first = int(np.argmax(leaves)) if leaves.any() else 0
    return Drifted(window.take(np.flatnonzero(~leaves)), (segment.name,), first)


@drift(Reason.COVARIATE_SHIFT, BRIEF, "a season that the training window has not seen", Reason.PRIOR_SHIFT,
       Reason.CONCEPT_DRIFT)  # fmt: skip
def unseen_season(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    if not live.roles.season:
        raise NotApplicableError(f"{live.name} has no season")
    column, values = next(iter(live.roles.season.items()))
    of_season = np.flatnonzero(live.frame[column].isin(values))
    window = live.draw(size, seed, among=np.intersect1d(live.pool, of_season))
    return Drifted(window, (column,), 0, live.training_without(of_season))


@drift(Reason.COVARIATE_SHIFT, BRIEF, "a shift along the direction in which the numbers vary together",
       Reason.PRIOR_SHIFT)  # fmt: skip
def shift_along_correlation(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window = live.draw(size, seed, lambda rows, when: tilt(direction(live, rows), 1.6 * severity))
    return Drifted(window, live.roles.numbers)


@drift(
    Reason.COVARIATE_SHIFT, BRIEF, "a slow trend: the same shift, which grows through the window", Reason.PRIOR_SHIFT
)
def slow_trend(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    def weight(rows: pd.DataFrame, when: np.ndarray) -> np.ndarray:
        shifted = tilt(direction(live, rows), 2.4 * severity * when)
        of_stretch = pd.Series(shifted).groupby((when * 10).astype(int))
        return shifted / of_stretch.transform("mean").to_numpy()  # as many rows at the end as at the beginning

    return Drifted(live.draw(size, seed, weight), live.roles.numbers)


@drift(Reason.COVARIATE_SHIFT, BRIEF, "another mix of channels: rare ones become usual")
def mix_of_channels(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    name = role(live, "segments")[0]
    share = live.frame[name].value_counts(normalize=True)
    rarity = live.frame[name].map(share.cumsum() - share / 2).fillna(0.5)
    weights = np.exp(2.5 * severity * rarity.to_numpy(dtype=float)[live.pool])
    return Drifted(live.draw(size, seed, by_place(live, weights)), (name,))


@drift(Reason.COVARIATE_SHIFT, BRIEF, "ageing: older customers, contracts or houses, with all that goes with age",
       Reason.PRIOR_SHIFT)  # fmt: skip
def ageing(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    name = role(live, "age")[0]
    values = live.frame[name].to_numpy(dtype=float)[live.pool]
    scores = (values - values.mean()) / values.std()
    return Drifted(live.draw(size, seed, by_place(live, tilt(scores, 1.5 * severity))), (name,))


@drift(Reason.CONCEPT_DRIFT, BRIEF, "the same rows, other labels: they follow the direction in which the numbers vary",
       Reason.PRIOR_SHIFT)  # fmt: skip
def concept_alone(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "concept_alone")
    up = direction(live, window.rows) > 0
    return Drifted(relabelled(window, np.arange(len(window)), up, chance, 0.15 + 0.55 * severity))


@drift(Reason.CONCEPT_DRIFT, BRIEF, "other labels and a covariate shift together", Reason.COVARIATE_SHIFT,
       Reason.PRIOR_SHIFT)  # fmt: skip
def concept_with_covariates(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window = live.draw(size, seed, lambda rows, when: tilt(direction(live, rows), severity))
    chance = chance_of(seed, live.name, "concept_with_covariates")
    up = direction(live, window.rows) < np.median(direction(live, window.rows))
    where = np.arange(len(window))
    return Drifted(relabelled(window, where, up, chance, 0.15 + 0.45 * severity), live.roles.numbers)


@drift(Reason.CONCEPT_DRIFT, OWN, "other labels in one segment only, from one instant on: a rule of business changes",
       Reason.PRIOR_SHIFT)  # fmt: skip
def concept_in_one_segment(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "concept_in_one_segment")
    begin = round(0.3 * (1 - severity) * len(window))
    segment = window.rows[role(live, "segments")[0]]
    usual = segment.value_counts().index[0]
    where = np.flatnonzero((segment == usual).to_numpy())
    where = where[where >= begin]
    values = window.label_values[where]
    up = np.full(len(where), bool(values.mean() < 0.5) if live.kind == "binary" else chance.random() < 0.5)
    return Drifted(relabelled(window, where, up, chance, 0.3 + 0.5 * severity), (), int(where[0]) if len(where) else 0)


@drift(Reason.COVARIATE_SHIFT, BRIEF, "a promotion begins: more activity in all its columns, and more conversions",
       Reason.PRIOR_SHIFT, Reason.JUMP)  # fmt: skip
def promotion(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "promotion")
    begin = round((0.7 - 0.4 * severity) * len(window))
    where = np.arange(begin, len(window))
    busy = role(live, "activity")
    window = scaled(window, busy, np.exp(chance.normal(0.2 + 0.5 * severity, 0.25, len(where))), where)
    window = relabelled(window, where, np.ones(len(where), dtype=bool), chance, 0.1 + 0.3 * severity)
    return Drifted(window, busy, begin)


@drift(Reason.COVARIATE_SHIFT, OWN, "a competitor takes the best customers: the upper end thins out",
       Reason.PRIOR_SHIFT, Reason.FEED)  # fmt: skip
def best_customers_leave(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    def weight(rows: pd.DataFrame, when: np.ndarray) -> np.ndarray:
        return 1 - (0.5 + 0.45 * severity) / (1 + np.exp(-3 * (direction(live, rows) - 0.4)))

    return Drifted(live.draw(size, seed, weight), live.roles.numbers)


@drift(Reason.COVARIATE_SHIFT, OWN, "habits change: all activity shrinks together, each row by its own factor")
def habits_change(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window, chance = live.draw(size, seed), chance_of(seed, live.name, "habits_change")
    busy = role(live, "activity")
    where = np.arange(len(window))
    window = scaled(window, busy, np.exp(chance.normal(-0.2 - 0.5 * severity, 0.3, len(window))), where)
    window = relabelled(window, where, np.zeros(len(window), dtype=bool), chance, 0.1 + 0.2 * severity)
    return Drifted(window, busy)


@drift(Reason.COVARIATE_SHIFT, OWN, "the middle thins out: both ends of the correlated direction grow")
def polarised(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    window = live.draw(size, seed, lambda rows, when: tilt(np.abs(direction(live, rows)) * 2 - 2, 0.8 * severity))
    return Drifted(window, live.roles.numbers)


@drift(Reason.COVARIATE_SHIFT, OWN, "an acquisition: from one instant on, half of the rows are another firm's",
       Reason.PRIOR_SHIFT, Reason.NEW_SEGMENT)  # fmt: skip
def acquisition(live: LiveSet, size: int, seed: int, severity: float) -> Drifted:
    begin = 0.6 * (1 - severity)

    def weight(rows: pd.DataFrame, when: np.ndarray) -> np.ndarray:
        other = tilt(-direction(live, rows), 2.0 * severity)
        usual = np.full(len(rows), 1.0)
        return np.where(when < begin, usual * other.mean() * 2, other + other.mean())

    window = live.draw(size, seed, weight)
    return Drifted(window, live.roles.numbers, round(begin * len(window)))
