"""evaluation.json: candidate, baseline and champion on the same held-out rows.

`jobs/learn/evaluate.py` writes it, in a container without pydantic, so it is checked where it is read; a test of that
job holds the two together. What is added to it later has a default: a champion's evaluation may be of last year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from sluice.contract.metric_limits import SUSPECTED_LEAKS
from sluice.model.family_names import family_name
from sluice.records.encoding import Encoding, SimilarValues
from sluice.records.evidence import Evidence
from sluice.records.exploration import Exploration
from sluice.records.record import Record
from sluice.records.search_budget import SearchBudget
from sluice.records.unlabelled import Unlabelled
from sluice.records.window_choice import WindowChoice


class Measured(Record):
    """One model on the test rows."""

    metrics: dict[str, Evidence]
    family: str | None = None
    run_id: str | None = None
    artifact_sha256: str | None = None
    latency_ms: dict[str, Evidence] = Field(default_factory=dict)
    size_bytes: int | None = None
    """The size of the model's files, without the code that serves it."""
    serving: Any = None
    members: list[str] = Field(default_factory=list)
    """Families of the trials that `auto` weighs; none for another family, and in older evaluations."""

    def name(self, problem: str | None) -> str:
        """What people call the model; `problem` is the contract's `problem.type`."""
        return family_name(self.family, problem, self.members)


class PairedDifference(Record):
    """A metric of the candidate minus that of another model, with its interval; see `sluice.model.bootstrap`."""

    difference: Evidence = None
    low: Evidence = None
    high: Evidence = None
    confidence: Evidence = None
    method: str | None = None
    resamples: int | None = None


class Intervals(Record):
    """Bootstrap intervals of every metric, all on the same draws of the rows; see `sluice.model.intervals`."""

    method: str
    confidence: float
    resamples: int
    rows: int
    """How many of the test rows were drawn from."""
    models: dict[str, dict[str, tuple[Evidence, Evidence]]]
    """`candidate`, `baseline` or `champion` → metric → its lower and upper end."""

    def ends(self, who: str, metric: str) -> tuple[float, float] | None:
        low, high = self.models.get(who, {}).get(metric, (None, None))
        return None if low is None or high is None else (low, high)


class Compared(Record):
    """The test rows on which the champion, or the best champion so far, stands beside the candidate."""

    rows: int
    test_rows: int
    known: bool
    """Whether it is on record which rows the model was trained on; if not, none is left out."""

    def note(self, who: str) -> str:
        """What people have to know of the comparison; empty where it is on all rows, and none of them was seen."""
        if not self.known:
            return (
                f"which rows {who} was trained on is not on record: if the contract's key or split changed since, it "
                "may know some of these test rows, which flatters it"
            )
        if self.rows == self.test_rows:
            return ""
        gone = self.test_rows - self.rows
        return f"{gone:,} of {self.test_rows:,} test rows are left out, because {who} was trained on them"


class Importance(Record):
    """How much worse the metric becomes when one column's values are shuffled; see `jobs/learn/explanation.py`."""

    metric: str
    rows: int
    repeats: int
    columns: dict[str, tuple[Evidence, Evidence, Evidence]]
    """Column → mean loss of the metric, and the least and greatest of the repeats; above 0: the model needs it."""
    not_measured: list[str] = Field(default_factory=list)
    """Columns that the time did not suffice for."""
    seconds: float | None = None


class Contributions(Record):
    """SHAP values of test rows, by contract column; see `jobs/learn/contributions`."""

    scale: str = ""
    """What they add up to: log-odds, probability or value."""
    rows: int = 0
    outputs: int = 0
    """1, or one for each class."""
    base: list[Evidence] = Field(default_factory=list)
    """The score of a row of which no column is known, for each output."""
    columns: dict[str, Evidence] = Field(default_factory=dict)
    """Column → mean absolute contribution, over rows and outputs."""
    seconds: float | None = None
    why_not: str | None = None
    """Why there are none, in words."""


class Robustness(Record):
    """The metric on damaged copies of the same rows; see `jobs/learn/explanation.py`."""

    metric: str
    rows: int
    undamaged: Evidence = None
    missing: dict[str, Evidence] = Field(default_factory=dict)
    """Share of the cells that are emptied → metric."""
    noise: dict[str, Evidence] = Field(default_factory=dict)
    """Standard deviations of the column that numbers are moved by, at random → metric."""


class GroupGap(Record):
    """A difference between the groups of a column, with its bootstrap interval."""

    value: Evidence = None
    low: Evidence = None
    high: Evidence = None


class Fairness(Record):
    """Groups of one column compared; see `jobs/learn/fairness.py`."""

    groups: dict[str, dict[str, Evidence]]
    """Value → its rows, rates and errors; `<rate>_low` and `<rate>_high` are the ends of its interval."""
    gaps: dict[str, GroupGap]
    """demographic_parity_difference, equalized_odds_difference, … → greatest difference between two groups."""


class LeftOut(Record):
    """Values of a column with too few rows for a metric of their own, and how many rows those are."""

    values: int
    rows: int


class Segment(Record):
    """A metric in one segment: of its rows and of those that the metric is about (positives, for recall)."""

    rows: int
    relevant: int
    value: float
    error: float


class Gap(Record):
    """The bounds of a metric's differences between the segments of a column; see `sluice.model.gaps`."""

    slice: str
    metric: str
    bins: int
    confidence: float
    segments: dict[str, Segment]
    too_small: LeftOut
    missing: int
    low: Evidence
    """The greatest difference that is surely there, between `apart`; None without two segments to compare."""
    high: Evidence
    """The greatest that may be there, between `widest`, whose measured one is `difference` ± `margin`."""
    apart: tuple[str, str] = ("", "")
    widest: tuple[str, str] = ("", "")
    difference: Evidence = None
    margin: Evidence = None

    def renamed(self, names: Mapping[str, str]) -> Gap:
        """The same with other names of the segments."""
        first, second = (tuple(names.get(name, name) for name in pair) for pair in (self.apart, self.widest))
        segments = {names.get(name, name): segment for name, segment in self.segments.items()}
        return self.model_copy(update={"segments": segments, "apart": first, "widest": second})


