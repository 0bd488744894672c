"""Answers to what Terraform's users type by habit: the word that this tool has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from reconciler.cli.usage import Misused
from reconciler.core.model.message import NOTHING, Text, text, verbatim

COMMANDS: Final = {
    "state": text(
        "`ledger show` tells what is remembered, `show ID` one agent, `export` writes the live agents; to keep "
        "agents that are no longer in the files, use `protect`"
    ),
    "destroy": text(
        "take the agents out of the files, and look at the plan: --max-deletes or guardrails.maxDeletes says "
        "how many an apply may delete"
    ),
    "force-unlock": text("`ledger unlock --id ID` removes a lock that a dead apply left; `ledger show` tells its id"),
    "refresh": text("every `plan` reads the live agents anew; what was changed there is drift, with --since"),
    "output": text("`show ID` shows an agent, `credentials` new passwords, `status` what became of the last apply"),
    "taint": text(
        "raise `version` of its password to set that anew; what can be changed only at creation, "
        "`apply --allow-replace --target ID` changes"
    ),
    "untaint": text("nothing marks an agent; `plan` tells what would be done"),
    "workspace": text("each company has its own files and ledger: -f names the one, --ledger the other"),
    "console": text("`explain FIELD` tells what a field is, `show ID` what an agent has"),
    "graph": text("`plan --format html` shows a plan as a page, `plan --format json` all of its calls"),
    "get": text("there are no modules: what agents share stands under `defaults` and `profiles`"),
    "modules": text("there are no modules: what agents share stands under `defaults` and `profiles`"),
    "providers": text("there is one vendor: --endpoint names it"),
    "login": text("the token is read from RECONCILER_TOKEN, or from the file of --token-file"),
    "logout": text("the token is read from RECONCILER_TOKEN, or from the file of --token-file, and kept nowhere"),
    "test": text("`validate` checks the files, and `sandbox` is a vendor to rehearse with"),
    "query": text("`export` writes the live agents, and `plan` compares them with the files"),
    "version": verbatim("`reconciler --version`"),
}
"""Commands of Terraform that are none of ours."""

OPTIONS: Final = {
    "auto-approve": text("only `apply` asks: `apply --auto-approve`, or -y"),
    "out": text("`plan --out PLANFILE` saves a plan, and `apply PLANFILE` applies it"),
    "target": text("`plan` and `apply` take --target PATTERN, which matches ids"),
    "replace": text(
        "--allow-replace makes agents anew whose change can be made only at creation; --target ID narrows it"
    ),
    "destroy": COMMANDS["destroy"],
    "refresh": COMMANDS["refresh"],
    "refresh-only": COMMANDS["refresh"],
    "lock": text("the ledger is always locked; `ledger unlock --id ID` removes a lock that a dead apply left"),
    "lock-timeout": text("an apply does not wait for another one; run it again when that has ended"),
    "force": text("nothing is forced: -y answers the question of `apply`, and each guardrail has a flag of its own"),
    "state": text("--ledger names the ledger"),
    "state-out": text("--ledger names the ledger"),
    "backup": text("each write of the ledger leaves the old one or the new one, and none is kept beside it"),
    "backend": text("--ledger names where the ledger is kept"),
    "backend-config": text("--ledger names where the ledger is kept, also s3://… and git+REMOTE#BRANCH"),
    "migrate-state": text("--ledger names where the ledger is kept, and `ledger rebind` moves it to another endpoint"),
    "reconfigure": text("--ledger names where the ledger is kept, and `ledger rebind` moves it to another endpoint"),
    "upgrade": text("nothing is downloaded: pip upgrades the tool"),
    "get": text("there is nothing to download"),
    "from-module": text("`init FOLDER` writes the first files"),
    "var": text("there are no variables: what agents share stands under `defaults` and `profiles`"),
    "var-file": text("there are no variables: -f names the files, several if you like"),
    "generate-config-out": text("`export --output FILE` writes the live agents as a file"),
    "json": verbatim("--format json"),
    "raw": verbatim("--format json"),
    "no-color": text("NO_COLOR=1 in the environment; only a terminal gets colours"),
    "compact-warnings": text("notes are one line each already"),
    "concise": text("what is alike is one row already"),
    "input": text("nothing is asked but by `apply`, on a terminal and without -y"),
    "recursive": text("a folder is read whole: -f FOLDER"),
    "list": text("the names of changed files are printed already"),
    "write": text("--check writes nothing, and --diff prints what would change"),
    "chdir": text("-f FOLDER names where the files are; the ledger lies beside them"),
    "filter": text("--target PATTERN matches ids"),
    "help": text("--help, or -h"),
}
"""Options of Terraform, by command or not, that are none of the command's own."""
_WORD: Final = re.compile(r"(--?)([a-z][a-z-]+)(=.*)?", re.DOTALL)
_PLAN_ENDINGS: Final = (".json", ".tfplan")


