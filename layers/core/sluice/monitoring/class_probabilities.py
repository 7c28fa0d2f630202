"""The probabilities of all classes for captured rows, which an answer does not have: the serving model scores again.

Done only where `monitor.quality` asks for a metric that needs them. The archive is the one that was signed, and a row
counts only if the model gives it the class that was answered.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sluice.contract import Contract
from sluice.contract.metric_limits import OF_ALL_CLASSES
from sluice.errors import ArtifactError
from sluice.model.errors import InputError
from sluice.model.model import Model
from sluice.model.opening import opened
from sluice.model.values import category_text
from sluice.ports import Champion, ObjectStore, Signer
from sluice.serving.sealed_models import champion_archive, verified_archive
from sluice.watch.captures import Captured

MAX_ARCHIVE = 64 << 20
"""Bytes of an archive that the function's memory has room for, beside the answered rows."""
_AT_ONCE = 4_096


def wants_probabilities(contract: Contract) -> bool:
    quality = contract.monitor.quality
    return contract.problem.type == "multiclass" and quality is not None and quality.metric in OF_ALL_CLASSES


class ClassScorer:
    """The serving model. `classes`: their names, in the order of the probabilities."""

    def __init__(self, run_id: str, model: Model) -> None:
        self.run_id = run_id
        self.classes = tuple(category_text(each) for each in model.labels.classes)
        self._model = model

    def of(self, requests: Sequence[Captured]) -> dict[tuple[int, int], bytes]:
        """(place of the request, number of the row) → the probabilities, as float32.

        Of this model's answers alone: a row for which the model gives another class than the answer has is left out,
        and so is one that it cannot read. `labels_without_probabilities` of the report counts those with a label.
        """
        places: list[tuple[int, int]] = []
        rows, said = [], []
        for place, request in enumerate(requests):
            if request.replayed or request.model not in (None, self.run_id):
                continue
            for number, (row, answer) in enumerate(zip(request.rows, request.answers)):
                try:
                    rows.append(self._model.encoder.schema.typed_json(row))
                except InputError:
                    continue
                places.append((place, number))
                said.append(answer.get("prediction"))
        found: dict[tuple[int, int], bytes] = {}
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            scores = self._model.score(rows[part])
            for at, answered, best, probabilities in zip(
                places[part], said[part], scores.argmax(axis=1).tolist(), scores.astype("<f4"), strict=True
            ):
                if isinstance(answered, str | bool | int | float) and category_text(answered) == self.classes[best]:
                    found[at] = probabilities.tobytes()
        return found


def class_scorer(project: str, champion: Champion, *, objects: ObjectStore, signer: Signer) -> ClassScorer:
    """Raises ArtifactError for an archive that is not the signed one, or that is too large to be scored with here."""
    run_id, uri = champion_archive(champion)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        _, archive = verified_archive(project, run_id, uri, Path(scratch), objects=objects, signer=signer)
        size = archive.stat().st_size
        if size > MAX_ARCHIVE:
            raise ArtifactError(
                f"{uri} has {size >> 20} MB; the monitor scores with archives of up to {MAX_ARCHIVE >> 20} MB. Let "
                "monitor.quality watch a metric of the predicted class, such as macro_f1"
            )
        opened(archive, folder)
        return ClassScorer(run_id, Model.load(folder, exact=True))


def named_probabilities(classes: Sequence[str], probabilities: bytes | None) -> dict[str, float] | None:
    """Class → probability of a row; None where they are not known."""
    if probabilities is None or len(probabilities) != 4 * len(classes):
        return None
    return dict(zip(classes, np.frombuffer(probabilities, "<f4").astype(float).tolist(), strict=True))
