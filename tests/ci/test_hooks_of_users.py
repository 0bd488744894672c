"""The hooks for repositories of agents, called as pre-commit calls them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.process import Workplace

HOOKS: Final[dict[str, Any]] = {
    hook["id"]: hook
    for hook in yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
GOOD: Final = 'version: 1\ncompany: {abbreviate: acme}\nagents:\n  - {operatorId: "8001", name: 张三}\n'
BAD: Final = GOOD.replace("name:", "nmae:")


def call(place: Workplace, id_: str, *changed: str) -> int | None:
    """Call a hook as pre-commit does, with the changed files that it wants; `None` where it wants none of them."""
    hook = HOOKS[id_]
    wanted = [name for name in changed if re.search(hook["files"], name)]
    if not wanted:
        return None
    command, *arguments = hook["entry"].split()
    assert command == "reconciler"
    names = wanted if hook.get("pass_filenames", True) else []
    return place.run(*arguments, *hook.get("args", []), *names).code


@pytest.mark.parametrize("name", ["agents.yaml", "agents/a.yaml"])
def test_validate(offline: Workplace, name: str) -> None:
    """The usual file and the usual folder are checked, and nothing where another file has changed."""
    (offline.folder / "agents").mkdir()
    offline.write(GOOD, name)
    assert call(offline, "reconciler-validate", name) == 0
    offline.write(BAD, name)
    assert call(offline, "reconciler-validate", name) == 1
    assert call(offline, "reconciler-validate", "README.md", "other.yaml") is None


def test_validate_sees_the_files_together(offline: Workplace) -> None:
    """A changed file whose company stands in another is fine, and an id that stands in two is not."""
    (offline.folder / "agents").mkdir()
    offline.write(GOOD, "agents/a.yaml")
    offline.write('version: 1\nagents:\n  - {operatorId: "8002"}\n', "agents/b.yaml")
    assert call(offline, "reconciler-validate", "agents/b.yaml") == 0
    offline.write('version: 1\nagents:\n  - {operatorId: "8001"}\n', "agents/b.yaml")
    assert call(offline, "reconciler-validate", "agents/b.yaml") == 1


def test_fmt_rewrites_what_changed(offline: Workplace) -> None:
    """The changed files are written in canonical spelling, the others are left alone."""
    (offline.folder / "agents").mkdir()
    text = GOOD.replace("name: 张三", "isrecord: 1")
    for name in ("a", "b"):
        offline.write(text, f"agents/{name}.yaml")
    assert call(offline, "reconciler-fmt", "agents/a.yaml") == 0
    assert "isrecord: true" in (offline.folder / "agents/a.yaml").read_text()
    assert (offline.folder / "agents/b.yaml").read_text() == text


@pytest.mark.parametrize("command", ["validate", "fmt"])
def test_files_as_arguments(offline: Workplace, command: str) -> None:
    """An argument is one more `--file`; it takes the place of the usual file and of the variable's."""
    offline.write(GOOD, "a.yaml")
    offline.write(BAD, "b.yaml")
    env = {"RECONCILER_FILE": "nowhere.yaml"}
    assert offline.run(command, "a.yaml", env=env).code == 0
    for arguments in (["a.yaml", "b.yaml"], ["-f", "b.yaml", "a.yaml"], ["b.yaml", "-f", "a.yaml"]):
        ran = offline.run(command, *arguments, env=env)
        assert ran.code == 1
        assert "b.yaml:4" in ran.out + ran.err
    assert offline.run(command, env=env).code == 1


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_the_usual_folder(offline: Workplace, command: str) -> None:
    """Where there is no agents.yaml the folder agents/ is read, by every command; where there are both, the file."""
    (offline.folder / "agents").mkdir()
    offline.write(BAD, "agents/a.yaml")
    assert "agents/a.yaml:4" in offline.run(command).err
    offline.write(GOOD)
    assert "agents/a.yaml:4" not in offline.run(command).err
