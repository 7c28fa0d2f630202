"""SHAP values of a model's answers, where they are exact and fast: trees, linear models, sums of curves, and ensembles.

A model of one member is explained on its raw scale: log-odds (before the link and the calibration) or values. The
members of an ensemble are mixed as answers, so an ensemble is explained on the scale of its answers: what a member adds
to a raw score is carried through its link along the straight line from the base to the row,

    c_jk = Σ_l r_jl ∫₀¹ ∂p_k/∂raw_l (base + u · (raw - base)) du,

which keeps the sum (for two classes it is the rescale rule of Chen, Lundberg and Lee, "Explaining a series of models by
propagating Shapley values", Nature Communications 13, 2022). Matrix columns are summed up to their contract columns.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from channels import crash
from contributions import members, trees
from contributions.links import through
from contributions.matrix_columns import Sources, sources_of
from sluice.model import artifact
from sluice.model.encoder import Encoder
from sluice.model.model import Model
from sluice.model.preparation.terms import Terms
from sluice.model.schema import Row, Value

ROWS = 500
MIN_ROWS = 50
WORK = 2_000_000_000
"""Multiplications, about 20 s."""
CELLS = 20_000_000
"""Numbers of (rows, outputs, matrix columns)."""
MAX_LEAVES = 250_000
"""The leaves of all members. Their paths are found one by one, in about 10 µs each."""


class Explained(NamedTuple):
    """`values` (rows, outputs, columns) and `base` (outputs,) add up to the model's score on `scale`.

    Two classes have one output, the positive class. `scale`: "log-odds", "probability" or "value".
    """

    columns: list[str]
    values: np.ndarray
    base: np.ndarray
    scale: str


class Parts(NamedTuple):
    """A model's members as their artefact has them: meta data, arrays and share of the weight."""

    metas: Sequence[Mapping[str, Any]]
    arrays: Sequence[Mapping[str, np.ndarray]]
    shares: Sequence[float]


def read(folder: Path) -> Parts:
    """Reads an unpacked artefact. Raises ArtifactError."""
    state, arrays, _ = artifact.load(folder)
    if "members" not in state:
        return Parts([state["scorer"]], [arrays], [1.0])
    total = sum(float(each["weight"]) for each in state["members"])
    named = [
        {name.removeprefix(f"m{i}_"): array for name, array in arrays.items() if name.startswith(f"m{i}_")}
        for i in range(len(state["members"]))
    ]
    shares = [float(each["weight"]) / total for each in state["members"]]
    return Parts([each["scorer"] for each in state["members"]], named, shares)


def why_not(model: Model, parts: Parts) -> str | None:
    """Why the model has no contributions, in words; None if it has."""
    told = [why for meta, arrays in zip(parts.metas, parts.arrays) if (why := members.why_not(arrays, meta))]
    if told:
        who = "" if len(parts.metas) == 1 else f"{len(told)} of its {len(parts.metas)} members have none: "
        return who + told[0]
    if any(sources_of(encoder) is None for encoder in model.encoders):
        return "principal components mix its columns"
    leaves = sum(trees.leaves(arrays) for arrays in parts.arrays if "roots" in arrays)
    if leaves > MAX_LEAVES:
        return f"its trees have {leaves:,} leaves, more than the {MAX_LEAVES:,} for which exact contributions are fast"
    return None


def rows_in_time(model: Model, parts: Parts, matrices: Sequence[np.ndarray]) -> int:
    """How many rows can be explained; `matrices`: some encoded rows, for each encoder."""
    work, cells = 1, 1
    for member, meta, arrays in zip(model.members, parts.metas, parts.arrays):
        width = matrices[member.encoder].shape[1]
        cells = max(cells, width * members.outputs_of(arrays, meta))
        if "roots" in arrays:
            work += trees.work_of(arrays)
    return min(ROWS, WORK // work, CELLS // cells)


def explain(model: Model, parts: Parts, rows: Sequence[Row]) -> Explained:
    """The rows' contributions; what a column is worth if it is not known is what these rows say."""
    sources: list[Sources] = [found for encoder in model.encoders if (found := sources_of(encoder)) is not None]
    columns = list(dict.fromkeys(name for each in sources for name in each.names))
    terms = [_terms(encoder, rows) for encoder in model.encoders]
    alone = len(parts.metas) == 1
    values, base = None, None
    for member, meta, arrays, share in zip(model.members, parts.metas, parts.arrays, parts.shares):
        at = member.encoder
        raw = members.explained(arrays, meta, model.encoders[at].encode(rows), terms[at])
        own = sources[at].summed(raw.columns, raw.texts, columns)
        own_base, output = raw.base, str(meta["output"])
        if not alone:
            own, own_base = through(output, own, own_base)
        if output == "probability" and len(own_base) == 2:
            own, own_base = own[:, 1:], own_base[1:]
        values = share * own if values is None else values + share * own
        base = share * own_base if base is None else base + share * own_base
    if values is None or base is None:
        raise ValueError("a model has members")
    return Explained(columns, values, base, _scale(parts, alone=alone))


def _terms(encoder: Encoder, rows: Sequence[Row]) -> list[Terms]:
    """The terms of each text column."""
    if encoder.texts is None:
        return []
    texts = {name: [_text(row.get(name)) for row in rows] for name in encoder.texts.vocabularies}
    return [vocabulary.terms(texts[name]) for name, vocabulary in encoder.texts.vocabularies.items()]


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _scale(parts: Parts, *, alone: bool) -> str:
    output = str(parts.metas[0]["output"])
    if output == "identity":
        return "value"
    return "log-odds" if alone and output != "probability" else "probability"


def measured(model: Model, parts: Parts, rows: Sequence[Row]) -> tuple[dict[str, Any], Explained | None, list[Row]]:
    """See `sluice.records.evaluation.Contributions`; and what was found of which rows, for the report.

    It explains, so its own failure is a sentence and does not end the evaluation.
    """
    try:
        return _measured(model, parts, rows)
    except Exception as error:
        print(f"contributions: {crash(error)}", flush=True)
        return {"why_not": f"SHAP values are not computed: {crash(error)}"}, None, []


def _measured(model: Model, parts: Parts, rows: Sequence[Row]) -> tuple[dict[str, Any], Explained | None, list[Row]]:
    began = time.monotonic()
    why = why_not(model, parts)
    if why is None:
        few = rows[:MIN_ROWS]
        count = rows_in_time(model, parts, [encoder.encode(few) for encoder in model.encoders])
        if count < MIN_ROWS:
            why = f"it is so large that only {count} rows could be explained in time, fewer than {MIN_ROWS}"
    if why is not None:
        return {"why_not": f"SHAP values are not computed: {why}"}, None, []
    chosen = [rows[i] for i in np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]
    found = explain(model, parts, chosen)
    mean = np.abs(found.values).mean(axis=(0, 1))
    told = {
        "scale": found.scale,
        "rows": len(chosen),
        "outputs": found.values.shape[1],
        "base": found.base.tolist(),
        "columns": dict(zip(found.columns, mean.tolist())),
        "seconds": round(time.monotonic() - began, 1),
    }
    return told, found, chosen
