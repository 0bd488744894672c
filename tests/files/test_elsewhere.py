"""What only POSIX has stands in one module, and without it every command does its work."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.files.elsewhere import MODULES, ONLY_POSIX
from tests.parent import Ran
from tests.process import Workplace

ROOT = Path(__file__).parents[2] / "reconciler"
DOOR = ROOT / "files/system.py"
NAMES = {(module.__name__, name) for module, names in ONLY_POSIX.items() for name in names}
AGENTS = "".join(f'  - {{operatorId: "{8000 + number}", name: 张三, afterInterval: 10}}\n' for number in range(5))
FILE = f"version: 1\ncompany: {{abbreviate: acme}}\nagents:\n{AGENTS}"


def test_one_module_names_what_only_posix_has() -> None:
    """No other module names it, by an attribute, by `getattr`, or by an import."""
    for path in sorted(ROOT.rglob("*.py")):
        if path == DOOR:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in NAMES, (path, node.lineno)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert ("os", node.value) not in NAMES, (path, node.lineno)
                assert ("signal", node.value) not in NAMES, (path, node.lineno)
            if isinstance(node, ast.Import):
                assert not {each.name for each in node.names} & set(MODULES), (path, node.lineno)
            if isinstance(node, ast.ImportFrom):
                assert node.module not in MODULES, (path, node.lineno)
                assert not {(node.module, each.name) for each in node.names} & NAMES, (path, node.lineno)


def run(place: Workplace, *arguments: str) -> Ran:
    """Run the command without what only POSIX has."""
    program = Path(__file__).with_name("elsewhere.py")
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        cwd=place.folder,
        env=place.environment({"PYTHONPATH": str(ROOT.parent)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.exhaustive(0)
def test_the_whole_job_elsewhere(place: Workplace, box: Box) -> None:
    """Validate, plan, save, apply with new credentials and events, and every look at the books."""
    box.store.reset([{"operatorId": "8000"}])
    place.write(
        FILE.replace("agents:\n", 'agents:\n  - {operatorId: "9001", password: {generate: true, version: 1}}\n')
    )
    assert run(place, "validate").code == 0
    planned = run(place, "plan", "--out", "plan.json", "--format", "json")
    assert planned.code == 0, planned.err
    applied = run(place, "apply", "plan.json", "-y", "--events", "events.jsonl")
    assert applied.code == 0, applied.err
    assert b"\r" not in (place.folder / "events.jsonl").read_bytes()
    assert len(place.credentials) > 0
    assert run(place, "plan", "--detailed-exitcode").code == 0
    for arguments in (
        ["status"],
        ["ledger", "show"],
        ["show", "9001"],
        ["export", "--company", "acme"],
        ["fmt", "--check"],
    ):
        ran = run(place, *arguments)
        assert ran.code in (0, 2), (arguments, ran.err)
    (credentials,) = place.books.glob("credentials-*.jsonl")
    assert "9001" in run(place, "credentials", str(credentials)).out


def test_a_large_file_elsewhere(place: Workplace, box: Box) -> None:
    """A file that another process reads is read by one that is spawned."""
    many = "".join(f'  - {{operatorId: "{number}", name: {"外" * 40}}}\n' for number in range(100_000, 112_000))
    place.write(f"version: 1\ncompany: {{abbreviate: acme}}\nagents:\n{many}")
    planned = run(place, "plan", "--format", "json")
    assert planned.code == 0, planned.err
    assert json.loads(planned.out)["summary"]["create"] == 12_000


def test_files_elsewhere_have_no_modes(place: Workplace, box: Box) -> None:
    """Where modes say nothing nobody is told to change one."""
    place.write(FILE)
    (place.folder / "token").write_text("canary-token-Zq8")
    (place.folder / "token").chmod(0o644)
    place.env = {"RECONCILER_TOKEN": ""}
    ran = run(place, "plan", "--token-file", "token")
    assert ran.code == 0, ran.err
