"""The parts of an Excel workbook (.xlsx) that say how its sheets are read: their list, shared texts, formats of cells.

Format: ECMA-376, part 1, SpreadsheetML. Each part is read as a stream. Nothing in a part is fetched from elsewhere, and
a part with a document type is refused, since entities could unpack to anything.
"""

from __future__ import annotations

import posixpath
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from sluice.errors import EmptyFileError, FileTooLargeError, UnreadableFileError
from sluice.intake.limits import Limits, megabytes
from sluice.intake.number_formats import BUILT_IN, PLAIN, CellFormat, cell_format
from sluice.intake.zip_member import DEFLATED, STORED, other_method
from sluice.model.shortening import listed, shortened

CHUNK = 64 * 2**10
_MAX_NAMES = 10
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SAVE = "save the sheet as CSV (UTF-8), or the workbook again as .xlsx"
_MAX_PART = 2**26
"""Bytes of a list of sheets, formats or parts. Such a list is held in memory."""
_MAX_TAG = 2**20
_MAX_DEPTH = 256
_SAVE_SHEET = "save the sheet as CSV (UTF-8)"
_OF_LIST = 8
"""Bytes that a list takes for one of its objects."""
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)[\s>]")

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


def _nothing(_: str) -> None:
    pass


@dataclass(frozen=True)
class Sheet:
    name: str
    part: str
    hidden: bool


