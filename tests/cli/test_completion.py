"""What a shell offers: commands, flags and choices, and the ids of the desired-state files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest
from click.shell_completion import ShellComplete

from reconciler.cli.main import cli
from reconciler.generate import commands
from tests.on_path import put_reconciler
from tests.process import Workplace

FILE = "version: 1\ncompany: {abbreviate: acme}\nagents:\n" + "".join(
    f'  - {{operatorId: "{number}", name: 张三}}\n' for number in ("8001", "8002", "9001")
)


def offered(place: Workplace, *words: str, env: dict[str, str] | None = None) -> list[str]:
    """What bash offers for the last word, by the script that it is told to read."""
    bin_ = place.folder / "bin"
    put_reconciler(bin_)
    script = f"""
        complete() {{ :; }}; compopt() {{ :; }}
        eval "$(reconciler completion bash)"
        COMP_WORDS=({shlex.join(("reconciler", *words))}); COMP_CWORD={len(words)}
        _reconciler_completion reconciler
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    known = {**place.environment(env), "PATH": f"{bin_}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=place.folder, env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash(offline: Workplace) -> None:
    """Commands, flags, choices, and the ids of the usual file, of one that is named, and of none that is bad."""
    offline.write(FILE)
    offline.write(FILE.replace("8001", "8009"), "other.yaml")
    offline.write("version: [", "bad.yaml")
    assert offered(offline, "sta") == ["status"]
    assert offered(offline, "plan", "--max-d") == ["--max-deletes"]
    assert offered(offline, "validate", "--format", "s") == ["sarif"]
    assert offered(offline, "show", "8") == ["8001", "8002"]
    assert offered(offline, "plan", "--target", "9") == ["9001"]
    assert offered(offline, "apply", "-f", "other.yaml", "--exclude", "8") == ["8002", "8009"]
    assert offered(offline, "show", "8", env={"RECONCILER_FILE": "other.yaml"}) == ["8002", "8009"]
    assert offered(offline, "show", "-f", "bad.yaml", "8") == []
    assert offered(offline, "credentials", "9") == ["9001"]
    for habit in ("agents.yaml", "-out", "--var=x"):
        assert offered(offline, "plan", habit, "--max-d") == ["--max-deletes"]


def about_agents() -> Iterator[tuple[str, ...]]:
    """The words in front of every operator id that any command takes, as its help names them: ID, PATTERN."""
    context = click.Context(cli)
    for name, command in commands(cli):
        for parameter in command.params:
            shown = parameter.make_metavar(context)
            if parameter.name != "password_env" and re.search(r"(?<![:\w])(OPERATOR_)?ID\b|PATTERN", shown):
                option = parameter.opts[:1] if isinstance(parameter, click.Option) else []
                yield (*name.split(), *option)


def test_whoever_takes_an_operator_id_completes_it(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option and argument that an agent's id may stand in offers the ids of the files, and of `--into`."""
    offline.write(FILE)
    offline.write(FILE.replace("8001", "8009"), "other.yaml")
    monkeypatch.chdir(offline.folder)
    known = list(about_agents())
    assert {("show",), ("export", "--target"), ("history", "--agent"), ("ledger", "adopt"), ("rotate",)} < {*known}
    for words in known:
        answers = ShellComplete(cli, {}, "reconciler", "_X").get_completions([*words], "8")
        ids = [answer.value for answer in answers if answer.type == "plain"]
        assert ids == ["8001", "8002"], words
        assert [answer.type for answer in answers if answer.type != "plain"] == ["file"] * (words == ("credentials",))
    there = ShellComplete(cli, {}, "reconciler", "_X").get_completions(
        ["export", "--into", "other.yaml", "--target"], "8"
    )
    assert [answer.value for answer in there] == ["8002", "8009"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(offline: Workplace, shell: str) -> None:
    """Each shell's script asks the command itself; a shell that is not known is wrong usage."""
    ran = offline.run("completion", shell)
    assert ran.code == 0
    assert f"_RECONCILER_COMPLETE={shell}_complete" in ran.out
    assert offline.run("completion", "tcsh").code == 64
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=ran.out, text=True, check=True, timeout=30)
