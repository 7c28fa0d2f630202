"""The delayed labels of a project: what the intake has accepted of the files that lie in labels/ now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.intake.markers import marker
from sluice.model.values import Typed, same_label
from sluice.names import digest
from sluice.ports import Clock, Json, ObjectStore
from sluice.watch.labels import Identity, RefusedFileError, label_of, read_entries

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

    `given`: all that was said of an identity; the last one counts, which arrived last. `problems`: objects to be
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
    collected: list[tuple[float, str, int, Identity, Given]] = []
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
        found.files += 1
        for place, entry in enumerate(entries):
            label = label_of(entry.text, contract)
            if label is None:
                found.unfit += 1
            else:
                given = Given(label, entry.arrived, entry.first, source.key)
                collected.append((entry.arrived, source.key, place, entry.identity, given))
    for _, _, _, identity, given in sorted(collected, key=lambda item: item[:3]):
        # again at the end, so that the labels are in the order in which they came to count
        found.given[identity] = (*found.given.pop(identity, ()), given)
    for stored in dropped.values():
        found.left_out[stored.key] = "it is not validated yet"
        if stored.modified + VALIDATED_WITHIN < clock.now():
            found.problems[stored.key] = "no verdict on these labels; send the file again"
    return found
