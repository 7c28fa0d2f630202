"""What the parts of a contract must agree on, beyond what each part says by itself.

Each rule yields sentences that name the key and say what to write instead. A contract that passes can be carried out:
each gate can be decided, each alarm can go into ALARM for the right reason, each value can occur.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sluice.contract import unlabelled_rules
from sluice.contract.durations import seconds
from sluice.contract.features import Numbers
from sluice.contract.hints import a_problem_of, nearest
from sluice.contract.metric_limits import (
    BUSINESS_METRICS,
    GREATEST_PSI,
    METRICS,
    NEUTRAL,
    ONLINE_METRICS,
    SUSPECTED_LEAKS,
    limit_violation,
    margin_violation,
)
from sluice.contract.tuning_rules import tuning_violations
from sluice.contract.unlabelled import UNLABELLED
from sluice.model.values import is_missing

if TYPE_CHECKING:
    from sluice.contract.features import ColumnFeatures
    from sluice.contract.models import Column, Contract

TARGET_TYPES = {
    "binary": ("boolean", "category", "integer", "number"),
    "multiclass": ("category", "integer", "boolean"),
    "regression": ("number", "integer"),
    "anomaly": ("boolean", "category", "integer"),
}
SEGMENT_TYPES = ("category", "boolean", "integer", "number", "timestamp")
"""Columns whose values a gate can compare."""
RESERVED_COLUMNS = {
    "inference_id": "delayed labels name answers by it",
    "instances": "a request with several rows has them under it",
}
SUMS_OVER_ROWS = ("profit", "uplift")
MAX_WINDOW_ROWS = 50_000
"""The greatest number of captured rows that one measurement of drift reads."""


def violations(contract: Contract) -> list[str]:
    """Return what the contract's parts disagree on, one sentence each; [] if they agree."""
    return [sentence for rule in _RULES for sentence in rule(contract)]


def _column_names(contract: Contract) -> Iterator[str]:
    for name in contract.data.columns:
        if name != name.strip():
            yield (
                f"data.columns: {name!r} has leading or trailing blanks; headers are read without them: write "
                f"{name.strip()!r}"
            )
        elif not name.strip():
            yield "data.columns: a column needs a name that is not blank"
        if name in RESERVED_COLUMNS:
            yield f"data.columns: {name!r} is reserved, since {RESERVED_COLUMNS[name]}; give the column another name"


def _column_values(contract: Contract) -> Iterator[str]:
    for name, column in contract.data.columns.items():
        where = f"data.columns.{name}.values"
        if column.values is None:
            continue
        if not column.values:
            yield f"{where}: an empty list allows no value at all; name the values, or leave `values` out"
        for value in column.values:
            if column.type == "category" and value != value.strip():
                yield (
                    f"{where}: {value!r} never matches, because categories are read without leading and trailing blanks"
                )
            elif not value.strip():
                yield (
                    f"{where}: a blank is a missing value and cannot be listed; `nullable` says whether a value may "
                    f"be missing"
                )
        twice = sorted({value for value in column.values if column.values.count(value) > 1})
        if twice:
            yield f"{where}: {twice[0]!r} is given twice"
        reading = contract.reading(name)
        for value in column.values:
            if value.strip() and is_missing(value, reading):
                yield f"{where}: {value!r} is also a missing marker of this column; take it out of one of them"


