"""What ministack 1.5.33 does otherwise than AWS and the line needs as on AWS; each repair with its why."""

from __future__ import annotations

from localcloud.settings import Settings


def install(settings: Settings) -> None:
    """Applies every repair."""


def shutdown() -> None:
    """Nothing to end."""
