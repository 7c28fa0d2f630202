"""What a family is: hyperparameters with defaults, an estimator, and its export to arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

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


class Family(ABC):
    """One kind of model."""

    name: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]]

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
    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        """An unfitted scikit-learn estimator for the problem type (binary, multiclass, regression)."""

    @abstractmethod
    def export(self, estimator: Any) -> tuple[Arrays, Meta]:
        """A fitted estimator as arrays and the scorer's meta data (`scorer`, `output`, ...)."""


def output_of(estimator: Any) -> str:
    """The link of a scorer: identity (regression), expit (two classes) or softmax."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return "identity"
    return "expit" if len(classes) == 2 else "softmax"
