"""What the command line says instead of a traceback."""

from __future__ import annotations


class CliError(Exception):
    """A person can act on the message; the command ends with exit code 1."""
