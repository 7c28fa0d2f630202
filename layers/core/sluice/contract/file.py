"""`data.file`: how a CSV file or sheet is laid out, and the encoding of a text, where they are not to be found."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sluice.contract.part import Part

_NOT_OF_FILES = ("idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
"""Python's encodings that no table is written in, or that are not the same on each machine."""

One = Annotated[str, Field(min_length=1, max_length=1)]


class FileLayout(Part):
    encoding: str | None = Field(
        None,
        description="of text that is not UTF-8, by Python's name: cp1252, latin-1, iso-8859-7, big5, gbk, utf-16; a "
        "byte order mark in the file takes precedence. Default: UTF-8, or UTF-16 with its mark; nothing else is "
        "guessed",
    )
    delimiter: One | None = Field(
        None, description="CSV: default the one of comma, semicolon, tab and | under which the header has the columns"
    )
    quote: One = Field('"', description="CSV: encloses a field that has a delimiter, a quote or a line end in it")
    escape: One | None = Field(
        None,
        description='CSV: the character after it is taken literally, as in \\"; default none, quotes are doubled. '
        "A field of \\N alone is not changed: name it in `missing`",
    )
    line_end: Literal["\r"] | None = Field(
        None,
        description='CSV: "\\r" where each record ends with a carriage return alone and cells have line feeds in them. '
        "Default: a carriage return, a line feed or both end a record outside quotes",
    )
    flatten: bool = Field(
        False,
        description="JSON and Parquet: a member of an object is a column, such as `address.city`; lists are refused",
    )
    sheet: str | None = Field(
        None,
        min_length=1,
        max_length=31,
        description="Excel workbook: the sheet with the table. Default: the first one that is not hidden",
    )
    header: int | None = Field(
        None,
        ge=0,
        description="CSV and Excel: the line of the header, from 1; 0: the file has none, and its fields are "
        "`data.columns` in their order. Default: the line with the most of the contract's columns among the first 30 "
        "that are not blank",
    )
    skip: int = Field(0, ge=0, description="CSV and Excel: lines to leave out at the start")

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            found = codecs.lookup(name)
        except LookupError:
            raise ValueError(f"there is no encoding {name!r}; write one such as cp1252, latin-1 or utf-16") from None
        # base64 and its like turn bytes into bytes
        if not getattr(found, "_is_text_encoding", True) or found.name in _NOT_OF_FILES:
            raise ValueError(f"{name!r} is not an encoding of texts; write one such as cp1252, latin-1 or utf-16")
        return name

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _is_character(cls, character: str | None) -> str | None:
        if character is not None and (not character.isascii() or character in "\0\r\n" or character.isalnum()):
            raise ValueError(
                f"{character!r} is a letter, a digit, a line end or not ASCII; write a sign such as ; or |"
            )
        return character

    @model_validator(mode="after")
    def _differ(self) -> FileLayout:
        named = {"delimiter": self.delimiter, "quote": self.quote, "escape": self.escape}
        for name, character in named.items():
            for other, same in named.items():
                if name < other and character is not None and character == same:
                    raise ValueError(f"`{name}` and `{other}` are both {character!r}")
        if self.header and self.skip >= self.header:
            raise ValueError(f"`skip` leaves out {self.skip} lines, and with them the header on line {self.header}")
        return self


FOUND = FileLayout()
"""Nothing is named: all is found in the file."""
