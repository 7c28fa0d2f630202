"""Typed rows → float64 matrix: the one encoder of training and serving.

Every value takes the same scalar path whether one row is encoded or a million, so that a served number equals the
trained one to the last bit. State is plain JSON, and arrays for texts. Output columns per contract column:

number, integer   the value (NaN = missing); `features.log`: sign(x)·log1p(|x|); `features.bins`: one-hot quantile
                  bins and a missing column instead of the value
boolean           0, 1, NaN
category          one-hot over the training vocabulary, then "other" (rare and unseen), then "missing"
text              a few measures of each text; its terms are sparse columns beside the matrix (`terms`), or behind it
                  the scores of a linear model on the terms. Models of before count tokens in TEXT_WIDTH buckets instead
timestamp         hour, weekday (Monday 0), month, days since the earliest training value; NaN when missing
interactions      `features.interactions`: products of the first MAX_INTERACTING plain number columns, pairwise
"""

from __future__ import annotations

import math
import re
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sluice.model.errors import ModelError
from sluice.model.preparation.terms import Terms
from sluice.model.preparation.text import MEASURES, Texts, TextScores, Vocabulary, measures
from sluice.model.schema import Row, Schema
from sluice.model.values import PLAIN, Reading, category_text, parse_text

MAX_CATEGORIES = 50
MIN_CATEGORY_ROWS = 5
TEXT_WIDTH = 32
MAX_INTERACTING = 12
_NAN = math.nan
_TOKEN = re.compile(r"\w+")

Writer = Callable[[Any, list[float]], None]


