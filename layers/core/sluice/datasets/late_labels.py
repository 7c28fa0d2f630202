"""The delayed labels of a project: what the intake has accepted of the files that lie in labels/ now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.intake.markers import marker
from sluice.model.values import Typed, is_positive, same_label
from sluice.names import digest
from sluice.ports import Clock, Json, ObjectStore
from sluice.watch.labels import Entry, Identity, RefusedFileError, has_open_classes, label_of, read_entries

VALIDATED_WITHIN = timedelta(hours=8)
"""The intake queue has given a message up by then, and dropped files of earlier releases have no verdict."""


@dataclass(frozen=True, slots=True)
class Given:
    """A label that one file gives an identity. `arrived`, `first`: as in `sluice.watch.labels.Entry`."""

    label: Typed
    arrived: float
    first: float
    file: str


@dataclass
class LateLabels:
    """`left_out`: files whose labels do not count, each with the reason; `unfit`: labels that the target cannot have.

    `given`: all that was said about an identity; the last one counts, which arrived last. `problems`: objects to be
    corrected that no alert has named yet.
    """

    given: dict[Identity, tuple[Given, ...]] = field(default_factory=dict)
    files: int = 0
    unfit: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[Identity, Typed]:
        """The label that counts of each identity, the one that arrived last at the end."""
        return {identity: given[-1].label for identity, given in self.given.items()}

    def to_json(self) -> Json:
        """`repeated`: identities that have the same label several times; `corrected`: that have several labels."""
        several = [given for given in self.given.values() if len(given) > 1]
        corrected = sum(any(not same_label(each.label, given[-1].label) for each in given) for given in several)
        return {
            "labels": len(self.given),
            "files": self.files,
            "repeated": len(several) - corrected,
            "corrected": corrected,
            "no_label_of_the_target": self.unfit,
            "left_out": self.left_out,
        }


def late_labels(contract: Contract, *, objects: ObjectStore, clock: Clock) -> LateLabels:
    """A file that was deleted from labels/ counts no longer; one that cannot be read stops none of the others.

    Depends on the accepted files alone, and on no order in which they were read or written: files are ordered by when
    their newest version arrived, and files of the same moment by name.
    """
    found = LateLabels()
    if contract.label_column is None:
        return found
    dropped = {
        keys.accepted_labels(contract.project, digest(stored.key)): stored
        for stored in objects.list(keys.labels(contract.project))
        if not marker(stored.key, stored.size)
    }
    files: list[tuple[float, str, list[Entry]]] = []
    for stored in objects.list(keys.accepted_labels(contract.project)):
        source = dropped.pop(stored.key, None)
        if source is None:
            continue
        try:
            entries = read_entries(objects.read(stored.key), stored.modified)
        except RefusedFileError as refused:
            found.left_out[source.key] = f"refused: {refused}"
            continue
        except (ValueError, KeyError, TypeError, RecursionError, NotFoundError) as error:
            # the decoder's message may quote the line
            found.left_out[source.key] = f"what was accepted of it cannot be read ({type(error).__name__})"
            found.problems[stored.key] = f"the accepted labels of {source.key} cannot be read; send that file again"
            continue
        files.append((max((entry.arrived for entry in entries), default=0.0), source.key, entries))
    other = _OtherClass(contract)
    for _, key, entries in sorted(files, key=lambda item: item[:2]):
        labels = [label_of(entry.text, contract) for entry in entries]
        if why := other.violation(key, labels):
            found.left_out[key] = found.problems[key] = why
            continue
        found.files += 1
        for entry, label in zip(entries, labels, strict=True):
            if label is None:
                found.unfit += 1
                continue
            given = Given(label, entry.arrived, entry.first, key)
            # again at the end, so that the labels are in the order in which they came to count
            found.given[entry.identity] = (*found.given.pop(entry.identity, ()), given)
    for stored in dropped.values():
        found.left_out[stored.key] = "it is not validated yet"
        if stored.modified + VALIDATED_WITHIN < clock.now():
            found.problems[stored.key] = "no verdict on these labels; send the file again"
    return found


class _OtherClass:
    """What the files call the class that is not `problem.positive`, where the contract does not say it.

    The intake sees one file at a time. With `no` in one and `maybe` in another, each would count as a no.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._is_open = has_open_classes(contract)
        self._first: Typed | None = None
        self._named_in = ""

    def violation(self, key: str, labels: Iterable[Typed | None]) -> str | None:
        """Why the labels of the file do not count; files are asked for in the order of their arrival."""
        _, column = self._contract.label_column or ("", None)
        if not self._is_open or column is None:
            return None
        positive = self._contract.problem.positive
        others = {label for label in labels if label is not None and not is_positive(label, positive, column.type)}
        if self._first is None and len(others) == 1:
            self._first, self._named_in = next(iter(others)), key
        if not others - {self._first}:
            return None
        than = f"that of {self._named_in}" if self._first is not None else "a single one"
        way = "Correct the file that is wrong"
        if column.type == "category":
            way = f"List both classes in data.columns.{self._contract.problem.target}.values, or correct the wrong file"
        return f"it has another label than problem.positive and {than}: a binary target has two classes. {way}"
