"""The labels beside the columns: does a line that predicts the reference's labels still predict them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sluice.watch.triage import neighbours
from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import above_chance, by_chance, kolmogorov, shares_differ, two_sided
from sluice.watch.triage.onset import Stretch, shifted

FEWEST = 60
Z_CHANGED = 5.2
Z_SHARE = 4.5
"""Standard score of the share of the positive class; there is one such test in a window."""
UNUSUAL_TURN = 1.4
"""The labels must turn this many times more than in a stretch of the reference."""


@dataclass(frozen=True, eq=False)
class Concept:
    """`labels` and `scores` are of the window's rows with a label; scores are those of a ridge regression that was
    fitted to the reference, in units of the label. `values` are the labels unchanged, which of a regression are
    ranks in `labels`. `base_*` are the reference's, out of fold."""

    labels: np.ndarray
    scores: np.ndarray
    base_labels: np.ndarray
    base_scores: np.ndarray
    features: np.ndarray
    base_features: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    base_values: np.ndarray
    stretch: Stretch
    signal: str
    binary: bool
    alike: np.ndarray
    """How the features resemble each other in the reference: their correlations."""
    usual: float = 0.0
    usual_turn: float | None = None
    """The greatest `turn` of the precedents; None without any."""
    unordered: bool = False
    """Whether the reference's rows have no times."""
    together: float = 1.0
    """How many labels count as one beside the columns; 1 where the reference's rows have times."""

    @classmethod
    def of(cls, comparison: Comparison) -> Concept | None:
        """None if labels are unknown, too few, or of more than two classes. Computed once."""
        if "concept" not in comparison.found:
            comparison.found["concept"] = [cls._of(comparison)]
        found: Concept | None = comparison.found["concept"][0]
        return found

    @classmethod
    def _of(cls, comparison: Comparison) -> Concept | None:
        window, base = comparison.window, comparison.reference.window
        if window.labels is None or base.labels is None or window.labels.dtype == object or base.labels.dtype == object:
            return None
        rows = np.flatnonzero(np.isfinite(window.labels))
        known = np.flatnonzero(np.isfinite(base.labels))
        if len(rows) < FEWEST or len(known) < 200 or base.problem == "multiclass":
            return None
        kept = comparison.reference.kept
        if "concept" not in kept:
            kept["concept"] = fitted(comparison, known)
        line, base_scores = kept["concept"]["line"], kept["concept"]["scores"]
        features = comparison.features[rows]
        binary = base.problem == "binary" or set(np.unique(base.labels[known])) <= {0.0, 1.0}
        labels, base_labels = (
            squeezed(window.labels[rows], base.labels[known], binary),
            squeezed(base.labels[known], base.labels[known], binary),
        )
        scores = features @ line[1:] + line[0]
        centred = base_labels - base_scores
        spread = max(float(centred.std()), 1e-9)
        mean = float(base_labels.mean())
        wide = max(float(base_scores.std()), 1e-9)
        # the labels less what the columns say; and whether labels and scores are on the same side
        signals = {
            "level": ((labels - scores) - float(centred.mean())) / spread,
            "relation": product(labels, scores, mean, wide) - product(base_labels, base_scores, mean, wide).mean(),
        }
        base_product = product(base_labels, base_scores, mean, wide)
        signals["relation"] = signals["relation"] / max(float(base_product.std()), 1e-9)
        mine = np.column_stack([base_labels - base_scores, base_product])
        both = np.column_stack(list(signals.values()))
        together = np.minimum(*neighbours.together(mine, both, base.take(known), window.take(rows)))
        found = shifted(both / np.sqrt(together), len(known), shortest=0.15)
        best = max(range(2), key=lambda k: abs(found[k].z))
        usual = np.inf if comparison.precedents else 0.0
        turns = []
        for precedent in comparison.precedents:
            before = cls.of(precedent)
            if before is not None:
                usual = max(0.0 if np.isinf(usual) else usual, abs(before.stretch.z))
                turns.append(before.turn)
        return cls(
            labels,
            scores,
            base_labels,
            base_scores,
            features,
            comparison.reference.dependence.features_of_reference[known],
            rows,
            window.labels[rows],
            base.labels[known],
            found[best],
            list(signals)[best],
            binary,
            kept["concept"]["alike"],
            usual,
            max(turns) if turns else None,
            comparison.unordered,
            comparison.as_one(signals["level"]),
        )

    @property
    def changed(self) -> bool:
        """Beyond chance, and beyond what stretches of the reference show (infinite if they are too small to tell)."""
        return abs(self.stretch.z) > max(Z_CHANGED, 1.3 * self.usual) or self.turned

    @cached_property
    def turn(self) -> float:
        """How much of the labels' residuals the columns explain: the squared length of their covariances, in units of
        the residuals' variance. 0 where the labels follow the columns as in the reference, up to chance, and whatever
        the level of the labels is, which follows the season."""

        def covariances(labels: np.ndarray, scores: np.ndarray, features: np.ndarray) -> np.ndarray:
            left = labels - scores
            found: np.ndarray = (left - left.mean()) @ (features - features.mean(axis=0)) / len(left)
            return found

        now = covariances(self.labels, self.scores, self.features)
        usual = covariances(self.base_labels, self.base_scores, self.base_features)
        spread = max(float((self.base_labels - self.base_scores).std()), 1e-9)
        return float((((now - usual) / spread) ** 2).sum())

    @cached_property
    def turned(self) -> bool:
        """Whether `turn` is beyond chance (features that resemble each other count as fewer: Satterthwaite, Biometrics
        Bulletin 2, 1946), and beyond that of the precedents."""
        rows = 1 / (self.together / len(self.labels) + 1 / len(self.base_labels))
        alike = self.alike
        several = float((alike**2).sum())
        freedom = float(np.trace(alike)) ** 2 / several
        scale = several / float(np.trace(alike)) / rows
        z = above_chance(self.turn / scale, freedom)
        if self.usual_turn is None:
            return bool(z > Z_CHANGED and np.isfinite(self.usual))
        return bool(z > Z_CHANGED and self.turn > UNUSUAL_TURN * self.usual_turn + scale * freedom)

    @cached_property
    def inner(self) -> np.ndarray:
        return self.stretch.inner

    def slopes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Covariances of the label with each feature: in the reference, in the stretch, and the error of the latter."""
        labels, features = self.labels[self.inner], self.features[self.inner]
        base = (self.base_labels - self.base_labels.mean()) @ self.base_features / len(self.base_labels)
        now = (labels - labels.mean()) @ (features - features.mean(axis=0)) / len(labels)
        return base, now, np.full(len(base), max(float(labels.std()), 1e-9) / np.sqrt(len(labels) / self.together))

    def may_follow(self) -> bool:
        """Where the reference has no order: whether the labels may still follow the scores, by their slope.

        Rows of one season vary less than those of a year, so the covariances of `slopes` are smaller; this slope is
        not, and its error says how little such rows show.
        """
        if not self.unordered:
            return False
        labels, scores = self.labels[self.inner], self.scores[self.inner]
        away = scores - scores.mean()
        power = float(away @ away)
        if power <= 0:
            return True
        slope = float(away @ labels) / power
        left = labels - labels.mean() - slope * away
        base = self.base_scores - self.base_scores.mean()
        usual = float(base @ self.base_labels) / max(float(base @ base), 1e-12)
        return slope + 2.5 * float(left.std()) * np.sqrt(self.together / power) > 0.8 * usual

    def prior_only(self) -> bool:
        """Whether the rows of each class are as usual, so that only the shares of the classes have changed: in the
        stretch, or, since the stretch is the worst of many, in all rows."""
        return any(map(self._prior_only, (self.inner, np.arange(len(self.labels)))))

    def _prior_only(self, rows: np.ndarray) -> bool:
        middle = 0.5 if self.binary else float(np.median(self.base_labels))
        now, usual = self.labels[rows] > middle, self.base_labels > middle
        for each in (True, False):
            mine, base = self.scores[rows][now == each], self.base_scores[usual == each]
            if len(mine) < 10 or len(base) < 10:
                return False
            spread = float(base.std()) * np.sqrt(1 / len(mine) + 1 / len(base))
            if abs(float(mine.mean() - base.mean())) > 3 * max(spread, 1e-12):
                return False
        return abs(float(now.mean() - usual.mean())) > 0.03

    def fewer_positive_rows(self) -> bool:
        """Whether the columns look as if fewer positive rows came, so that labels are rightly fewer: the mean of the
        scores is nearer to that of the classes' new shares than to the usual one. Of all rows: the stretch is where
        labels and scores lie farthest apart."""
        usual, positive = float(self.base_labels.mean()), self.base_labels > 0.5
        if not 0 < usual < 1:
            return False
        apart = float(self.base_scores[positive].mean() - self.base_scores[~positive].mean())
        expected = (float(self.labels.mean()) - usual) * apart
        return bool(expected and float(self.scores.mean() - self.base_scores.mean()) / expected > 0.5)

    def fault(self) -> tuple[str, dict[str, Any]] | None:
        """What is wrong with the labels; None if the change may be real."""
        labels = self.labels[self.inner]
        rows = len(labels) / self.together
        base, now, error = self.slopes()
        power = float(base @ base)
        if power <= 0:
            return None
        kept = float(now @ base) / power
        noise = float(error[0]) / np.sqrt(power)
        rest = now - kept * base
        # what is left besides the usual direction; chance makes about one for each independent feature
        left = float((rest**2).sum() / error[0] ** 2) / max(1, len(base))
        mean, usual = float(labels.mean()), float(self.base_labels.mean())
        expected = float(self.scores[self.inner].mean())
        evidence = {
            "dependence_kept": round(kept, 3),
            "error": round(noise, 3),
            "mean": round(mean, 4),
            "usual": round(usual, 4),
            "left": round(left, 2),
        }
        spread = max(float(self.base_labels.std()), 1e-9)
        still = abs(mean - expected) < 4 * spread / np.sqrt(rows) + 0.02 * spread
        flipped = self.binary and abs(mean - (1 - expected)) < 4 * spread / np.sqrt(rows) + 0.03
        if self.binary and flipped and kept < -0.6 and (left < 2.5 or float((rest**2).sum()) < 0.05 * power):
            return "the two classes of the labels are exchanged", evidence
        if (
            still
            and not self.may_follow()
            and abs(kept) < 0.3 + 1.5 * noise
            and kept + 2.5 * noise < 0.8
            and left < 2.0
        ):
            return "the labels no longer depend on the columns: they belong to other rows", evidence
        if self.binary and not self.fewer_positive_rows():
            thin = thinned(labels, self.scores[self.inner], self.base_labels, self.base_scores, self.together)
            if thin is not None:
                share, p = thin
                return (
                    f"{share:.0%} of the positive labels are absent, whatever the columns say: they count as negative",
                    {**evidence, "fit": round(p, 4)},
                )
        if not self.binary:
            # the values unchanged: beyond the reference's, all have one rank
            values, counts = np.unique(self.values[self.inner], return_counts=True)
            top = int(counts.argmax())
            share = float(counts[top]) / len(labels)
            beside = np.delete(counts[max(0, top - 2) : top + 3], min(top, 2))
            alone = float(beside.max(initial=0)) < 0.2 * counts[top]
            if alone and share > 0.05 and float(np.mean(self.base_values == values[top])) < 0.2 * share:
                return f"{share:.0%} of the labels are one value that is unusual", evidence
        return None


def thinned(
    labels: np.ndarray, scores: np.ndarray, base_labels: np.ndarray, base_scores: np.ndarray, once: float
) -> tuple[float, float] | None:
    """(share of positive labels that are lost, how well it fits) if each part of the scores has lost the same share;
    `once` labels count as one."""
    edges = np.quantile(base_scores, [0.2, 0.4, 0.6, 0.8, 0.9])
    here, there = np.searchsorted(edges, scores), np.searchsorted(edges, base_scores)
    bins = len(edges) + 1
    rate = np.bincount(there, base_labels, bins) / np.maximum(1, np.bincount(there, minlength=bins))
    rows, positive = np.bincount(here, minlength=bins), np.bincount(here, labels, bins)
    expected = rate * rows
    if expected.sum() < 10 * once:
        return None
    kept = float(positive.sum() / expected.sum())
    if kept > 0.8:
        return None
    fitted_rate = np.clip(kept * rate, 1e-4, 1 - 1e-4)
    variance = once * rows * fitted_rate * (1 - fitted_rate) + (kept * rows) ** 2 * rate * (1 - rate) / np.maximum(
        1, np.bincount(there, minlength=bins)
    )
    chi = float((((positive - kept * expected) ** 2) / np.maximum(variance, 1e-9)).sum())
    z = above_chance(chi, bins - 1)
    p = two_sided(z) / 2 if z > 0 else 1 - two_sided(z) / 2
    return (1 - kept, p) if p > 0.003 else None


def product(labels: np.ndarray, scores: np.ndarray, mean: float, wide: float) -> np.ndarray:
    return (labels - mean) * np.clip((scores - mean) / wide, -3, 3)


def squeezed(labels: np.ndarray, base: np.ndarray, binary: bool) -> np.ndarray:
    """Labels of a regression as ranks among the reference's labels: an outlier must not decide."""
    if binary:
        return labels
    ordered = np.sort(base)
    return (np.searchsorted(ordered, labels, "left") + np.searchsorted(ordered, labels, "right")) / (2 * len(ordered))


