"""A gate's verdict in figures, for people: what was measured, which figure was compared, and with what limit.

A verdict is an object of the gates' decision record (`sluice.gates.Verdict`). Records of older runs have the compared
figure alone, without its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BESIDE_CHAMPION = "not_worse_than_champion_by"
_LIMITS = {
    "min": "at least {}",
    "max": "at most {}",
    "above_baseline_by": "at least {}",
    _BESIDE_CHAMPION: "at least {}",
    "slice_gap": "at most {}",
}
_NAMES = {
    "min": "{metric}",
    "max": "{metric}",
    "above_baseline_by": "{metric} better than the baseline",
    _BESIDE_CHAMPION: "{metric} beside the champion",
    "slice_gap": "{metric}, gap between segments",
}


def gate_name(verdict: Mapping[str, Any]) -> str:
    """
    >>> gate_name({"metric": "roc_auc", "rule": "above_baseline_by"})
    'roc_auc better than the baseline'
    """
    return _NAMES.get(str(verdict["rule"]), "{metric} {rule}").format(**verdict)


def measured(verdict: Mapping[str, Any]) -> str | None:
    """The value with its interval; None where nothing was measured, or the record does not say.

    >>> measured({"measured": {"of": "gain", "value": 0.12, "low": 0.1, "high": 0.14, "compared": "low end"}})
    'gain 0.12 [0.1, 0.14]'
    """
    found = verdict.get("measured")
    if not found:
        return None
    ends = f" [{_number(found['low'])}, {_number(found['high'])}]" if found.get("low") is not None else ""
    return f"{found['of']} {_number(found['value'])}{ends}"


def compared(verdict: Mapping[str, Any]) -> str | None:
    """The figure that was compared, by its name; None where there is none.

    >>> compared({"statistic": 0.1, "measured": {"compared": "low end", "value": 0.12, "low": 0.1, "high": 0.14}})
    'low end 0.1'
    """
    found = verdict.get("measured")
    if not found:
        return None if verdict.get("statistic") is None else _number(verdict["statistic"])
    figure = {"value": "value", "low end": "low", "high end": "high"}[found["compared"]]
    return f"{found['compared']} {_number(found[figure])}"


def limit(verdict: Mapping[str, Any]) -> str:
    """The limit; "–" where the gate compares nothing: beside a champion that does not exist, or with no limit at all.

    >>> limit({"rule": "max", "threshold": 0.25})
    'at most 0.25'
    >>> limit({"rule": "not_worse_than_champion_by", "threshold": -0.02, "statistic": None, "outcome": "inconclusive"})
    'at least -0.02'
    >>> limit({"rule": "not_worse_than_champion_by", "threshold": -0.02, "statistic": None, "outcome": "pass"})
    '–'
    """
    rule, threshold = str(verdict["rule"]), float(verdict["threshold"])
    passed_unmeasured = verdict.get("statistic") is None and verdict.get("outcome") == "pass"
    if rule not in _LIMITS or (rule == _BESIDE_CHAMPION and passed_unmeasured):
        return "–"
    if rule == _BESIDE_CHAMPION:
        # records of older runs have the margin without its sign where nothing was measured
        threshold = -abs(threshold)
    return _LIMITS[rule].format(_number(threshold))


def sentence(verdict: Mapping[str, Any]) -> str:
    """All of it on one line.

    >>> gain = {"of": "gain", "value": 0.12, "low": 0.1, "high": 0.14, "compared": "low end"}
    >>> sentence({"metric": "roc_auc", "rule": "above_baseline_by", "threshold": 0.0, "measured": gain})
    'roc_auc better than the baseline: gain 0.12 [0.1, 0.14]; low end 0.1 has to be at least 0'
    """
    if (wanted := limit(verdict)) == "–":
        return gate_name(verdict)
    said = f"{compared(verdict) or 'nothing'} has to be {wanted}"
    found = measured(verdict)
    return f"{gate_name(verdict)}: {f'{found}; {said}' if found else said}"


def _number(value: float) -> str:
    return f"{value + 0.0:.4g}"
