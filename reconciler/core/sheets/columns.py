"""What is told of a column: its name, and why it is not read; its hint has the option to type."""

from __future__ import annotations

import shlex

from reconciler.core.model.message import Text, text, verbatim
from reconciler.core.model.words import fold_heading
from reconciler.core.sheets.cells import CLIP_AT, LEAVE_OUT, clipped, closest_field
from reconciler.core.sheets.csv import trim_invisible
from reconciler.core.sheets.rows import column_letters


def named_column(index: int, heading: str) -> Text:
    """A column by its letters and its heading; `index` counts from 0."""
    return text("column {letters} {heading}", letters=column_letters(index), heading=clipped(heading))


def _map_option(heading: str, name: str = LEAVE_OUT) -> Text:
    """The option to type so that a heading is read as the field `name`."""
    if not heading.isprintable() or len(heading) > CLIP_AT:
        return text("--map, when it has a short heading")
    return verbatim(f"--map {shlex.quote(f'{heading}={name}')}")


def no_column(option: str, heading: str) -> Text:
    """An option names a heading that is not there."""
    return text("{option}: no column has the heading {heading}", option=option, heading=clipped(heading))


def two_columns(heading: str, index: int, other: str, field: str) -> tuple[Text, Text]:
    """A heading means the field of another one, which is that of the column `index`."""
    message = text(
        "{heading} and {other} in {column} are both {field}",
        heading=clipped(heading),
        other=clipped(other),
        column=column_letters(index),
        field=field,
    )
    if fold_heading(heading) == fold_heading(other):
        return message, text("delete one of the two columns")
    return message, text("leave one of them out: {option}", option=_map_option(heading))


def unknown_heading(heading: str) -> tuple[Text, Text]:
    """A heading is none of a field, or missing."""
    if not trim_invisible(heading):
        return text("the column has values and no heading"), text("write one above them, or delete the column")
    guess = closest_field(heading)
    suggestion = text("{option} reads it as a field", option=_map_option(heading, "FIELD"))
    if guess:
        suggestion = text("is it {guess}? {option}", guess=guess, option=_map_option(heading, guess))
    message = text("the heading {heading} is not known", heading=clipped(heading))
    left_out = "{option} leaves the column out; {suggestion}"
    return message, text(left_out, option=_map_option(heading), suggestion=suggestion)


def password_column(heading: str) -> tuple[Text, Text]:
    """A column has passwords."""
    message = text("a column of passwords is not read: a password never goes into the file")
    hint = text(
        "{option} leaves it out; in the file say where a password comes from: "
        "password: {{env: NAME, version: 1}}, or {{generate: true, version: 1}}",
        option=_map_option(heading),
    )
    return message, hint
