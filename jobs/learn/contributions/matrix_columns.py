"""Which contract column each matrix column comes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sluice.model.encoder import Encoder


class Sources:
    """`weights` (matrix columns, names): a product of two columns counts half for each, as Shapley's symmetry asks."""

    def __init__(self, names: list[str], weights: np.ndarray, texts: list[str]) -> None:
        self.names, self._weights, self._texts = names, weights, texts

    def summed(self, values: np.ndarray, texts: np.ndarray | None, columns: Sequence[str]) -> np.ndarray:
        """(rows, outputs, matrix columns) and (rows, outputs, text columns) → (rows, outputs, columns)."""
        own = values @ self._weights
        found = np.zeros((*own.shape[:2], len(columns)))
        for place, name in enumerate(self.names):
            found[:, :, columns.index(name)] += own[:, :, place]
        if texts is not None:
            for place, name in enumerate(self._texts):
                found[:, :, columns.index(name)] += texts[:, :, place]
        return found


def sources_of(encoder: Encoder) -> Sources | None:
    """None where columns are mixed: principal components."""
    owners: list[list[str]] = []
    for part, width in encoder.widths:
        owners += [[part["column"]]] * width
    owners += [owners[a] + owners[b] for a, b in encoder.interactions]
    texts = list(encoder.texts.vocabularies) if encoder.texts else []
    if encoder.texts and encoder.texts.scores:
        # one model reads all text columns, and trees see what it says about them together
        owners += [[" + ".join(texts)]] * len(encoder.texts.scores.names)
    for stage in encoder.stages:
        if stage.kind == "components":
            return None
        if stage.kind == "select":
            owners = [owners[i] for i in stage.to_json()["columns"]]
    joint = [name for names in owners for name in names]
    names = list(dict.fromkeys([*encoder.schema.features, *joint]))
    weights = np.zeros((len(owners), len(names)))
    for i, each in enumerate(owners):
        for name in each:
            weights[i, names.index(name)] += 1.0 / len(each)
    return Sources(names, weights, texts)
