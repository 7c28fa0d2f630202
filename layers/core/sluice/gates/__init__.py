"""Gates: may the candidate be released? Pure functions over evaluation.json."""

from sluice.gates.registry import RULES, Judgement, judge, rule_of
from sluice.gates.verdict import Verdict

__all__ = ["RULES", "Judgement", "Verdict", "judge", "rule_of"]
