"""Messy text files whose truth is known: a random table, written in a random dialect, with at most one damage a row.

`generate(seed)` gives the same file for ever. `python -m tests.messy.fuzz` runs many.
"""

from __future__ import annotations

import bz2
import gzip
import io
import random
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

from tests.messy.damage import Draft, damaged, spoiled
from tests.messy.tables import KEY, Cell, Column, cell, columns

LINE_END = re.compile(r"\r\n|\r|\n")
UNIVERSAL = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030")
LEGACY = {"cp1252": "äöü ß £ €", "iso-8859-1": "é ñ ¿", "iso-8859-7": "Ελλάδα", "gbk": "中国人", "shift_jis": "日本"}


@dataclass(frozen=True)
class Style:
    """The dialect of a file. `named`: the members that the contract names."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    line_end: str = "\n"
    preamble: int = 0
    header: bool = True
    quoting: str = "minimal"
    padded: bool = False
    trailing: bool = False
    container: str | None = None
    final_end: bool = True
    named: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Every reader of CSV knows this without being told."""
        known = self.delimiter in ",;\t|" and self.encoding in ("utf-8", "utf-8-sig", "utf-16")
        odd = self.preamble or self.padded or self.trailing or self.escape or self.quote != '"' or not self.header
        return known and not odd and self.container in (None, "gzip")

    @property
    def features(self) -> list[str]:
        """What is not plain about it, in words."""
        found = {
            f"delimiter {self.delimiter!r}": self.delimiter not in ",;\t|",
            f"encoding {self.encoding}": self.encoding not in ("utf-8", "utf-8-sig", "utf-16"),
            "preamble": bool(self.preamble),
            "padded": self.padded,
            "trailing delimiter": self.trailing,
            "escape": self.escape is not None,
            "quote": self.quote != '"',
            "no header": not self.header,
            f"container {self.container}": self.container not in (None, "gzip"),
        }
        return [name for name, there in found.items() if there]

    @property
    def settings(self) -> dict[str, Any]:
        header = self.preamble + 1 if self.header else 0
        known = {"delimiter": self.delimiter, "quote": self.quote, "escape": self.escape, "encoding": self.encoding}
        known |= {"header": header, "skip": self.preamble}
        return {name: known[name] for name in self.named}


@dataclass
class Row:
    """A record of the file. `readings`: all values that may be accepted for it, by column; none: it must be refused."""

    key: str
    cells: list[Cell]
    line: int = 0
    damage: str = ""
    readings: list[list[Any]] = field(default_factory=list)


@dataclass
class GeneratedFile:
    seed: int
    style: Style
    columns: list[Column]
    rows: list[Row]
    body: bytes = b""
    name: str = ""
    cut: int = 0
    """So many bytes are missing at its end."""
    cut_rows: int = 0
    """Rows at the end that lack something by it."""


def generate(seed: int, nameable: frozenset[str] = frozenset(), plain: bool = False) -> GeneratedFile:
    """`nameable`: the settings that a contract can name. `plain`: a dialect that every reader knows."""
    rng = random.Random(seed)
    style = _style(rng, nameable, plain)
    table = columns(rng)
    if style.encoding in LEGACY or style.encoding == "gb18030":
        table = [Column(f"c{i}" if i else KEY, c.type, c.decimal, c.thousands) for i, c in enumerate(table)]
    size = rng.choice([1, 2, 3, 5, 8, 12, 30]) if rng.random() < 0.98 else rng.randint(200, 2000)
    special = style.delimiter + style.quote + "\n" + LEGACY.get(style.encoding, "")
    rows = []
    for number in range(size):
        key = f"r{number:06}"
        cells = [Cell(key, key), *(cell(rng, c, special, style.encoding in UNIVERSAL) for c in table[1:])]
        rows.append(Row(key, [_writable(one, style) for one in cells]))
    return _written(rng, seed, style, table, rows)


