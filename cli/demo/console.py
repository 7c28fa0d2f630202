"""What the demonstration prints: one line a fact, with the seconds since it began."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from sluice.escaping import visible

_began = time.monotonic()
_lock = threading.Lock()


def elapsed() -> float:
    return time.monotonic() - _began


def say(text: str = "", *, mark: str = " ") -> None:
    with _lock:
        for line in text.splitlines() or [""]:
            print(f"{elapsed():7.1f}s {mark} {visible(line)}", flush=True)


def title(text: str) -> None:
    with _lock:
        print(f"\n{elapsed():7.1f}s ━━ {visible(text)} " + "━" * max(0, 88 - len(text)), flush=True)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "  ".join("─" * width for width in widths), *text[1:]])
