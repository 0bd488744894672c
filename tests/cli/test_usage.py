"""Wrong usage: each mistake, at each command, has a code that `explain` knows, in the JSON error and on stderr."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import click
import pytest

from reconciler.cli.main import cli
from reconciler.cli.usage import Misused, code_of, given
from reconciler.core.model.codes import KINDS
from reconciler.core.model.message import text
from reconciler.generate import commands
from tests.process import Workplace
from tests.sources import SOURCES, calls_of, tree_of

COMMANDS = dict(commands(cli))
NARROW = (click.Choice, click.IntRange, click.FloatRange)


def mistakes(command: click.Command) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What can be wrong with the words behind a command, by its code."""
    yield "unknown-option", ("--nonsense",)
    yield "another-tool", ("-lock=false",)
    yield "bad-value", ("--help=1",)
    options = [each for each in command.params if isinstance(each, click.Option) and not each.is_flag]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    if narrow := [each for each in options if isinstance(each.type, NARROW) and each.name != "format_"]:
        yield "bad-value", (narrow[0].opts[0], "nonsense")
    if isinstance(command, click.Group):
        yield "unknown-command", ("nonsense",)
    elif all(takes_any_word(each) for each in arguments) and not any(each.required for each in options):
        yield "unexpected-argument", ("x",) * (len(arguments) + 1)
    if any(each.required for each in command.params):
        yield "missing-argument", ()


def takes_any_word(argument: click.Argument) -> bool:
    """Whether it takes one word, whatever that is."""
    return argument.nargs == 1 and not isinstance(argument.type, NARROW)


EACH = [(name, code, words) for name, command in COMMANDS.items() for code, words in mistakes(command)]


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(("command", "code", "words"), EACH, ids=[" ".join((c, *w)) for c, _, w in EACH])
def test_a_mistake_has_a_code(offline: Workplace, command: str, code: str, words: tuple[str, ...]) -> None:
    """One JSON error on stdout and one line of JSON on stderr, with the same code and words; the exit code is 64."""
    asked = ["--format", "json"] if "format_" in {each.name for each in COMMANDS[command].params} else []
    ran = offline.run("--log-format", "json", *command.split(), *asked, *words)
    told = json.loads(ran.err)
    assert (ran.code, told["level"], told["code"]) == (64, "error", code)
    if asked:
        assert (ran.json["exit_code"], ran.json["error"]["code"]) == (64, code)
        assert ran.json["error"]["message"] == told["message"]
        assert ran.json["error"]["hint"] in ("", f"reconciler {command} --help")
    else:
        assert ran.out == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("pln",), "unknown-command"),
        (("destroy",), "another-tool"),
        (("-chdir=x", "plan"), "another-tool"),
        (("--nonsense", "plan"), "unknown-option"),
        (("--log-format", "xml", "plan"), "bad-value"),
        (("plan", "--rate", "fast"), "bad-value"),
        (("plan", "--rate"), "unexpected-argument"),
        (("plan", "agents.yaml"), "unexpected-argument"),
        (("apply", "agents"), "unexpected-argument"),
        (("plan", "--offline"), "clashing-options"),
        (("export", "--split-by", "name"), "bad-value"),
        (("apply", "--output", "agents.yaml"), "output-is-input"),
        (("plan", "--file"), "unexpected-argument"),
        (("schema",), "unknown-option"),
        (("ledger",), "unknown-option"),
    ],
)
def test_a_document_is_asked_for_wherever_it_stands(offline: Workplace, words: tuple[str, ...], code: str) -> None:
    """`--format json` gives the JSON error, whatever stands before it, also where it could not be parsed."""
    offline.write("version: 1\n")
    (offline.folder / "agents").mkdir()
    ran = offline.run(*words, "--format", "json")
    assert (ran.code, ran.json["exit_code"], ran.json["error"]["code"]) == (64, 64, code)
    assert ran.json["error"]["message"] in ran.err
    assert offline.run("explain", code).code == 0


@pytest.mark.parametrize(
    "words",
    ["--nonsense --output r.json", "-out=x --output=r.json", "agents --output r.json", "--output r.json --rate"],
)
def test_an_apply_keeps_the_report_of_wrong_usage(offline: Workplace, words: str) -> None:
    """In place of an older one, which would be told as this run's; never in place of a desired state."""
    offline.write("version: 1\n")
    (offline.folder / "agents").mkdir()
    offline.write("{}", "r.json")
    ran = offline.run("apply", *words.split(), "--format", "json")
    kept = json.loads((offline.folder / "r.json").read_text(encoding="utf-8"))
    assert (ran.code, ran.out, kept["exit_code"]) == (64, "", 64)
    for other in ("agents.yaml", "agents/new.yaml"):
        refused = offline.run("apply", "-f", "agents", *words.replace("r.json", other).split(), "--format", "json")
        assert refused.json["error"]["code"] == "output-is-input"
    assert (offline.folder / "agents.yaml").read_text(encoding="utf-8") == "version: 1\n"
    assert not (offline.folder / "agents/new.yaml").exists()


