"""The labels of a project that came until now."""

from __future__ import annotations

from sluice import keys
from sluice.contract import Contract
from sluice.ports import World
from sluice.watch.labels import Identity, read_labels


def late_labels(world: World, contract: Contract) -> dict[Identity, str]:
    """A label that comes again counts as the file says whose key is the last."""
    labels: dict[Identity, str] = {}
    for stored in world.objects.list(keys.labels(contract.project)):
        labels.update(read_labels(world.objects.read(stored.key), contract))
    return labels
