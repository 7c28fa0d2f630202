"""Broken data or real drift? Asks triage about a sample of the window, beside one of the evaluation's rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.values import category_text, finite, is_positive
from sluice.monitoring.measurement import Measurement
from sluice.monitoring.redaction import Redaction
from sluice.monitoring.samples import Sample, window_sample
from sluice.monitoring.volume import usual_rows
from sluice.ports import Clock, Metric
from sluice.watch import metric_names as metric
from sluice.watch.triage.judge import judge
from sluice.watch.triage.window import Window, typed_column
from sluice.watch.verdicts import HOLDING

_JUDGED = ("binary", "multiclass", "regression")


def measure_triage(measurement: Measurement, *, clock: Clock) -> list[Metric]:
    """`triage` of the report: the verdict; None where there is nothing to judge with, and then `triage_limited` says
    why: only jumps of missing values and unseen categories (`damage`) are known of such a window. No value of a row is
    in it.
    """
    contract, report = measurement.contract, measurement.report
    report["triage"] = None
    needed = contract.monitor.drift.min_rows
    if measurement.window.rows < needed:
        report["triage_limited"] = f"{measurement.window.rows} rows, {needed} are needed"
        return []
    if measurement.reference is None or not len(measurement.reference):
        report["triage_limited"] = (
            "the evaluation of this run kept no rows to compare with; only missing values and unseen categories are "
            "looked at. The next run keeps them"
        )
        return []
    sample = window_sample(measurement.window.sample(), contract)
    own = _window(sample, contract, clock.now(), _labels_of(sample, measurement), measurement)
    reference = _reference(measurement.reference, contract)
    verdict = judge(reference, own).to_json()
    told = Redaction(contract, (reference, own)).of({name: verdict[name] for name in ("sentence", "evidence")})
    report["triage"] = verdict | told | _arrivals(sample, verdict["since"], verdict["last"])
    return [measurement.metric(metric.CHANGE_HELD, verdict["answer"] in HOLDING, "Count")]


def _arrivals(sample: Sample, since: float | None, last: float | None) -> dict[str, float | None]:
    """When the first and the last of the rows from `since` to `last` came: rows may say another time than that."""
    times = sample.timed
    if since is None or last is None or times is None:
        return {"since": since, "last": last}
    came = sample.arrivals[(times >= since) & (times <= last) & ~np.isnan(sample.arrivals)]
    return {"since": float(came.min()), "last": float(came.max())} if len(came) else {"since": since, "last": last}


def _reference(sample: Sample, contract: Contract) -> Window:
    times = sample.timed
    order = np.argsort(times, kind="stable") if times is not None else np.arange(len(sample))
    found = Window(
        columns=_columns(sample, contract),
        types=_types(contract),
        arrived=times,
        labels=_labels(sample.labels, contract),
        scores=sample.scores,
        problem=contract.problem.type if contract.problem.type in _JUDGED else None,
    )
    return found.take(order) if times is not None else found


def _window(
    sample: Sample, contract: Contract, now: datetime, labels: dict[str, Any], measurement: Measurement
) -> Window:
    times = sample.timed
    said = [labels.get(each) for each in sample.ids]
    known = any(each is not None for each in said)
    clients = np.empty(len(sample), dtype=object)
    clients[:] = sample.clients
    found = Window(
        columns=_columns(sample, contract),
        types=_types(contract),
        arrived=times,
        client=clients if any(sample.clients) else None,
        labels=_labels([each and each[0] for each in said], contract) if known else None,
        labelled=np.array([np.nan if each is None else each[1] for each in said]) if known else None,
        scores=sample.scores,
        problem=contract.problem.type if contract.problem.type in _JUDGED else None,
        total=measurement.window.rows,
        usual=usual_rows(measurement.report),
        now=now.timestamp() if np.array_equal(sample.times, sample.arrivals) else None,
    )
    return found.take(np.argsort(times, kind="stable")) if times is not None else found


def _types(contract: Contract) -> dict[str, str]:
    # a time is not one of the values of a row here: what it says changes with every window
    watched = [name for name in contract.feature_columns if name != contract.seasonal_column]
    return {name: contract.data.columns[name].type for name in watched}


def _columns(sample: Sample, contract: Contract) -> dict[str, np.ndarray]:
    return {name: typed_column([row.get(name) for row in sample.rows], kind) for name, kind in _types(contract).items()}


def _labels_of(sample: Sample, measurement: Measurement) -> dict[str, Any]:
    """Inference id → (label, when it came, in seconds since 1970), of the sample's rows."""
    wanted = set(sample.ids)
    return {
        str(each.row.own): (each.label, each.row.at + each.delay)
        for each in measurement.joined.rows
        if each.row.own is not None and each.row.own in wanted
    }


def _labels(labels: Sequence[Any], contract: Contract) -> np.ndarray | None:
    """As a window has them; None of a problem without labels, and where none is known."""
    kind = contract.problem.type
    if kind not in _JUDGED or all(label is None for label in labels):
        return None
    if kind == "multiclass":
        found = np.empty(len(labels), dtype=object)
        found[:] = [None if label is None else category_text(label) for label in labels]
        return found
    target = contract.data.columns[str(contract.problem.target)].type
    numbers = []
    for label in labels:
        if label is None:
            numbers.append(np.nan)
        elif kind == "binary":
            numbers.append(float(is_positive(label, contract.problem.positive, target)))
        else:
            number = finite(label)
            numbers.append(np.nan if number is None else number)
    return np.array(numbers, dtype=np.float64)
