"""`reconciler validate`: checks the desired-state files and reports every problem."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.options import OUTPUT, files_by_position, format_option
from reconciler.cli.output import write
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.files.collector import collector_paused

if TYPE_CHECKING:
    from reconciler.core.model.desired import DesiredState
    from reconciler.core.model.problem import Content, Problem

_DASH: Final = Path("-")
_STDIN: Final = "stdin"
"""What stands for the name of a file in a problem of standard input."""


@click.command()
@files_by_position
@format_option("text", "json", "github", "sarif", "gitlab")
@OUTPUT
@click.pass_obj
@collector_paused()
def validate(shell: Shell, /, files: tuple[Path, ...], format_: str, output: Path | None) -> None:
    """Check the desired-state files, without any network. A FILE of - is standard input.

    Shows every problem at once, each with file, line and column, what is wrong and what to do.

    For pipelines: github prints annotations, sarif is for code scanning and gitlab for the code quality report. They
    name files as seen from the root of the repository, and are written also when nothing is wrong.

    \b
    Examples:
      reconciler validate
      reconciler validate acme/ globex/agents.yaml
      reconciler validate -f teams/ -f company.yaml --format json
      git show main:agents.yaml | reconciler validate -f -
      reconciler validate --format gitlab --output gl-code-quality-report.json
    """
    from reconciler.errors import InvalidFiles
    from reconciler.files.desired_files import desired_from
    from reconciler.files.outputs import check_outputs

    check_outputs((output,), files)
    desired, invalid = None, None
    contents = _contents(files)
    files = tuple(Path(_STDIN) if file == _DASH else file for file in files)
    try:
        desired = desired_from(contents)
    except InvalidFiles as error:
        invalid = error
    rendered = _rendered(format_, files, desired, invalid.problems if invalid else ())
    if output is not None:
        write(output, rendered)
    elif format_ != "text" or desired:
        shell.data(rendered)
    if desired and format_ not in ("text", "json"):
        shell.say(_all_good(files, desired))
    if invalid:
        if format_ == "json" and output is None:
            raise click.exceptions.Exit(1)
        shell.json = False  # the report is written already: the error goes to stderr only
        raise invalid


def _contents(files: tuple[Path, ...]) -> Iterator[tuple[str, Content]]:
    """The contents of the files, and of standard input where it is named."""
    from reconciler.core.model.problem import MAX_BYTES, Place, Problem
    from reconciler.files.desired_files import read_contents

    yield from read_contents([file for file in files if file != _DASH])
    if _DASH in files:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        limit = text("is too large; {megabytes} MB is the limit", megabytes=MAX_BYTES >> 20)
        yield _STDIN, data if len(data) <= MAX_BYTES else Problem(Place(_STDIN, 1), "", limit, code="file-too-large")


def _all_good(files: tuple[Path, ...], desired: DesiredState) -> str:
    from reconciler.render.terminal import visible

    names = ", ".join(map(str, files))
    words = text("{names}: {count} {count:agent|agents}, no problems", names=names, count=len(desired.agents))
    return visible(words) + "\n"


def _rendered(format_: str, files: tuple[Path, ...], desired: DesiredState | None, problems: Sequence[Problem]) -> str:
    """The result in a format: that of valid files, or their problems."""
    if format_ == "json":
        return _document(files, desired, problems)
    if format_ == "text":
        from reconciler.render.text import problems as problems_text

        return _all_good(files, desired) if desired else problems_text(problems)
    return _report(format_, problems)


def _document(files: tuple[Path, ...], desired: DesiredState | None, problems: Sequence[Problem]) -> str:
    from reconciler.core.text import json_text
    from reconciler.render import json

    listed = json.problems(problems)
    if desired is None:
        return json_text({"ok": False, "files": [str(file) for file in files], "problems": listed, "exit_code": 1})
    count = len(desired.agents)
    return json_text({"ok": True, "files": list(desired.files), "agents": count, "problems": listed, "exit_code": 0})


def _report(format_: str, problems: Sequence[Problem]) -> str:
    from reconciler import __version__
    from reconciler.cli.places import problems_from_root
    from reconciler.render import code_quality, github, sarif

    located = problems_from_root(problems, os.environ)
    if format_ == "sarif":
        return sarif.problems(located, __version__)
    return github.problems(located) if format_ == "github" else code_quality.problems(located)
