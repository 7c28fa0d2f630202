"""The delayed labels of a project: what the intake has accepted of the files that lie in labels/ now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.intake.markers import marker
from sluice.model.values import Typed
from sluice.names import digest
from sluice.ports import Clock, Json, ObjectStore
from sluice.watch.labels import Identity, RefusedFileError, read_labels

VALIDATED_WITHIN = timedelta(hours=8)
"""The intake queue has given a message up by then, and dropped files of earlier releases have no verdict."""


@dataclass
class LateLabels:
    """`left_out`: files whose labels do not count, each with the reason; `unfit`: labels that the target cannot have.

    `problems`: objects to be corrected that no alert has named yet. A label that comes again counts as the file says
    that was accepted last.
    """

    labels: dict[Identity, Typed] = field(default_factory=dict)
    files: int = 0
    unfit: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "labels": len(self.labels),
            "files": self.files,
            "no_label_of_the_target": self.unfit,
            "left_out": self.left_out,
        }


def late_labels(contract: Contract, *, objects: ObjectStore, clock: Clock) -> LateLabels:
    """A file that was deleted from labels/ counts no longer; one that cannot be read stops none of the others."""
    found = LateLabels()
    if contract.problem.target is None:
        return found
    dropped = {
        keys.accepted_labels(contract.project, digest(stored.key)): stored
        for stored in objects.list(keys.labels(contract.project))
        if not marker(stored.key, stored.size)
    }
    accepted = sorted(
        objects.list(keys.accepted_labels(contract.project)), key=lambda stored: (stored.modified, stored.key)
    )
    for stored in accepted:
        source = dropped.pop(stored.key, None)
        if source is None:
            continue
        try:
            labels, unfit = read_labels(objects.read(stored.key), contract)
        except RefusedFileError as refused:
            found.left_out[source.key] = f"refused: {refused}"
            continue
        except (ValueError, RecursionError, NotFoundError) as error:
            # the decoder's message may quote the line
            found.left_out[source.key] = f"what was accepted of it cannot be read ({type(error).__name__})"
            found.problems[stored.key] = f"the accepted labels of {source.key} cannot be read; send that file again"
            continue
        for identity, label in labels.items():
            # the newest file's label comes last
            found.labels.pop(identity, None)
            found.labels[identity] = label
        found.files += 1
        found.unfit += unfit
    for stored in dropped.values():
        found.left_out[stored.key] = "it is not validated yet"
        if stored.modified + VALIDATED_WITHIN < clock.now():
            found.problems[stored.key] = "no verdict on these labels; send the file again"
    return found
