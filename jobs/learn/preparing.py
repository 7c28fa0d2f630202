"""An encoder fitted for a family, and the rows that it is fitted on as that family learns from them.

What is learned from the target, as the scores of texts are, is learned out of fold for the training rows: each row gets
the score of a model that has not seen it, nor the rows of its group. Trees would otherwise trust scores that know the
answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import outlying_rows
import stages
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from families import Family, Sample, Task
from families.linear_terms import CERTAIN, TERM_SCALE, linear_models, weights_of
from sluice.model.encoder import Encoder
from sluice.model.preparation.options import Targets
from sluice.model.preparation.terms import Terms
from sluice.model.preparation.text import TextScores
from sluice.model.schema import Row, Schema

MAX_SCORED_CLASSES = 50
"""Beyond, one score for each class costs more time and columns than it helps."""
_C = 0.1
_EPOCHS = 6
_FOLDS, _FOLDS_OF_MANY, _MANY = 5, 3, 20_000


def prepared(
    family: Family,
    schema: Schema,
    features: Mapping[str, Any],
    rows: Sequence[Row],
    y: np.ndarray,
    task: Task,
    group: Sequence[str] = (),
) -> tuple[Encoder, Sample]:
    """The encoder, and the rows without weights; those that `features.rows` leaves out are not among them.

    Raises ModelError on options that fit no column.
    """
    stays, report = outlying_rows.leave_out(schema, features, rows, task.seed, y if task.classes else None)
    if stays is not None:
        rows, y = [row for row, stay in zip(rows, stays) if stay], y[stays]
    targets = Targets.of(y, task.classes) if family.uses_learned_columns else None
    fold = folds_of(rows, _FOLDS if len(rows) <= _MANY else _FOLDS_OF_MANY, task.seed, group)
    encoder = Encoder.fit(schema, features, rows, encoding=family.encoding, targets=targets)
    matrix = encoder.encode(rows) if targets is None else encoder.encode_out_of_fold(rows, targets, fold)
    terms = encoder.terms(rows) if family.uses_words or family.uses_learned_columns else None
    words = None if terms is None or not terms.width else csr(terms)
    if words is not None and not family.uses_words and task.classes <= MAX_SCORED_CLASSES:
        scores, own = text_scores(words, y, task, fold)
        if np.ptp(_apply(scores, words), axis=0).any():  # texts that are all alike say nothing
            encoder = encoder.with_scores(scores)
            matrix = np.concatenate([matrix, own], axis=1)
    before = encoder.width
    found, matrix = stages.fit_stages(encoder, features, matrix, y, task)
    encoder = encoder.with_stages(found)
    if found:
        report["columns"] = {"before": before, "after": encoder.width}
    encoder.report |= report
    return encoder, Sample(matrix, y, words=words if family.uses_words else None, codes=encoder.codes)


def folds_of(rows: Sequence[Row], count: int, seed: int, group: Sequence[str]) -> np.ndarray:
    """A fold for each row, drawn by chance; rows that are equal in the columns of `group` have the same one."""
    chance = np.random.default_rng(seed)
    if not group:
        fold: np.ndarray = chance.permutation(len(rows)) % count
        return fold
    numbers: dict[Any, int] = {}
    member = np.array([numbers.setdefault(tuple(map(row.get, group)), len(numbers)) for row in rows], dtype=np.intp)
    grouped: np.ndarray = (chance.permutation(len(numbers)) % count)[member]
    return grouped


def sample_of(family: Family, encoder: Encoder, rows: Sequence[Row], y: np.ndarray) -> Sample:
    """Other rows than those that the encoder was fitted on, without weights."""
    terms = encoder.terms(rows) if family.uses_words else None
    words = csr(terms) if terms is not None and terms.width else None
    return Sample(encoder.encode(rows), y, words=words, codes=encoder.codes)


def csr(terms: Terms) -> Any:
    shape = (len(terms.indptr) - 1, terms.width)
    return sparse.csr_matrix((terms.data, terms.indices.astype(np.int32), terms.indptr), shape=shape)


def text_scores(words: Any, y: np.ndarray, task: Task, fold: np.ndarray) -> tuple[TextScores, np.ndarray]:
    """The scores that a model on all rows gives, and those of the rows themselves, each by a model without its fold."""
    final = _scores(words, y, task)
    own = np.empty((len(y), len(final.names)))
    for k in np.unique(fold):
        held = fold == k
        known = y[~held]
        if not len(known) or (task.problem != "regression" and len(np.unique(known)) < 2):
            own[held] = 0.0  # nothing can be learned without these rows: no score
            continue
        own[held] = _apply(_scores(words[~held], known, task), words[held])
    return final, own


def _scores(words: Any, y: np.ndarray, task: Task) -> TextScores:
    if task.classes > 2:
        # averaged gradient steps: half the time of coordinate descent for ten classes, and as good
        many = SGDClassifier(
            loss="log_loss",
            alpha=1.0 / (_C * TERM_SCALE**2 * len(y)),
            max_iter=_EPOCHS,
            tol=None,
            average=len(y),
            random_state=task.seed,
        ).fit(words, y)
        coef, intercept = np.zeros((task.classes, words.shape[1])), np.full(task.classes, -CERTAIN)
        two = len(many.classes_) == 2  # then there is one row of weights, of the second
        coef[many.classes_] = np.concatenate([-many.coef_, many.coef_]) if two else many.coef_
        intercept[many.classes_] = np.concatenate([-many.intercept_, many.intercept_]) if two else many.intercept_
        return TextScores(coef.T, intercept, [str(k) for k in range(task.classes)])
    coef, intercept = weights_of(linear_models(task, _C, words * TERM_SCALE, y, None))
    names = ["value"] if task.problem == "regression" else [str(k) for k in range(len(coef))]
    return TextScores((coef * TERM_SCALE).T, intercept, names)


def _apply(scores: TextScores, words: Any) -> np.ndarray:
    answer: np.ndarray = words @ scores.coef.astype(np.float64) + scores.intercept.astype(np.float64)
    return answer