def _target(contract: Contract) -> Iterator[str]:
    problem, name = contract.problem, contract.problem.target
    if name is None:
        return
    target = contract.data.columns[name]
    wanted = TARGET_TYPES[problem.type]
    if target.type not in wanted:
        yield (
            f"problem.target {name!r} is declared as {target.type}; {a_problem_of(problem.type)} predicts "
            f"{' or '.join(wanted)}{_other_type(target, problem.type)}"
        )
    for where, names in (("data.key", contract.data.key), ("features.drop", contract.features.drop)):
        if name in names:
            yield f"{where} names the target {name!r}; the target is never a feature, so take it out"
    if name in contract.data.split.group:
        yield f"data.split.group names the target {name!r}: each part would then have other classes"
    if name == contract.data.time:
        yield f"data.time names the target {name!r}; name the column with the time of each row"
    if problem.type not in ("binary", "anomaly") and problem.positive is not None:
        yield f"problem.positive is for binary problems; this one is {problem.type}"
    if problem.type == "binary" and target.values is not None and len(set(target.values)) != 2:
        yield f"data.columns.{name}.values has {len(set(target.values))} values; the target of a binary problem has two"
    if problem.type == "multiclass" and target.values is not None and len(set(target.values)) < 2:
        yield f"data.columns.{name}.values has one value; a target needs at least two"
    if problem.type == "binary" and target.type in ("integer", "number") and not isinstance(problem.positive, int):
        yield f"problem.positive is {problem.positive!r}, but {name!r} is {target.type}: write the number"
    if problem.type == "binary" and target.type in ("integer", "number") and isinstance(problem.positive, bool):
        yield f"problem.positive is {str(problem.positive).lower()}, but {name!r} is {target.type}: write the number"


def _other_type(target: Column, problem: str) -> str:
    if target.type == "text" or (problem == "multiclass" and target.type == "number"):
        return f". Declare it as {'category' if target.type == 'text' else 'integer'}"
    if problem == "regression":
        return ". To predict classes, use problem.type multiclass or binary"
    return ""


def _time(contract: Contract) -> Iterator[str]:
    name = contract.data.time
    if name and contract.data.columns[name].type != "timestamp":
        kind = contract.data.columns[name].type
        yield (
            f"data.time {name!r} is declared as {kind}, and {kind} does not order rows in time: declare it as "
            f"timestamp; if it is not ISO 8601, give its format with `dates`"
        )


def _seasonal(contract: Contract) -> Iterator[str]:
    name, features = contract.data.time, contract.features
    if features.time != "seasonal":
        return
    if name is None:
        yield "features.time is seasonal, but data.time names no column: name the one with the time of each row"
    elif name in features.drop:
        yield f"features.drop names {name!r}, whose seasons features.time makes features: take one of them out"
    elif name in features.columns:
        yield f"features.columns.{name}: its seasons are chosen by features.time, so nothing else can be said about it"


def _features(contract: Contract) -> Iterator[str]:
    yield from _seasonal(contract)
    for where, names in (("features.log", contract.features.log), ("features.bins", list(contract.features.bins))):
        for name in names:
            kind = contract.data.columns[name].type
            if kind not in ("integer", "number"):
                yield f"{where}: {name!r} is {kind}; only integer and number columns can be transformed this way"
            elif name not in contract.feature_columns:
                yield f"{where}: {name!r} is not a feature (it is the target, a key, the time, or dropped)"
    for name in contract.features.known_before:
        if name not in contract.feature_columns:
            yield f"features.known_before: {name!r} is not a feature (it is the target, a key, the time, or dropped)"
    for name, count in contract.features.bins.items():
        if not 2 <= count <= 100:
            yield f"features.bins.{name}: {count} bins; write 2 to 100"
    for name, options in contract.features.columns.items():
        yield from _column_features(contract, name, options)
    if contract.features.components is not None and contract.features.select.model_fields_set:
        yield "features.components replaces the columns that features.select keeps: take one of them out"


_NUMBER_KEYS = tuple(Numbers.model_fields)
_FOR_TYPES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (_NUMBER_KEYS, ("integer", "number")),
    (("encoding", "similar"), ("category",)),
    (("dates",), ("timestamp",)),
)


def _column_features(contract: Contract, name: str, options: ColumnFeatures) -> Iterator[str]:
    where, kind = f"features.columns.{name}", contract.data.columns[name].type
    if name not in contract.feature_columns:
        yield f"{where}: {name!r} is not a feature (it is the target, a key, the time, or dropped)"
    for keys, kinds in _FOR_TYPES:
        for key in keys:
            if getattr(options, key) is not None and kind not in kinds:
                yield f"{where}.{key}: {name!r} is {kind}; `{key}` is for columns that are {' or '.join(kinds)}"
    if name in contract.features.bins and any(getattr(options, key) is not None for key in _NUMBER_KEYS):
        yield f"{where}: {name!r} is cut into bins by features.bins, so nothing else can be done with its numbers"
    if name in contract.features.log and options.transform not in (None, "log"):
        yield f"{where}.transform is {options.transform}, but features.log names {name!r}: take it out of one of them"


