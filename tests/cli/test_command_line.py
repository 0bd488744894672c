"""The command line itself: help, usage errors, lazy imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from reconciler.core.desired.schema import agents_schema
from reconciler.generate import commands
from reconciler.sandbox.server import Box
from tests.process import Workplace

COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(offline: Workplace, command: str) -> None:
    """`--help` says what a command does and shows an example of it."""
    ran = offline.run(*command.split(), "--help")
    assert ran.code == 0
    assert "Example" in ran.out
    assert f"reconciler {command}" in ran.out


STARTED = {
    "apply": "-y", "credentials": "new.jsonl", "explain": "name", "export": "--company acme", "show": "8001",
    "import": "sheet.csv --company acme --output new.yaml", "init": "new --company acme", "show-plan": "plan.json",
    "completion": "bash", "ledger unlock": "--id 0123456789abcdef", "notify": "--plan plan.json --dry-run",
}  # fmt: skip
"""What commands are given that need to be given something."""


@pytest.mark.exhaustive(12)
@pytest.mark.parametrize(
    "command", sorted(COMMANDS.keys() - {"ledger", "sandbox"})
)  # which is none; which does not end
def test_every_command_starts_from_nothing(place: Workplace, box: Box, command: str) -> None:
    """A command imports what it needs and does its work; in other tests its process has all imports already."""
    box.store.reset([{"operatorId": "8001"}])
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001", name: 张三}]\n')
    place.write("工号,姓名\n8001,张三\n", "sheet.csv")
    place.write("", "new.jsonl").chmod(0o600)
    if command in ("show-plan", "notify"):
        assert place.run("plan", "--out", "plan.json").code == 0
    if command == "ledger rebind":
        assert place.run("ledger", "adopt").code == 0
    ran = place.start_and_run(*command.split(), *STARTED.get(command, "").split())
    assert ran.code == (1 if command == "ledger unlock" else 0), ran.err
    assert ("is not locked" in ran.err) == (command == "ledger unlock")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag_is_documented(command: str) -> None:
    """docs/commands.md names every command with every flag of it."""
    page = (Path(__file__).parents[2] / "docs/commands.md").read_text(encoding="utf-8")
    assert f"## `reconciler {command}`" in page
    section = page.split(f"## `reconciler {command}`")[1].split("\n## ")[0]
    flags = [max(option.opts, key=len) for option in COMMANDS[command].params if isinstance(option, click.Option)]
    assert not [flag for flag in flags if flag not in section]


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("plan", "--nonsense"), ("plan", "--max-deletes", "x"), ("plan", "--format", "pdf"),
     ("plan", "--parallelism", "0"), ("plan", "--rate", "-1"), ("status", "extra"), ("apply", "--timeout", "soon")],
)  # fmt: skip
def test_wrong_usage_is_64(offline: Workplace, arguments: tuple[str, ...]) -> None:
    """Wrong usage of the command line exits with 64, never with 2, which means changes."""
    ran = offline.run(*arguments)
    assert ran.code == 64
    assert ran.out == ""
    assert "Usage" in ran.err


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"RECONCILER_ENDPOINT": ""}, "no vendor to talk to"),
        ({"RECONCILER_ENDPOINT": "http://vendor.example"}, "in the clear"),
        ({"RECONCILER_TOKEN": ""}, "no token"),
        ({"RECONCILER_TOKEN": "two words"}, "no HTTP header can carry"),
        ({"RECONCILER_TOKEN_FILE": "also-a-file"}, "given twice"),
    ],
)
def test_unusable_settings_are_64(offline: Workplace, environment: dict[str, str], words: str) -> None:
    """A setting that cannot be used is wrong usage, and the message says what to set."""
    offline.write("version: 1\ncompany: {abbreviate: acme}\n")
    ran = offline.run("plan", env=environment)
    assert (ran.code, ran.out) == (64, "")
    assert words in ran.err


def test_help_loads_no_heavy_library() -> None:
    """`reconciler --help` is quick because the heavy libraries are imported where they are used."""
    script = (
        "import sys\nfrom reconciler.cli.main import main\n"
        "try:\n main(['--help'])\nexcept SystemExit:\n pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {
        "httpx",
        "deepdiff",
        "jsonschema",
        "yaml",
        "truststore",
        "pyrage",
        "obstore",
        "filelock",
        "aiohttp",
        "asyncio",
        "sqlite3",
    }


@pytest.mark.parametrize("command", ["validate", "plan", "plan --format json", "plan --target 1"])
def test_a_good_file_needs_no_validator(place: Workplace, box: Box, command: str) -> None:
    """A good file is validated and planned without what says what is wrong, and without a bar.

    Nor does its plan need what says how two agents differ where none do, what knows remote ledgers, or reports.
    """
    box.store.reset([{"operatorId": "1"}])
    place.write("version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents: [{operatorId: '1'}]\n")
    script = (
        "import sys\nfrom reconciler.cli.main import main\n"
        "try:\n main(sys.argv[1:])\nexcept SystemExit as ended:\n assert ended.code == 0\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command.split()],
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    needless = {
        *("jsonschema", "click._termui_impl", "truststore", "deepdiff", "multiprocessing"),
        *("reconciler.core.desired.diagnosis", "reconciler.core.yaml.slips", "reconciler.core.yaml.repairs"),
        *("reconciler.core.yaml.meant", "reconciler.ledger.git_command", "reconciler.ledger.remote"),
        *(["reconciler.core.model.report"] if command.endswith("json") else []),
    }
    assert not set(done.stderr.split()) & needless


def test_schema_prints_the_schema(offline: Workplace) -> None:
    """`schema` prints the JSON Schema that validation uses, and the committed file is the same."""
    ran = offline.run("schema")
    assert ran.code == 0
    assert ran.json == agents_schema()
    committed = Path(__file__).parents[2] / "schemas/agents.schema.json"
    assert json.loads(committed.read_text(encoding="utf-8")) == ran.json


def test_version(offline: Workplace) -> None:
    """`--version` names the tool and its version."""
    ran = offline.run("--version")
    assert ran.code == 0
    assert ran.out.startswith("reconciler, version ")


LOST = """
import os, signal, sys, weakref

