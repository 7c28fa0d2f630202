"""What the command line says instead of a traceback."""

from __future__ import annotations

NO_REGION = (
    'no AWS region is set; set AWS_REGION. For the local cloud run `eval "$(sluice env)"`, or in a clone '
    '`eval "$(.venv/bin/sluice env)"`'
)


class CliError(Exception):
    """A person can act on the message; the command ends with exit code 1."""


class WrongCommandLine(CliError):  # noqa: N818 - what Typer calls a usage error; its own cannot be raised by a command
    """The words that were typed are too few, too many or of another kind; the command ends with exit code 2."""


class CommandError(RuntimeError):
    """A program that the command ran ended with an error; the message has the end of its output."""
