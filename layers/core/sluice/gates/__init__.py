"""Gates: may the candidate be released? Pure functions over evaluation.json."""

from sluice.gates.registry import RULES, Judgement, judge
from sluice.gates.verdict import Verdict

__all__ = ["RULES", "Judgement", "Verdict", "judge"]