def _style(rng: random.Random, nameable: frozenset[str], plain: bool) -> Style:
    odd = rng.random() < 0.6 and not plain
    choose = rng.choice
    delimiter = choose([",", ",", ";", "\t", "|", *("^~: " if odd and "delimiter" in nameable else "")])
    container = choose([None, None, None, "gzip", "zip", "bz2"]) if odd else choose([None, None, None, "gzip"])
    encoding = choose(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"])
    if odd and rng.random() < 0.25:
        encoding = choose([*LEGACY, "utf-16-le", "gb18030"])
    preamble = rng.randint(1, 6) if odd and rng.random() < 0.25 else 0
    style = Style(
        delimiter=delimiter,
        quote="'" if odd and "quote" in nameable and rng.random() < 0.2 else '"',
        escape="\\" if odd and "escape" in nameable and rng.random() < 0.2 else None,
        encoding=encoding,
        line_end=choose(["\n", "\n", "\r\n", "\r\n", "\r", "mixed"]),
        preamble=preamble,
        header=not (odd and "header" in nameable and rng.random() < 0.15),
        quoting=choose(["minimal", "minimal", "all", "texts"]),
        padded=odd and delimiter not in " \t" and rng.random() < 0.15,
        trailing=odd and rng.random() < 0.1,
        container=container,
        final_end=rng.random() < 0.8,
    )
    must = {
        "delimiter": delimiter not in ",;\t|",
        "quote": style.quote != '"',
        "escape": style.escape is not None,
        "encoding": encoding not in ("utf-8", "utf-8-sig", "utf-16"),
        "header": not style.header,
        "skip": not style.header and preamble > 0,
    }
    named = tuple(n for n, needed in must.items() if n in nameable and (needed or (n != "skip" and rng.random() < 0.1)))
    return Style(**{**style.__dict__, "named": named})


def _writable(one: Cell, style: Style) -> Cell:
    """The cell, or one in its place that the encoding and the dialect can hold."""
    try:
        one.text.encode(style.encoding)
    except UnicodeEncodeError:
        return Cell("plain", "plain")
    if style.padded and isinstance(one.value, str) and one.text != one.text.strip():
        return Cell(one.text.strip(), one.text.strip())
    if style.encoding in LEGACY and any("\x80" <= c <= "\x9f" for c in one.text):
        return Cell("plain", "plain")
    return one


def quoted(text: str, style: Style) -> str:
    inner = text
    if style.escape:
        inner = inner.replace(style.escape, style.escape * 2).replace(style.quote, style.escape + style.quote)
    else:
        inner = inner.replace(style.quote, style.quote * 2)
    return style.quote + inner + style.quote


def written_cell(one: Cell, column: Column, style: Style) -> str:
    """The cell as the file has it, quoted where it must or should be."""
    text = one.text
    needs = any(c in text for c in (style.delimiter, style.quote, "\n", "\r", style.escape or "\n"))
    needs = needs or text != text.strip(" ") or (style.delimiter == " " and not text) or text.startswith("#")
    if needs or style.quoting == "all" or (style.quoting == "texts" and column.type == "text" and text):
        return quoted(text, style)
    return text


def _written(rng: random.Random, seed: int, style: Style, table: list[Column], rows: list[Row]) -> GeneratedFile:
    joint = style.delimiter + (" " if style.padded else "")
    tail = style.delimiter if style.trailing else ""

    def end() -> str:
        return rng.choice(["\n", "\r\n"]) if style.line_end == "mixed" else style.line_end

    titles = ["# a comment", "Report of the day", "", style.delimiter * len(table), "Source: a register, 2026"]
    parts = [rng.choice(titles) + end() for _ in range(style.preamble)]
    header = joint.join(written_cell(Cell(c.name, c.name), c, style) for c in table) + tail
    if style.header:
        parts.append(header + end())
    file = GeneratedFile(seed, style, table, rows)
    share = rng.choice([0, 0, 0.05, 0.3])
    line = 1 + sum(len(LINE_END.findall(part)) for part in parts)
    for number, row in enumerate(rows):
        row.line, row.readings = line, [[one.value for one in row.cells]]
        texts = [written_cell(one, column, style) for one, column in zip(row.cells, table, strict=True)]
        draft = Draft(rng, row, texts, table, style, joint, tail, header, end())
        text = damaged(draft) if rng.random() < share else draft.text()
        parts.append(text + (end() if style.final_end or number < len(rows) - 1 else ""))
        line += len(LINE_END.findall(parts[-1]))
    body = "".join(parts).encode(style.encoding)
    body = _packed(spoiled(body) if style.encoding.startswith("utf-8") else body, style.container)
    if rng.random() < 0.03:
        file.cut = rng.randint(1, max(1, min(12, len(body) // 4)))
        body = body[: -file.cut]
        file.cut_rows = 1 if style.container else _reached(parts[-len(rows) :], file.cut, style.encoding)
    file.body = body
    file.name = f"{seed}.csv" + {"gzip": ".gz", "zip": ".zip", "bz2": ".bz2"}.get(style.container or "", "")
    return file


def _reached(texts: list[str], cut: int, encoding: str) -> int:
    """How many rows at the end of a text lack something when `cut` bytes of it are gone."""
    count, mark = 0, len("".encode(encoding))
    while cut > 0 and count < len(texts):
        count += 1
        cut -= len(texts[-count].encode(encoding)) - mark
    return count


def _packed(body: bytes, container: str | None) -> bytes:
    if container == "gzip":
        return gzip.compress(body, 1, mtime=0)
    if container == "bz2":
        return bz2.compress(body)
    if container == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("data.csv"), body)
        return out.getvalue()
    return body
