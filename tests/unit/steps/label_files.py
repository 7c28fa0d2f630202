"""Label files that arrive, and what the intake makes of them."""

from __future__ import annotations

from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.validate_dataset import validate_dataset


def send_labels(world: World, name: str, body: bytes | str, project: str = "shop") -> Json:
    """The terminal record of a file that arrives in labels/."""
    key = f"labels/{project}/{name}"
    content = body.encode() if isinstance(body, str) else body
    world.objects.write(key, content)
    version = world.objects.version(key)
    return world.call(validate_dataset, world.objects.bucket, key, version, len(content))
