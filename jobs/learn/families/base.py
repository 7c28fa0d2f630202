"""What a family is: hyperparameters with defaults, a fit, and its export to arrays that numpy alone can score.

`fit` learns from a Sample; where it is given another one to watch, a family that adds up rounds stops when the
contract's metric no longer gets better there, and `settled` says how many rounds that were, so that a later fit on all
rows needs no sample to watch.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from families.progress import SILENT, Progress
from sluice.model.search_spaces import SEARCH_SPACES

Arrays = dict[str, np.ndarray]
Meta = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter: its default (whose type is the type), bounds for numbers, choices for text."""

    default: float | str
    low: float = 0.0
    high: float = float("inf")
    choices: tuple[str, ...] = ()

    def parse(self, name: str, text: str) -> float | str:
        """Raises ValueError saying what is allowed."""
        if isinstance(self.default, str):
            # SageMaker's toolkit reads a value as JSON, and hands on a truth value in Python's spelling
            text = text.lower() if text in ("True", "False") else text
            if text not in self.choices:
                raise ValueError(f"hyperparameter {name} is {text!r}; allowed: {', '.join(self.choices)}")
            return text
        kind = "an integer" if isinstance(self.default, int) else "a number"
        wanted = f"hyperparameter {name} is {text!r}; it must be {kind} from {self.low:g} to {self.high:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(wanted) from None
        if not self.low <= value <= self.high or (isinstance(self.default, int) and value != int(value)):
            raise ValueError(wanted)
        return int(value) if isinstance(self.default, int) else value


@dataclass(frozen=True)
class Task:
    """What is to be learned, and within which limits.

    `classes` is 0 for regression; `metric` is the contract's; a fit that adds up rounds adds none after `deadline`
    (`time.monotonic()`), and reports to `progress` while it watches a sample.
    """

    problem: str
    classes: int
    metric: str
    seed: int = 0
    threads: int = 1
    deadline: float = float("inf")
    progress: Progress = SILENT


class Sample(NamedTuple):
    """Encoded rows: `matrix` (rows, width) float64 with NaN for missing; `y` class indices or values, (rows,).

    `weight` (rows,) says how much each row counts. `words` is a scipy.sparse CSR matrix of the text columns' terms,
    shape (rows, terms), for families that use them. `codes` are the columns of the matrix that number categories.
    """

    matrix: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    words: Any = None
    codes: tuple[int, ...] = ()


@contextmanager
def without_convergence_warnings() -> Iterator[None]:
    """For fits that may end at their last permitted round: the weights are good enough; validation says how good."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class Family(ABC):
    """One kind of model.

    `encoding` is the form of categories that it learns from best. `tolerance` bounds the difference between the
    exported scorer and the library itself (`parity.py`). `library` is the module that the container lacks, if any.
    """

    name: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]]
    encoding: ClassVar[Literal["one-hot", "ordinal"]] = "one-hot"
    uses_words: ClassVar[bool] = False
    library: ClassVar[str] = ""
    # whether its columns may be learned from the target: means of categories, scores of texts (`preparing.py`)
    uses_learned_columns: ClassVar[bool] = True
    # trees are equal to the last bit but for the C library's exp; sums of products may round differently
    tolerance: ClassVar[float] = 1e-12
    # whether another seed gives another model, so that the mean of some is better than each
    seeded: ClassVar[bool] = False
    # the hyperparameter that counts rounds, which a fit with a sample to watch settles
    rounds: ClassVar[str] = ""
    # the power of the number of rows with which the time of a fit grows
    growth: ClassVar[float] = 1.0

    @property
    def ranges(self) -> dict[str, list[dict[str, Any]]]:
        """SageMaker tuning ranges as plain data; the single source is `sluice.model.search_spaces`."""
        return SEARCH_SPACES[self.name]

    def hyperparameters(self, given: Mapping[str, str]) -> dict[str, float | str]:
        """Texts as they come from SageMaker → typed, with defaults filled in. Raises ValueError."""
        if unknown := sorted(set(given) - set(self.parameters)):
            known = ", ".join(self.parameters) or "none"
            raise ValueError(f"family {self.name} has no hyperparameter {unknown[0]!r}; it has: {known}")
        return {
            name: parameter.parse(name, given[name]) if name in given else parameter.default
            for name, parameter in self.parameters.items()
        }

    @abstractmethod
    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        """What the family's library has learned; see above for `watch`."""

    def settled(self, fitted: Any, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters with which a fit without `watch` comes to a model of the same size."""
        return dict(hyperparameters)

    def path(self, fitted: Any, task: Task, watch: Sample) -> dict[int, np.ndarray]:
        """Rounds → `answer` to the watched rows after this many, along the whole fit; {} where it has none."""
        return {}

    def raw(self, fitted: Any, task: Task, watch: Sample) -> np.ndarray | None:
        """What `linked` makes the answer to the watched rows of; None where nothing but rounds is settled."""
        return None

    def linked(self, raw: np.ndarray, settled: Mapping[str, Any]) -> np.ndarray:
        """The answer with what was settled otherwise. Raises NotImplementedError where `raw` is None."""
        raise NotImplementedError(f"family {self.name} settles nothing but rounds")

    def answer(self, fitted: Any, task: Task, sample: Sample) -> np.ndarray:
        """The library's own answer: probabilities (rows, classes), or values (rows,) for regression."""
        predict = fitted.predict if task.problem == "regression" else fitted.predict_proba
        answer: np.ndarray = predict(sample.matrix)
        return answer

    @abstractmethod
    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        """The same as arrays and the scorer's meta data (`scorer`, `output`, ...)."""


class Estimated(Family):
    """A family that is one scikit-learn estimator, without rounds to watch."""

    @abstractmethod
    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        """An unfitted scikit-learn estimator for the problem type (binary, multiclass, regression)."""

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        estimator = self.build(hyperparameters, task.problem, task.seed)
        if sample.weight is None:
            return estimator.fit(sample.matrix, sample.y)
        # a pipeline hands the weights to its last step only when they are named for it
        name = f"{estimator.steps[-1][0]}__sample_weight" if hasattr(estimator, "steps") else "sample_weight"
        return estimator.fit(sample.matrix, sample.y, **{name: sample.weight})


def output_of(estimator: Any) -> str:
    """The link of a scorer: identity (regression), expit (two classes) or softmax."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return "identity"
    return "expit" if len(classes) == 2 else "softmax"
