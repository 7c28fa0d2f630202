"""A trained model: encoders, scorers and labels, loaded from an artefact.

Most models have one encoder and one scorer. An ensemble (format 2) has `encoders` and `members` instead, each member
with the number of its encoder, its scorer and its weight; arrays of member i are named `m<i>_<name>`. Its answer is the
weighted mean of its members' answers. Arrays of encoder i are named `e<i>_<name>` in both.

A classifier may have a `calibration` of its probabilities, and a binary one the `threshold` from which `prediction` is
the positive class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sluice.model import artifact
from sluice.model.calibration import Calibration
from sluice.model.columns import ColumnReader
from sluice.model.encoder import Encoder
from sluice.model.errors import ArtifactError
from sluice.model.labels import Labels
from sluice.model.metrics import THRESHOLD
from sluice.model.request_fields import RequestFields
from sluice.model.schema import Row
from sluice.model.scorers import BoostingScorer, CategoryBoostingScorer, ForestScorer, Scorer, build_scorer, uses_terms
from sluice.model.table_rows import TableReader, TableRows


class Answers(NamedTuple):
    """For each row a prediction and, but for regression, its probability; `called` is "score" for an anomaly's."""

    predictions: list[Any]
    probabilities: list[float] | None
    called: str = "probability"

    def records(self) -> list[dict[str, Any]]:
        if self.probabilities is None:
            return [{"prediction": value} for value in self.predictions]
        return [{"prediction": value, self.called: p} for value, p in zip(self.predictions, self.probabilities)]


class Member(NamedTuple):
    """`encoder` is its place in `Model.encoders`."""

    encoder: int
    scorer: Scorer
    weight: float


