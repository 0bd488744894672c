"""The files for people who report and send changes: the hooks and the forms."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
FORMS: Final = ROOT / ".github/ISSUE_TEMPLATE"


def made_by(target: str) -> list[str]:
    """The commands of a target of the Makefile, those of the targets that it needs first."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:(?P<needs>[^#\n]*).*\n(?P<recipe>(?:\t.*\n?)*)", makefile, re.MULTILINE)
    assert found is not None, target
    before = [command for need in found["needs"].split() if "$" not in need for command in made_by(need)]
    return before + [line.strip().replace("$(BIN)", ".venv/bin") for line in found["recipe"].splitlines()]


def test_the_hooks_are_make_check() -> None:
    """What the hooks let pass `make check` lets pass: they are its commands, in its order, and fetch nothing."""
    config: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_bytes())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == made_by("check")
    assert {(hook["language"], hook["pass_filenames"]) for hook in hooks} == {("system", False)}
    for hook in hooks:
        assert (Path(sys.executable).parent / Path(shlex.split(hook["entry"])[0]).name).exists(), hook["id"]


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize(
    ("schema", "names"),
    [("vendor.github-issue-forms", ("bug.yml", "feature.yml")), ("vendor.github-issue-config", ("config.yml",))],
)
def test_the_forms_fit_their_schema(schema: str, names: tuple[str, ...]) -> None:
    """GitHub leaves out, without a word, a form that does not fit its schema."""
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", schema]
    done = subprocess.run(
        [*command, *(str(FORMS / name) for name in names)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["bug.yml", "feature.yml"])
def test_every_form_warns_of_secrets(name: str) -> None:
    """Who fills in a form has read first that tokens, credentials and people's data do not belong there."""
    first = yaml.safe_load((FORMS / name).read_bytes())["body"][0]
    assert first["type"] == "markdown"
    said = " ".join(first["attributes"]["value"].split())
    assert "Never paste a token, a credentials file, or real names and phone numbers." in said
