"""What `auto` could try within its budget (`jobs/learn/auto`), and whether that was little."""

from __future__ import annotations

from sluice.records.record import Record


class SearchBudget(Record):
    """`portfolio`: configurations that the search begins with for such data; `judged`: those that it had time for."""

    trials: int
    scored: int
    portfolio: int
    judged: int
    budget_seconds: float
    """`training.tuning.max_minutes`."""
    seconds: float | None = None
    """Until the search ended; None in older records."""
    ended: str = ""
    """Why it ended then."""

    @property
    def end(self) -> str | None:
        """When and why the search ended, in words.

        >>> searched = SearchBudget(trials=59, scored=57, portfolio=19, judged=19, budget_seconds=120)
        >>> searched.model_copy(update={"seconds": 28.4, "ended": "all configurations were tried"}).end
        'the search ended after 28 of 120 s: all configurations were tried'
        """
        if self.seconds is None:
            return None
        return f"the search ended after {self.seconds:.0f} of {self.budget_seconds:.0f} s: {self.ended}"

    @property
    def short(self) -> str | None:
        """That the budget was too short, in words; None if every configuration had its turn."""
        if self.judged >= self.portfolio:
            return None
        return (
            f"few trials: in {self.budget_seconds / 60:g} min auto could judge {self.judged} of the {self.portfolio} "
            f"configurations that it begins with ({self.scored} of {self.trials} trials have a score); more "
            "training.tuning.max_minutes, or a machine with less to do, may find a better model"
        )
