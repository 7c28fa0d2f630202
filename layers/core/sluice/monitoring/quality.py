"""The quality of the serving model's answers, on the delayed labels of their requests.

Quality is measured on *mature* rows: those old enough that nine tenths of their labels have come, by the project's
maturity curve. So a time whose easy labels come first is not compared with one that has all. A window ends where the
rows become mature, and each period of the history says how mature it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.contract.metric_limits import OF_ALL_CLASSES, ONLINE_METRICS
from sluice.model.metrics import break_even, has_value
from sluice.model.values import category_text, finite, is_positive, parse_json
from sluice.monitoring.class_probabilities import named_probabilities, wants_probabilities
from sluice.monitoring.labels import of_champion
from sluice.monitoring.measurement import Measurement
from sluice.monitoring.segments import by_segment
from sluice.ports import Clock, Json, Metric, ObjectStore
from sluice.store.run_records import write_json
from sluice.watch import metric_names as metric
from sluice.watch.certainty import ALPHA, favourable_bound, log_evidence, weights, without_bound
from sluice.watch.label_register import LabelledRow
from sluice.watch.labels import positive
from sluice.watch.maturity import MATURE, mature_until, maturity_of
from sluice.watch.quality_interval import interval
from sluice.watch.quality_sketch import OnlineMetrics, Pair, QualitySketch, merged, sketch_of

MAX_PERIODS = 400
"""Periods in which a loss may begin; with a shorter window several windows make a period."""
SHOWN_PERIODS = 60
ONE_CLASS = "all labels have the same class"
OF_ONE_CLASS = frozenset({"recall", "false_positive_rate", "selection_rate"})
"""Metrics that the labels of one class alone say all about."""


@dataclass(frozen=True)
class Asked:
    """What the contract wants to know."""

    contract: Contract
    online: OnlineMetrics
    metric: str
    business: Json
    classes: tuple[str, ...] = ()
    """The order of the answers' probabilities, if a metric needs those of all classes."""

    def sketch(self, rows: Sequence[LabelledRow]) -> QualitySketch:
        problem = self.contract.problem.type
        border = break_even(self.business) if problem == "binary" and has_value(self.business) else None
        pairs = (pair_of(row, self.contract, self.classes) for row in rows)
        return sketch_of((pair for pair in pairs if pair is not None), problem, border)

    def figures(self, sketch: QualitySketch) -> Json:
        """`{"value", "low", "high"}` of the metric; None where they are not defined."""
        ends = interval(self.metric, self.online, sketch) or (None, None)
        return {"value": self.online.value(self.metric, sketch), "low": ends[0], "high": ends[1]}