class Encoder:
    """`parts` is one JSON object per feature with its kind and what training taught it; `texts` is what is learnt of
    text columns, whose arrays are apart from the JSON state."""

    def __init__(
        self,
        schema: Schema,
        parts: Sequence[Mapping[str, Any]],
        interactions: Sequence[Sequence[int]],
        texts: Texts | None = None,
    ) -> None:
        self.schema = schema
        self.parts = [_of_today(part) for part in parts]
        self.interactions = [(int(a), int(b)) for a, b in interactions]
        self._plain_width = sum(_width(part) for part in self.parts)
        self.texts = texts
        self._scored = self._plain_width + len(self.interactions)
        self.width = self._scored + (len(texts.scores.names) if texts and texts.scores else 0)
        self._writers: list[tuple[str, Writer]] = []
        offset = 0
        for part in self.parts:
            self._writers.append((part["column"], _WRITERS[part["kind"]](part, offset)))
            offset += _width(part)

    @classmethod
    def fit(cls, schema: Schema, features: Mapping[str, Any], rows: Sequence[Row]) -> Encoder:
        """Learn vocabularies, bin edges and time origins. Raises ModelError on options that fit no column."""
        log, bins = set(features.get("log") or ()), dict(features.get("bins") or {})
        for option, names in (("log", log), ("bins", bins)):
            for name in names:
                if schema.types.get(name) not in ("number", "integer"):
                    raise ModelError(f"contract: features.{option} names {name!r}, which is not a number column")
        parts, vocabularies = [], {}
        for name in schema.features:
            values = [value for row in rows if (value := row.get(name)) is not None]
            part = _fit_part(name, schema.types[name], values, name in log, bins.get(name))
            if part["kind"] == "terms":
                vocabularies[name], part["learnt"] = Vocabulary.fit([str(value) for value in values])
            parts.append(part)
        interactions: list[tuple[int, int]] = []
        if features.get("interactions"):
            offsets, offset = [], 0
            for part in parts:
                if part["kind"] == "number":
                    offsets.append(offset)
                offset += _width(part)
            offsets = offsets[:MAX_INTERACTING]
            interactions = [(a, b) for i, a in enumerate(offsets) for b in offsets[i + 1 :]]
        return cls(schema, parts, interactions, Texts(vocabularies) if vocabularies else None)

    def with_scores(self, scores: TextScores) -> Encoder:
        """The same encoder with the scores of texts behind its other columns."""
        if self.texts is None:
            raise ModelError("scores of texts need a text column")
        return Encoder(self.schema, self.parts, self.interactions, Texts(self.texts.vocabularies, scores))

    def terms(self, rows: Sequence[Row]) -> Terms | None:
        """The terms of the text columns, sparse, shape (rows, terms); None without text columns."""
        return None if self.texts is None else self.texts.terms(rows)

    def encode(self, rows: Sequence[Row]) -> np.ndarray:
        """Shape (rows, width), float64, C order; missing numbers are NaN."""
        template = [0.0] * self.width
        encoded = []
        for row in rows:
            out = template.copy()
            for name, write in self._writers:
                write(row.get(name), out)
            for i, (a, b) in enumerate(self.interactions, self._plain_width):
                product = out[a] * out[b]
                out[i] = product if math.isfinite(product) and abs(product) < 3.0e38 else _NAN
            encoded.append(out)
        matrix = np.array(encoded, dtype=np.float64).reshape(len(rows), self.width)
        if self.texts is not None and self.texts.scores is not None:
            matrix[:, self._scored :] = self.texts.scores(self.texts.terms(rows))
        return matrix

    @property
    def left_out(self) -> dict[str, Any]:
        """What training saw and the matrix does not tell apart, for the evaluation.

        `grouped`: column → its categories that became "other", and their training rows; `without_interactions`: number
        columns beyond the MAX_INTERACTING that are multiplied. A model of before has no counts of grouped categories.
        """
        numbers = [part["column"] for part in self.parts if part["kind"] == "number"]
        return {
            "grouped": {part["column"]: part["grouped"] for part in self.parts if "grouped" in part},
            "without_interactions": numbers[MAX_INTERACTING:] if self.interactions else [],
            "texts": {part["column"]: part["learnt"] for part in self.parts if "learnt" in part},
        }

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """(offset, width) of the groups of columns of which every row has exactly one at 1, the others at 0."""
        found, offset = [], 0
        for part, width in self.widths:
            if part["kind"] in ("category", "bins"):
                found.append((offset, width))
            offset += width
        return found

    @property
    def widths(self) -> list[tuple[dict[str, Any], int]]:
        """The parts in order, each with its number of matrix columns."""
        return [(part, _width(part)) for part in self.parts]

    @property
    def names(self) -> list[str]:
        """One readable name per matrix column."""
        plain = [name for part in self.parts for name in _names(part)]
        crossed = [f"{plain[a]}*{plain[b]}" for a, b in self.interactions]
        scores = self.texts.scores.names if self.texts and self.texts.scores else []
        return plain + crossed + [f"text:score[{name}]" for name in scores]

    def to_json(self) -> dict[str, Any]:
        state = {
            "schema": self.schema.to_json(),
            "parts": self.parts,
            "interactions": [list(pair) for pair in self.interactions],
        }
        if self.texts and self.texts.scores:
            state["scores"] = self.texts.scores.names
        return state

    def arrays(self, place: int = 0) -> dict[str, np.ndarray]:
        """The part of the state that is not JSON, named `e<place>_<name>` as in an artefact; {} without texts."""
        return {} if self.texts is None else {f"e{place}_{name}": each for name, each in self.texts.arrays().items()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> Encoder:
        """`arrays` have no prefix. Raises KeyError, ValueError where those of text columns are absent or do not fit."""
        terms = {part["column"]: int(part["learnt"]["terms"]) for part in state["parts"] if part["kind"] == "terms"}
        texts = Texts.from_state(terms, state.get("scores") or [], arrays or {}) if terms else None
        return cls(Schema.from_json(state["schema"]), state["parts"], state["interactions"], texts)


class Places(dict[Any, int]):
    """Text in a category column, as it was sent, or None → the place of its category.

    `first` is the place of the first category and `step` the distance of two; behind them are "other" and "missing".
    Raises TypeError on what is neither text nor None.
    """

    def __init__(self, part: Mapping[str, Any], first: int, step: int, reading: Reading = PLAIN) -> None:
        known = {value: first + step * i for i, value in enumerate(part["vocabulary"])}
        self._other = first + step * len(part["vocabulary"])
        missing = self._other + step
        super().__init__({**known, **dict.fromkeys(reading.markers, missing), None: missing, "": missing})
        self._reading = reading

    def __missing__(self, text: Any) -> int:
        if type(text) is not str:
            raise TypeError
        # in another spelling (blanks around it, TRUE, 3.0) it may still be a category of the vocabulary
        return self.get(parse_text(text, "category", self._reading), self._other)


def _of_today(part: Mapping[str, Any]) -> dict[str, Any]:
    """The part with categories as `category_text` writes them; models of before have some in other spellings."""
    if part["kind"] != "category":
        return dict(part)
    return {**part, "vocabulary": [category_text(value) for value in part["vocabulary"]]}


def _fit_part(name: str, kind: str, values: list[Any], log: bool, bins: Any) -> dict[str, Any]:
    if kind == "category":
        counts = Counter(values)
        # Most frequent first, then by name: the order must not depend on the order of rows.
        ranked = sorted(counts, key=lambda value: (-counts[value], value))
        kept = [value for value in ranked[:MAX_CATEGORIES] if counts[value] >= MIN_CATEGORY_ROWS]
        part: dict[str, Any] = {"column": name, "kind": "category", "vocabulary": kept}
        if others := ranked[len(kept) :]:
            part["grouped"] = {"categories": len(others), "rows": sum(counts[value] for value in others)}
        return part
    if kind == "timestamp":
        return {"column": name, "kind": "timestamp", "origin": min(values, default=0.0)}
    if kind in ("text", "boolean"):
        return {"column": name, "kind": "terms" if kind == "text" else kind}
    if bins is None:
        return {"column": name, "kind": "log" if log else "number"}
    edges = _edges(name, bins, values)
    return {"column": name, "kind": "bins", "edges": edges}


def _edges(name: str, bins: Any, values: list[float]) -> list[float]:
    """Inner edges, ascending: a list unchanged, a count as quantiles of the training values."""
    if isinstance(bins, list | tuple):
        return sorted({float(edge) for edge in bins})
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= 100:
        raise ModelError(f"contract: features.bins.{name} must be a number of bins from 2 to 100 or a list of edges")
    if not values:
        return []
    return sorted({float(edge) for edge in np.quantile(np.array(values), np.linspace(0, 1, bins + 1)[1:-1])})


def _width(part: Mapping[str, Any]) -> int:
    kind = part["kind"]
    if kind == "category":
        return len(part["vocabulary"]) + 2
    if kind == "bins":
        return len(part["edges"]) + 2
    if kind == "terms":
        return len(MEASURES)
    return {"number": 1, "log": 1, "boolean": 1, "text": TEXT_WIDTH + 1, "timestamp": 4}[kind]


def _names(part: Mapping[str, Any]) -> list[str]:
    column, kind = part["column"], part["kind"]
    if kind == "category":
        return [f"{column}={value}" for value in part["vocabulary"]] + [f"{column}:other", f"{column}:missing"]
    if kind == "bins":
        return [f"{column}:bin{i}" for i in range(len(part["edges"]) + 1)] + [f"{column}:missing"]
    if kind == "text":
        return [f"{column}:token{i}" for i in range(TEXT_WIDTH)] + [f"{column}:missing"]
    if kind == "terms":
        return [f"{column}:{measure}" for measure in MEASURES]
    if kind == "timestamp":
        return [f"{column}:{unit}" for unit in ("hour", "weekday", "month", "days")]
    return [f"log({column})" if kind == "log" else column]


def _number(part: Mapping[str, Any], at: int) -> Writer:
    def write(value: float | None, out: list[float]) -> None:
        out[at] = _NAN if value is None else value

    return write


def _log(part: Mapping[str, Any], at: int) -> Writer:
    def write(value: float | None, out: list[float]) -> None:
        out[at] = _NAN if value is None else math.copysign(math.log1p(abs(value)), value)

    return write


def _bins(part: Mapping[str, Any], at: int) -> Writer:
    edges = [float(edge) for edge in part["edges"]]

    def write(value: float | None, out: list[float]) -> None:
        out[at + (len(edges) + 1 if value is None else bisect_left(edges, value))] = 1.0

    return write


def _category(part: Mapping[str, Any], at: int) -> Writer:
    places = {value: at + i for i, value in enumerate(part["vocabulary"])}
    other = at + len(part["vocabulary"])

    def write(value: str | None, out: list[float]) -> None:
        out[other + 1 if value is None else places.get(value, other)] = 1.0

    return write


def _text(part: Mapping[str, Any], at: int) -> Writer:
    def write(value: str | None, out: list[float]) -> None:
        if value is None:
            out[at + TEXT_WIDTH] = 1.0
            return
        for token in _TOKEN.findall(value.lower()):
            # CRC-32, because Python's own hash of text differs from process to process.
            out[at + zlib.crc32(token.encode()) % TEXT_WIDTH] += 1.0

    return write


def _measures(part: Mapping[str, Any], at: int) -> Writer:
    def write(value: str | None, out: list[float]) -> None:
        out[at : at + len(MEASURES)] = measures(value)

    return write


def _timestamp(part: Mapping[str, Any], at: int) -> Writer:
    origin = float(part["origin"])

    def write(value: float | None, out: list[float]) -> None:
        if value is None:
            out[at : at + 4] = [_NAN] * 4
            return
        moment = datetime.fromtimestamp(value, UTC)
        out[at : at + 4] = [moment.hour, moment.weekday(), moment.month, (value - origin) / 86400.0]

    return write


_WRITERS: dict[str, Callable[[Mapping[str, Any], int], Writer]] = {
    "number": _number,
    "boolean": _number,
    "log": _log,
    "bins": _bins,
    "category": _category,
    "text": _text,
    "terms": _measures,
    "timestamp": _timestamp,
}
