"""What one measurement of a project has found so far, part by part."""

from __future__ import annotations

import math
from collections.abc import Callable

from sluice.contract import Contract
from sluice.errors import SluiceError
from sluice.model.values import Typed
from sluice.monitoring.samples import Sample
from sluice.ports import Champion, Json, Metric
from sluice.profile.window import WindowProfile
from sluice.records.baseline import Baseline
from sluice.watch.answers import Answered
from sluice.watch.label_register import Joined
from sluice.watch.labels import Identity
from sluice.watch.maturity import MaturityCurve

DAMAGE = (SluiceError, ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)
"""What a damaged object makes of a part. All else may pass, and is raised when the other parts are done."""


class Measurement:
    """One measurement of a project: what was found so far, and what could not be read."""

    def __init__(self, project: str, champion: Champion, contract: Contract, report: Json) -> None:
        self.project, self.champion, self.contract = project, champion, contract
        self.report = report
        self.window = WindowProfile()
        self.baseline: Baseline | Exception | None = None
        """None: there is none. An error: it could not be read, and the error says why."""
        self.labels: dict[Identity, Typed] = {}
        self.answered: list[Answered] = []
        """Rows of all models since the labels' horizon."""
        self.classes: tuple[str, ...] = ()
        """The serving model's, in the order of the answered rows' probabilities of all classes."""
        self.joined = Joined()
        """The serving model's labelled rows among them."""
        self.curve = MaturityCurve()
        self.reference: Sample | None = None
        """Rows of the evaluation; None where it kept none."""
        self.metrics: list[Metric] = []
        self.problems: dict[str, str] = {}
        """What has to be corrected: an object's key, or a part's name, and what is wrong."""
        self.failures: list[Exception] = []
        """What may pass: the caller is to try again."""

    def part(self, name: str, measure: Callable[[], list[Metric]]) -> None:
        """Measures one thing. A fault in its data is a problem of this part alone."""
        try:
            self.metrics += measure()
        except DAMAGE as error:
            # a message of Python may quote a value; one of ours does not
            told = str(error) if isinstance(error, SluiceError) else type(error).__name__
            self.problems[name] = f"{name} is not measured: {told}"
        except Exception as error:
            self.problems[name] = f"{name} is not measured: {type(error).__name__}"
            self.failures.append(error)

    def metric(self, name: str, value: float, unit: str = "None") -> Metric:
        """A metric of the measured project."""
        return Metric(name, float(value), unit, {"Project": self.project})

    def finite_metrics(self) -> list[Metric]:
        """CloudWatch takes no other numbers, and one of them would keep back all."""
        for each in self.metrics:
            if not math.isfinite(each.value):
                self.problems[each.name] = f"{each.name} is not a finite number and is not published"
        return [each for each in self.metrics if math.isfinite(each.value)]
