"""Wrong usage: the kind of a mistake on the command line, and what its words ask for although they cannot be parsed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

import click
from click.exceptions import NoArgsIsHelpError

from reconciler.core.model.message import Text


class Misused(click.UsageError):
    """The words of the command line do not fit together. `code` names the kind (`core.model.codes`)."""

    def __init__(self, code: str, message: Text, context: click.Context | None = None) -> None:
        super().__init__(message, context)
        self.code = code


_CODES: Final = (
    (click.NoSuchOption, "unknown-option"),
    (click.NoSuchCommand, "unknown-command"),
    (click.MissingParameter, "missing-argument"),
    (NoArgsIsHelpError, "missing-argument"),
    ((click.BadParameter, click.BadOptionUsage, click.BadArgumentUsage), "bad-value"),
)
"""The kinds that click knows by class; the first that fits counts."""


def code_of(error: click.UsageError) -> str:
    """The code of a mistake."""
    if isinstance(error, Misused):
        return error.code
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    in_group = error.ctx is not None and isinstance(error.ctx.command, click.Group)
    return "missing-argument" if in_group else "unexpected-argument"  # a group takes any argument for a command


def given(option: str, words: Iterable[str], otherwise: str = "") -> str:
    """What the words give an option at last, whatever is wrong with the other words."""
    value, before = otherwise, ""
    for word in takewhile(lambda each: each != "--", words):
        name, sign, rest = word.partition("=")
        if before == option:
            value = word
        elif name == option and sign:
            value = rest
        before = word
    return value


def report_of(command: click.Command, words: Sequence[str]) -> Path | None:
    """Where the command `apply` is to keep its report, whatever is wrong with its other words.

    Raises:
        WrongUsage: somebody still needs what is there.
    """
    from reconciler.files.outputs import check_outputs

    context = click.Context(command, resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True)
    found, _, _ = command.make_parser(context).parse_args([*words])
    given = {each.name: each.consume_value(context, found)[0] for each in command.params if each.name in _PLACES}
    paths = {name: Path(value) for name, value in given.items() if value and isinstance(value, str)}
    files, report = [Path(each) for each in given["files"]], paths.pop("output", None)
    check_outputs((report,), files, paths.values())
    return report


_PLACES: Final = ("files", "planfile", "token_file", "ca_file", "credentials", "events", "output")
"""What an apply reads and writes."""