@pytest.mark.parametrize(
    ("words", "env"),
    [
        ("--log-format xml apply --output r.json", {}),
        ("-q apply --output r.json", {}),
        ("apply --output r.json", {"RECONCILER_VERBOSE": "x"}),
        ("apply --output r.json", {"RECONCILER_LOG_FORMAT": "xml"}),
    ],
)
def test_words_before_the_command_leave_no_older_report(offline: Workplace, words: str, env: dict[str, str]) -> None:
    """Wrong usage of what stands before `apply`, or of a variable, is told in its report too."""
    offline.write("{}", "r.json")
    assert offline.run(*words.split(), env=env).code == 64
    assert json.loads((offline.folder / "r.json").read_text(encoding="utf-8"))["exit_code"] == 64


@pytest.mark.parametrize("env", [{}, {"RECONCILER_FILE": "agents"}])
def test_no_report_of_wrong_usage_lies_among_the_files(offline: Workplace, env: dict[str, str]) -> None:
    """The folder that is read without being named, or is named by a variable, would not be read any more."""
    (offline.folder / "agents").mkdir()
    ran = offline.run("apply", "--nonsense", "--output", "agents/new.yaml", env=env)
    assert (ran.code, [*(offline.folder / "agents").iterdir()]) == (64, [])


def test_lines_of_json_are_asked_for_anywhere(offline: Workplace) -> None:
    """By the variable or the option, whatever is wrong with the words before; the option wins."""
    as_json, as_text = {"RECONCILER_LOG_FORMAT": "json"}, ("--log-format=text", "plan", "--nonsense")
    assert json.loads(offline.run("-out=x", "plan", env=as_json).err)["code"] == "another-tool"
    assert json.loads(offline.run("--nonsense", "--log-format", "json", "plan").err)["code"] == "unknown-option"
    assert offline.run(*as_text, env=as_json).err.startswith("Usage: reconciler plan")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("plan --format json", "json"),
        ("plan --format=json", "json"),
        ("plan --format json --format=text", "text"),
        ("plan --format text --format json", "json"),
        ("show --format text -- --format json", "text"),
        ("plan --format", ""),
        ("plan --formatted json", ""),
    ],
)
def test_what_an_option_is_given(words: str, value: str) -> None:
    """The last one counts, in either spelling, and nothing behind `--` does."""
    assert given("--format", words.split()) == value


def test_what_is_typed_is_shown_and_not_obeyed(offline: Workplace) -> None:
    """A terminal or a pipeline that reads the message does nothing that an argument says."""
    ran = offline.run("apply", "p.json", "a\x1b[2J", "\n::error::b")
    assert "(a\\x1b[2J" in ran.err
    assert "\x1b" not in ran.err
    assert not any(line.startswith("::") for line in ran.err.splitlines())


@pytest.mark.parametrize(("typed", "meant"), [("aply", "apply"), ("shwo", "show"), ("expot", "export"), ("zzz", "")])
def test_a_mistyped_command_is_answered_with_its_like(offline: Workplace, typed: str, meant: str) -> None:
    """Whoever slips on a command's name need not look for it; where none is like it, none is guessed."""
    said = offline.run(typed).err
    assert (f"'{meant}'" in said) if meant else ("Did you mean" not in said)


def test_every_kind_of_clicks_has_a_code() -> None:
    """Each class of usage errors that click has, one without a context too, is of a kind in the table."""
    kinds = {each for each in vars(click.exceptions).values() if isinstance(each, type)}
    usage = [each for each in kinds if issubclass(each, click.UsageError)]
    assert len(usage) >= 8
    for kind in usage:
        assert code_of(kind.__new__(kind) if kind is not click.UsageError else kind("x")) in KINDS
    assert code_of(Misused("another-tool", text("x"))) == "another-tool"


def test_wrong_usage_is_said_in_templates() -> None:
    """Whoever finds wrong usage gives a message, and a code of the table where click knows none."""
    found = 0
    for source in (each for each in SOURCES if each.parent.name == "cli"):
        tree = tree_of(source)
        calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
        by_attribute = {name: [c for c in calls if getattr(c.func, "attr", "") == name] for name in (
            "BadParameter", "UsageError", "ClickException", "fail",
        )}  # fmt: skip
        for call in by_attribute["BadParameter"] + by_attribute["fail"]:
            found += 1
            said = call.args[0]
            assert isinstance(said, ast.Call), f"{source}:{call.lineno}"
            assert ast.unparse(said.func) == "text", f"{source}:{call.lineno}"
        assert by_attribute["UsageError"] + by_attribute["ClickException"] == [], source
        for call in calls_of(tree, "Misused"):
            codes = [call.args[0].body, call.args[0].orelse] if isinstance(call.args[0], ast.IfExp) else [call.args[0]]
            assert {ast.literal_eval(each) for each in codes} <= KINDS.keys(), f"{source}:{call.lineno}"
            found += 1
    assert found > 20
