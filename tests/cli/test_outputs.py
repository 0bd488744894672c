"""No report, plan, log or credentials ever replace what somebody still needs; an older report they do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

pytestmark = pytest.mark.exhaustive(3)
"""Real processes take their time: a part of the parameter sets stands for all."""

STATE = 'version: 1\ncompany: {abbreviate: acme}\nagents:\n- {operatorId: "8001"}\n'
WRITERS: dict[str, tuple[str, ...]] = {
    "plan --output": ("plan", "--output"),
    "plan --out": ("plan", "--out"),
    "plan --format html": ("plan", "--format", "html", "--output"),
    "validate --output": ("validate", "--output"),
    "validate --format sarif": ("validate", "--format", "sarif", "--output"),
    "apply --output": ("apply", "-y", "--output"),
    "apply --format json": ("apply", "-y", "--format", "json", "--output"),
    "apply --events": ("apply", "-y", "--events"),
    "apply --credentials": ("apply", "-y", "--credentials"),
    "export --format csv": ("export", "--format", "csv", "--force", "--output"),
}


@pytest.fixture
def desk(place: Workplace, box: Box) -> Workplace:
    """A file and a folder of files, and a vendor without agents."""
    box.store.reset([])
    place.write(STATE)
    (place.folder / "agents").mkdir()
    place.write(STATE, "agents/a.yaml")
    place.write(STATE, "other.txt")
    (place.folder / "link.txt").symlink_to("agents.yaml")
    os.link(place.folder / "agents.yaml", place.folder / "hard.txt")
    return place


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


TARGETS = {
    "the file": ("agents.yaml", "agents.yaml"),
    "by another way": ("agents.yaml", "agents/../agents.yaml"),
    "a link": ("agents.yaml", "link.txt"),
    "a hard link": ("agents.yaml", "hard.txt"),
    "other letters": ("agents.yaml", "AGENTS.YAML"),
    "in the folder": ("agents", "agents/a.yaml"),
    "in the folder, new": ("agents", "agents/b.YML"),
    "of another folder": ("agents.yaml", "agents/a.yaml"),
    "by its content": ("agents.yaml", "other.txt"),
}


@pytest.mark.parametrize(("given", "target"), TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_desired_state_stays(desk: Workplace, box: Box, writer: tuple[str, ...], given: str, target: str) -> None:
    """It is wrong usage, told before anything is read, sent or written."""
    before = _content(desk.folder)
    ran = desk.run(*writer, target, "-f", given)
    assert ran.code == 64, ran.err
    assert "nothing was read or written" in ran.err
    assert _content(desk.folder) == before
    assert box.store.history() == []


def test_show_plan(desk: Workplace) -> None:
    """So it is for a saved plan's rendering."""
    assert desk.run("plan", "--out", "p.json").code == 0
    assert desk.run("show-plan", "p.json", "--output", "agents.yaml").code == 64
    assert (desk.folder / "agents.yaml").read_text() == STATE


LOOKS = {
    "block": "# ours\ncompany: {abbreviate: acme}\nagents: []\n",
    "windows": "\ufeffcompany:\r\n  abbreviate: acme\r\nversion: 1\r\n",
    "flow": '{"version": 1, agents: []}',
    "json": json.dumps({"company": {"abbreviate": "acme"}, "agents": []}),
    "quoted": '"version": 1\n',
}


KEPT = ("ledger.json", "journal.jsonl", "credentials-*.jsonl", "history/*.json", "sealed.age")


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("writer", WRITERS)
def test_books_and_credentials_stay(desk: Workplace, box: Box, writer: str, kept: str) -> None:
    """Nobody can make them again; new credentials are added to those that are there."""
    assert desk.run("apply", "-y").code == 0
    (desk.books / "sealed.age").write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
    (target,) = desk.books.glob(kept)
    box.store.reset([])
    before = _content(desk.folder)
    ran = desk.run(*WRITERS[writer], str(target))
    if writer == "apply --credentials" and kept.startswith("credentials"):
        assert ran.code == 0
        assert _content(desk.folder)[str(target)].startswith(before[str(target)])
        assert len(json.loads(desk.run("credentials", str(target), "--format", "json").out)["credentials"]) == 1
    elif not (writer == "apply --credentials" and kept == "sealed.age"):
        assert (ran.code, "nothing was read or written" in ran.err) == (64, True)
        assert _content(desk.folder) == before
        assert box.store.history() == []


