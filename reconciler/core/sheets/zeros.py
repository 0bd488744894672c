"""Zeros in front of agents' numbers, which spreadsheets take away: `0801` comes back as `801`, another agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.core.model.message import Text, text
from reconciler.core.model.problem import Problem
from reconciler.core.sheets.cells import clipped
from reconciler.core.sheets.sheet import Sheet


def lost_zeros(sheet: Sheet, in_file: Iterable[str], live: Iterable[str]) -> Iterator[Problem]:
    """A problem for each number that nobody has, and that is an agent's of the file, or a live one's, but for zeros."""
    owners = {**dict.fromkeys(live, text("the live side")), **dict.fromkeys(in_file, text("the file"))}
    by_digits = {_digits(id_): id_ for id_ in owners if id_.isdigit()}
    for id_, (place, cell) in sheet.cells.items():
        other = by_digits.get(_digits(id_))
        if other is not None and id_ not in owners:
            yield Problem(place, cell, _message(id_, other, owners[other]), _HINT, "lost-zeros")


def _digits(id_: str) -> str:
    return id_.lstrip("0") or "0"


def _message(id_: str, other: str, owner: Text) -> Text:
    same = "{id} of the sheet is {other} of {owner} but for zeros in front, which spreadsheets take away"
    return text(same, id=clipped(id_), other=clipped(other), owner=owner)


_HINT: Final = text(
    "set the column to text and write the zeros; if both are meant, write the new one into the file by hand"
)
