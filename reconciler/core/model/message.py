"""Words for people as values: the English sentence, whose template and values are still known.

A message reads as plain text wherever text is taken, and looks like it: in JSON, in digests and on terminals. Whoever
says it in another language finds the template, and fills the same values into another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self


class Text(str):
    """A sentence, and what it is made of: `template`, in the form of `str.format`, and the `values` by name.

    A value is text, a number, or another `Text`. Words that were given without one are their own template.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, words: str = "") -> Self:
        """The words, without values."""
        made = super().__new__(cls, words)
        made.template, made.values = words.replace("{", "{{").replace("}", "}}"), {}
        return made


class _Number(int):
    """A number that chooses between words: `{count:agent|agents}` is `agent` for 1, and `agents` for all others."""

    def __format__(self, spec: str) -> str:
        one, is_choice, many = spec.partition("|")
        return (one if self == 1 else many) if is_choice else super().__format__(spec)


def text(template: str, /, **values: Any) -> Text:
    """The template with its values filled in: `text("{count} {count:agent|agents} of {group}", count=…, group=…)`.

    The template is a literal, so that all of them can be found in the source; braces of its own are doubled. A value
    that is neither text nor a number, such as a path, is kept as its text.
    """
    filled: dict[str, Any] = {}
    for name, value in values.items():
        if value.__class__ is int:
            filled[name] = _Number(value)
        elif isinstance(value, (str, int, float)):  # a union takes longer
            filled[name] = value
        else:
            filled[name] = values[name] = str(value)
    made = str.__new__(Text, template.format_map(filled))
    made.template, made.values = template, values
    return made


NOTHING: Final = Text()
"""No words."""

Noun = Callable[[int], Text]
"""What is counted, in the word that fits a number."""


def noun(words: str) -> Noun:
    """The word for one and that for many: `noun("agent|agents")`. It is a literal too."""
    return lambda count: text(f"{{count:{words}}}", count=count)


def counted(count: int, what: Noun) -> Text:
    """A count with its word: `1 edit`, `2,412 edits`."""
    return text("{count:,} {what}", count=count, what=what(count))


def verbatim(words: str) -> Text:
    """Words that nobody translates: a name, a command, what another program says."""
    return text("{words}", words=words)


def joined(parts: Sequence[Text], between: str = "; ") -> Text:
    """Several messages as one; no words for none."""
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    return text(f"{{first}}{between}{{others}}", first=parts[0], others=joined(parts[1:], between))


def listed(names: Sequence[str], most: int) -> Text:
    """The first names of a list, and how many more there are: `8001, 8002 and 3 more`."""
    shown = verbatim(", ".join(names[:most]))
    return shown if len(names) <= most else text("{names} and {more} more", names=shown, more=len(names) - most)


def packed_text(value: Any) -> Any:
    """A message as a tuple of its template and its values, which `marshal` accepts; any other value as it is."""
    if not isinstance(value, Text):
        return value
    return value.template, {name: packed_text(each) for name, each in value.values.items()}


def unpacked_text(value: Any) -> Any:
    """The message of `packed_text`."""
    if not isinstance(value, tuple):
        return value
    template, values = value
    return text(template, **{name: unpacked_text(each) for name, each in values.items()})
