"""A spreadsheet's file to its text: as Excel, WPS and databases save CSV, in any of their encodings."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.files.private import read_regular

MAX_BYTES: Final = 64 * 1024 * 1024

_HOW: Final = "in Excel or WPS: Save as, CSV UTF-8 (逗号分隔)"
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHINESE: Final = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
"""A Chinese character in UTF-8; few pairs of them in another encoding look so."""


def read_text(path: Path) -> str:
    """The text of a CSV file. Raises `ReconcilerError` for what cannot be read, or is no good text."""
    try:
        data, _ = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be read: {error.strerror}") from None
    return decoded(str(path), data)


def decoded(file: str, data: bytes) -> str:
    """UTF-8 or UTF-16 where a mark says so, else UTF-8, else GB18030. Raises `ReconcilerError`."""
    if data.startswith(_WORKBOOKS):
        raise ReconcilerError(f"{file} is a workbook, not CSV", _HOW)
    if data[:512].lstrip().lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise ReconcilerError(f"{file} is a page of HTML or XML, not CSV", f"open it, and save it again; {_HOW}")
    text = _text(file, data)
    if "\0" in text[: text.find("\n") + 2]:
        raise ReconcilerError(f"{file} is no text, or in UTF-16 without a mark", _HOW)
    return text


def _text(file: str, data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(file, data[len(mark) :], encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(file, data, "utf-8" if _is_damaged(data) else "gb18030")


def _strictly(file: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        what = f"{file}:{line}: a character in this line is not in {encoding.upper()}, as the rest is"
        raise ReconcilerError(what, f"mend it, or save the original again; {_HOW}") from None


def _is_damaged(data: bytes) -> bool:
    """Whether it is UTF-8 for the most part. Read as GB18030, every name in it would silently become another."""
    broken = data.decode("utf-8", "replace").count("\ufffd")
    return len(_CHINESE.findall(data)) > broken
