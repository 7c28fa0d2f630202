"""The labels of a project that came until now."""

from __future__ import annotations

from sluice import keys
from sluice.contract import Contract
from sluice.intake.markers import marker
from sluice.ports import World
from sluice.watch.labels import Identity, read_labels


def late_labels(world: World, contract: Contract) -> dict[Identity, str]:
    """A label that comes again counts as the file says whose key is the last. Markers are ignored, and counted."""
    labels: dict[Identity, str] = {}
    for stored in world.objects.list(keys.labels(contract.project)):
        if what := marker(stored.key, stored.size):
            world.ledger.add_ignored(contract.project, stored.modified, {"key": stored.key, "what": what})
            continue
        labels.update(read_labels(world.objects.read(stored.key), contract))
    return labels
