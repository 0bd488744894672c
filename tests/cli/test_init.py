"""`init`, as a process: the first files of a repository, none of which ever replaces another."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.main import cli
from reconciler.cli.shell import Shell
from reconciler.core.desired.schema import agents_schema
from reconciler.errors import ReconcilerError
from reconciler.sandbox.server import Box
from tests.core.build import state
from tests.process import Workplace

FIRST = ("agents.yaml", "schemas/agents.schema.json", ".gitignore")
PIPELINES = Path(__file__).parents[2] / "examples/ci"


def call(*arguments: str) -> None:
    """Run the command in this process; what it raises is what `main` maps to an exit code."""
    cli.main(["init", "--company", "acme", *arguments], standalone_mode=False, obj=Shell())


def files(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_first_plan_is_empty(place: Workplace, box: Box) -> None:
    """`init`, `validate`, `plan`: good files, nobody touched though agents are live, and what to do next in 3 lines."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    ran = place.run("init", "--company", "acme", "--company-id", "4242")
    assert (ran.code, ran.out) == (0, "")
    assert [line for line in ran.err.splitlines() if line.startswith("wrote")] == [f"wrote {name}" for name in FIRST]
    assert re.findall(r"(?m)^\d", ran.err) == ["1", "2", "3"]
    assert files(place.folder) == set(FIRST)
    assert place.run("validate").code == 0
    assert place.run("fmt", "--check").code == 0
    plan = place.run("plan", "--detailed-exitcode")
    assert plan.code == 0, plan.out + plan.err
    assert "company: {abbreviate: acme, companyId: 4242}\n" in (place.folder / "agents.yaml").read_text(
        encoding="utf-8"
    )


def test_the_schema_is_where_the_file_looks_for_it(tmp_path: Path) -> None:
    """So that an editor needs no network."""
    call(str(tmp_path))
    first = (tmp_path / "agents.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = tmp_path / first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(schema.read_text(encoding="utf-8")) == agents_schema()


def test_its_examples_are_good(tmp_path: Path) -> None:
    """With the signs taken away as it says, the file has no problem, and everything in it counts."""
    call(str(tmp_path))
    text = (tmp_path / "agents.yaml").read_text(encoding="utf-8")
    found = state(re.sub(r"(?m)^#(?! \S|$)", "", text.replace("agents: []", "agents:")))
    assert [agent.operator_id for agent in found.agents] == ["8001", "8002"]
    assert found.agents[0].fields["operatorType"] == "leader"
    assert found.agents[1].fields["isrecord"] is True
    assert found.agents[1].password is not None
    assert (found.prune, found.protect) == (False, ("8000",))
    assert found.max_deletes is not None


def test_sheet_and_export_go_into_it(place: Workplace, box: Box) -> None:
    """As the next steps say: agents stand below `agents:`, the comments stay, and the plan is empty."""
    box.store.reset([{"operatorId": "8001", "name": "张三"}, {"operatorId": "8002", "name": "李四"}])
    assert place.run("init", "--company", "acme").code == 0
    before = (place.folder / "agents.yaml").read_text(encoding="utf-8")
    place.write("工号,姓名\n8001,张三\n", "a.csv")
    assert place.run("import-csv", "a.csv", "--into", "agents.yaml").code == 0
    ran = place.run("export", "--into", "agents.yaml")
    assert ran.code == 0, ran.err
    text = (place.folder / "agents.yaml").read_text(encoding="utf-8")
    assert {line for line in before.splitlines() if line.startswith("#")} <= set(text.splitlines())
    assert set(re.findall(r'(?m)^  - .*operatorId: "(\d+)"', text)) == {"8001", "8002"}
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_it_begins_with_the_live_agents(place: Workplace, box: Box) -> None:
    """With --from-export: whoever is live is named, the plan is empty, and nobody is deleted on the first day."""
    box.store.reset([{"operatorId": str(8001 + number), "name": f"坐席{number}"} for number in range(9)])
    ran = place.run("init", "team", "--company", "acme", "--from-export")
    assert ran.code == 0, ran.err
    text = (place.folder / "team/agents.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schemas/agents.schema.json\n")
    found = state(text)
    assert (len(found.agents), found.prune) == (9, False)
    assert place.run("plan", "-f", "team/agents.yaml", "--detailed-exitcode").code == 0
    assert box.store.history() == []


def test_a_vendor_who_refuses(place: Workplace) -> None:
    """Nothing is written, not even a folder."""
    ran = place.run("init", "team", "--company", "acme", "--from-export", env={"RECONCILER_TOKEN": "wrong"})
    assert ran.code == 1
    assert list(place.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("ci", "made"),
    [
        (
            "github",
            {f".github/workflows/{path.name}": f"github/{path.name}" for path in (PIPELINES / "github").glob("*.yml")}
            | {
                ".github/actions/reconciler/action.yml": "github/actions/reconciler/action.yml",
                ".github/CODEOWNERS": "github/CODEOWNERS",
            },
        ),
        (
            "gitlab",
            {".gitlab-ci.yml": "gitlab/.gitlab-ci.yml", ".gitlab/merge_request.py": "gitlab/merge_request.py"},
        ),
    ],
)
def test_a_pipeline_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str], ci: str, made: dict[str, str]) -> None:
    """Each file where the system looks for it, as it stands in the examples, and what is to be locked beside it."""
    assert len(made) > 1
    call(str(tmp_path), "--ci", ci)
    assert files(tmp_path) == {*FIRST, *made, f".{ci}/reconciler.in"}
    for name, example in made.items():
        data = (tmp_path / name).read_bytes()
        assert data == (PIPELINES / example).read_bytes()
        assert not name.endswith(".yml") or list(yaml.safe_load_all(data))
    assert f"lock .{ci}/reconciler.in" in capsys.readouterr().err


