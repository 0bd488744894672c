"""A CSV file to its text, in every encoding that Excel, WPS and databases save CSV in."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text
from reconciler.core.model.words import field_for_word
from reconciler.errors import ReconcilerError, unreadable
from reconciler.files.private import read_regular

MAX_BYTES: Final = 64 * 1024 * 1024

_HINT: Final = text("in Excel or WPS: Save as, CSV UTF-8 (逗号分隔)")
_WORKBOOK_STARTS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHINESE: Final = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
"""A Chinese character in UTF-8; few bytes in another encoding look like one."""
_GUESSES: Final = ("gb18030", "big5", "shift_jis", "cp1252")
_COMMON: Final = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6),
    "shift_jis": ("shift_jis", 0x82, 0x97),
}
"""By encoding the first bytes of its common characters, in the code in which they stand first."""
_PRIOR: Final = {"gb18030": 0.15}
"""What speaks for an encoding before anything was read: nearly all sheets come from Excel and WPS in China."""
_ACCENT: Final = re.compile(r"(?<=[a-z])[à-ÿ](?![^\x00-\x7f])|[À-Ý](?=[a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CsvText:
    """The text of a CSV file, the encoding that it was read in, and whether that was guessed."""

    text: str
    encoding: str
    guessed: bool


def read_bytes(path: Path) -> bytes:
    """The bytes of a spreadsheet's file.

    Raises:
        ReconcilerError: the file cannot be read.
    """
    try:
        return read_regular(path, MAX_BYTES)[0]
    except OSError as error:
        raise unreadable(path, error) from None


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are those of a workbook, or of another file that is a container like one."""
    return data.startswith(_WORKBOOK_STARTS)


def csv_text(file: str, data: bytes, encoding: str = "") -> CsvText:
    """The text of a CSV file's bytes: in the encoding that is named, else by their byte order mark, else a guess.

    Raises:
        ReconcilerError: the bytes are a workbook, a page of HTML, or in none of these encodings.
    """
    if is_workbook(data):
        raise ReconcilerError("unreadable-sheet", text("{file} is a workbook, not CSV", file=file), _HINT)
    if data[:512].lstrip().lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise ReconcilerError(
            "unreadable-sheet",
            text("{file} is a page of HTML or XML, not CSV", file=file),
            text("open it, and save it again; {hint}", hint=_HINT),
        )
    read = _named(encoding, file, data) if encoding else _text(file, data)
    if "\0" in read.text[: read.text.find("\n") + 2]:
        hint = text("name it: --encoding utf-16-le; or {hint}", hint=_HINT)
        raise ReconcilerError(
            "unreadable-sheet", text("{file} is no text, or in UTF-16 without a mark", file=file), hint
        )
    return read


def _named(encoding: str, file: str, data: bytes) -> CsvText:
    return CsvText(_decoded_as(encoding, file, data).removeprefix("\ufeff"), encoding, guessed=False)


def _text(file: str, data: bytes) -> CsvText:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return CsvText(_decoded_as(encoding, file, data[len(mark) :]), encoding, guessed=False)
    try:
        return CsvText(data.decode("utf-8"), "utf-8", guessed=False)
    except UnicodeDecodeError:
        encoding = "utf-8" if _is_damaged_utf8(data) else max(_GUESSES, key=lambda guess: _likelihood(guess, data))
        return CsvText(_decoded_as(encoding, file, data), encoding, guessed=True)


def _likelihood(encoding: str, data: bytes) -> tuple[float, float]:
    """How likely the bytes are in an encoding: how many headings are known, and how common the characters are."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return -1, 0
    top = re.split(r"[,;\t\r\n]", "\n".join(text.split("\n")[:10]))
    known = sum(field_for_word(cell) is not None for cell in top if not cell.isascii())
    letters = [char for char in text if not char.isascii()]
    if encoding not in _COMMON:  # a letter with an accent stands among other letters, and seldom beside a second one
        return (0, 1.0) if len(_ACCENT.findall(text)) == len(letters) else (-1, 0)
    usual = sum(_is_common(char, *_COMMON[encoding]) for char in letters)
    return known, usual / max(1, len(letters)) + _PRIOR.get(encoding, 0)


def _is_common(character: str, encoding: str, first: int, last: int) -> bool:
    try:
        return first <= character.encode(encoding)[0] <= last
    except UnicodeEncodeError:
        return False


def _decoded_as(encoding: str, file: str, data: bytes) -> str:
    try:
        return data.decode(encoding)
    except LookupError:
        hint = text("such as utf-8, gb18030, big5, utf-16")
        raise ReconcilerError(
            "unreadable-sheet", text("{encoding} is no encoding that is known", encoding=encoding), hint
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        message = text(
            "{file}:{line}: a character in this line is not in {encoding}, as the rest is",
            file=file,
            line=line,
            encoding=encoding.upper(),
        )
        hint = text("mend it, or save the original again; {hint}; --encoding reads it in another", hint=_HINT)
        raise ReconcilerError("unreadable-sheet", message, hint) from None


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether the bytes are mostly UTF-8. Read as GB18030, every name in them would silently become another."""
    broken = data.decode("utf-8", "replace").count("\ufffd")
    return len(_CHINESE.findall(data)) > broken