class Workbook:
    """Raises UnreadableFileError for what is not a workbook, or is damaged, and FileTooLargeError beyond the limits."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._size = path.stat().st_size
        self._read = self._packed = 0
        """Bytes of the parts that were read, unpacked and packed; of one that is read twice, twice."""
        self.is_1904 = False
        """Whether days are counted from 1904, as old Macintoshes did."""
        self.recalculated = False
        """Whether the writer asks for formulas to be computed on opening: their values are not those of a program."""
        with readable():
            self._zip = zipfile.ZipFile(path)
            self._names = {name.lower(): name for name in self._zip.namelist()}
            book = self._related("", "officeDocument").get("", "xl/workbook.xml")
            if book.lower() not in self._names:
                raise UnreadableFileError(f"this is an office file, but not an Excel workbook (.xlsx): {_SAVE}")
            if book.lower().endswith(".bin"):
                raise UnreadableFileError(f"this is a binary workbook (.xlsb): {_SAVE}")
            self.sheets = self._sheets(book)
            self.strings = self._strings(book)
            self.formats = self._formats(book)

    def chosen(self, name: str | None) -> Sheet:
        """The sheet of this name; without one, the first that is not hidden."""
        visible = [sheet for sheet in self.sheets if not sheet.hidden]
        if not self.sheets:
            raise EmptyFileError("the workbook has no sheet with cells")
        if name is None:
            return (visible or self.sheets)[0]
        for sheet in self.sheets:
            if sheet.name == name:
                return sheet
        raise UnreadableFileError(
            f"the workbook has no sheet {name!r}, which the contract names in data.file.sheet; it has "
            f"{self._listed(self.sheets)}"
        )

    def others_with_values(self, sheet: Sheet) -> list[Sheet]:
        """The sheets beside this one that have a value in a cell."""
        found = []
        for other in self.sheets:
            if other is not sheet:
                before = b""
                for chunk in self.chunks(other.part):
                    if _VALUE.search(before + chunk):
                        found.append(other)
                        break
                    before = chunk[-_OVERLAP:]
        return found

    @staticmethod
    def _listed(sheets: list[Sheet]) -> str:
        return listed([repr(shortened(sheet.name, 80)) for sheet in sheets], _MAX_NAMES)

    def told(self, sheet: Sheet) -> str:
        """In words: the sheet that is read, and those with values that are not."""
        words = f"sheet {shortened(sheet.name, 80)!r}"
        others = self.others_with_values(sheet)
        shown, hidden = [each for each in others if not each.hidden], [each for each in others if each.hidden]
        for beside, kind in ((shown, ""), (hidden, "hidden ")):
            if beside:
                words += f", not the {kind}sheet{'s' * (len(beside) > 1)} {self._listed(beside)}"
        return words

    def chunks(self, part: str) -> Iterator[bytes]:
        """The XML of a part, in UTF-8. Never more than a chunk is unpacked at once."""
        member = self._zip.getinfo(self._names[part.lower()])
        if member.compress_type not in (STORED, DEFLATED):
            how = other_method(member.compress_type)
            raise UnreadableFileError(f"a part of the workbook is packed with {how}; only deflate is read: {_SAVE}")
        # the archive's directory may name any size
        self._packed += min(member.compress_size, self._size)
        with readable(), self._zip.open(member) as stream:
            while chunk := stream.read(CHUNK):
                self._limits.check_time()
                self._read += len(chunk)
                self._limits.check_file(self._read, "unpacked, the workbook has more than")
                self._limits.check_ratio(self._packed, self._read, "the workbook", _SAVE_SHEET)
                yield chunk

    def _parse(self, part: str, start: Start, end: End = _nothing, text: End = _nothing) -> None:
        xml = XmlReader(start, end, text)
        for chunk in self.chunks(part):
            xml.feed(chunk)
        xml.close()

    def _parse_list(self, part: str, start: Start, end: End = _nothing) -> None:
        size = self._zip.getinfo(self._names[part.lower()]).file_size
        if size > _MAX_PART:
            raise FileTooLargeError(
                f"{shortened(part, 80)!r} in the workbook has {megabytes(size)}, and at most {megabytes(_MAX_PART)} "
                f"are read: {_SAVE_SHEET}"
            )
        self._parse(part, start, end)

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """Identifier → part, of the parts of this kind that `part` refers to; the first one also under ""."""
        folder, name = posixpath.split(part)
        found: dict[str, str] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and attributes.get("Type", "").endswith("/" + kind):
                target = attributes.get("Target", "")
                where = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[attributes.get("Id", "")] = where
                found.setdefault("", where)

        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations.lower() in self._names:
            self._parse_list(relations, start)
        return found

    def _sheets(self, book: str) -> list[Sheet]:
        parts = self._related(book, "worksheet")
        found: list[Sheet] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "workbookPr":
                self.is_1904 = attributes.get("date1904") in ("1", "true", "on")
            elif tag == "calcPr":
                self.recalculated = attributes.get("fullCalcOnLoad") in ("1", "true", "on")
            elif tag == "sheet":
                identity = next((value for name, value in attributes.items() if name.endswith(":id")), "-")
                # the others are charts and dialogs
                if (part := parts.get(identity, "")).lower() in self._names:
                    hidden = attributes.get("state", "visible") != "visible"
                    found.append(Sheet(attributes.get("name", ""), part, hidden))

        self._parse_list(book, start)
        return found

    def _strings(self, book: str) -> list[str]:
        part = self._related(book, "sharedStrings").get("")
        if part is None or part.lower() not in self._names:
            return []
        texts = Texts()
        found: list[str] = []
        held, open_size, most = 0, 0, self._limits.group_bytes

        def add(text: str) -> None:
            nonlocal open_size
            open_size += len(text)
            self._limits.check_line(open_size)
            texts.add(text)

        def end(tag: str) -> None:
            nonlocal held, open_size
            texts.end(tag)
            if tag == "si":
                open_size = 0
                found.append(unescaped(texts.taken()))
                held += sys.getsizeof(found[-1]) + _OF_LIST
                if most is not None and held > most:
                    raise FileTooLargeError(
                        f"the texts of the workbook take more than {megabytes(most)} of memory: {_SAVE_SHEET}"
                    )

        self._parse(part, texts.start, end, add)
        return found

    def _formats(self, book: str) -> list[CellFormat]:
        part = self._related(book, "styles").get("")
        codes, found = dict(BUILT_IN), list[CellFormat]()
        inside = False

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            if tag == "numFmt":
                codes[attributes.get("numFmtId", "")] = cell_format(attributes.get("formatCode", ""))
            elif tag == "cellXfs":
                inside = True
            elif tag == "xf" and inside:
                found.append(codes.get(attributes.get("numFmtId", ""), PLAIN))

        def end(tag: str) -> None:
            nonlocal inside
            inside = inside and tag != "cellXfs"

        if part is not None and part.lower() in self._names:
            self._parse_list(part, start, end)
        return found


_OVERLAP = 100


class Texts:
    """Collects the text of `t` elements, without the readings beside Japanese text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open = self._phonetic = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        if tag == "t":
            self._open = not self._phonetic
        elif tag == "rPh":
            self._phonetic = True

    def end(self, tag: str) -> None:
        if tag == "t":
            self._open = False
        elif tag == "rPh":
            self._phonetic = False

    def add(self, text: str) -> None:
        if self._open:
            self._parts.append(text)

    def taken(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        return text


def unescaped(text: str) -> str:
    """A text without the escapes of characters that XML does not have.

    >>> unescaped("a_x000D_b_x005F_x000D_")
    'a\\rb_x000D_'
    """
    # an escaped lone surrogate is not text that Parquet can hold
    return (
        _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("utf-8", "replace").decode("utf-8")
        if "_x" in text
        else text
    )


class XmlReader:
    """Hands on the elements of XML that comes in chunks. Names are given without their prefix: which one stands for
    SpreadsheetML is the writer's choice.

    Raises UnreadableFileError for what would take memory without end: entities, elements within elements, a long tag.
    """

    def __init__(self, start: Start, end: End, text: Callable[[str], None]) -> None:
        self._start, self._end = start, end
        self._fed = self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._opened
        self._parser.EndElementHandler = self._closed
        self._parser.CharacterDataHandler = text

    def feed(self, chunk: bytes) -> None:
        self._parser.Parse(chunk, False)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > _MAX_TAG:
            raise UnreadableFileError(f"the workbook has a tag of more than {megabytes(_MAX_TAG)} in its XML; {_SAVE}")

    def close(self) -> None:
        self._parser.Parse(b"", True)

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnreadableFileError(f"the workbook has XML that is nested more than {_MAX_DEPTH} deep; {_SAVE}")
        self._start(_bare(name), attributes)

    def _closed(self, name: str) -> None:
        self._depth -= 1
        self._end(_bare(name))

    @staticmethod
    def _doctype(*_: Any) -> None:
        raise UnreadableFileError(f"the workbook has a document type in its XML, which no spreadsheet writes; {_SAVE}")


def _bare(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


@contextmanager
def readable() -> Iterator[None]:
    """Raises UnreadableFileError for whatever a damaged workbook leads to."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        EOFError,
        NotImplementedError,
        UnicodeError,
        RuntimeError,
    ) as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnreadableFileError(f"the workbook is damaged, or cannot be read: {told}; {_SAVE}") from None