def test_a_pipeline_in_the_wrong_place_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the root of a repository no system would find it."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    call(str(tmp_path), "--ci", "github")
    assert "warning" not in capsys.readouterr().err
    call(str(tmp_path / "team"), "--ci", "github")
    assert f"warning: pipelines are looked for in {tmp_path}" in capsys.readouterr().err


def test_nothing_is_overwritten(offline: Workplace) -> None:
    """What is there is kept and said, the rest is written; where everything is there the exit code is 3."""
    mine = offline.write("mine\n")
    (offline.folder / "schemas").symlink_to("nowhere")
    (offline.folder / "nowhere").mkdir()
    (offline.folder / ".gitignore").symlink_to("gone")
    (offline.folder / "gone").write_text("*.log")
    ran = offline.run("init", "--company", "acme", "--from-export")
    assert ran.code == 0, ran.err  # nobody was asked for what would not be written
    assert "kept agents.yaml: it is there already\n" in ran.err
    assert mine.read_text() == "mine\n"
    assert (offline.folder / ".gitignore").is_symlink()
    assert (offline.folder / "gone").read_text() == "*.log\n.reconciler/\n"
    again = offline.run("init", "--company", "acme")
    assert again.code == 3
    assert again.err.count("kept ") == 3
    assert "nothing was written" in again.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b".reconciler/\n"),
        (b"*.log\n", b"*.log\n.reconciler/\n"),
        (b"*.log\r\nx", b"*.log\r\nx\r\n.reconciler/\r\n"),
        (b"# \xff\n", b"# \xff\n.reconciler/\n"),
        (b"a\n/.reconciler\nb", b"a\n/.reconciler\nb"),
    ],
)
def test_git_ignores_the_ledger(tmp_path: Path, before: bytes, after: bytes) -> None:
    """A line is added to what is there, with its line breaks, unless there is one that does."""
    path = tmp_path / ".gitignore"
    path.write_bytes(before)
    call(str(tmp_path))
    assert path.read_bytes() == after


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--company", ""), "names nobody"),
        (("--ci", "jenkins"), "github"),
        (("a-file",), "a-file"),
        (("a-file/x",), "cannot be made"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    """Says what is wrong, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    with pytest.raises((ReconcilerError, click.UsageError), match=words):
        call(*arguments)
    assert files(tmp_path) == {"a-file"}


def test_a_company_is_needed(offline: Workplace) -> None:
    """Without one the command line is wrong."""
    assert offline.run("init").code == 64
