"""Writes the repository's generated files (`make generate`), or with `--check` names those that are stale."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from reconciler.cli import terraform
from reconciler.cli.main import cli
from reconciler.core.desired.reference import fields_page
from reconciler.core.desired.schema import agents_schema
from reconciler.core.model.codes import messages_page
from reconciler.core.saved.plan_schema import plan_schema
from reconciler.core.text import json_text

_ROOT: Final = Path(__file__).parents[1]


def generated() -> dict[str, str]:
    """The text of every generated file, by its path in the repository."""
    return {
        "schemas/agents.schema.json": json_text(agents_schema()),
        "schemas/plan.schema.json": json_text(plan_schema()),
        "docs/fields.md": fields_page(),
        "docs/messages.md": messages_page(),
        "docs/commands.md": commands_page(),
        # Where GitHub and GitLab look for what others name.
        "action.yml": _example("github/actions/reconciler/action.yml"),
        "templates/reconciler.yml": _example("gitlab/.gitlab-ci.yml"),
    }


def _example(name: str) -> str:
    return (_ROOT / "examples/ci" / name).read_text(encoding="utf-8")


def commands_page() -> str:
    """`docs/commands.md`: the help of every command."""
    parts = [
        "# Commands\n\nWhat `--help` says, made by `make generate`. "
        "Exit codes and the plan's JSON are in [formats.md](formats.md).\n"
    ]
    for name, command in commands(cli):
        context = click.Context(command, info_name=f"reconciler {name}", max_content_width=100, terminal_width=100)
        parts.append(f"\n## `reconciler {name}`\n\n```text\n{command.get_help(context)}\n```\n")
    parts.append(
        "\n## Words of Terraform\n\n"
        "Options have two dashes, files come with `-f`, and a saved plan is shown by `show-plan`. What is typed "
        "otherwise is wrong usage (64), and answered:\n\n| Terraform | here |\n|---|---|\n"
    )
    ours = cli.list_commands(click.Context(cli))
    words = [
        *((word, answer) for word, answer in terraform.COMMANDS.items() if word not in ours),
        *((f"-{name}", answer) for name, answer in terraform.OPTIONS.items()),
    ]
    parts += [f"| `{word}` | {answer} |\n" for word, answer in words]
    return "".join(parts)


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group with its full name, groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            raise AssertionError(name)
        yield before + name, command
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")


def main(arguments: Sequence[str]) -> int:
    """Write the stale files, or with `--check` only name them. The exit code: 1 when `--check` finds a stale file."""
    root = _ROOT
    stale = [name for name, text in generated().items() if not _holds(root / name, text)]
    if "--check" in arguments:
        for name in stale:
            sys.stderr.write(f"{name} is stale: run make generate\n")
        return 1 if stale else 0
    for name in stale:
        (root / name).write_text(generated()[name], encoding="utf-8")
        sys.stderr.write(f"wrote {name}\n")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
