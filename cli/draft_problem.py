"""What the drafted contract predicts: the target, where nobody names one, and the problem that its values suit."""

from __future__ import annotations

from cli.errors import CliError
from cli.guessing import Seen
from cli.yaml_text import quoted, scalar
from sluice.contract.metric_limits import METRICS

_TARGETS = (
    "target",
    "label",
    "class",
    "outcome",
    "y",
    "churn",
    "churned",
    "converted",
    "purchase",
    "revenue",
    "default",
)
_CLASSES = 20
"""A target that nobody named has at most as many values."""
_FEW = 4
"""Whole numbers of up to as many values are classes; of more, see `_is_amount`."""
_CODES = 10
_RARE = 5
_YES = frozenset(
    ("da", "evet", "hai", "igen", "ja", "jo", "oui", "sí", "si", "sì", "sim", "tak", "yes", "y", "true", "positive")
)
"""Words for yes, in small letters."""


def likely_target(columns: list[Seen], *, has_names: bool = True) -> Seen:
    """By name, else the last column of few values, else the last one: a guess, and marked as one.

    Without names the last one, if it can be predicted: tables without a header mostly end with their target.
    """
    if not has_names and columns[-1].type != "text" and columns[-1].type != "timestamp":
        return columns[-1]
    for name in _TARGETS:
        for column in columns:
            if column.name.casefold() == name:
                return column
    few = [column for column in columns if column.values is not None and 2 <= len(column.values) <= _CLASSES]
    return (few or columns)[-1]


def problem_line(target: Seen, decisions: list[str]) -> tuple[str, str]:
    """The `problem` line and the type of the target's column."""
    values = [value for value, _ in target.values.most_common()] if target.values else []
    values = [value for value in values if value not in target.markers]
    name = scalar(target.name)
    if target.type == "boolean" and len(values) > 2:  # several spellings of the two
        return f"{{type: binary, target: {name}, positive: true, metric: {METRICS['binary'][0]}}}", "boolean"
    if len(values) == 2 and target.type in ("boolean", "category", "integer", "number"):
        # a model answers with the labels of its contract: yes and no stay the words of the file
        if target.type == "boolean" and not {value.casefold() for value in values} <= {"yes", "no", "y", "n"}:
            return f"{{type: binary, target: {name}, positive: true, metric: {METRICS['binary'][0]}}}", "boolean"
        words = [value for value in values if value.casefold() in _YES]
        positive = words[0] if len(words) == 1 else values[-1]
        why = "says yes" if len(words) == 1 else f"is the rarer value of {target.name!r}"
        if target.type != "boolean":
            decisions.append(f"problem.positive: {positive!r} {why}; is it the outcome to predict?")
        return (
            f"{{type: binary, target: {name}, positive: {quoted(positive)}, metric: {METRICS['binary'][0]}}}",
            "category",
        )
    if target.type == "integer" and 2 < len(values) <= _CLASSES:
        decisions.append(f"problem.type: are the {len(values)} values of {target.name!r} classes or amounts?")
    is_class = target.type == "category" or (
        target.type == "integer" and len(values) <= _CLASSES and not _is_amount(target)
    )
    # as many as the scan counts, so that a person may name a target of 27 shapes or 26 letters
    if is_class and len(values) > 2:
        return f"{{type: multiclass, target: {name}, metric: {METRICS['multiclass'][0]}}}", "category"
    if target.type in ("integer", "number"):
        return f"{{type: regression, target: {name}, metric: {METRICS['regression'][0]}}}", target.type
    count = f"{len(values)} distinct values" if target.values is not None else "very many distinct values"
    raise CliError(
        f"{target.name!r} ({target.type}, {count}) cannot be predicted as yes/no, class or number; "
        "name another column with --target"
    )


def _is_amount(target: Seen) -> bool:
    """Whether whole numbers of few values are counted or measured, and no codes of classes: more than 10 of them, far
    apart, or some in fewer than 5 rows, of which a class could not be learned.
    """
    counted = {int(value): count for value, count in (target.values or {}).items() if value not in target.markers}
    if len(counted) <= _FEW:
        return False
    span = max(counted) - min(counted) + 1
    return len(counted) > _CODES or span > 2 * len(counted) or min(counted.values()) < _RARE