def measure_quality(measurement: Measurement, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    measurement.report["quality"] = None
    contract, quality = measurement.contract, measurement.contract.monitor.quality
    known = ONLINE_METRICS[contract.problem.type]
    if contract.label_column is None or not known or (quality is None and not measurement.joined.rows):
        return []
    named = quality.metric if quality else contract.problem.metric
    business = contract.business.model_dump(mode="json")
    online = OnlineMetrics(contract.problem.type, business, probabilities=wants_probabilities(contract))
    if named not in online.names:
        if quality is not None:
            why = f"{named} is not computed from delayed labels; `sluice check` says what the contract may ask for"
            measurement.report["quality"] = {
                "metric": named,
                "labels": len(measurement.joined.rows),
                "value": None,
                "reason": why,
            }
            return []
        named = known[0]
    asked = Asked(contract, online, named, business, measurement.classes)
    facts, published = _measured(measurement, asked, clock.now().timestamp(), objects=objects)
    if quality is None:
        measurement.report["labelled_quality"] = facts
        return []
    measurement.report["quality"] = facts
    if facts.pop("not_finite", False):
        measurement.problems["quality"] = facts["reason"]
    return published


def _measured(measurement: Measurement, asked: Asked, now: float, *, objects: ObjectStore) -> tuple[Json, list[Metric]]:
    contract, quality = asked.contract, asked.contract.monitor.quality
    min_labels = quality.min_labels if quality else 1
    window = float(max(1, seconds(contract.monitor.window)))
    rows = ((row.at, place in measurement.joined.delays) for place, row in enumerate(measurement.answered))
    until = mature_until(rows, now, measurement.curve)
    # a clock that is a little ahead takes no row out
    mature = [row for row in measurement.joined.rows if row.row.at <= until or until >= now]
    within = [row for row in mature if row.row.at > until - window]
    sketch = asked.sketch(within)
    labels = asked.online.labels_of(asked.metric, sketch)
    facts: Json = {
        "metric": asked.metric,
        "labels": labels,
        "value": None,
        "low": None,
        "high": None,
        "window": {"from": _iso(until - window), "until": _iso(until)},
        "mature_age_seconds": measurement.curve.mature_age(),
        "immature_labels": len(measurement.joined.rows) - len(mature),
    }
    of_all = contract.problem.type == "multiclass" and asked.metric in OF_ALL_CLASSES
    without = facts["labels_without_probabilities"] = sketch.rows - labels if of_all else 0
    facts["labels_that_do_not_count"] = len(within) - labels - without
    published = [measurement.metric(metric.QUALITY_LABELS, labels, "Count")]
    if labels < min_labels:
        facts["reason"] = f"{labels} labels belong to a captured request; {min_labels} are needed"
        if facts["labels_that_do_not_count"]:
            facts["reason"] += f". {facts['labels_that_do_not_count']} more do not count: {_uncounted(asked)}"
        if facts["immature_labels"]:
            facts["reason"] += f" ({facts['immature_labels']} more are of requests that still wait for most labels)"
        if without:
            facts["reason"] += f"; {without} have no probabilities of all classes: the serving model did not answer so"
    else:
        facts |= asked.figures(sketch)
        facts["metrics"] = {
            name: {"value": value, "interval": interval(name, asked.online, sketch)}
            for name, value in asked.online.values(sketch).items()
        }
        facts["slices"] = by_segment(measurement, within, asked.sketch, asked.figures)
        if facts["value"] is None:
            facts["reason"] = _undefined(asked, sketch)
            facts["not_finite"] = contract.problem.type == "regression" and not _constant(asked, sketch)
        else:
            facts["caution"] = _caution(asked, sketch)
            published.append(measurement.metric(metric.QUALITY_SCORE, facts["value"]))
    periods, length = _periods(mature, until, window)
    sketches = {start: asked.sketch(rows) for start, rows in periods.items()}
    facts |= _history(measurement, asked, now, window, min_labels)
    facts |= _certain(asked, measurement, sketches, length, min_labels)
    if facts["bound"] is not None and quality is not None:
        published.append(measurement.metric(metric.QUALITY_BOUND, facts["bound"]))
    stored = {_iso(start): found.plain() for start, found in sorted(sketches.items())}
    run = measurement.champion.run_id
    content = {"run_id": run, "metric": asked.metric, "period_seconds": length, "periods": stored}
    write_json(keys.monitor(measurement.project, "quality", f"{run}.json"), content, objects=objects)
    return facts, published


def _periods(rows: Sequence[LabelledRow], until: float, window: float) -> tuple[dict[float, list[LabelledRow]], float]:
    """Rows by the beginning of their period, in the order of time, and the length of a period in seconds."""
    if not rows:
        return {}, window
    length = window * max(1, math.ceil((until - rows[0].row.at) / (window * MAX_PERIODS)))
    found: dict[float, list[LabelledRow]] = {}
    for row in rows:
        found.setdefault(math.floor(row.row.at / length) * length, []).append(row)
    return dict(sorted(found.items())), length


def _certain(
    asked: Asked, measurement: Measurement, sketches: dict[float, QualitySketch], length: float, min_labels: int
) -> Json:
    """`bound`: the best value that the labels still allow, and what it rests on, or why there is none."""
    quality = asked.contract.monitor.quality
    facts: Json = {"bound": None, "bound_reason": None, "evidence": None}
    if quality is None or not sketches or (quality.min is None and quality.max is None):
        return facts
    promoted = measurement.champion.promoted_at.timestamp()
    weight = weights(len(sketches), length, next(iter(sketches)) <= promoted + length)
    lower, limit = quality.min is not None, quality.min if quality.min is not None else quality.max
    ordered = list(sketches.values())
    everything = merged(ordered)
    named = asked.contract.problem.type not in ("regression", "clustering")
    if named and asked.metric not in OF_ONE_CLASS and _of_one_class(everything):
        # labels of one class often come first: what they say is not what all of them will
        facts["bound_reason"] = f"{ONE_CLASS}; those of others may still be to come"
        return facts
    found = favourable_bound(
        asked.metric,
        asked.online,
        ordered,
        weight,
        lower_limit=lower,
        min_labels=min_labels,
        business=asked.business,
    )
    if found is None:
        facts["bound_reason"] = without_bound(asked.metric, asked.online, everything, min_labels)
        return facts
    log_e = log_evidence(
        asked.metric, asked.online, ordered, weight, float(limit or 0.0), lower_limit=lower, business=asked.business
    )
    facts["bound"] = found.bound
    facts["evidence"] = {
        "method": found.method,
        "labels": found.rows,
        "alpha": ALPHA,
        "log_e": log_e,
        "log_limit": -math.log(ALPHA),
        "worse": found.bound < float(limit or 0.0) if lower else found.bound > float(limit or 0.0),
    }
    return facts


def _history(measurement: Measurement, asked: Asked, now: float, window: float, min_labels: int) -> Json:
    """The periods of the horizon, newest first, each with its own maturity; and all of them at one age."""
    labelled: dict[float, list[LabelledRow]] = {}
    answered: dict[float, list[float]] = {}
    for row in measurement.joined.rows:
        labelled.setdefault(math.floor(row.row.at / window) * window, []).append(row)
    for answer in measurement.answered:
        if of_champion(answer, measurement.champion):
            answered.setdefault(math.floor(answer.at / window) * window, []).append(answer.at)
    starts = sorted(answered, reverse=True)
    age = _equal_age(labelled, starts, now, window, min_labels)
    periods = []
    for start in starts[:SHOWN_PERIODS]:
        rows = labelled.get(start, [])
        maturity = maturity_of(answered[start], len(rows), now, measurement.curve)
        found: Json = {
            "from": _iso(start),
            "until": _iso(start + window),
            "requests": len(answered[start]),
            "labels": len(rows),
            "maturity": maturity,
            "mature": maturity is not None and maturity >= MATURE,
        }
        if len(rows) >= min_labels:
            found |= asked.figures(asked.sketch(rows))
        if age is not None and start + window + age <= now + 1e-6:
            early = [row for row in rows if row.delay <= age]
            if len(early) >= min_labels:
                found["value_at_equal_age"] = asked.online.value(asked.metric, asked.sketch(early))
        periods.append(found)
    return {"periods": periods, "periods_left_out": max(0, len(starts) - SHOWN_PERIODS), "equal_age_seconds": age}


def _equal_age(
    labelled: dict[float, list[LabelledRow]], starts: Sequence[float], now: float, window: float, min_labels: int
) -> float | None:
    """The age that all rows of the newest period with enough labels by then have reached."""
    for start in starts:
        age = now - start - window
        if age > 0 and sum(row.delay <= age for row in labelled.get(start, ())) >= min_labels:
            return age
    return None


def _uncounted(asked: Asked) -> str:
    if asked.metric == "mape":
        return "the answer is not a number, or the label is 0, of which no relative error is defined"
    wanted = {"number": "number", "score": "score"}.get(asked.online.part(asked.metric), "class of the target")
    return f"the answer has no {wanted}"


def _undefined(asked: Asked, sketch: QualitySketch) -> str:
    if asked.contract.problem.type == "regression":
        if _constant(asked, sketch):
            return f"all labels are the same number, for which {asked.metric} is not defined"
        return f"{asked.metric} of these labels and answers is beyond what a number can hold"
    return ONE_CLASS if _of_one_class(sketch) else f"{asked.metric} is not defined on these labels"


def _constant(asked: Asked, sketch: QualitySketch) -> bool:
    truth = asked.online.cells(asked.metric, sketch).truth
    return asked.metric == "r2" and bool((truth == truth[:1]).all())


def _of_one_class(sketch: QualitySketch) -> bool:
    part = sketch.cells.get("decision") or sketch.cells.get("score") or {}
    return len({str(key[0]) for key in part}) < 2


def _caution(asked: Asked, sketch: QualitySketch) -> str | None:
    """What the value alone does not say."""
    if asked.contract.problem.type in ("regression", "clustering"):
        return None
    if asked.metric == "precision" and not (asked.online.cells("precision", sketch).said == 1).any():
        return "no answer is positive: precision counts as 0"
    return ONE_CLASS if asked.metric not in OF_ONE_CLASS and _of_one_class(sketch) else None


def pair_of(row: LabelledRow, contract: Contract, classes: Sequence[str] = ()) -> Pair | None:
    """None for a label or an answer that is not of its kind. `classes`: of its probabilities, if it has any."""
    problem, answer = contract.problem.type, row.row
    if problem == "regression":
        label = finite(row.label)
        return None if label is None or answer.score is None else Pair(label, None, answer.score)
    if problem in ("multiclass", "clustering"):
        probabilities = named_probabilities(classes, answer.probabilities) if classes else None
        return Pair(category_text(row.label)[:200], answer.prediction, answer.score, probabilities)
    said: bool | None = None
    if answer.prediction is not None:
        if problem == "anomaly":
            # what is predicted is whether a row is flagged, whatever the labels are written like
            said = {"true": True, "false": False}.get(answer.prediction)
        else:
            said = _decision(answer.prediction, contract)
    return Pair(positive(row.label, contract), said, answer.score)


def _decision(prediction: str, contract: Contract) -> bool | None:
    kind = contract.data.columns[str(contract.problem.target)].type
    try:
        if parse_json(prediction, kind) is None:
            return None
        return is_positive(prediction, contract.problem.positive, kind)
    except ValueError:
        return None


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
