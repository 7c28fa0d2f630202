"""What a training job is given: the contract, and the typed rows of train and validation with their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import choosing
import numpy as np
import preparing

from channels import read_contract, read_rows
from families import Family, Sample, Task
from families.objectives import relative_weights
from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.labels import SUPPORTED, Labels
from sluice.model.schema import Schema, Value

Rows = list[dict[str, Value]]


@dataclass(frozen=True)
class ProjectData:
    """`y` and `y_validation` are class indices or values; the classes are those of the rows of train."""

    contract: Mapping[str, Any]
    schema: Schema
    labels: Labels
    rows: Rows
    y: np.ndarray
    validation: Rows
    y_validation: np.ndarray
    choices: dict[str, choosing.Choice] = field(default_factory=dict, compare=False, repr=False)
    """Family → the preparation that `features.preparation: auto` has chosen for it: once, on the rows of train."""
    window: dict[str, Any] | None = None
    """How one of several windows of `retrain.window` was chosen; the rows are those of that window."""

    @classmethod
    def read(cls, contract: Path, train: Path, validation: Path) -> ProjectData:
        """All rows of the channels' files, of which `windows.read` chooses. Raises ModelError, DataError."""
        known = read_contract(contract)
        problem = known["problem"]
        if problem.get("type") not in SUPPORTED:
            raise ModelError(
                f"problem type {problem.get('type')!r} cannot be trained yet; supported: {', '.join(SUPPORTED)}. "
                "Change problem.type in project.yaml"
            )
        schema = Schema.from_contract(known)
        needed = {problem["target"]}
        rows = read_rows(train, schema, "train", needed=needed)
        held_out = read_rows(validation, schema, "validation", needed=needed)
        return cls._of(known, schema, rows, held_out)

    def only(self, kept: np.ndarray) -> ProjectData:
        """With the rows at which `kept` is true: those of train first, then those of validation."""
        known, held_out = kept[: len(self.rows)], kept[len(self.rows) :]
        return self._of(
            self.contract,
            self.schema,
            [row for row, keep in zip(self.rows, known) if keep],
            [row for row, keep in zip(self.validation, held_out) if keep],
        )

    @classmethod
    def _of(cls, contract: Mapping[str, Any], schema: Schema, rows: Rows, validation: Rows) -> ProjectData:
        labels = Labels.fit(contract, rows, "channel train")
        y, y_validation = labels.encode(rows, "channel train"), labels.encode(validation, "channel validation")
        return cls(contract, schema, labels, rows, y, validation, y_validation)

    @property
    def training(self) -> Mapping[str, Any]:
        """`training` of the contract; a contract from before a key has none, hence `.get` with the default."""
        return self.contract.get("training") or {}

    @property
    def task(self) -> Task:
        seed = int(self.training.get("seed") or 0)
        return Task(self.labels.problem, len(self.labels.classes), self.contract["problem"]["metric"], seed)

    @property
    def group(self) -> tuple[str, ...]:
        """Columns whose values keep rows together: `data.split.group`."""
        return tuple((self.contract["data"].get("split") or {}).get("group") or ())

    @property
    def all_rows(self) -> tuple[Rows, np.ndarray]:
        """Rows and targets of train, then those of validation."""
        return [*self.rows, *self.validation], np.concatenate([self.y, self.y_validation])

    def prepared(self, family: Family, rows: Rows, y: np.ndarray) -> tuple[Encoder, Sample]:
        """An encoder fitted on the rows that the family's model is going to be fitted on, and on no others, and these
        rows as the family learns from them: with what was learned from the target out of fold, and weighted."""
        features, chosen = self._features(family)
        encoder, sample = preparing.prepared(family, self.schema, features, rows, y, self.task, self.group)
        if chosen:
            encoder.report["preparations"] = [{"family": family.name, **chosen}]
        return encoder, sample._replace(weight=self.weights(sample.y))

    def _features(self, family: Family) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """How columns are prepared for the family, and what is reported of the choice, if there was one."""
        features = self.contract.get("features") or {}
        if features.get("preparation") != "auto" or not family.uses_learned_columns:
            return features, {}
        if family.name not in self.choices:
            business = self.contract.get("business")
            self.choices[family.name] = choosing.choose(
                family, self.schema, features, self.rows, self.y, self.task, business, self.group
            )
        return self.choices[family.name]

    def sample(self, family: Family, encoder: Encoder, rows: Sequence[Mapping[str, Value]], y: np.ndarray) -> Sample:
        """Other rows than those that the encoder was fitted on, weighted as the contract's metric is."""
        return preparing.sample_of(family, encoder, rows, y)._replace(weight=self._relative(y))

    def weights(self, y: np.ndarray) -> np.ndarray | None:
        """None: every row counts the same. Else the mean is 1.

        `balanced`: every class has the same weight in sum. A relative error (mape) counts 1 / |y|, and no row of 0.
        """
        if self.training.get("class_weights", "none") != "balanced" or not self.labels.classes:
            return self._relative(y)
        counts = np.bincount(y, minlength=len(self.labels.classes))
        share = len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        weight: np.ndarray = share[y]
        return weight

    def _relative(self, y: np.ndarray) -> np.ndarray | None:
        if self.task.metric != "mape" or not np.any(y):
            return None
        weight = relative_weights(y)
        return weight / weight.mean()
