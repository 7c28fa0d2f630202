"""What a contract of type clustering or anomaly cannot mean: rules as in `sluice.contract.consistency`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.contract.hints import a_problem_of
from sluice.contract.unlabelled import (
    AGAINST_BASELINE,
    AGAINST_CHAMPION,
    BY_SLICE,
    FAMILIES,
    METRICS,
    NEED_LABELS,
    NOT_TO_TUNE,
    UNLABELLED,
)

if TYPE_CHECKING:
    from sluice.contract.models import Contract


def violations(contract: Contract) -> Iterator[str]:
    """What a contract without labels cannot mean; nothing for other types."""
    kind, problem = contract.problem.type, contract.problem
    if kind not in UNLABELLED:
        other = [name for name in contract.training.candidates if any(name in of for of in FAMILIES.values())]
        if other:
            yield f"training.candidates: {other[0]} learns without labels, which {a_problem_of(kind)} has"
        return
    if wrong := [name for name in contract.training.candidates if name not in FAMILIES[kind]]:
        yield f"training.candidates: {wrong[0]} is not for {a_problem_of(kind)}, which has {', '.join(FAMILIES[kind])}"
    if problem.metric in NOT_TO_TUNE:
        yield f"problem.metric {problem.metric} is for gates; write {' or '.join(m for m in METRICS[kind][:3])}"
    if problem.metric in NEED_LABELS and kind == "anomaly" and not problem.target:
        yield f"problem.metric {problem.metric} needs labels: name their column in problem.target, or write stability"
    yield from _preparation(contract)
    for i, gate in enumerate(contract.gates):
        if gate.metric == "suspected_leaks":
            yield f"gates[{i}]: suspected_leaks is about a learned label, and {a_problem_of(kind)} learns from none"
        if gate.metric not in METRICS[kind]:
            continue
        if gate.metric in NEED_LABELS and not problem.target:
            yield f"gates[{i}]: {gate.metric} needs labels: name their column in problem.target"
        for rule, able in (
            ("not_worse_than_champion_by", AGAINST_CHAMPION[kind]),
            ("above_baseline_by", AGAINST_BASELINE[kind]),
            ("max_gap", BY_SLICE[kind]),
        ):
            if getattr(gate, rule) is not None and gate.metric not in able:
                yield f"gates[{i}]: {rule} cannot be decided for {gate.metric}; it can for {', '.join(able)}"
        if gate.decided_by == "interval" and gate.metric not in BY_SLICE[kind]:
            yield f"gates[{i}]: {gate.metric} has no interval; leave `decided_by` out"
    if contract.training.class_weights != "none":
        yield f"training.class_weights: {a_problem_of(kind)} has no classes to weigh; leave it out"


def _preparation(contract: Contract) -> Iterator[str]:
    """Steps that learn from a target, where none is learned from."""
    features = contract.features
    why = f"is learned from the target, and {a_problem_of(contract.problem.type)} learns from none"
    if features.preparation == "auto":
        yield f"features.preparation auto {why}; write standard"
    for name in ("mutual_information", "model"):
        if getattr(features.select, name) is not None:
            yield f"features.select.{name} {why}; features.select.min_variance and features.components are not"
    if features.categories.encoding == "target":
        yield f"features.categories.encoding target {why}; write one_hot, ordinal or frequency"
    for column, options in features.columns.items():
        if options.encoding == "target":
            yield f"features.columns.{column}.encoding target {why}; write one_hot, ordinal or frequency"