def refuse_command(context: click.Context, name: str) -> None:
    """Answer a command of Terraform's (`Misused`); the others are passed over."""
    if name in COMMANDS:
        answer = text("There is no command {name!r}: {answer}.", name=name, answer=COMMANDS[name])
        raise Misused("another-tool", answer, context)


def refuse_words(context: click.Context, command: click.Command, arguments: Sequence[str]) -> None:
    """Answer what Terraform's users give to a command of ours.

    Raises:
        Misused: an option has one dash, or is of Terraform's; or a file stands where none is taken.
    """
    rest = [*arguments]
    if command is not context.command:
        context = click.Context(command, context, command.name)
    while isinstance(command, click.Group) and rest and (inner := command.get_command(context, rest[0])):
        context, command, rest = click.Context(inner, context, inner.name), inner, rest[1:]
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    flags = {name: each.is_flag or each.count for each in options for name in (*each.opts, *each.secondary_opts)}
    for word in _words(rest, {name for name, is_flag in flags.items() if not is_flag}):
        if isinstance(command, click.Group) and not word.startswith("-"):
            return  # the name of a command, and what that takes
        option = _WORD.fullmatch(word)
        if option:
            dashes, name, value = option.groups(default="")
            answer = _option(f"--{name}", name, value, flags) if dashes == "-" or f"--{name}" not in flags else NOTHING
            if not answer and f"--{name}" not in flags:
                return  # a slip, which click answers; whether the next word is its value nobody knows
        else:
            answer = NOTHING if word.startswith("-") else _argument(command, word, flags)
        if answer:
            raise Misused("another-tool" if option else "unexpected-argument", answer, context)


def _words(arguments: Sequence[str], with_value: set[str]) -> Iterator[str]:
    """The arguments up to `--`, without those that are the value of the option before them."""
    before = ""
    for each in arguments:
        if each == "--":
            return
        if before not in with_value:
            yield each
        before = "" if before in with_value else each


def _option(ours: str, name: str, value: str, flags: dict[str, bool]) -> Text:
    if ours in flags:
        right = f"{ours}{'' if flags[ours] else value}"
        return text("{wrong} is written {right}, with two dashes.", wrong=f"-{name}{value}", right=right)
    no_option = "There is no option --{name} here: {answer}."
    return text(no_option, name=name, answer=OPTIONS[name]) if name in OPTIONS else NOTHING


def _argument(command: click.Command, word: str, flags: dict[str, bool]) -> Text:
    """The answer to an argument that is no option; empty where it may be what the command takes."""
    from reconciler.files.desired_files import is_desired_state

    name, path = command.name or "", Path(word)
    takes_any = any(isinstance(each, click.Argument) for each in command.params)
    if name == "show" and (path.suffix in _PLAN_ENDINGS or _is_json(path)):
        return text("show takes the id of an agent; a saved plan is shown by: reconciler show-plan {file}", file=word)
    if name == "plan" and _is_json(path):
        return text("plan makes a plan; a saved one is shown by: reconciler show-plan {file}", file=word)
    with_option = {"command": name, "file": word}
    if name == "apply" and not _is_json(path) and (is_desired_state(path) or path.is_dir()):
        saved = "{command} takes its files with -f: reconciler {command} -f {file}; its argument is a saved plan"
        return text(saved, **with_option)
    if not takes_any and "--file" in flags:
        return text("{command} takes its files with -f: reconciler {command} -f {file}", **with_option)
    return NOTHING


def _is_json(path: Path) -> bool:
    """Whether it is a file with a JSON object, as saved plans are."""
    try:
        with path.open("rb") as stream:
            return stream.read(1) == b"{"
    except OSError:
        return False
