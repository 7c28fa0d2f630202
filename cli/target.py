"""Which cloud a command talks to, and the question before the first write to a real account."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from cli.errors import CliError
from cli.text import say

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Target:
    """`account` is None for a local cloud: everybody's is the same."""

    endpoint: str
    region: str
    account: str | None = None

    def __str__(self) -> str:
        if self.account is None:
            return f"the local cloud at {self.endpoint}"
        return f"AWS account {self.account}, region {self.region}"


def is_local(endpoint: str) -> bool:
    """
    >>> is_local("http://127.0.0.1:4566"), is_local("https://sts.eu-west-1.amazonaws.com")
    (True, False)
    """
    return urlsplit(endpoint).hostname in _LOOPBACK


def announce(target: Target, stack: str) -> None:
    """Says on stderr where the command goes, so that piped output stays what it is."""
    say(f"→ {target}, stack {stack}", file=sys.stderr)


def confirm(target: Target, *, yes: bool) -> None:
    """Asks before the first write to an account and region; a yes is remembered.

    Raises CliError for a no, and where nobody can be asked.
    """
    if target.account is None or yes:
        return
    place, known = f"{target.account}/{target.region}", _known()
    if place in known:
        return
    if not sys.stdin.isatty():
        raise CliError(
            f"this would be the first write to {target}, and there is no terminal to ask for confirmation: repeat "
            'the command with --yes if you mean it. For the local cloud run `eval "$(sluice env)"` first'
        )
    if not typer.confirm(f"This is the first write to {target}, which is a real account. Continue?", err=True):
        raise CliError('nothing was written; for the local cloud run `eval "$(sluice env)"` first')
    path = remembered()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sorted({*known, place}), indent=1) + "\n", encoding="utf-8")


def remembered() -> Path:
    """The file of the accounts to which a write was agreed."""
    return Path(typer.get_app_dir("sluice")) / "accounts.json"


def _known() -> list[str]:
    try:
        found = json.loads(remembered().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(each) for each in found] if isinstance(found, list) else []