class Value: pass

class Swallows:
    def find_spec(self, name, *_):
        if name == "reconciler.apply.refresh":
            value = Value()
            gone = weakref.ref(value, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del value

sys.meta_path.insert(0, Swallows())
from reconciler.cli.main import main
main(["apply", "--auto-approve"])
"""


def test_a_lost_interrupt_applies_nothing(place: Workplace, box: Box) -> None:
    """Where Python drops the interrupt, as in a weak reference's callback, apply still stops before its first write."""
    place.write("version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: '8001'}]\n")
    done = subprocess.run(
        [sys.executable, "-c", LOST], cwd=place.folder, env=place.environment(),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 130
    assert box.store.history() == []


def test_a_second_interrupt_ends_at_once(place: Workplace) -> None:
    """One that comes on the way out is no traceback, and waits for nobody."""
    code = "import reconciler.cli.main as m, sys\ndef again(*_): raise KeyboardInterrupt\nm._run = again\nm.process()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=place.environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is Linux's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\ncompany: {abbreviate: acme}\nagents: []\n"])
def test_an_output_that_takes_nothing(place: Workplace, text: str, unbuffered: str) -> None:
    """A full disk behind the output is exit 1 and no traceback, for good files and bad."""
    place.write(text)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "validate", "--format", "json"], cwd=place.folder,
            env=place.environment({"PYTHONUNBUFFERED": unbuffered}), stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_extra_that_is_missing(place: Workplace, box: Box) -> None:
    """A plan in a format whose library is not installed says so, and what to install."""
    box.store.reset([{"operatorId": "8001"}])
    place.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
    code = "import sys\nsys.modules['jinja2'] = None\nfrom reconciler.cli.main import main\nmain(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "--format", "html"], cwd=place.folder, env=place.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "zuoxi-reconciler[html]" in done.stderr


def test_a_closed_output(place: Workplace) -> None:
    """What is written to a file needs no output."""
    place.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
    command = f"'{sys.executable}' -m reconciler plan --format json --output plan.json >&-"
    done = subprocess.run(
        ["bash", "-c", command], cwd=place.folder, env=place.environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (place.folder / "plan.json").exists()


def test_a_slow_reader_gets_all(place: Workplace) -> None:
    """A pipe takes a little at a time: what is printed arrives whole, unbuffered too."""
    agents = "".join(f"  - {{operatorId: '{number}', name: {'n' * 200}}}\n" for number in range(10000, 11000))
    place.write(f"version: 1\ncompany: {{abbreviate: acme}}\nagents:\n{agents}")
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "plan", "--format", "json"], cwd=place.folder,
        env=place.environment({"PYTHONUNBUFFERED": "1"}), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        found = b""
        while more := process.stdout.read(1000):
            found += more
    assert json.loads(found)["summary"]["create"] == 1000


SWALLOWED = """
import os, signal, sys

class Swallows:
    def find_spec(self, name, *_):
        if name == "reconciler.apply.refresh":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                raise ImportError("as C modules do") from None

sys.meta_path.insert(0, Swallows())
from reconciler.cli.main import main
main(["plan"])
"""


def test_an_interrupt_that_an_import_swallows_is_one(place: Workplace) -> None:
    """In the middle of an import an interrupt may come out as an ImportError: it is an interrupt all the same."""
    place.write("version: 1\ncompany: {abbreviate: acme}\nagents: []\n")
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED], cwd=place.folder, env=place.environment(),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
