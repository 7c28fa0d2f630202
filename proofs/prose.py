"""Finds sentences at which a native reader stops: a table of patterns, each with the better wording.

`python -m proofs.prose` reads the Markdown pages, the comments, docstrings and messages of the product's Python, the
state machines and template.yaml. Code in backticks, fenced blocks, identifiers and wire names are not prose.
docs/glossary.md has the words that the table demands.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("functions/", "layers/", "jobs/", "cli/", "localcloud/src/", "statemachines/", "template.yaml")
"""Where Python and YAML are read; Markdown is read everywhere."""
NOT_READ = ("docs/decisions", "CHANGELOG.md", "localcloud/CHANGELOG.md")
"""Records are dated: their words are those of their day."""


@dataclass(frozen=True)
class Pattern:
    """`better` says what to write instead of what `words` finds in prose."""

    words: re.Pattern[str]
    better: str


def _pattern(words: str, better: str) -> Pattern:
    """A blank in `words` stands for any white space, a line break included."""
    return Pattern(re.compile(words.replace(" ", r"\s+")), better)


PATTERNS = (
    _pattern(r"(?i)\b(?:ring|rings|rang|ringing)\b", "an alarm *goes into ALARM*, *is in ALARM*"),
    _pattern(r"(?i)\b(?:is|are|was|were|be|been) told\b", "*is notified*, *is reported*, *receives*"),
    _pattern(r"(?i)\btells? (?:people|of|nobody|the|it|whether|which|what|how)\b", "*notifies*, *reports*, *says*"),
    _pattern(
        r"(?i)(?<!there)(?<!\s)\s+(?:is|are|was|were) no (?!longer|more\b|less\b|fewer|better|worse|other)\w+",
        "*is not a …*",
    ),
    _pattern(r"(?i)\blate labels?\b", "*delayed labels*"),
    _pattern(r"\bWho(?:ever)? \w+(?![^.|]*\?)", "name the actor: *the caller*, *a client that …*"),
    _pattern(r", of an? (?:canary|bandit|champion|challenger)\b", "*for a canary*"),
    _pattern(r"(?i)\bas it is(?=[.;:,)]|\s*$)", "*unchanged*, or say what it is"),
    _pattern(r"(?i)\btroubles?\b", "name it: *problem*, *limit violation*, *failure*"),
    _pattern(r"(?i)\bnot done here\b", "*not run*"),
    _pattern(r"(?i)\bwithout a word\b", "*silently*"),
    _pattern(
        r"(?i)\b(?:planned|last|one|each|every|next|a|per|between two|of) looks?\b(?! at| up|-| like)",
        "*measurement*; *check*, *poll*",
    ),
    _pattern(r"(?i)\bruns? (?:that )?(?:is|are) on\b(?! the| an? )", "*the current run*, *in progress*"),
    _pattern(r"\bwhoever\b|\b(?:to|by|of|for) who\b", "name the actor: *the caller*, *a reader of …*"),
    _pattern(r"(?i)\bnobody (?:asks|asked|looks|watches)\b", "*idle*, *without requests*"),
    _pattern(
        r"(?i)\b(?:line|row|object|sentence) an? (?:figure|line|row|object|file|choice|call)\b", "*one for each …*"
    ),
    _pattern(r"(?i)\b(?:refused|read|checked|uploaded|run) whole\b", "*as a whole*, *completely*"),
    _pattern(r"(?i)\banew\b", "*again*"),
    _pattern(r"(?i)\bmend(?:s|ed|ing)?\b", "*correct*, *fix*"),
    _pattern(r"(?i)\bgo(?:es)? on with\b", "*continues with*"),
    _pattern(r"(?i)\bthe ways? back\b", "*the rollback*"),
    _pattern(r"(?i)\bthe world\b", "*services*, *the outside*"),
    _pattern(r"(?i)\bledgers?\b", "*state store*"),
    _pattern(r"(?i)\bsay --", "*use --…*"),
    _pattern(r"(?i)\bthat (?:is|are) there\b", "*that exists*, *that is present*"),
    _pattern(r"(?i)\bfor ever\b|\bonce and for (?:good|all)\b", "*forever*, *permanently*"),
    _pattern(r"(?i)\bas (?:it|they) came\b", "*unchanged*"),
    _pattern(r"(?i)\ball the same\b", "*anyway*, *in any case*"),
    _pattern(r"(?i)\bfor want of\b", "*for lack of*, *because … is missing*"),
    _pattern(r"(?i)\b(?:say|says|said) of\b", "*says about*"),
    _pattern(r"(?i)\bone behind the other\b", "*one after another*"),
    _pattern(r"(?i)\b(?:persons?|people|somebody|anybody|nobody) that\b", "*a person who …*"),
    _pattern(r"(?i)\b(?:after|up to|at least|at most|with) so many\b(?! as\b)", "*after this many*"),
    _pattern(r'^"""(?:Of|That|So long|So many)\b', "say first what it is: *the largest size of …*, *a sentence if …*"),
)
NAMES = (Pattern(re.compile(r"^_?(?:MOST|LONGEST|REACH)(?:_|$)"), "`MAX_…`, `LOOKBACK_…`"),)
"""What a constant must not be called."""

