"""What the command line says instead of a traceback."""

from __future__ import annotations

NO_REGION = (
    'no AWS region is set; set AWS_REGION. For the local cloud run `eval "$(sluice env)"`, or in a clone '
    '`eval "$(.venv/bin/sluice env)"`'
)


class CliError(Exception):
    """A person can act on the message; the command ends with exit code 1."""


class CommandError(RuntimeError):
    """A program that the command ran ended with an error; the message has the end of its output."""
