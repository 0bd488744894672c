"""What people type by habit, of Terraform and of other tools: it is answered with the word that is ours."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Final

import pytest

from reconciler.cli.main import cli
from reconciler.cli.terraform import COMMANDS, OPTIONS
from reconciler.generate import commands
from reconciler.sandbox.server import Box
from tests.process import Workplace

pytestmark = pytest.mark.exhaustive(3)
"""Real processes take their time: a part of the parameter sets stands for all."""

FILE: Final = 'version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001", name: 张三}]\n'

ANSWERS: Final = [
    ("plan -out x", "--out"),
    ("plan -out=x", "--out=x"),
    ("apply -auto-approve", "--auto-approve"),
    ("apply -auto-approve=true", "--auto-approve, with"),
    ("plan -target=8001", "--target=8001"),
    ("plan -file agents.yaml", "--file"),
    ("apply -parallelism=3", "--parallelism=3"),
    ("plan -detailed-exitcode", "--detailed-exitcode"),
    ("fmt -check", "--check"),
    ("ledger unlock -id=2", "--id=2"),
    ("-version", "--version"),
    ("plan --auto-approve", "apply --auto-approve"),
    ("plan -destroy", "--max-deletes"),
    ("apply -replace=8001", "--allow-replace"),
    ("plan -refresh-only", "--since"),
    ("plan -var-file=x", "-f"),
    ("plan -var x=y", "profiles"),
    ("plan -json", "--format json"),
    ("apply -lock=false", "ledger unlock"),
    ("apply -input=false", "-y"),
    ("apply -force", "-y"),
    ("ledger unlock -force", "guardrail"),
    ("-chdir=x plan", "-f"),
    ("state list", "ledger show"),
    ("state -json", "ledger show"),
    ("destroy", "--max-deletes"),
    ("-v destroy", "--max-deletes"),
    ("force-unlock 12", "ledger unlock --id ID"),
    ("refresh", "plan"),
    ("workspace new x", "--ledger"),
    ("version", "--version"),
    ("show p.json", "show-plan p.json"),
    ("show tfplan", "show-plan tfplan"),
    ("plan p.json", "show-plan p.json"),
    ("plan agents.yaml", "plan -f agents.yaml"),
    ("apply agents.yaml", "apply -f agents.yaml"),
    ("apply missing.YML", "apply -f missing.YML"),
    ("apply agents", "apply -f agents"),
    ("status agents.yaml", "status -f agents.yaml"),
    ("plan -f agents.yaml more.yaml", "plan -f more.yaml"),
]


@pytest.mark.parametrize(("typed", "ours"), ANSWERS, ids=[typed for typed, _ in ANSWERS])
def test_a_habit_is_answered(offline: Workplace, typed: str, ours: str) -> None:
    """Wrong usage, with the word that is ours, and nothing is done."""
    offline.write(FILE)
    (offline.folder / "agents").mkdir()
    for name in ("p.json", "tfplan"):
        offline.write("{}", name)
    ran = offline.run(*typed.split())
    assert (ran.code, ran.out) == (64, "")
    assert ours in ran.err.partition("Error: ")[2]


def test_what_is_typed_does_not_act_on_a_terminal(offline: Workplace) -> None:
    """What is repeated of an argument is made visible."""
    assert "\x1b" not in offline.run("plan", "a\x1b[2J.yaml").err
    assert "\x1b" not in offline.run("plan", "-out=\x1b[2J").err


@pytest.mark.parametrize(
    "typed",
    [
        ("plan", "--target", "-out", "--help"),
        ("plan", "--target=-out", "--help"),
        ("plan", "-fagents.yaml", "--help"),
        ("apply", "-y", "--help"),
        ("validate", "agents.yaml"),
        ("explain", "state"),
        ("--log-format", "json", "validate", "agents.yaml"),
    ],
)
def test_what_is_meant_is_left_alone(offline: Workplace, typed: tuple[str, ...]) -> None:
    """The value of an option, our own options, and files where they are taken are no habit."""
    offline.write(FILE)
    ran = offline.run(*typed)
    assert "with two dashes" not in ran.err
    assert "There is no" not in ran.err
    assert typed[0] == "explain" or ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        (("plan", "--endpiont", "http://x"), "--endpoint"),
        (("status", "--ledgr", "a.json"), "--ledger"),
        (("history", "--limt", "5"), "--limit"),
    ],
)
def test_a_slip_in_an_option_is_no_habit(offline: Workplace, typed: tuple[str, ...], ours: str) -> None:
    """What an option that nobody has is given is not taken for a file: the option that was meant is named."""
    ran = offline.run(*typed)
    assert ran.code == 64
    assert "Did you mean" in ran.err
    assert f"'{ours}'" in ran.err
    assert "with -f" not in ran.err


@pytest.mark.parametrize("typed", [("frobnicate",), ("plan", "-out", "x"), ("plan", "--endpiont", "x")])
def test_wrong_words_are_lines_of_json_too(offline: Workplace, typed: tuple[str, ...]) -> None:
    """With `--log-format json` every line of stderr is JSON, whatever is wrong with the words behind it."""
    ran = offline.run("--log-format", "json", *typed)
    assert ran.code == 64
    assert [json.loads(line)["level"] for line in ran.err.splitlines()]


def test_answers_name_what_is_there() -> None:
    """Each command and option that an answer names is there."""
    ours = dict(commands(cli))
    known = {option for command in ours.values() for each in command.params for option in each.opts}
    known |= {option for each in cli.params for option in each.opts} | {"-h", "--help"}
    for answer in (*COMMANDS.values(), *OPTIONS.values()):
        words = answer.replace("`", " ").replace(",", " ").replace(";", " ").replace(":", " ").split()
        assert not [word for word in words if word.startswith("-") and word not in known], answer
        named = [quoted.split()[0] for quoted in answer.split("`")[1::2]]
        ours_too = {"reconciler", "protect", "version", "defaults", "profiles"}
        assert not [word for word in named if word not in ours_too and word not in {n.split()[0] for n in ours}], answer


# Files in other ways


def test_standard_input_is_validated(offline: Workplace) -> None:
    """`-` is standard input, whose problems name it, also beside other files."""
    good = offline.run("validate", "-f", "-", stdin=FILE)
    assert (good.code, good.out) == (0, "stdin: 1 agent, no problems\n")
    bad = offline.run("validate", "-", stdin=FILE.replace("name", "nmae"))
    assert bad.code == 1
    assert bad.err.startswith("stdin:3:31: agents[0] (8001).nmae: unknown key")
    offline.write('version: 1\nagents: [{operatorId: "8001"}]\n', "more.yaml")
    both = offline.run("validate", "more.yaml", "-", "--format", "json", stdin=FILE)
    assert both.code == 1
    assert {problem["file"] for problem in both.json["problems"]} == {"stdin"}
    assert both.json["files"] == ["more.yaml", "stdin"]


def test_files_by_position_and_by_option_are_the_same(offline: Workplace) -> None:
    """`validate` and `fmt` take files either way, and both together."""
    offline.write('version: 1\nagents: [{operatorId: "8002"}]\n', "b.yaml")
    offline.write(FILE, "a.yaml")
    ways = [("a.yaml", "b.yaml"), ("-f", "a.yaml", "b.yaml"), ("-f", "a.yaml", "-f", "b.yaml")]
    ran = [offline.run("validate", *way) for way in ways]
    assert [(each.code, each.out) for each in ran] == [(0, "a.yaml, b.yaml: 2 agents, no problems\n")] * 3
    formatted = [offline.run("fmt", "--check", *way) for way in ways]
    assert len({(each.code, each.out, each.err) for each in formatted}) == 1


# What an apply keeps and says


def test_the_report_is_kept(place: Workplace, box: Box) -> None:
    """`apply --format json --output` keeps the report, in place of an older one, and stdout stays empty."""
    place.write(FILE)
    place.write("an older one", "report.json")
    ran = place.run("apply", "-y", "--format", "json", "--output", "report.json")
    assert (ran.code, ran.out) == (0, "")
    report = json.loads((place.folder / "report.json").read_text(encoding="utf-8"))
    assert (report["format"], report["exit_code"]) == ("reconciler.report/1", 0)
    assert [result["outcome"] for result in report["results"]] == ["done"]
    assert place.run("apply", "-y", "--format", "json", "--output", "report.json").code == 0
    again = json.loads((place.folder / "report.json").read_text(encoding="utf-8"))
    assert again["results"] == []


def test_an_interrupted_apply_says_once_what_was_not_tried(place: Workplace, box: Box) -> None:
    """All that was not tried is one block, by kind, with every agent."""
    box.store.reset([{"operatorId": str(8100 + number), "name": "a"} for number in range(40)])
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 0.1}])
    lines = [f'"{8100 + number}", name: b' for number in range(20)]
    lines += [f'"{8200 + number}", name: c, afterInterval: {number + 1}' for number in range(20)]
    text = "".join(f"  - {{operatorId: {line}}}\n" for line in lines)
    place.write(f"version: 1\ncompany: {{abbreviate: acme}}\nguardrails: {{maxDeletes: 100%}}\nagents:\n{text}")
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "-y", "--parallelism", "1", "--delete-list", "1"],
        cwd=place.folder, env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while len(box.store.history()) < 4:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    done = len(box.store.history())
    report = out.partition("Digest: ")[2].partition("\n")[2]
    told = [line for line in report.splitlines() if "! " in line]
    assert told == [f"! not tried  {60 - done} actions"]
    assert report.count("not tried: interrupted") == 1
    assert "Interrupted: what was in flight is recorded." in report
    first = report.partition("not tried: interrupted\n")[2]
    assert {line.split()[0] for line in first.splitlines() if line.startswith("      ")} >= {"delete", "create"}


def test_progress_says_what_it_counts(place: Workplace, box: Box) -> None:
    """An agent with two calls is one agent, done when both are."""
    box.store.reset([{"operatorId": str(8001 + number), "name": "a"} for number in range(3)])
    box.faults([{"endpoint": "writes", "fault": "slow", "seconds": 0.1}])
    password = "password: {generate: true, version: 1}"
    lines = "".join(f'  - {{operatorId: "{8001 + n}", name: b, {password}}}\n' for n in range(3))
    place.write(f"version: 1\ncompany: {{abbreviate: acme}}\nguardrails: {{maxPasswords: 100%}}\nagents:\n{lines}")
    script = (
        "import reconciler.cli.progress as p; p.SECONDS_BETWEEN_LINES = p.QUIET_SECONDS = 0.0\n"
        "from reconciler.cli.main import main; main(['apply', '-y', '--parallelism', '1'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=place.folder, env=place.environment(), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = [line for line in ran.stderr.splitlines() if line.startswith("applying")]
    assert told[-1] == "applying: 3 of 3 agents"
    assert len(told) == 6
    assert [line for line in ran.stderr.splitlines() if line.startswith("reading: 3 of 3 live agents")]
