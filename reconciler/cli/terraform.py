"""Answers to what Terraform's users type by habit: the word that this tool has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

COMMANDS: Final = {
    "state": "`ledger show` tells what is remembered, `show ID` one agent, `export` writes the live agents; to keep "
    "agents that are no longer in the files, use `protect`",
    "destroy": "take the agents out of the files, and look at the plan: --max-deletes or guardrails.maxDeletes says "
    "how many an apply may delete",
    "force-unlock": "`ledger unlock --id ID` removes a lock that a dead apply left; `ledger show` tells its id",
    "refresh": "every `plan` reads the live agents anew; what was changed there is drift, with --since",
    "output": "`show ID` shows an agent, `credentials` new passwords, `status` what became of the last apply",
    "taint": "raise `version` of its password to set that anew; what can be changed only at creation, "
    "`apply --allow-replace --target ID` changes",
    "untaint": "nothing marks an agent; `plan` tells what would be done",
    "workspace": "each company has its own files and ledger: -f names the one, --ledger the other",
    "console": "`explain FIELD` tells what a field is, `show ID` what an agent has",
    "graph": "`plan --format html` shows a plan as a page, `plan --format json` all of its calls",
    "get": "there are no modules: what agents share stands under `defaults` and `profiles`",
    "modules": "there are no modules: what agents share stands under `defaults` and `profiles`",
    "providers": "there is one vendor: --endpoint names it",
    "login": "the token is read from RECONCILER_TOKEN, or from the file of --token-file",
    "logout": "the token is read from RECONCILER_TOKEN, or from the file of --token-file, and kept nowhere",
    "test": "`validate` checks the files, and `sandbox` is a vendor to rehearse with",
    "query": "`export` writes the live agents, and `plan` compares them with the files",
    "version": "`reconciler --version`",
}
"""Commands of Terraform that are none of ours."""

OPTIONS: Final = {
    "auto-approve": "only `apply` asks: `apply --auto-approve`, or -y",
    "out": "`plan --out PLANFILE` saves a plan, and `apply PLANFILE` applies it",
    "target": "`plan` and `apply` take --target PATTERN, which matches ids",
    "replace": "--allow-replace makes agents anew whose change can be made only at creation; --target ID narrows it",
    "destroy": COMMANDS["destroy"],
    "refresh": COMMANDS["refresh"],
    "refresh-only": COMMANDS["refresh"],
    "lock": "the ledger is always locked; `ledger unlock --id ID` removes a lock that a dead apply left",
    "lock-timeout": "an apply does not wait for another one; run it again when that has ended",
    "force": "nothing is forced: -y answers the question of `apply`, and each guardrail has a flag of its own",
    "state": "--ledger names the ledger",
    "state-out": "--ledger names the ledger",
    "backup": "each write of the ledger leaves the old one or the new one, and none is kept beside it",
    "backend": "--ledger names where the ledger is kept",
    "backend-config": "--ledger names where the ledger is kept, also s3://… and git+REMOTE#BRANCH",
    "migrate-state": "--ledger names where the ledger is kept, and `ledger rebind` moves it to another endpoint",
    "reconfigure": "--ledger names where the ledger is kept, and `ledger rebind` moves it to another endpoint",
    "upgrade": "nothing is downloaded: pip upgrades the tool",
    "get": "there is nothing to download",
    "from-module": "`init FOLDER` writes the first files",
    "var": "there are no variables: what agents share stands under `defaults` and `profiles`",
    "var-file": "there are no variables: -f names the files, several if you like",
    "generate-config-out": "`export --output FILE` writes the live agents as a file",
    "json": "--format json",
    "raw": "--format json",
    "no-color": "NO_COLOR=1 in the environment; only a terminal gets colours",
    "compact-warnings": "notes are one line each already",
    "concise": "what is alike is one row already",
    "input": "nothing is asked but by `apply`, on a terminal and without -y",
    "recursive": "a folder is read whole: -f FOLDER",
    "list": "the names of changed files are printed already",
    "write": "--check writes nothing, and --diff prints what would change",
    "chdir": "-f FOLDER names where the files are; the ledger lies beside them",
    "filter": "--target PATTERN matches ids",
    "help": "--help, or -h",
}
"""Options of Terraform, by command or not, that are none of the command's own."""
_WORD: Final = re.compile(r"(--?)([a-z][a-z-]+)(=.*)?", re.DOTALL)
_PLAN_ENDINGS: Final = (".json", ".tfplan")


def refuse_command(context: click.Context, name: str) -> None:
    """Answer a command of Terraform's (`UsageError`); the others are passed over."""
    if name in COMMANDS:
        context.fail(f"There is no command {name!r}: {COMMANDS[name]}.")


def refuse_words(context: click.Context, command: click.Command, arguments: Sequence[str]) -> None:
    """Answer what Terraform's users give to a command of ours.

    Raises:
        UsageError: an option has one dash, or is of Terraform's; or a file stands where none is taken.
    """
    rest = [*arguments]
    while isinstance(command, click.Group) and rest and (inner := command.get_command(context, rest[0])):
        command, rest = inner, rest[1:]
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    flags = {name: each.is_flag or each.count for each in options for name in (*each.opts, *each.secondary_opts)}
    for word in _words(rest, {name for name, is_flag in flags.items() if not is_flag}):
        if isinstance(command, click.Group) and not word.startswith("-"):
            return  # the name of a command, and what that takes
        option = _WORD.fullmatch(word)
        if option:
            dashes, name, value = option.groups(default="")
            answer = _option(f"--{name}", name, value, flags) if dashes == "-" or f"--{name}" not in flags else ""
            if not answer and f"--{name}" not in flags:
                return  # a slip, which click answers; whether the next word is its value nobody knows
        else:
            answer = "" if word.startswith("-") else _argument(command, word, flags)
        if answer:
            from reconciler.render.terminal import visible

            context.fail(visible(answer))


def _words(arguments: Sequence[str], with_value: set[str]) -> Iterator[str]:
    """The arguments up to `--`, without those that are the value of the option before them."""
    before = ""
    for each in arguments:
        if each == "--":
            return
        if before not in with_value:
            yield each
        before = "" if before in with_value else each


def _option(ours: str, name: str, value: str, flags: dict[str, bool]) -> str:
    if ours in flags:
        return f"-{name}{value} is written {ours}{'' if flags[ours] else value}, with two dashes."
    return f"There is no option --{name} here: {OPTIONS[name]}." if name in OPTIONS else ""


def _argument(command: click.Command, word: str, flags: dict[str, bool]) -> str:
    """The answer to an argument that is no option; empty where it may be what the command takes."""
    from reconciler.files.desired_files import is_desired_state

    name, path = command.name or "", Path(word)
    takes_any = any(isinstance(each, click.Argument) for each in command.params)
    if name == "show" and (path.suffix in _PLAN_ENDINGS or _is_json(path)):
        return f"show takes the id of an agent; a saved plan is shown by: reconciler show-plan {word}"
    if name == "plan" and _is_json(path):
        return f"plan makes a plan; a saved one is shown by: reconciler show-plan {word}"
    files_as_plan = name == "apply" and not _is_json(path) and (is_desired_state(path) or path.is_dir())
    if files_as_plan or (not takes_any and "--file" in flags):
        also = "; its argument is a saved plan" if files_as_plan else ""
        return f"{name} takes its files with -f: reconciler {name} -f {word}{also}"
    return ""


def _is_json(path: Path) -> bool:
    """Whether it is a file with a JSON object, as saved plans are."""
    try:
        with path.open("rb") as stream:
            return stream.read(1) == b"{"
    except OSError:
        return False
