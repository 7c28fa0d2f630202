"""Every command that a page shows: the lines of its shell blocks, and code spans within sentences.

A code span of a command's name alone (`sluice drop`, `make`) names it; one with an argument is a command that people
paste. Decisions and the timings of newcomers (way-in.md) are records of their day, not instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "decisions"),
]
RECORDS = {"way-in.md", "decisions.md"}
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
# with a variable before it, a folder, or neither
_COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?(?:sluice|make|sam|aws|uv|pip|pipx|python[\d.]*|git|eval|rm|pre-commit) +\S"
)
_NAME = re.compile(r"(?:sluice [a-z][\w-]*|sam \w+|git \w+)$")
# written by scripts/write_command_reference.py from the command itself, with what may be left out in brackets
_SYNOPSIS = re.compile(r"^`[^`]+`, for example:$", re.MULTILINE)
ALIASES = {
    **{"PROJECT": "<project>", "RUN": "<run>", "FILE": "<file>", "r0123": "<run>", "r4567": "<other>"},
    **{"0123abcd": "<dataset>", "6f9619ff8b86d011": "<id>", "shop": "<project>", "COMMAND": "<command>"},
    **{"…": "TEXT", "URL": "<url>", "'{…}'": "<request>", "folder": "<folder>"},
}
_REASON = re.compile(r"(--reason )(?:'[^']*'|\"[^\"]*\"|TEXT|…)")


def commands(text: str, *, fenced: str = "") -> Iterator[str]:
    """Those of the page `text`, as `form` writes them; of its blocks, the ones of the language `fenced`."""
    spans = _SYNOPSIS.sub("", text)
    for found in _FENCE.finditer(text):
        spans = spans.replace(found[0], "")
        lines = [line.partition("  #")[0].strip() for line in found[3].splitlines()]
        if found[2] == fenced and lines and _COMMAND.match(lines[0]):
            yield from (form(line) for line in lines)
    for found in _SPAN.finditer(spans):
        if _COMMAND.match(found[1]) and not _NAME.match(found[1]):
            yield form(found[1])


def form(command: str) -> str:
    """The command with one spelling of each placeholder and of a reason.

    >>> form("sluice  reject r0123 --reason 'too slow'")
    'sluice reject <run> --reason TEXT'
    """
    words = _REASON.sub(r"\1TEXT", command).replace("=…", "=TEXT").split()
    return " ".join(ALIASES.get(word, word) for word in words)


def every() -> dict[str, list[str]]:
    """Command → the pages that show it; without the `sh` blocks, which `test_pages.py` runs page by page."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        if page.name in RECORDS:
            continue
        for command in commands(page.read_text(encoding="utf-8")):
            found.setdefault(command, []).append(str(page.relative_to(ROOT)))
    return found


if __name__ == "__main__":
    for command, pages in sorted(every().items()):
        print(command, "   #", *sorted(set(pages)))
