"""Typed rows → float64 matrix: the one encoder of training and serving.

A column takes one or several forms (`preparation.forms`), each of which writes one value or a whole column to the same
bits, so that a served number equals the trained one. After them come interactions (`features.interactions`: products
of the first MAX_INTERACTING number columns, pairwise), the scores of texts, and steps over the whole matrix
(`preparation.matrix`). The terms of text columns are sparse columns beside the matrix (`terms`). State is plain JSON,
and arrays for what is too large for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.errors import ModelError
from sluice.model.preparation.base import LARGEST, NAN
from sluice.model.preparation.categories import of_today, out_of_fold
from sluice.model.preparation.forms import form_of
from sluice.model.preparation.matrix import Stage, stage_arrays, stages_of
from sluice.model.preparation.options import Targets, check, parts_of
from sluice.model.preparation.seasons import fit_seasonal
from sluice.model.preparation.terms import Terms
from sluice.model.preparation.text import Texts, TextScores, Vocabulary
from sluice.model.schema import Row, Schema
from sluice.model.shortening import listed

MAX_INTERACTING = 12
_MULTIPLIED = ("number", "prepared")
_FEW = 8
"""Fewer rows are written value by value, more of them column by column."""


class Encoder:
    """`parts` is one JSON object for each form of a column, in the order of the features; `texts` and `stages` are what
    is learned of text columns and over the whole matrix. `report` is what the job that fitted it reports."""

    def __init__(
        self,
        schema: Schema,
        parts: Sequence[Mapping[str, Any]],
        interactions: Sequence[Sequence[int]],
        texts: Texts | None = None,
        stages: Sequence[Stage] = (),
        report: Mapping[str, Any] | None = None,
    ) -> None:
        self.schema = schema
        self.report = dict(report or {})
        self.parts = [of_today(part) for part in parts]
        self.interactions = [(int(a), int(b)) for a, b in interactions]
        self.texts, self.stages = texts, list(stages)
        self.forms = [form_of(part) for part in self.parts]
        offsets = np.cumsum([0, *(form.width for form in self.forms)]).tolist()
        self._placed = list(zip(self.forms, offsets))
        self._plain_width = offsets[-1]
        self._scored = self._plain_width + len(self.interactions)
        self._before_stages = self._scored + (len(texts.scores.names) if texts and texts.scores else 0)
        self.width = len(self.names) if self.stages else self._before_stages

    @classmethod
    def fit(
        cls,
        schema: Schema,
        features: Mapping[str, Any],
        rows: Sequence[Row],
        *,
        encoding: str = "one-hot",
        targets: Targets | None = None,
    ) -> Encoder:
        """Learn what the contract's `features` ask for; where they leave it open, what suits the family's `encoding`:
        "one-hot", "ordinal", or "space" (one-hot, for a space of distances). `targets` are those of the rows: without
        them nothing is learned from the target.

        Raises ModelError on options that fit no column.
        """
        check(features, schema.types)
        parts: list[dict[str, Any]] = []
        vocabularies: dict[str, Vocabulary] = {}
        for name in schema.features:
            values: list[Any] = [row.get(name) for row in rows]
            if name == schema.seasonal:
                parts.append(fit_seasonal(name, values, encoding))
                continue
            parts += parts_of(name, schema.types[name], values, features, encoding, targets)
            if parts[-1]["kind"] == "terms":
                texts = [str(value) for value in values if value is not None]
                vocabularies[name], parts[-1]["learnt"] = Vocabulary.fit(texts)
        if schema.features == (schema.seasonal,) and not parts[0]["units"]:
            raise ModelError(
                f"contract: {schema.seasonal!r} is the only feature, and no part of it repeats in the training rows "
                f"(features.time: seasonal): {listed(list(parts[0]['left_out'].values()), 3, between='; ')}. "
                "Bring more rows, or name another column"
            )
        interactions: list[tuple[int, int]] = []
        if features.get("interactions"):
            offsets, offset = [], 0
            for part in parts:
                if part["kind"] in _MULTIPLIED:
                    offsets.append(offset)
                offset += form_of(part).width
            offsets = offsets[:MAX_INTERACTING]
            interactions = [(a, b) for i, a in enumerate(offsets) for b in offsets[i + 1 :]]
        return cls(schema, parts, interactions, Texts(vocabularies) if vocabularies else None)

    def with_scores(self, scores: TextScores) -> Encoder:
        """The same encoder with the scores of texts behind its other columns."""
        if self.texts is None or self.stages:
            raise ModelError("scores of texts need a text column, and come before the steps over the matrix")
        texts = Texts(self.texts.vocabularies, scores)
        return Encoder(self.schema, self.parts, self.interactions, texts, report=self.report)

    def with_stages(self, stages: Sequence[Stage]) -> Encoder:
        """The same encoder with steps over the whole matrix behind those that it has."""
        return Encoder(self.schema, self.parts, self.interactions, self.texts, [*self.stages, *stages], self.report)

    def terms(self, rows: Sequence[Row]) -> Terms | None:
        """The terms of the text columns, sparse, shape (rows, terms); None without text columns."""
        return None if self.texts is None else self.texts.terms(rows)

    def encode(self, rows: Sequence[Row], terms: Terms | None = None, scores: np.ndarray | None = None) -> np.ndarray:
        """Shape (rows, width), float64, C order; missing numbers are NaN. `terms` of the rows and `scores` of their
        texts, if they are known."""
        return self._staged(self._matrix(rows, terms, scores))

    def encode_out_of_fold(self, rows: Sequence[Row], targets: Targets, fold: np.ndarray) -> np.ndarray:
        """The rows that the encoder was fitted on, for the family to learn from: what a row has of the target comes
        from the rows of the other folds (`fold`: a number for each row)."""
        matrix = self._matrix(rows)
        for part, (form, at) in zip(self.parts, self._placed):
            if part["kind"] == "target":
                values: list[Any] = [row.get(part["column"]) for row in rows]
                matrix[:, at : at + form.width] = out_of_fold(part, values, targets.values, fold)
        return self._staged(matrix)

    def _staged(self, matrix: np.ndarray) -> np.ndarray:
        for stage in self.stages:
            matrix = stage(matrix)
        return matrix

    def _matrix(self, rows: Sequence[Row], terms: Terms | None = None, scores: np.ndarray | None = None) -> np.ndarray:
        matrix = self._by_row(rows) if len(rows) < _FEW else self._by_column(rows)
        if self.texts is not None and self.texts.scores is not None:
            if scores is None:
                scores = self.texts.scores(self.texts.terms(rows) if terms is None else terms)
            matrix[:, self._scored :] = scores
        return matrix

    def _by_row(self, rows: Sequence[Row]) -> np.ndarray:
        template = [0.0] * self._before_stages
        encoded = []
        for row in rows:
            out = template.copy()
            for form, at in self._placed:
                form.write(row.get(form.column), out, at)
            for i, (a, b) in enumerate(self.interactions, self._plain_width):
                product = out[a] * out[b]
                out[i] = product if math.isfinite(product) and abs(product) < LARGEST else NAN
            encoded.append(out)
        return np.array(encoded, dtype=np.float64).reshape(len(rows), self._before_stages)

    def _by_column(self, rows: Sequence[Row]) -> np.ndarray:
        matrix = np.zeros((len(rows), self._before_stages))
        name, values = "", []
        for form, at in self._placed:
            if form.column != name:
                name, values = form.column, [row.get(form.column) for row in rows]
            form.fill(values, matrix[:, at : at + form.width])
        with np.errstate(over="ignore"):
            for i, (a, b) in enumerate(self.interactions, self._plain_width):
                product = matrix[:, a] * matrix[:, b]
                matrix[:, i] = np.where(np.abs(product) < LARGEST, product, NAN)
        return matrix

    @property
    def left_out(self) -> dict[str, Any]:
        """What training saw and the matrix does not tell apart, for the evaluation.

        `grouped`: column → its categories that became "other", and their training rows; `alike`: column → its
        categories with several spellings that count as one; `limited`: column → training values beyond the outlier
        limits; `without_interactions`: number columns beyond the MAX_INTERACTING that are multiplied. A model of before
        has no counts of grouped categories.
        """
        numbers = [part["column"] for part in self.parts if part["kind"] in _MULTIPLIED]
        return {
            "grouped": self._grouped(),
            "alike": {part["column"]: part["alike"] for part in self.parts if part.get("alike")},
            "limited": {part["column"]: part["limited"] for part in self.parts if part.get("limited")},
            "without_interactions": numbers[MAX_INTERACTING:] if self.interactions else [],
            "texts": {part["column"]: part["learnt"] for part in self.parts if "learnt" in part},
            "forms": self._kinds(),
            "seasons": {
                part["column"]: {"used": part["units"], "left_out": part["left_out"]}
                for part in self.parts
                if "units" in part
            },
            **self.report,
        }

    def _grouped(self) -> dict[str, dict[str, int]]:
        """By the first form of a column: means and shares behind it know more categories."""
        found: dict[str, dict[str, int]] = {}
        seen: set[str] = set()
        for part in self.parts:
            if part["column"] not in seen and "grouped" in part:
                found[part["column"]] = part["grouped"]
            seen.add(part["column"])
        return found

    def _kinds(self) -> dict[str, list[str]]:
        """Column → the forms that it takes."""
        found: dict[str, list[str]] = {}
        for part in self.parts:
            found.setdefault(part["column"], []).append(part["kind"])
        return found

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """(offset, width) of the groups of columns of which every row has exactly one at 1, the others at 0."""
        if self.stages:
            return []
        return [(at, form.width) for form, at in self._placed if form.kind in ("category", "bins")]

    @property
    def codes(self) -> tuple[int, ...]:
        """The columns that number categories; none where steps over the whole matrix make other columns of them."""
        return () if self.stages else tuple(at for form, at in self._placed if form.kind == "ordinal")

    @property
    def widths(self) -> list[tuple[dict[str, Any], int]]:
        """The parts in order, each with its number of matrix columns before the steps over the matrix."""
        return [(part, form.width) for part, form in zip(self.parts, self.forms)]

    @property
    def names(self) -> list[str]:
        """One readable name per matrix column."""
        plain = [name for form in self.forms for name in form.names]
        names = plain + [f"{plain[a]}*{plain[b]}" for a, b in self.interactions]
        if self.texts and self.texts.scores:
            names += [f"text:score[{name}]" for name in self.texts.scores.names]
        for stage in self.stages:
            names = stage.names(names)
        return names

    def to_json(self) -> dict[str, Any]:
        state = {
            "schema": self.schema.to_json(),
            "parts": self.parts,
            "interactions": [list(pair) for pair in self.interactions],
        }
        if self.texts and self.texts.scores:
            state["scores"] = self.texts.scores.names
        if self.stages:
            state["stages"] = [stage.to_json() for stage in self.stages]
        if self.report:
            state["report"] = self.report
        return state

    def arrays(self, place: int = 0) -> dict[str, np.ndarray]:
        """The part of the state that is not JSON, named `e<place>_<name>` as in an artefact."""
        found = {**(self.texts.arrays() if self.texts else {}), **stage_arrays(self.stages)}
        return {f"e{place}_{name}": array for name, array in found.items()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> Encoder:
        """`arrays` have no prefix. Raises KeyError, ValueError where they are absent or do not fit the state."""
        arrays = arrays or {}
        terms = {part["column"]: int(part["learnt"]["terms"]) for part in state["parts"] if part["kind"] == "terms"}
        texts = Texts.from_state(terms, state.get("scores") or [], arrays) if terms else None
        stages = stages_of(state.get("stages") or [], arrays)
        schema = Schema.from_json(state["schema"])
        return cls(schema, state["parts"], state["interactions"], texts, stages, state.get("report"))