MAX_WORDS = 40
"""The longest sentence of a Markdown page. Tables, which list, are left to review."""

_CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`|\{[^{}\n]*\}")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """(line, sentence) for each pattern that prose contains; what stands in backticks or braces is code."""
    prose = _CODE.sub(lambda found: re.sub(r"[^\n]", "_", found[0]), text)
    for pattern in PATTERNS:
        for found in pattern.words.finditer(prose):
            line = prose.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1
            yield line, f"{' '.join(found[0].split())!r}: write {pattern.better}"


def of_markdown(text: str) -> Iterator[tuple[int, str]]:
    """The problems of a page, and its sentences of more than MAX_WORDS words."""
    yield from problems(text)
    prose = _CODE.sub(lambda found: "_" + "\n" * found[0].count("\n"), text)
    for block in _BLOCK.finditer(prose):
        if block[0].startswith(("|", "    ")):
            continue
        line = prose.count("\n", 0, block.start()) + 1
        for sentence in _END.split(block[0]):
            if len(sentence.split()) > MAX_WORDS:
                yield line, f"{' '.join(sentence.split()[:6])} …: a sentence of {len(sentence.split())} words; split it"


_BLOCK = re.compile(r"(?m)^[^\n]+(?:\n(?! *(?:[-*|#]|\d+\. ))[^\n]+)*")
"""A paragraph, an item of a list or a row of a table."""
_END = re.compile(r"[.!?:;][*)”\"]*\s+")
"""Where a sentence, or an independent part of one, ends."""


def of_python(source: str) -> Iterator[tuple[int, str]]:
    """The problems of comments and of strings with a blank in them, and the names of constants."""
    comment = ""
    began = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            if comment and line == last + 1:
                comment += "\n" + token.string.lstrip("# ")
            else:
                yield from _at(began, comment)
                comment, began = token.string.lstrip("# "), line
            last = line
        elif token.type in _STRINGS and " " in token.string:
            yield from _at(line, token.string)
        elif token.type == tokenize.NAME:
            for pattern in NAMES:
                if pattern.words.match(token.string):
                    yield line, f"{token.string}: write {pattern.better}"
    yield from _at(began, comment)


_STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def _at(began: int, text: str) -> Iterator[tuple[int, str]]:
    for line, what in problems(text):
        yield began + line - 1, what


def findings(root: Path = ROOT) -> list[str]:
    """`path:line: what to write instead`, for every tracked file that has prose of the product."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    found = []
    for name in listed:
        if name.startswith(NOT_READ) or not (name.endswith(".md") or name.startswith(PRODUCT)):
            continue
        if not name.endswith((".md", ".py", ".yaml")):
            continue
        text = (root / name).read_text(encoding="utf-8")
        reader = _READERS.get(Path(name).suffix, problems)
        found += [f"{name}:{line}: {what}" for line, what in reader(text)]
    return found


_READERS = {".py": of_python, ".md": of_markdown}


def main() -> int:
    found = findings()
    print("\n".join(found) if found else "No sentence of the table was found.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
