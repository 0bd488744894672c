"""`reconciler fmt`: rewrites the desired-state files in canonical spelling, or shows what would change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.options import files_by_position
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.files.collector import collector_paused

CHANGES = 2


@click.command()
@files_by_position
@click.option("--check", is_flag=True, help="Write nothing; exit 2 when a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.pass_obj
@collector_paused()
def fmt(shell: Shell, /, files: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Rewrite the desired-state files in canonical spelling; what they say stays the same.

    Flags are true and false, choices stand by name, quotes only where they are needed, keys in the order of the field
    table. Comments, blank lines, and the order and style of agents are kept. Prints the names of files that change.
    A file with problems is left alone, and then so are all others.

    \b
    Examples:
      reconciler fmt
      reconciler fmt -f teams/ --diff
      reconciler fmt --check
    """
    from reconciler.render.terminal import visible

    changed = [(name, before, after) for name, before, after in _formatted(files) if before != after]
    for name, before, after in changed:
        if not (check or diff):
            _rewrite(name, after)
        output = "".join(_lines(name, before, after, color=shell.color)) if diff else f"{visible(name)}\n"
        shell.data(output)
    if check and changed:
        raise click.exceptions.Exit(CHANGES)


def _formatted(files: tuple[Path, ...]) -> list[tuple[str, bytes, bytes]]:
    """Each file's name, its bytes and its bytes in canonical spelling.

    Raises:
        InvalidFiles: files have problems; carries those of all files.
    """
    from reconciler.core.model.problem import Problem
    from reconciler.edit import fmt as formatted
    from reconciler.errors import InvalidFiles
    from reconciler.files.desired_files import read_contents

    contents, problems = [], []
    for name, content in read_contents(files):
        if isinstance(content, Problem):
            problems.append(content)
            continue
        try:
            contents.append((name, content, formatted(name, content)))
        except InvalidFiles as error:
            problems += error.problems
    if problems:
        raise InvalidFiles(tuple(problems))
    return contents


def _rewrite(name: str, data: bytes) -> None:
    from reconciler.errors import unwritable
    from reconciler.files.worktree import rewrite

    try:
        rewrite(Path(name), data)
    except OSError as error:
        raise unwritable(Path(name), error) from None


def _lines(name: str, before: bytes, after: bytes, *, color: bool) -> Iterator[str]:
    """A unified diff, safe for a terminal."""
    from reconciler.render.terminal import paint, visible

    styles = {"+": "create", "-": "delete", "@": "dim"}
    old, new = _split(before), _split(after)
    heads = text("{name} as it is", name=name), text("{name} formatted", name=name)
    for line in difflib.unified_diff(old, new, *heads, lineterm=""):
        shown = visible(line)
        style = "bold" if line.startswith(("--- ", "+++ ")) else styles.get(line[0], "")
        yield (paint(shown, style, color=color) if style else shown) + "\n"


def _split(data: bytes) -> list[str]:
    lines = data.decode().split("\n")
    return lines[:-1] if not lines[-1] else [*lines, "\\ No newline at end of file"]
