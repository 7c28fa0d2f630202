"""The error that ends the job with a message for people."""

from __future__ import annotations


class CleaningError(Exception):
    """The inputs cannot become a training set; the message says why."""
