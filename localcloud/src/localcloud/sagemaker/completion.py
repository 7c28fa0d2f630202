"""When a tuning job has found enough: TuningJobCompletionCriteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# an improvement below 1 % counts as none (BestObjectiveNotImproving, ConvergenceDetected)
SIGNIFICANT = 0.01
# AWS does not publish how it detects convergence. Here: this many results in a row without a significant improvement.
CONVERGED_AFTER = 10


@dataclass(frozen=True)
class Completion:
    """The criteria of one tuning job."""

    criteria: dict[str, Any]
    maximize: bool

    def met(self, finals: Sequence[float]) -> bool:
        """`finals` are the objectives of the training jobs that have ended, in that order."""
        if not finals:
            return False
        target = self.criteria.get("TargetObjectiveMetricValue")
        best = max(finals) if self.maximize else min(finals)
        if target is not None and (best >= target if self.maximize else best <= target):
            return True
        patience = self.criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        if patience is not None and self.not_improving(finals) >= patience:
            return True
        wanted = self.criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence", "Disabled")
        return wanted == "Enabled" and self.converged(finals)

    def not_improving(self, finals: Sequence[float]) -> int:
        """How many of the last objectives are not significantly better than the best one before them."""
        count, best = 0, finals[0] if finals else 0.0
        for value in finals[1:]:
            gain = value - best if self.maximize else best - value
            count = 0 if gain > SIGNIFICANT * abs(best) else count + 1
            best = max(best, value) if self.maximize else min(best, value)
        return count

    def converged(self, finals: Sequence[float]) -> bool:
        return self.not_improving(finals) >= CONVERGED_AFTER
