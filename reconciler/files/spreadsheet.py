"""A CSV file to its text, in every encoding that Excel, WPS and databases save CSV in."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.files.private import read_regular

MAX_BYTES: Final = 64 * 1024 * 1024

_HINT: Final = "in Excel or WPS: Save as, CSV UTF-8 (逗号分隔)"
_WORKBOOK_STARTS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHINESE: Final = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
"""A Chinese character in UTF-8; few bytes in another encoding look like one."""


def read_text(path: Path) -> str:
    """The text of a CSV file.

    Raises:
        ReconcilerError: the file cannot be read, or cannot be decoded.
    """
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be read: {error.strerror}") from None
    return decoded(str(path), data)


def decoded(file: str, data: bytes) -> str:
    """The text of a CSV file's bytes: UTF-8 or UTF-16 by their byte order mark, else UTF-8, else GB18030.

    Raises:
        ReconcilerError: the bytes are a workbook, a page of HTML, or in none of these encodings.
    """
    if data.startswith(_WORKBOOK_STARTS):
        raise ReconcilerError(f"{file} is a workbook, not CSV", _HINT)
    if data[:512].lstrip().lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise ReconcilerError(f"{file} is a page of HTML or XML, not CSV", f"open it, and save it again; {_HINT}")
    text = _text(file, data)
    if "\0" in text[: text.find("\n") + 2]:
        raise ReconcilerError(f"{file} is no text, or in UTF-16 without a mark", _HINT)
    return text


def _text(file: str, data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decoded_as(encoding, file, data[len(mark) :])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded_as("utf-8" if _is_damaged_utf8(data) else "gb18030", file, data)


def _decoded_as(encoding: str, file: str, data: bytes) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        message = f"{file}:{line}: a character in this line is not in {encoding.upper()}, as the rest is"
        raise ReconcilerError(message, f"mend it, or save the original again; {_HINT}") from None


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether the bytes are mostly UTF-8. Read as GB18030, every name in them would silently become another."""
    broken = data.decode("utf-8", "replace").count("\ufffd")
    return len(_CHINESE.findall(data)) > broken