def _metrics(contract: Contract) -> Iterator[str]:
    named = [("problem.metric", str(contract.problem.metric))]
    named += [(f"gates[{i}].metric", g.metric) for i, g in enumerate(contract.gates) if g.metric != SUSPECTED_LEAKS]
    known = METRICS[contract.problem.type]
    for where, metric in named:
        if metric not in known:
            hint = nearest(metric, known) or f"; known: {', '.join(known)}"
            yield f"{where}: metric {metric!r} is not for {a_problem_of(contract.problem.type)}{hint}"
        elif metric in NEUTRAL and where == "problem.metric":
            yield f"{where}: of {metric} neither more nor less is better, so nothing can be tuned for it; name another"
        elif metric in BUSINESS_METRICS and not contract.business.value_per_true_positive:
            yield f"{where}: {metric} needs business.value_per_true_positive above 0; otherwise it is never computed"


def _gates(contract: Contract) -> Iterator[str]:
    for i, gate in enumerate(contract.gates):
        if gate.metric == SUSPECTED_LEAKS and (gate.max is None or gate.max < 0):
            yield f"gates[{i}]: {SUSPECTED_LEAKS} is a number of suspicions: write `max: 0`, or the number to accept"
        known = gate.metric in METRICS[contract.problem.type]
        if known and (violation := limit_violation(gate.metric, minimum=gate.min, maximum=gate.max)):
            yield f"gates[{i}]: {violation}"
        for key in ("above_baseline_by", "not_worse_than_champion_by", "max_gap"):
            margin = getattr(gate, key)
            if known and margin is not None and (violation := margin_violation(gate.metric, key, margin)):
                yield f"gates[{i}]: {violation}"
        if gate.slice is None:
            continue
        if gate.metric in SUMS_OVER_ROWS:
            yield f"gates[{i}]: {gate.metric} is a sum over rows, so it is greater in a larger segment; name a rate"
        kind = contract.data.columns[gate.slice].type
        if gate.slice == contract.problem.target:
            yield f"gates[{i}].slice names the target; name the column whose groups should be served alike"
        elif kind not in SEGMENT_TYPES:
            able = ", ".join(SEGMENT_TYPES)
            yield f"gates[{i}].slice: {gate.slice!r} is {kind}; a gate compares the values of columns that are {able}"


def _monitoring(contract: Contract) -> Iterator[str]:
    monitor, kind = contract.monitor, contract.problem.type
    if seconds(monitor.window) < seconds(monitor.every):
        yield (
            f"monitor.window {monitor.window} is shorter than monitor.every {monitor.every}: requests between two "
            f"windows would never be measured"
        )
    if monitor.drift.min_rows > MAX_WINDOW_ROWS:
        yield f"monitor.drift.min_rows can never be reached: one measurement reads at most {MAX_WINDOW_ROWS} rows"
    if monitor.drift.max > GREATEST_PSI:
        yield (
            f"monitor.drift.max {monitor.drift.max:g} can never be reached: PSI is at most {GREATEST_PSI}, "
            "and usual limits are 0.1 to 0.25"
        )
    quality = monitor.quality
    if quality is None:
        if "on" in contract.retrain.model_fields_set and "quality" in contract.retrain.on:
            yield (
                "retrain.on names quality, but the contract has no monitor.quality: add monitor.quality, or remove "
                "quality from retrain.on"
            )
        return
    known = ONLINE_METRICS[kind]
    if kind == "anomaly" and not contract.problem.target:
        yield "monitor.quality needs labels: name their column in problem.target, or leave monitor.quality out"
        return
    if kind == "clustering" and not quality.label:
        yield (
            "monitor.quality: segments have no labels to be measured by, unless people give rows groups: name the "
            "column of label files that has them in `label`, or leave monitor.quality out"
        )
        return
    if quality.label and kind != "clustering":
        yield f"monitor.quality.label is for clustering; {a_problem_of(kind)} has its labels in problem.target"
    if quality.metric not in known:
        hint = nearest(quality.metric, known)
        listed = f"computed are {', '.join(known)}"
        yield f"monitor.quality.metric {quality.metric!r}: of {a_problem_of(kind)} with delayed labels {listed}{hint}"
        return
    if quality.metric in SUMS_OVER_ROWS:
        yield (
            f"monitor.quality: {quality.metric} is a sum over rows, so it falls with the number of requests as well; "
            "write value_per_decision"
        )
        return
    if quality.metric in BUSINESS_METRICS and not contract.business.value_per_true_positive:
        yield (
            f"monitor.quality: {quality.metric} needs business.value_per_true_positive above 0; otherwise it is never "
            "computed"
        )
        return
    if (quality.min is None) == (quality.max is None):
        yield "monitor.quality needs one limit, `min` or `max`; without it the alarm could never go into ALARM"
    elif violation := limit_violation(quality.metric, minimum=quality.min, maximum=quality.max):
        yield f"monitor.quality: {violation}"