def test_the_ledger_of_many_agents_stays(desk: Workplace) -> None:
    """However long the books are, they are known by their beginning."""
    assert desk.run("apply", "-y").code == 0
    agents = {f"{number:06}": {"id": number, "ctime": 1_700_000_000_000} for number in range(40_000)}
    path = desk.books / "ledger.json"
    path.write_text(json.dumps({**desk.ledger, "agents": agents}, indent=1), encoding="utf-8")
    assert path.stat().st_size > 1 << 20
    assert desk.run("apply", "-y", "--output", str(path)).code == 64
    assert len(desk.ledger["agents"]) == 40_000


TWICE = {
    "report and credentials": "apply -y --credentials x --output x",
    "report and log": "apply -y --events x --output ./x",
    "log and credentials": "apply -y --events agents/../x --credentials x",
    "report and saved plan": "apply p.json -y --output p.json",
    "report and token": "apply -y --token-file token --output token",
    "plan and report": "plan --out x --output x",
    "rendering and saved plan": "show-plan p.json --output p.json",
    "wrong usage": "apply --nonsense --token-file token --output token",
}


@pytest.mark.parametrize("words", TWICE.values(), ids=TWICE)
def test_no_file_is_named_twice(desk: Workplace, box: Box, words: str) -> None:
    """What is written last would replace the passwords, the log, the plan or the token."""
    assert desk.run("plan", "--out", "p.json").code == 0
    desk.write("secret", "token").chmod(0o600)
    before = _content(desk.folder)
    ran = desk.run(*words.split(), env={"RECONCILER_TOKEN": ""} if "token" in words else None)
    assert (ran.code, "is named twice" in ran.err) == (64, True), ran.err
    assert _content(desk.folder) == before
    assert box.store.history() == []


def test_a_device_may_be_named_twice(desk: Workplace) -> None:
    """What is written to the null device replaces nothing."""
    assert desk.run("apply", "-y", "--events", "/dev/null", "--output", "/dev/null").code == 0


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS)
def test_what_looks_like_a_desired_state(desk: Workplace, text: str) -> None:
    """A file that is not given may be the desired state of another company."""
    desk.write(text, "elsewhere")
    assert desk.run("plan", "--output", "elsewhere").code == 64


@pytest.mark.parametrize("writer", [name for name in WRITERS if "credentials" not in name])
def test_an_older_report_is_replaced(desk: Workplace, writer: str) -> None:
    """A report over an older one, of whatever format, is what pipelines do every day."""
    for _ in range(2):
        assert desk.run(*WRITERS[writer], "report.x").code == 0
    for other in WRITERS:
        if "credentials" not in other:
            assert desk.run(*WRITERS[other], "report.x").code == 0, other


def test_an_output_in_the_folder_of_the_files(desk: Workplace) -> None:
    """What the reader of a folder passes over may lie there, as where `-f .` is given."""
    (desk.folder / "agents.yaml").unlink()
    for target in ("plan.json", "agents/report.html", "agents/.hidden.yaml"):
        assert desk.run("plan", "-f", "agents", "--out", target).code == 0
    assert desk.run("plan", "-f", ".", "--out", "plan.json").code == 0


@pytest.mark.parametrize("target", ["missing/report.json", "folder", "file/report.json"])
def test_a_report_that_cannot_be_kept(desk: Workplace, box: Box, target: str) -> None:
    """Before anything is read: exit 1 with the place and the reason, nothing sent; with JSON the error is printed."""
    (desk.folder / "folder").mkdir()
    (desk.folder / "file").write_text("")
    seen = len(box.store.attempts())
    for format_ in ("text", "json"):
        ran = desk.run("apply", "-y", "--format", format_, "--output", target)
        assert (ran.code, target in ran.out + ran.err, "nothing was sent" in ran.out + ran.err) == (1, True, True)
    assert ran.json["error"]["code"] == "unwritable-file"
    assert len(box.store.attempts()) == seen


def test_a_report_that_can_be_kept(desk: Workplace) -> None:
    """A refused apply leaves no empty report behind where none was, and a pipe is not opened before its time."""
    assert desk.run("apply", "-y", "--max-changes", "0", "--output", "new.json").code == 3
    assert json.loads((desk.folder / "new.json").read_bytes())["error"]
    (desk.folder / "old.json").write_text("{}")
    assert desk.run("apply", "-y", "--output", "old.json").code == 0
    assert json.loads((desk.folder / "old.json").read_bytes())["format"] == "reconciler.report/1"
    assert desk.run("apply", "-y", "--output", "/dev/null").code == 0
