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
        """A sentence if the budget was too short for all configurations; None if every one had its turn.

        >>> SearchBudget(trials=16, scored=8, portfolio=16, judged=9, budget_seconds=120).short.partition(":")[0]
        'auto had time for 9 of the 16 configurations that it begins with'
        >>> SearchBudget(trials=7, scored=2, portfolio=15, judged=2, budget_seconds=120).short.partition(": ")[2]
        'more of training.tuning.max_minutes will probably find a better one'
        """
        if self.judged >= self.portfolio:
            return None
        enough = "fine for a first model; " if 2 * self.judged >= self.portfolio else ""
        return (
            f"auto had time for {self.judged} of the {self.portfolio} configurations that it begins with: {enough}"
            f"more of training.tuning.max_minutes {'may' if enough else 'will probably'} find a better one"
        )
