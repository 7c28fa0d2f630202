"""Draws a recorded terminal session as an animated SVG, which a README shows as an image.

    python -m scripts.terminal_svg docs/images/quick-start.cast docs/images/quick-start.svg

The recording is an asciicast (version 2): a header, then `[seconds, "o", text]` for each output. Lines of plain text
are drawn, as programs print them where their output is not a terminal. Waits longer than MAX_PAUSE are cut to it, and
the picture says so. Where a reader asks for reduced motion, the last screen stands still.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

MAX_PAUSE = 1.2
END_PAUSE = 6.0
"""Seconds that the last screen stands before the session begins again."""
ROWS, COLUMNS = 22, 100
_WIDTH, _HEIGHT, _LEFT, _TOP = 8.0, 18, 14, 40
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Line:
    """`at`: seconds after the beginning, with long waits cut; `kind`: command, continued or output."""

    at: float
    text: str
    kind: str


def session(cast: str) -> tuple[list[Line], float, float]:
    """A recording's lines, its length with waits cut, and its real length. Raises ValueError for another format."""
    header, *events = [json.loads(each) for each in cast.splitlines() if each.strip()]
    if header.get("version") != 2:
        raise ValueError("the recording is not an asciicast of version 2")
    lines: list[Line] = []
    shown = real = 0.0
    rest = ""
    for at, kind, text in events:
        if kind != "o":
            continue
        shown += min(at - real, MAX_PAUSE)
        real = at
        *whole, rest = (rest + text).split("\n")
        for each in whole:
            lines += _wrapped(shown, _CONTROL.sub("", each))
    if rest:
        lines += _wrapped(shown, _CONTROL.sub("", rest))
    return lines, shown, real


def _wrapped(at: float, text: str) -> list[Line]:
    parts = textwrap.wrap(text, COLUMNS, drop_whitespace=False, replace_whitespace=False) or [""]
    kind = "command" if text.startswith("$ ") else "output"
    return [Line(at, each, kind) for each in parts]


def drawing(cast: str, title: str) -> str:
    """The SVG. The same recording gives the same drawing."""
    lines, shown, real = session(cast)
    total = shown + END_PAUSE
    width, height = _LEFT * 2 + COLUMNS * _WIDTH, _TOP + ROWS * _HEIGHT + 14
    last = max(0, len(lines) - ROWS)
    rules = [_rule(f"l{number}", line.at, total) for number, line in enumerate(lines)]
    rules.append(_scrolling(lines, total))
    still = f".a{{animation:none!important}}#s{{transform:translateY({-last * _HEIGHT}px)}}"
    window = f'x="0" y="{_TOP - 14}" width="{width:g}" height="{ROWS * _HEIGHT + 6}"'
    drawn = [_text(number, line) for number, line in enumerate(lines)]
    note = f"real time {_clock(real)}; waits are cut to {MAX_PAUSE:g} s"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" '
            f'aria-labelledby="t d" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">',
            f'<title id="t">{escape(title)}</title>',
            f'<desc id="d">{escape(chr(10).join(line.text for line in lines))}</desc>',
            "<style>",
            ".o{fill:#cbd5e1}.c{fill:#86efac;font-weight:600}.n{fill:#94a3b8;font-size:12px}",
            f".a{{animation-duration:{total:.2f}s;animation-timing-function:step-end;animation-iteration-count:infinite}}",
            *rules,
            f"@media (prefers-reduced-motion:reduce){{{still}}}",
            "</style>",
            f'<clipPath id="w"><rect {window}/></clipPath>',
            f'<rect width="{width:g}" height="{height}" rx="8" fill="#0f172a"/>',
            f'<text class="n" x="{_LEFT}" y="19">{escape(title)} · {note}</text>',
            '<g clip-path="url(#w)"><g id="s" class="a" style="animation-name:scroll">',
            *drawn,
            "</g></g>",
            "</svg>",
            "",
        )
    )


def _rule(name: str, at: float, total: float) -> str:
    return f"@keyframes {name}{{0%{{opacity:0}}{100 * at / total:.3f}%{{opacity:1}}100%{{opacity:1}}}}"


def _scrolling(lines: list[Line], total: float) -> str:
    """The screen moves up by a row for each line that would stand below it."""
    steps: dict[str, int] = {"0.000": 0}
    for number, line in enumerate(lines):
        if number >= ROWS:
            steps[f"{100 * line.at / total:.3f}"] = (number - ROWS + 1) * _HEIGHT
    frames = "".join(f"{at}%{{transform:translateY({-by}px)}}" for at, by in steps.items())
    return f"@keyframes scroll{{{frames}100%{{transform:translateY({-max(steps.values())}px)}}}}"


def _text(number: int, line: Line) -> str:
    kind = "c" if line.kind == "command" else "o"
    y = _TOP + number * _HEIGHT
    return (
        f'<text class="a {kind}" style="animation-name:l{number}" x="{_LEFT}" y="{y}" xml:space="preserve">'
        f"{escape(line.text)}</text>"
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def main(arguments: list[str]) -> int:
    source, target = map(Path, arguments)
    target.write_text(drawing(source.read_text(encoding="utf-8"), TITLE), encoding="utf-8")
    sys.stdout.write(f"{target} is written\n")
    return 0


TITLE = "Sluice on a laptop: the README's commands"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
