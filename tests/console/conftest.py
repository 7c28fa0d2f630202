"""The recorded stack, as the read model has it."""

from __future__ import annotations

import pytest

from console.source import Source
from tests.console import recorded


@pytest.fixture(scope="module")
def source() -> Source:
    """Tests only read it."""
    return Source(recorded.stack())
