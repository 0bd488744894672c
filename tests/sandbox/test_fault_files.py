"""Fault files: what is accepted, what each mistake is told, and the command that reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.rulefile import rules_in
from reconciler.sandbox.rules import KINDS, Calls, Rule, rules_of
from reconciler.sandbox.server import SandboxOptions, running, serve

from .client import Client

ROOT = Path(__file__).parents[2]
NEEDED: dict[str, dict[str, Any]] = {
    "late": {"seconds": 1},
    "slow": {"seconds": 0.5},
    "drip": {"seconds": 2},
    "ignore": {"endpoint": "edit/v2", "field": "name"},
    "ignore-all": {"endpoint": "writes"},
    "move": {"endpoint": "page", "how": "total"},
    "limit-list": {"endpoint": "del/v2", "max": 10},
    "status": {"status": 418},
    "refuse-after": {"endpoint": "writes"},
    "licence": {"endpoint": "create/v2", "max": 3},
    "empties": {"endpoint": "edit/v2"},
    "partial-batch": {"endpoint": "create/v2"},
    "another-first": {"endpoint": "create/v2"},
    "drip-head": {"seconds": 2},
    "stale": {"endpoint": "reads", "requests": 1},
    "stranger": {"does": "delete"},
}


def rule(fault: object, **more: Any) -> dict[str, Any]:
    """The shortest rule of a fault, and more."""
    return {"endpoint": "*", "fault": fault, **NEEDED.get(str(fault), {}), **more}


@pytest.mark.parametrize("fault", KINDS)
def test_the_shortest_rule(fault: str) -> None:
    """Every fault has a rule of no more than its endpoint and what it needs."""
    [read] = rules_of([rule(fault)])
    assert (read.fault, read.calls, read.operator_id, read.probability) == (fault, Calls(), None, 1)


def test_everything_that_is_said_is_read() -> None:
    """Every key of a rule arrives in it."""
    whole = rule("hang", calls={"every": 5}, operatorId="8001", probability=0.5, seconds=7)
    assert rules_of([whole]) == (
        Rule(endpoint="*", fault="hang", calls=Calls(every=5), operator_id="8001", probability=0.5, seconds=7),
    )


@pytest.mark.parametrize(
    ("fault", "option", "default"),
    [
        ("hang", "seconds", 3600),
        ("hang-after", "seconds", 3600),
        ("5xx-before", "status", 502),
        ("5xx-after", "status", 502),
        ("envelope-5xx-after", "status", 500),
        ("429", "retry_after", None),
        ("move", "count", 1),
        ("move", "real", False),
        ("refuse", "quote", False),
        ("refuse-after", "code", 500),
        ("token-dies", "status", 401),
        ("token-dies", "code", 401),
        ("empties", "fields", ("name", "bindcode", "showcaller", "ttscontent", "roleName", "mainGroupName")),
        ("partial-batch", "makes", "free"),
        ("partial-batch", "names", True),
        ("stranger", "when", "before"),
        ("stranger", "agents", ()),
    ],
)
def test_what_an_option_is_when_it_is_left_out(fault: str, option: str, default: object) -> None:
    """Options that may be left out have a value."""
    assert getattr(rules_of([rule(fault)])[0], option) == default


@pytest.mark.parametrize("value", [{"faults": [rule("html")]}, [rule("html")], (rule("html"),)])
def test_the_two_forms(value: object) -> None:
    """A list of rules stands alone or under the key `faults`."""
    assert len(rules_of(value)) == 1


@pytest.mark.parametrize("value", [None, "html", 5, {}, {"rules": []}, {"faults": [], "x": 1}, {"faults": {}}])
def test_what_is_no_list_of_rules(value: object) -> None:
    """Anything else is no list of rules."""
    with pytest.raises(ValueError, match="faults must be a list of rules"):
        rules_of(value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("html", "a rule must be a mapping with `endpoint` and `fault`; not 'html'"),
        ({"endpoint": "page"}, "fault is missing; allowed: drop-before, drop-after"),
        (rule("drop"), "fault must be one of drop-before, .*; not 'drop'"),
        (rule(430), "fault must be one of .*; not 430"),
        (rule(429.0), "fault must be one of .*; not 429.0"),
        (rule(["html"]), r"fault must be one of .*; not \['html'\]"),
        ({"fault": "html"}, r"endpoint is missing; allowed for html: \*, writes, reads, create/v2"),
        (rule("html", endpoint="create"), r"endpoint must be one of \*, writes, .* for html; not 'create'"),
        (rule("html", endpoint=None), "endpoint must be one of .*; not None"),
        (rule("move", endpoint="reads"), "endpoint must be one of page for move; not 'reads'"),
        (rule("limit-list", endpoint="*"), "endpoint must be one of del/v2 for limit-list"),
        (
            rule("ignore", endpoint="del/v2"),
            "endpoint must be one of writes, create/v2, edit/v2, editPwd, page for ignore",
        ),
        (rule("ignore-all", endpoint="page"), "endpoint must be one of writes, create/v2, .* for ignore-all"),
        (rule("html", seconds=1), "key 'seconds' is not known; allowed for html: endpoint, calls, operatorId"),
        (rule("hang", second=1), "key 'second' is not known; allowed for hang: .*, seconds$"),
        (rule("hang", **{"": 1}), "key '' is not known"),
        ({"endpoint": "*", "fault": "late"}, "late needs seconds: a number of at least 0"),
        ({"endpoint": "page", "fault": "move"}, "move needs how: one of delete, insert, duplicate, total, reorder"),
        ({"endpoint": "*", "fault": "status"}, "status needs status: an HTTP status"),
        (rule("html", calls=0), r'calls must be "all", a list of integers of at least 1, \{every: N\} or \{from: N\}'),
        (rule("html", calls=[]), "calls must be .*; not \\[\\]"),
        (rule("html", calls=[0]), "calls must be"),
        (rule("html", calls=[True]), "calls must be"),
        (rule("html", calls=["1"]), "calls must be"),
        (rule("html", calls="1"), "calls must be"),
        (rule("html", calls={"every": 0}), "calls must be"),
        (rule("html", calls={"every": 2, "from": 3}), "calls must be"),
        (rule("html", calls={"until": 2}), "calls must be"),
        (rule("html", operatorId=8001), 'operatorId must be text, in quotes, such as "8001"; not 8001'),
        (rule("html", operatorId=""), "operatorId must be text"),
        (rule("html", probability=1.5), "probability must be a number from 0 to 1; not 1.5"),
        (rule("html", probability=True), "probability must be"),
        (rule("html", probability=float("nan")), "probability must be"),
        (rule("hang", seconds=-1), "seconds must be a number of at least 0; not -1"),
        (rule("hang", seconds=float("inf")), "seconds must be"),
        (rule("hang", seconds="5"), "seconds must be"),
        (rule("5xx-after", status=499), "status must be an integer from 500 to 599; not 499"),
        (rule("status", status=199), "status must be an integer from 200 to 599; not 199"),
        (rule("status", status=200.0), "status must be an integer"),
        (rule("429", retryAfter=-1), "retryAfter must be an integer of at least 0, or the header's text"),
        (rule("429", retryAfter="1\r\nX: 2"), "retryAfter must be"),
        (rule("429", retryAfter=0.5), "retryAfter must be"),
        (rule("refuse", code="1"), "code must be an integer; not '1'"),
        (rule("refuse", msg=1), "msg must be text"),
        (rule("refuse", quote=1), "quote must be true, false or one of texts, json, html, url; not 1"),
        (rule("ignore", field="nam"), "field must be one of afterInterval, .*showcaller.* for edit/v2; not 'nam'"),
        (rule("ignore", field="email"), "field must be one of .* for edit/v2; not 'email'"),
        (rule("ignore", field="operatorId"), "field must be one of"),
        (rule("ignore", field=None), "field must be a field's wire name"),
        (rule("move", how="swap"), "how must be one of delete, insert, .*; not 'swap'"),
        (rule("move", how=["total"]), "how must be one of"),
        (rule("move", count=0), "count must be an integer, and not 0; not 0"),
        (rule("move", how="insert", count=-1), "count must be an integer of at least 1 for `how: insert`; not -1"),
        (rule("move", how="restore", count=1), "count is not for `how: restore`"),
        (rule("move", how="reorder", real=True), "real is not for `how: reorder`; allowed with delete, insert"),
        (rule("move", how="delete", real="yes"), "real must be true or false"),
        (rule("refuse", quote="xml"), "quote must be true, false or one of texts, json, html, url; not 'xml'"),
        (rule("refuse-after", endpoint="page"), "endpoint must be one of writes, create/v2, .* for refuse-after"),
        (rule("token-dies", status=600), "status must be an integer from 200 to 599; not 600"),
        ({"endpoint": "create/v2", "fault": "licence"}, "licence needs max: an integer of at least 1"),
        (rule("licence", endpoint="writes"), "endpoint must be one of create/v2 for licence; not 'writes'"),
        (rule("empties", fields=["phone"]), r"fields must be a list of name, .*sipnumber; not \['phone'\]"),
        (rule("empties", fields=[]), r"fields must be .*; not \[\]"),
        (rule("partial-batch", makes=0), 'makes must be "free" or an integer of at least 1; not 0'),
        (rule("partial-batch", names="no"), "names must be true or false; not 'no'"),
        ({"endpoint": "page", "fault": "stale"}, "stale needs either seconds or requests"),
        (rule("stale", seconds=1), "stale needs either seconds or requests"),
        (rule("stale", requests=0), "requests must be an integer of at least 1; not 0"),
        (rule("stale", endpoint="writes"), "endpoint must be one of reads, one/v2, page for stale; not 'writes'"),
        ({"endpoint": "*", "fault": "stranger"}, "stranger needs does: one of create, edit, delete, any"),
        (rule("stranger", does="move"), "does must be one of create, edit, delete, any; not 'move'"),
        (rule("stranger", agents=[8001]), r"agents must be a list of operatorIds in quotes, .*; not \[8001\]"),
        (rule("stranger", agents="8001"), "agents must be a list of operatorIds"),
        (rule("stranger", endpoint="page"), "stranger needs agents with page, whose calls name none"),
        (rule("stranger", when="during"), "when must be before or after; not 'during'"),
        (rule("stranger", does="edit"), "stranger needs values for `does: edit`: a mapping from wire names"),
        (rule("stranger", does="any", agents=["1"]), "stranger needs values for `does: any`"),
        (rule("stranger", values={"name": "x"}), "values is not for `does: delete`; allowed with create, edit, any"),
        (rule("stranger", does="edit", values="name"), "values must be a mapping from wire names to values"),
        (rule("stranger", does="edit", values={"id": 1}), "a key of values must be one of afterInterval, .*; not 'id'"),
        (rule("stranger", does="edit", values={"name": 5}), "name in values must be text, in quotes or null; not 5"),
        (rule("stranger", does="edit", values={"password": None}), "password in values must be text, in quotes; not"),
        (rule("stranger", does="edit", values={"status": None}), "status in values must be an integer; not None"),
        (rule("limit-list", max=0), "max must be an integer of at least 1; not 0"),
    ],
)
def test_what_is_wrong_is_said(wrong: object, said: str) -> None:
    """A mistake is told with the number of its rule, what is wrong, and what is allowed."""
    with pytest.raises(ValueError, match=f"^rule 2: {said}"):
        rules_of([rule("html"), wrong])


def test_a_long_value_is_cut() -> None:
    """What is wrong is quoted only as far as a line bears."""
    with pytest.raises(ValueError, match="rule 1: endpoint") as raised:
        rules_of([rule("html", endpoint="x" * 10_000)])
    assert len(str(raised.value)) < 300


def test_a_number_that_yaml_reads(tmp_path: Path) -> None:
    """In YAML `fault: 429` is a number, and is accepted as well as text."""
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n- {endpoint: page, fault: 429}\n- {endpoint: page, fault: '429'}\n")
    assert [each.fault for each in rules_in(file)] == ["429", "429"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {endpoint: page, fault: htm}", "rule 1: fault must be one of"),
        ("- {endpoint: page, fault: html, fault: cut}", "no YAML: the key 'fault' stands twice, in line 1, column 33"),
        ("- [", "no YAML: .*in line 1"),
        ("- !!python/name:os.system", "no YAML: could not determine a constructor"),
        ("a: 1\n---\nb: 2", "no YAML: but found another document"),
        ("- {[1]: 2}", "no YAML: found unhashable key"),
        ("\0", "no YAML: "),
        ("", "faults must be a list of rules"),
        ("[" * 5000, "nested too deeply|no YAML"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong with a file is told in one line that names it."""
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=rf"faults\.yaml.*({said})") as raised:
        rules_in(file)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """A file that cannot be read is no option, and no database is made for it."""
    options = SandboxOptions(port=0, faults=tmp_path / "none.yaml", data=tmp_path / "vendor.sqlite")
    with pytest.raises(ValueError, match=r"none\.yaml cannot be read: No such file"):
        serve(options, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_the_example_and_the_documentation() -> None:
    """The example is right, and the documentation names every fault and every option."""
    assert len(rules_in(ROOT / "examples/faults.yaml")) == 13
    page = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    for fault, kind in KINDS.items():
        assert f"`{fault}`" in page, fault
        for option in kind.keys[2:]:
            assert f"`{option}" in page or f"{option}: " in page, (fault, option)


def test_a_running_sandbox_takes_a_file(tmp_path: Path) -> None:
    """A sandbox in a thread takes a file as the command does."""
    file = tmp_path / "faults.yaml"
    file.write_text("[{endpoint: page, fault: refuse, code: 7}]")
    with running(faults=file) as box:
        assert Client(box.url).code("page") == 7


def command(*arguments: object) -> subprocess.Popen[str]:
    """`reconciler sandbox` on a free port."""
    words = [sys.executable, "-m", "reconciler", "sandbox", "--port", "0", *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_refuses_a_wrong_file(tmp_path: Path) -> None:
    """A wrong file ends the command with 64 and the rule's number."""
    file = tmp_path / "faults.yaml"
    file.write_text("- {endpoint: page, fault: drop}\n")
    with command("--faults", file) as child:
        out, errors = child.communicate(timeout=60)
    assert (child.returncode, out) == (64, "")
    assert "rule 1: fault must be one of drop-before" in " ".join(errors.split())


def test_the_command_plays_the_file() -> None:
    """The command says how many rules there are, and they are in force."""
    with command("--agents", 3, "--faults", ROOT / "examples/faults.yaml") as child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert line.endswith("(agents: 3, token: any that is not empty, faults: 13)\n")
            client = Client(line.split()[3])
            assert client.call("del/v2", operatorIds=["8001", "8002", "8003"])["code"] == 20001
        finally:
            child.kill()
