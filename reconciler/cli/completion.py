"""`reconciler completion`: prints the script by which a shell completes commands, flags and the ids of the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from reconciler.cli.shell import Shell

_VARIABLE = "_RECONCILER_COMPLETE"
"""By this variable the script asks for what fits; click reads it."""


@click.command()
@click.argument("name", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, name: str) -> None:
    """Print the script by which a shell completes commands, flags, choices and operator ids.

    The ids are those of the desired-state files; the vendor is not asked. bash must be 4.4 or newer.

    \b
    Examples:
      eval "$(reconciler completion bash)"        in ~/.bashrc
      eval "$(reconciler completion zsh)"         in ~/.zshrc, after compinit
      reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    kind = get_completion_class(name)
    if kind is None:
        raise AssertionError(name)
    made = kind(context.find_root().command, {}, "reconciler", _VARIABLE)
    shell = context.find_object(Shell)
    if shell is None:
        raise AssertionError
    shell.data(ShellComplete.source(made) + "\n")  # bash's own `source` would start a bash to ask for its version


def operator_ids(context: click.Context, incomplete: str, *, or_file: bool) -> list[CompletionItem]:
    """The ids of the files that begin like this, with names; none where the files cannot be read.

    With `or_file` the shell offers names of files where there is no such id.
    """
    from reconciler.errors import ReconcilerError
    from reconciler.files.desired_files import load_desired
    from reconciler.render.terminal import visible

    into = context.params.get("into")
    files: Any = [into] if into else context.params.get("files") or context.lookup_default("files") or _usual(context)
    try:
        agents = load_desired(tuple(Path(file) for file in files)).agents
    except ReconcilerError:
        agents = ()
    found = (agent for agent in agents if agent.operator_id.startswith(incomplete))
    ids = [CompletionItem(each.operator_id, help=visible(str(each.fields.get("name") or ""))) for each in found]
    return [*([CompletionItem(incomplete, type="file")] if or_file else []), *ids]


def _usual(context: click.Context) -> Any:
    """What `--file` is when nobody says."""
    option = next(each for each in context.command.params if each.name == "files")
    return option.type_cast_value(context, option.get_default(context))