def _retraining(contract: Contract) -> Iterator[str]:
    retrain = contract.retrain
    if retrain.on_rows is not None and retrain.on_rows >= 1 and retrain.on_rows % 1:
        yield (
            f"retrain.on_rows is {retrain.on_rows:g}: write a whole number of rows, or a share of the rows of the last "
            "run below 1, such as 0.1"
        )
    if retrain.on_rows is not None and not retrain.max_per_week:
        yield "retrain.on_rows can never start a run, because retrain.max_per_week is 0: take one of them out"
    if "since_drift" in retrain.windows and not retrain.on:
        yield "retrain.window is since_drift, but retrain.on names no alarm: no drift is ever retrained for"
    if len(retrain.windows) > 1:
        several = "retrain.window: several windows are compared by the newest labelled rows"
        if contract.problem.type in UNLABELLED:
            yield f"{several}, and {contract.problem.type} has no labels; name one window"
        if contract.data.split.by == "time":
            yield f"{several}, which a split by time keeps for the test; name one window, or take data.split.by out"


def _captures(contract: Contract) -> Iterator[str]:
    if contract.release.capture_percent:
        return
    for part, keys in ((contract.monitor, ("drift", "quality")), (contract.retrain, ("on",))):
        for key in sorted(part.model_fields_set.intersection(keys)):
            section = "monitor" if part is contract.monitor else "retrain"
            yield f"{section}.{key} needs captured requests, and release.capture_percent is 0: set it above 0"


def _durations(contract: Contract) -> Iterator[str]:
    named = {
        "release.bake": contract.release.bake,
        "release.max_bake": contract.release.max_bake,
        "release.approval_timeout": contract.release.approval_timeout,
        "release.idle_after": contract.release.idle_after,
        "monitor.window": contract.monitor.window,
        "retrain.half_life": contract.retrain.half_life,
    }
    windows = [("retrain.window", each) for each in contract.retrain.windows if each not in ("all", "since_drift")]
    for where, duration in [*named.items(), *windows]:
        if duration is not None and not seconds(duration):
            yield f"{where} is {duration}; it must be longer than 0"


def _business(contract: Contract) -> Iterator[str]:
    business = contract.business
    if contract.problem.type != "binary" and (business.value_per_true_positive or business.cost_per_contact):
        yield f"business values apply only to a binary problem; this one is {contract.problem.type}"


def _training(contract: Contract) -> Iterator[str]:
    if "auto" in contract.training.candidates and len(set(contract.training.candidates)) > 1:
        yield "training.candidates: auto tries the other families itself; write [auto], or name families without it"
    if "auto" in contract.training.candidates and contract.training.tuning.warm_start:
        yield "training.tuning.warm_start: auto starts again inside its one job; remove warm_start"
    if "auto" in contract.training.candidates and not contract.training.refit:
        yield "training.refit: auto always fits its models on all rows at the end; remove refit"
    if contract.problem.type == "regression" and contract.training.class_weights != "none":
        yield "training.class_weights is for classes; this problem is regression: take it out"


_RULES: tuple[Callable[[Contract], Iterator[str]], ...] = (
    _column_names,
    _column_values,
    _target,
    _time,
    _features,
    _training,
    tuning_violations,
    _metrics,
    _gates,
    _monitoring,
    _retraining,
    _captures,
    _durations,
    _business,
    unlabelled_rules.violations,
)
