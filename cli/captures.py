"""The files of captured requests, the newest hour first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from sluice import keys
from sluice.bootstrap import World

_HOUR = re.compile(r"/(\d{4}/\d{2}/\d{2}/\d{2})/[^/]+$")


def newest_first(world: World, project: str, days: int) -> Iterator[str]:
    """Keys of the project's capture files of the last `days`."""
    since = f"{world.clock.now() - timedelta(days=days):%Y/%m/%d/%H}"
    hours = [
        (hour[1], stored.key)
        for stored in world.objects.list(keys.capture(project))
        if (hour := _HOUR.search(stored.key)) and hour[1] >= since
    ]
    return (key for _, key in sorted(hours, reverse=True))


def endpoint_and_variant(key: str) -> tuple[str, str]:
    """What answered the requests of a capture file.

    >>> endpoint_and_variant("capture/shop/sluice-shop/v-r0123/2026/11/29/21/a.jsonl")
    ('sluice-shop', 'v-r0123')
    """
    endpoint, variant = key.split("/")[2:4]
    return endpoint, variant
