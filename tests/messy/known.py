"""Faults of the intake that are known today, with what they look like on a generated file."""

from __future__ import annotations

from collections.abc import Callable

from tests.messy.generated import GeneratedFile

KNOWN: dict[str, Callable[[GeneratedFile, str], bool]] = {}
"""One that no longer occurs fails tests/messy/test_generated.py until it is taken out."""


def known_as(file: GeneratedFile, fault: str) -> str | None:
    """The known fault that this one is."""
    return next((name for name, fits in KNOWN.items() if fits(file, fault)), None)
