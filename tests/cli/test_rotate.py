"""`rotate`: versions of passwords are raised in the files, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from reconciler.cli.shell import Shell
from reconciler.core.desired.read import read_files
from reconciler.errors import ReconcilerError, WrongUsage

COMPANY = "version: 1\ncompany: {abbreviate: acme}\nprofiles:\n  night: {password: {generate: true, version: 4}}\n"
TEAM = """\
version: 1
# 夜班
agents:
  - {operatorId: "8001", name: 张三, password: {env: AGENT_8001, version: 2}}  # 组长
  - operatorId: "8002"   # 新人
    profile: night
    name: 李四
  - {operatorId: "8003"}
pools:
  - {from: "8100", to: "8102", name: "外呼 {operatorId}", password: {generate: true, version: 1}}  # 外呼
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two files, in which the command is called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/company.yaml").write_text(COMPANY, encoding="utf-8")
    (tmp_path / "agents/team.yaml").write_text(TEAM, encoding="utf-8")
    return tmp_path / "agents"


def call(*arguments: str) -> None:
    """Run the command in this process; what it raises is what `main` maps to an exit code."""
    cli.main(["rotate", *arguments], standalone_mode=False, obj=Shell())


def meaning(folder: Path) -> dict[str, tuple[object, object]]:
    """What the files say of each agent: its fields, and its password's source and version."""
    state, problems = read_files((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
    assert state is not None, problems
    return {agent.operator_id: (dict(agent.fields), agent.password) for agent in state.agents}


def test_versions_are_raised_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An agent's own, one from its profile and one from its pool; comments, other agents and other files stay."""
    before = meaning(folder)
    call("8001", "8002", "8101")
    after = meaning(folder)
    for id_, (fields, password) in before.items():
        assert after[id_][0] == fields
        raised = {"8001": 3, "8002": 5, "8101": 2}.get(id_)
        assert getattr(after[id_][1], "version", None) == (raised or getattr(password, "version", None))
    assert (folder / "company.yaml").read_text(encoding="utf-8") == COMPANY
    text = (folder / "team.yaml").read_text(encoding="utf-8")
    assert [comment for comment in ("# 夜班", "# 组长", "# 新人", "# 外呼") if comment not in text] == []
    assert "  # out of their pools, for a password of their own\n" in text
    assert 'except: ["8101"]' in text
    assert "agents/team.yaml: 8002 has version 5 of its password\n" in capsys.readouterr().err


def test_versions_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id: every agent that has a password in the files."""
    call()
    assert capsys.readouterr().out.split() == ["8001", "2", "8002", "4", "8100", "1", "8101", "1", "8102", "1"]


@pytest.mark.parametrize(
    ("ids", "words"),
    [(("8009",), "no agent of the files is 8009"), (("8003", "8001"), "the files say no password of 8003")],
)
def test_who_cannot_be_rotated(folder: Path, ids: tuple[str, ...], words: str) -> None:
    """Is named, and nothing is written."""
    with pytest.raises((click.UsageError, WrongUsage), match=words):
        call(*ids)
    assert (folder / "team.yaml").read_text(encoding="utf-8") == TEAM


def test_nobody_else_gets_another_password(folder: Path) -> None:
    """A source that others take by an alias is not raised for them too: the file is left as it is."""
    shared = TEAM.replace("{env: AGENT_8001, version: 2}", "&p {generate: true, version: 2}").replace(
        '  - {operatorId: "8003"}', '  - {operatorId: "8003", password: *p}'
    )
    (folder / "team.yaml").write_text(shared, encoding="utf-8")
    with pytest.raises(ReconcilerError, match="by an alias"):
        call("8001")
    assert (folder / "team.yaml").read_text(encoding="utf-8") == shared


def test_a_comment_inside_stays(folder: Path) -> None:
    """What would lose a comment is refused; windows' line ends stay."""
    windows = TEAM.replace("\n", "\r\n")
    (folder / "team.yaml").write_bytes(windows.encode())
    call("8001")
    assert (folder / "team.yaml").read_bytes() == windows.replace("version: 2", "version: 3").encode()
    inside = TEAM.replace("{env: AGENT_8001, version: 2}}  # 组长", "{env: AGENT_8001, # 变量\n    version: 2}}")
    (folder / "team.yaml").write_text(inside, encoding="utf-8")
    with pytest.raises(ReconcilerError, match="a comment would be lost"):
        call("8001")
