"""The delayed labels of a measurement: which row of the serving model has which label, and how many are still to come.

The register lies in `monitor/<project>/labels/<day>.jsonl.gz`: a line for each labelled row of the requests of a day,
with every label that it was given. It is a function of the accepted label files and of the captures, so two
measurements at once write the same, and the next one completes what one that died left undone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sluice import keys
from sluice.contract.durations import seconds
from sluice.datasets.late_labels import late_labels
from sluice.errors import ArtifactError, DamagedRecordError
from sluice.model.errors import ArtifactError as DamagedArtifactError
from sluice.monitoring.answers import answered_since
from sluice.monitoring.class_probabilities import ClassScorer, class_scorer, wants_probabilities
from sluice.monitoring.measurement import Measurement
from sluice.ports import Champion, Clock, Metric, ObjectStore, Signer
from sluice.store.run_records import stored_json, write_json
from sluice.watch.answers import Answered
from sluice.watch.label_register import LabelledRow, join_labels
from sluice.watch.maturity import maturity_curve


def measure_labels(measurement: Measurement, *, objects: ObjectStore, signer: Signer, clock: Clock) -> list[Metric]:
    contract = measurement.contract
    found = late_labels(contract, objects=objects, clock=clock)
    measurement.labels = found.labels
    measurement.report["labels"] = found.to_json()
    measurement.problems |= found.problems
    if not found.given:
        return []
    now, within = clock.now(), seconds(contract.monitor.labels_within)
    # a window ends where labels are mature, at most `within` ago; whole days, so that a day never loses rows
    back = timedelta(seconds=within + seconds(contract.monitor.window))
    since = (now - back).replace(hour=0, minute=0, second=0, microsecond=0)
    scorer = _scorer(measurement, objects=objects, signer=signer)
    answered = answered_since(since, contract, scorer, objects=objects)
    measurement.problems |= answered.problems(contract.monitor.labels_within)
    joined = join_labels(found.given, answered.rows, lambda row: of_champion(row, measurement.champion), within)
    waiting = (now.timestamp() - row.at for place, row in enumerate(answered.rows) if place not in joined.delays)
    measurement.answered, measurement.joined = answered.rows, joined
    measurement.curve = maturity_curve(joined.delays.values(), (max(0.0, age) for age in waiting))
    measurement.report["labels"] |= {
        **joined.counts(),
        "requests_since": since.isoformat(),
        "answered_rows": len(answered.rows),
        "rows_without_a_name": answered.nameless,
        "maturity": measurement.curve.to_json(),
    }
    _write_register(measurement.project, joined.rows, objects=objects)
    return []


def _scorer(measurement: Measurement, *, objects: ObjectStore, signer: Signer) -> ClassScorer | None:
    """None where no metric needs it, or where the model cannot be used: then its problem says why."""
    if not wants_probabilities(measurement.contract):
        return None
    try:
        scorer = class_scorer(measurement.project, measurement.champion, objects=objects, signer=signer)
    except (ArtifactError, DamagedArtifactError) as error:
        measurement.problems["probabilities of all classes"] = str(error)
        return None
    measurement.classes = scorer.classes
    return scorer


def of_champion(row: Answered, champion: Champion) -> bool:
    """Whether the serving model gave this answer. Captures tell whole seconds: that of the promotion counts."""
    return (
        row.variant == champion.variant
        # a fleet that was swapped and swapped back had the champion's variant name
        and row.model in (None, champion.run_id)
        and row.at >= champion.promoted_at.replace(microsecond=0).timestamp()
    )


def _write_register(project: str, rows: Sequence[LabelledRow], *, objects: ObjectStore) -> None:
    """Writes the days that have changed."""
    days: dict[str, list[str]] = {}
    for row in rows:
        day = datetime.fromtimestamp(row.row.at, UTC).date().isoformat()
        days.setdefault(day, []).append(json.dumps(row.entry(), ensure_ascii=False, sort_keys=True))
    index = keys.monitor(project, "labels", "index.json")
    try:
        known = stored_json(index, {}, objects=objects)
    except DamagedRecordError:
        known = {}
    marks = dict(known) if isinstance(known, dict) else {}
    for day, lines in days.items():
        body = "\n".join(lines).encode()
        mark = hashlib.sha256(body).hexdigest()
        if marks.get(day) != mark:
            key = keys.monitor(project, "labels", f"{day}.jsonl.gz")
            objects.write(key, gzip.compress(body, 6, mtime=0), "application/gzip")
            marks[day] = mark
    if marks != known:
        write_json(index, marks, objects=objects)