class Model:
    """Raises ArtifactError when state and arrays do not fit together."""

    def __init__(self, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], artifact_sha256: str = "") -> None:
        try:
            self.encoders = [
                Encoder.from_json(encoder, _named(f"e{place}_", arrays))
                for place, encoder in enumerate(state.get("encoders") or [state["encoder"]])
            ]
            self.encoder = self.encoders[0]
            self.labels = Labels.from_json(state["labels"])
            self.family = str(state["family"])
            self.run_id = str(state["run_id"])
            self.problem: dict[str, Any] = dict(state["problem"])
            self.training: dict[str, Any] = dict(state.get("training") or {})
            self.members = self._members(state, arrays)
            self.calibration = Calibration.from_json(state.get("calibration"))
            self.threshold = float(state.get("threshold", THRESHOLD))
            """`prediction` is the positive class from this probability on."""
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json is incomplete: {error}") from error
        self._texts = self._shared_texts()
        self._scores = self._shared_scores()
        self.fields = RequestFields(self.encoder.schema)
        self.columns = ColumnReader(self.encoder) if len(self.members) == 1 else None
        self.reader = self._direct()
        self.artifact_sha256 = artifact_sha256

    @classmethod
    def load(cls, folder: Path, *, exact: bool = False) -> Model:
        """Verify the manifest and load. Raises ArtifactError."""
        return cls(*artifact.load(folder, exact=exact))

    def _members(self, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Member]:
        if "members" not in state:
            return [Member(0, build_scorer(arrays, {**state["scorer"], "blocks": self.encoder.blocks}), 1.0)]
        found = []
        for place, each in enumerate(state["members"]):
            at, weight = int(each["encoder"]), float(each["weight"])
            own = _named(f"m{place}_", arrays)
            found.append(Member(at, build_scorer(own, {**each["scorer"], "blocks": self.encoders[at].blocks}), weight))
        if not found or not all(member.weight > 0 for member in found):
            raise ValueError("an ensemble has members, each with a weight above 0")
        return found

    def _shared_texts(self) -> dict[int, int]:
        """Encoder whose terms are used → the first one that gives the same terms."""
        found: dict[int, int] = {}
        for at, encoder in enumerate(self.encoders):
            weighed = any(member.encoder == at and uses_terms(member.scorer) for member in self.members)
            texts = encoder.texts
            if texts is None or not (weighed or texts.scores):
                continue
            same = (k for k in found.values() if (other := self.encoders[k].texts) and texts.reads_as(other))
            found[at] = next(same, at)
        return found

    def _shared_scores(self) -> dict[int, int]:
        """Encoder with scores of texts → the first one with the same terms and the same scores."""
        found: dict[int, int] = {}
        for at, encoder in enumerate(self.encoders):
            if encoder.texts is None or encoder.texts.scores is None:
                continue
            own, alike = encoder.texts.scores, (k for k in found.values() if self._texts[k] == self._texts[at])
            same = (k for k in alike if (texts := self.encoders[k].texts) and texts.scores and own.same(texts.scores))
            found[at] = next(same, at)
        return found

    @property
    def scorer(self) -> Scorer:
        """The only scorer of a model. Raises TypeError."""
        if len(self.members) != 1:
            raise TypeError("an ensemble has a scorer for each of its members")
        return self.members[0].scorer

    def _direct(self) -> TableReader | None:
        """What reads JSON straight to the scorer's tables, where the scorer has tables and the encoder is plain."""
        scorer = self.members[0].scorer
        if (
            len(self.members) != 1
            or not isinstance(scorer, BoostingScorer)
            or scorer.tables is None
            or scorer.outputs > 1
        ):
            return None
        return TableReader.build(self.encoder, scorer.tables)

    @property
    def serving(self) -> str:
        """How it answers, for reports: "compiled" (trees looked up in tables), "walked" (trees that fit no table: as
        exact, slower) or "arithmetic" (no trees)."""
        kinds = BoostingScorer | CategoryBoostingScorer | ForestScorer
        trees = [member.scorer for member in self.members if isinstance(member.scorer, kinds)]
        if not trees:
            return "arithmetic"
        return "walked" if any(scorer.tables is None for scorer in trees) else "compiled"

    def score(self, rows: Sequence[Row]) -> np.ndarray:
        """Probabilities (rows, classes), or values (rows,) for regression."""
        # texts are read once for all encoders that know the same terms
        known = {at: self.encoders[at].terms(rows) for at in set(self._texts.values())}
        terms = [known.get(self._texts.get(at, -1)) for at in range(len(self.encoders))]
        # and so are their scores
        scored: dict[int, np.ndarray] = {}
        for at in set(self._scores.values()):
            texts, of_texts = self.encoders[at].texts, terms[at]
            if texts and texts.scores and of_texts is not None:
                scored[at] = texts.scores(of_texts)
        matrices = [
            encoder.encode(rows, terms[at], scored.get(self._scores.get(at, -1)))
            for at, encoder in enumerate(self.encoders)
        ]
        answers = [
            scorer(matrices[at], terms[at]) if uses_terms(scorer) else scorer(matrices[at])
            for at, scorer, _ in self.members
        ]
        if len(answers) == 1:
            return self.calibrated(answers[0])
        total = sum(member.weight for member in self.members)
        weighted = (answer * (member.weight / total) for answer, member in zip(answers, self.members))
        return self.calibrated(reduce(np.add, weighted))

    def score_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """`score` of rows that `columns` has encoded, for a model with one encoder. Raises TypeError."""
        return self.calibrated(self.scorer(matrix))

    def calibrated(self, scores: np.ndarray) -> np.ndarray:
        return scores if self.calibration is None else self.calibration(scores)

    @property
    def left_out(self) -> dict[str, Any]:
        """`Encoder.left_out` of every encoder together: where two name the same column, the first one's word counts."""
        found: dict[str, Any] = {}
        for encoder in self.encoders:
            for name, value in encoder.left_out.items():
                known = found.get(name)
                if isinstance(value, dict) and isinstance(known, dict):
                    found[name] = {**value, **known}
                elif isinstance(value, list) and isinstance(known, list):
                    found[name] = [*known, *(each for each in value if each not in known)]
                else:
                    found.setdefault(name, value)
        return found

    def predict(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """One answer a row: {"prediction", "probability"}; regression has "prediction" only, an anomaly a "score".

        Binary: `probability` is that of the positive class. Multiclass: that of the predicted class. Clustering: the
        row's share of the predicted segment. Anomaly: 0.5 is the limit from which a row is flagged.
        """
        return self.answers(self.score(rows)).records() if rows else []

    def direct(self, read: TableRows) -> Answers:
        """`answers` of what `reader` has read."""
        scorer = self.scorer
        if not isinstance(scorer, BoostingScorer) or scorer.tables is None:
            raise TypeError("this model has no tables")
        if read.records != 1:
            return self.answers(self.calibrated(scorer.of_many(scorer.tables, read.many, read.records)))
        value = scorer.of_one(scorer.tables.places_of_one(read.one))
        if self.labels.problem == "regression":
            return Answers([value], None)
        if self.calibration is not None:
            value = self.calibration.of_one(value)
        return Answers([self.labels.classes[value >= self.threshold]], [value])

    def answers(self, scores: np.ndarray) -> Answers:
        """What `predict` says, from the scores on."""
        classes = self.labels.classes
        if self.labels.problem == "regression":
            return Answers(scores.tolist(), None)
        if self.labels.problem in ("binary", "anomaly"):
            probabilities = scores[:, 1].tolist()
            threshold = self.threshold
            called = "probability" if self.labels.problem == "binary" else "score"
            return Answers([classes[p >= threshold] for p in probabilities], probabilities, called)
        best = scores.argmax(axis=1)
        return Answers([classes[k] for k in best.tolist()], scores[np.arange(len(best)), best].tolist())


def _named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of one encoder or member, without their prefix."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