def fitted(comparison: Comparison, known: np.ndarray) -> dict[str, np.ndarray]:
    """A ridge regression on the reference's features, and its answers out of fold (two folds, in turn)."""
    base = comparison.reference.window
    features = comparison.reference.dependence.features_of_reference[known]
    if base.labels is None:
        raise ValueError("a reference without labels has no concept")
    binary = base.problem == "binary" or set(np.unique(base.labels[known])) <= {0.0, 1.0}
    labels = squeezed(base.labels[known], base.labels[known], binary)
    design = np.column_stack([np.ones(len(known)), features])

    def solve(rows: np.ndarray) -> np.ndarray:
        part = design[rows]
        penalty = np.full(design.shape[1], 1.0 + 0.01 * len(rows))
        penalty[0] = 0.0
        return np.linalg.solve(part.T @ part + np.diag(penalty), part.T @ labels[rows])

    scores = np.empty(len(known))
    fold = np.arange(len(known)) % 2
    for each in (0, 1):
        scores[fold == each] = design[fold == each] @ solve(np.flatnonzero(fold != each))
    return {"line": solve(np.arange(len(known))), "scores": scores, "alike": features.T @ features / len(features)}


def labels_moved(comparison: Comparison) -> bool:
    """Whether the labels have another distribution, whatever the columns are: a fault of a column does not reach them.

    False where the reference's own stretches differ from each other.
    """
    now, base = comparison.window.labels, comparison.reference.window.labels
    if now is None or base is None or now.dtype == object or base.dtype == object or comparison.precedents:
        return False
    mine, usual = np.sort(now[np.isfinite(now)]), np.sort(base[np.isfinite(base)])
    rows = len(mine) / comparison.as_one(now[np.isfinite(now)])
    if comparison.reference.window.problem == "binary":
        return len(mine) >= 30 and shares_differ(mine.mean() * rows, rows, usual.sum(), len(usual)) > Z_SHARE
    return len(mine) >= 30 and by_chance(kolmogorov(usual, mine), len(usual), rows) < 1e-6