class CurvePoint(Record):
    """The contract's metric on the rows that were learned from, and on validation."""

    rows: int
    train: Evidence = None
    validation: Evidence = None


class LearningCurve(Record):
    """How the candidate's hyperparameters do on a part of the rows; see `jobs/learn/learning_curve.py`."""

    metric: str | None = None
    family: str | None = None
    points: list[CurvePoint] = Field(default_factory=list)
    constant: Evidence = None
    """What a model scores that knows only the shares of the classes, or the mean."""
    gain: PairedDifference | None = None
    findings: list[str] = Field(default_factory=list)
    verdict: str | None = None
    skipped: str | None = None

    @property
    def sentence(self) -> str:
        return f"learning curve: {self.verdict or self.skipped or 'it has no verdict'}"


class Suspect(Record):
    """Columns that may tell a model what it will not know when it predicts; see `jobs/learn/leakage`."""

    kind: str
    columns: list[str]
    evidence: str
    advice: str
    figures: dict[str, Evidence] = Field(default_factory=dict)

    @property
    def found(self) -> str:
        return f"{', '.join(map(repr, self.columns))}: {self.evidence}"

    @property
    def sentence(self) -> str:
        return f"{self.found}. What to do: {self.advice}"


class Leakage(Record):
    """What the leakage alarm found in the training rows. `accepted`: `features.known_before` lists all its columns."""

    suspects: list[Suspect] = Field(default_factory=list)
    accepted: list[Suspect] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def sentences(self) -> list[str]:
        """The same in words."""
        found = [f"suspected leak: {suspect.sentence}" for suspect in self.suspects]
        found += [
            f"accepted by features.known_before: {', '.join(map(repr, each.columns))}: {each.evidence}"
            for each in self.accepted
        ]
        return [*found, *(f"leakage alarm: {note}" for note in self.notes)]


class ExpectedScores(Record):
    """What evaluation saw of both models' scores on the same rows, as `sluice.model.score_bins` writes it."""

    edges: list[float]
    candidate: list[int]
    champion: list[int]
    discordant: list[tuple[int, int]]
    apart: int


class Evaluation(Record):
    metric: str
    lower_is_better: bool
    problem: str
    rows: int
    candidate: Measured
    baseline: Measured | None = None
    champion: Measured | None = None
    anchor: Measured | None = None
    """The best champion so far, where that is not the champion: what small losses add up from."""
    paired: dict[str, PairedDifference] | None = None
    paired_baseline: dict[str, PairedDifference] | None = None
    paired_anchor: dict[str, PairedDifference] | None = None
    compared: dict[str, Compared] = Field(default_factory=dict)
    """`champion` or `anchor` → the rows of its comparison."""
    intervals: Intervals | None = None
    residuals: dict[str, Evidence] = Field(default_factory=dict)
    """Regression: mean, standard deviation and quantiles of prediction − truth."""
    importance: Importance | None = None
    contributions: Contributions | None = None
    robustness: Robustness | None = None
    fairness: dict[str, Fairness] = Field(default_factory=dict)
    slices: dict[str, dict[str, dict[str, Evidence]]] = Field(default_factory=dict)
    """Column → value → its `rows` and metrics."""
    slices_left_out: dict[str, LeftOut] = Field(default_factory=dict)
    gaps: list[Gap] = Field(default_factory=list)
    """One for each gate with `max_gap`."""
    gate_intervals: dict[str, tuple[Evidence, Evidence, Evidence]] = Field(default_factory=dict)
    """Metric of a gate that an interval decides → its lower and upper end, and their confidence."""
    not_compared: dict[str, str] = Field(default_factory=dict)
    """`candidate`, `champion` or `anchor` → why it could not be measured."""
    encoding: Encoding = Field(default_factory=Encoding)
    learning_curve: LearningCurve | None = None
    search: SearchBudget | None = None
    """None: the candidate is not of `auto`."""
    window: WindowChoice | None = None
    """None: the contract names one window, or nothing was to be chosen."""
    leakage: Leakage | None = None
    """None: the alarm did not look, as in an evaluation of before there was one."""
    exploration: Exploration | None = None
    similar_values: dict[str, SimilarValues] = Field(default_factory=dict)
    undefined: dict[str, str] = Field(default_factory=dict)
    """Metric → why it has no value on these rows."""
    scores: ExpectedScores | None = None
    scores_not_compared: str | None = None
    """Why a release expects nothing of the scores of candidate and champion, though both were measured."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    unlabelled: Unlabelled | None = None
    """For clustering and anomaly detection alone."""
    champion_serves: bool | None = Field(default=None, exclude=True)
    """Whether a champion exists at all. Not in the file: the gates' caller sets it."""

    @field_validator("scores", mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        """Code that counted less expects nothing of the scores; the rest of its evaluation holds."""
        if isinstance(value, dict) and any(value.get(name) is None for name in ExpectedScores.model_fields):
            return None
        return value

    def metric_of(self, who: str, metric: str) -> float | None:
        """The metric of `candidate`, `baseline` or `champion`; None when it was not measured."""
        if metric == SUSPECTED_LEAKS:
            return float(len(self.leakage.suspects)) if self.leakage and who == "candidate" else None
        model: Measured | None = getattr(self, who)
        return model.metrics.get(metric) if model else None
