"""What counts as a figure in a record that a job has written."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from sluice.model.values import finite

Evidence = Annotated[float | None, BeforeValidator(finite)]
"""A finite number. NaN, infinity, text and booleans are not evidence: they are read as None."""
