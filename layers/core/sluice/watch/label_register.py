"""The register of labels: which answered row has which label, and what was said about it before. Pure.

A row counts once, whether it is named by its inference id, by its key, or by both. Of several labels of a row the one
that arrived last counts, and all are kept. A label counts for the time of its request, however late it comes, up to a
horizon. Nothing depends on the order in which labels or captures are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sluice.model.values import Typed, canonical_text, same_label
from sluice.watch.answers import Answered, by_identity
from sluice.watch.labels import Identity


class Given(Protocol):
    """A label that a file gives an identity (`sluice.datasets.late_labels.Given`)."""

    @property
    def label(self) -> Typed: ...
    @property
    def arrived(self) -> float: ...
    @property
    def first(self) -> float: ...
    @property
    def file(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """`said`: all labels of the row, the one that counts last. `delay`: seconds from the request to its first label."""

    row: Answered
    said: tuple[Given, ...]

    @property
    def label(self) -> Typed:
        return self.said[-1].label

    @property
    def delay(self) -> float:
        return max(0.0, min(given.first for given in self.said) - self.row.at)

    @property
    def corrected(self) -> bool:
        return any(not same_label(given.label, self.label) for given in self.said)

    def entry(self) -> dict[str, Any]:
        """The row's line of the register."""
        row = self.row
        labels = [
            {"label": canonical_text(given.label), "arrived": given.arrived, "first": given.first, "file": given.file}
            for given in self.said
        ]
        return {
            "at": row.at,
            "inference_id": row.own,
            "key": row.key,
            "variant": row.variant,
            "model": row.model,
            "prediction": row.prediction,
            "score": row.score,
            "label": canonical_text(self.label),
            "said": labels,
        }


@dataclass
class Joined:
    """`rows`: the model's labelled rows in the order of their time. The counts are of identities, but for `corrected`,
    `repeated` and `named_twice`, which are of rows.

    `unknown`: no request since the horizon has this identity. `outside`: its request is not one of the model's.
    `too_late`: labels that came later than the horizon after their request.
    """

    rows: list[LabelledRow] = field(default_factory=list)
    unknown: int = 0
    unknown_files: dict[str, int] = field(default_factory=dict)
    outside: int = 0
    too_late: int = 0
    corrected: int = 0
    repeated: int = 0
    named_twice: int = 0
    delays: dict[int, float] = field(default_factory=dict)
    """Place among the answered rows → delay of the first label, of all models' rows."""

    def counts(self) -> dict[str, Any]:
        return {
            "counted": len(self.rows),
            "unknown": self.unknown,
            "unknown_by_file": dict(sorted(self.unknown_files.items(), key=lambda item: (-item[1], item[0]))[:10]),
            "outside": self.outside,
            "too_late": self.too_late,
            "corrected_rows": self.corrected,
            "repeated_rows": self.repeated,
            "named_by_id_and_key": self.named_twice,
        }


def join_labels(
    given: Mapping[Identity, Iterable[Given]],
    answered: Sequence[Answered],
    counts: Callable[[Answered], bool],
    horizon: float,
) -> Joined:
    """`answered`: each row once, in the order of their time (`answers.newest`). `counts`: whether a row is of the
    model that is measured. `horizon`: seconds after its request within which a label counts.
    """
    found = Joined()
    named = by_identity(answered)
    place_of = {id(row): place for place, row in enumerate(answered)}
    claims: dict[int, list[tuple[Identity, tuple[Given, ...]]]] = {}
    for identity, labels in given.items():
        row = named.get(identity)
        said = tuple(labels)
        if row is None:
            found.unknown += 1
            file = said[-1].file
            found.unknown_files[file] = found.unknown_files.get(file, 0) + 1
        else:
            claims.setdefault(place_of[id(row)], []).append((identity, said))
    for place in sorted(claims):
        row, by = answered[place], claims[place]
        all_said = [each for _, said in by for each in said]
        # identities of one row may be labelled in the same file: then its order within each of them decides
        in_time = sorted(
            (each for each in all_said if each.first <= row.at + horizon),
            key=lambda each: (each.arrived, each.file),
        )
        found.too_late += len(all_said) - len(in_time)
        if not in_time:
            continue
        labelled = LabelledRow(row, tuple(in_time))
        found.delays[place] = labelled.delay
        if not counts(row):
            found.outside += len(by)
            continue
        found.rows.append(labelled)
        found.named_twice += len(by) > 1
        if labelled.corrected:
            found.corrected += 1
        elif len(in_time) > 1:
            found.repeated += 1
    return found
