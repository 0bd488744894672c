"""Numbers of agents and phones that a spreadsheet took for something else, and spoilt."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.model.message import NOTHING, Text, text

_MONTHS: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_YEAR: Final = "(?:19|20)[0-9]{2}"
_CLOCK: Final = "(?:[ T][0-9]{1,2}:[0-9:.]+)?"
_ROUNDED: Final = r"[-+]?(?:[0-9]+[.,][0-9]+[Ee][+]?|[0-9]+[Ee][+])[0-9]+"
_DATE: Final = "|".join(
    (
        f"{_YEAR}[-/.年][0-9]{{1,2}}[-/.月][0-9]{{1,2}}日?{_CLOCK}",
        f"{_YEAR}(?:/[0-9]{{1,2}}|年[0-9]{{1,2}}月)",
        f"[0-9]{{1,2}}/[0-9]{{1,2}}(?:/[0-9]{{2,4}})?{_CLOCK}",
        f"[0-9]{{1,2}}[-.][0-9]{{1,2}}[-.]{_YEAR}{_CLOCK}",
        "[0-9]{1,2}月[0-9]{1,2}日",
        f"[0-9]{{1,2}}-{_MONTHS}(?:-[0-9]{{2,4}})?",
        f"{_MONTHS}-[0-9]{{2,4}}",
    )
)
_FRACTION: Final = r"[0-9]{3,}[.]0+"

NOT_SPOILT: Final = f"^(?!(?:{_ROUNDED}|{_DATE}|{_FRACTION})$)"
"""The beginning of a regular expression, in Python and ECMAScript, that matches what is not spoilt."""

_WORDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (_ROUNDED, text("has lost digits: a spreadsheet took it for a number and rounded it")),
        (_DATE, text("is a date: a spreadsheet made it of the digits")),
        (_FRACTION, text("is a fraction: a spreadsheet took it for a number")),
    )
)


def spoilt(value: str) -> Text:
    """What a spreadsheet has done to the digits, in words; empty for text that is not spoilt."""
    return next((words for pattern, words in _WORDS if pattern.fullmatch(value)), NOTHING)
