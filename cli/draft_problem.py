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
_YES = frozenset(
    ("da", "evet", "hai", "igen", "ja", "jo", "oui", "sí", "si", "sì", "sim", "tak", "yes", "y", "true", "positive")
)
"""Words for yes, in small letters."""


def likely_target(columns: list[Seen]) -> Seen:
    """By name, else the last column of few values, else the last one: a guess, and marked as one."""
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
    if target.type in ("category", "integer") and 2 < len(values) <= _CLASSES:
        if target.type == "integer":
            decisions.append(f"problem.type: are the {len(values)} values of {target.name!r} classes or amounts?")
        return f"{{type: multiclass, target: {name}, metric: {METRICS['multiclass'][0]}}}", "category"
    if target.type in ("integer", "number"):
        return f"{{type: regression, target: {name}, metric: {METRICS['regression'][0]}}}", target.type
    count = f"{len(values)} distinct values" if target.values is not None else "very many distinct values"
    raise CliError(
        f"{target.name!r} ({target.type}, {count}) cannot be predicted as yes/no, class or number; "
        "name another column with --target"
    )
