"""What version 0.1.0 wrote is read by the code of today: saved plans, the ledger, the journal of a killed run.

Only through the command, since what is in the modules may change, and over real HTTP. What was recorded, and how, is
in `written_by_0_1_0/README.md`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.compatibility.office import APPLY, OPTIONS, Office, lasting, rows, timeless

WRITTEN: Final = Path(__file__).parent / "written_by_0_1_0"
REVIEWED: Final = WRITTEN / "reviewed"
KILLED: Final = WRITTEN / "killed"
PLANS: Final = ("reviewed", "refused", "left")
FORMATS: Final = ("text", "json", "markdown", "html", "github", "gitlab")
SAID_SINCE: Final = ("Note: set anew", "Guardrail maxPasswords", "Policy: ", "An apply of it reads", "Note: owed, ")
"""What a plan says more than it did then."""
TELL_THE_DIGEST: Final = ("text", "json", "markdown", "html")  # the others tell it in files of their pipeline


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A folder with nothing in it."""
    return Office(tmp_path)


def read(path: Path) -> Any:
    """A recorded JSON document."""
    return json.loads(path.read_bytes())


def digest_of(name: str) -> str:
    """The digest that version 0.1.0 printed for a plan."""
    return (WRITTEN / name / "digest.txt").read_text(encoding="utf-8").strip()


def without_words(plan: dict[str, Any]) -> dict[str, Any]:
    """A saved plan without who made it and when, what is only said to people, and limits that nobody set."""
    limits = [{**rail, "hint": ""} for rail in plan["guardrails"] if rail["set_by"] != "default"]
    untold = ("tool", "created_at", "seal", "notes", "guardrails", "files", "policy")
    return {**{key: value for key, value in plan.items() if key not in untold}, "guardrails": limits}


TOLD_SINCE: Final = {
    "New passwords are encrypted for age1": "New passwords are encrypted for:\n age1",
    (
        "+ create 8101…8102 (2) 外呼 8101…8102 agents.yaml:21\n"
        " name 外呼 8101…8102\n"
        " showcaller 4008001234\n afterInterval 30\n isrecord true\n outcallflag no-international\n"
        " password: a generated one\n"
        "+ create 8104 外呼 8104 agents.yaml:21\n"
        " name 外呼 8104\n"
    ): ("+ create 3 agents 外呼 {operatorId} agents.yaml:21\n 8101, 8102, 8104\n name 外呼 {operatorId}\n"),
    (
        "* password 8301 早班 agents.yaml:19\n password.version not recorded → version 0, a generated one\n"
        "* password 8401 机动 agents.yaml:20\n password.version not recorded → version 0, a generated one\n"
        "* password 8402 机动 agents.yaml:20\n password.version not recorded → version 0, a generated one\n"
        "* password 8403 机动 agents.yaml:20\n password.version not recorded → version 0, a generated one\n"
    ): (
        "* password 4 agents agents.yaml:19…20\n"
        " 8301 早班, 8401 机动, 8402 机动, 8403 机动\n"
        " password.version not recorded → version 0, a generated one\n"
    ),
}
"""What an apply prints otherwise since: recipients stand in lines of their own, and what is alike is one row."""


def unaligned(text: str) -> str:
    """The text whose columns are as wide as any."""
    return re.sub(" +", " ", text)


def as_told_since(recorded: str) -> str:
    """What was printed then as it is printed since, but for the width of columns."""
    text = unaligned(recorded)
    for then, since in TOLD_SINCE.items():
        text = text.replace(then, since)
    return text


@pytest.mark.exhaustive(8)
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", PLANS)
def test_a_saved_plan_is_shown(office: Office, name: str, format_: str) -> None:
    """A plan that was saved then is shown now in every format, and by the digest under which it was reviewed."""
    ran = office.run("show-plan", str(WRITTEN / name / "plan.json"), "--format", format_)
    assert ran.code == 0, ran.err
    assert ran.err.startswith("saved at 20")
    assert "by reconciler 0.1.0" in ran.err
    assert ran.out
    if format_ in TELL_THE_DIGEST:
        assert digest_of(name) in ran.out


@pytest.mark.parametrize("name", PLANS)
def test_a_saved_plan_is_the_same_document(office: Office, name: str) -> None:
    """As JSON it is what was saved, key by key and value by value, without the seal; and so is its digest."""
    saved = read(WRITTEN / name / "plan.json")
    del saved["seal"]
    ran = office.run("show-plan", str(WRITTEN / name / "plan.json"), "--format", "json")
    assert json.loads(ran.out) == saved
    assert json.loads(ran.out)["digest"] == digest_of(name)


def test_a_saved_plan_is_applied(office: Office) -> None:
    """Saved and reviewed then, applied now: the same report, the same agents, and the same ledger with its seal."""
    office.take(REVIEWED)
    with office.vendor(rows(REVIEWED / "live.json")) as vendor:
        ran = office.run("apply", "plan.json", *APPLY, "--expect", digest_of("reviewed"))
        assert ran.code == 0, ran.out + ran.err
        assert vendor.listing() == rows(REVIEWED / "after/live.json")
    said = as_told_since((REVIEWED / "after/out.txt").read_text(encoding="utf-8"))
    assert unaligned(timeless(ran.out)) == said.replace("every agent is as", "every agent of the plan is as")
    assert timeless(ran.err) == (REVIEWED / "after/err.txt").read_text(encoding="utf-8")
    assert lasting(office.book("ledger.json")) == lasting(read(REVIEWED / "after/ledger.json"))


def test_an_applied_plan_stays_applied(office: Office) -> None:
    """The seal that version 0.1.0 left in the ledger keeps its plan from being applied once more."""
    office.take(REVIEWED)
    (office.books / "ledger.json").write_bytes((REVIEWED / "after/ledger.json").read_bytes())
    with office.vendor(rows(REVIEWED / "live.json")) as vendor:
        ran = office.run("apply", "plan.json", *APPLY)
        assert (ran.code, ran.out) == (3, "")
        assert "applied already" in ran.err
        assert vendor.listing() == rows(REVIEWED / "live.json")


@pytest.mark.parametrize("name", ["reviewed", "left"])
def test_the_same_plan_has_the_same_digest(office: Office, name: str) -> None:
    """Planned now of the same files, ledger and agents: what was saved then, but for time, seal, words and files.

    So `apply --expect` may be given the digest that another version printed. What the ledger of two bad days owes and
    is unsure of is in the plan that was `left` by them.
    """
    recorded = WRITTEN / name
    office.take(recorded)
    with office.vendor(rows(recorded / "live.json")):
        ran = office.run("plan", *OPTIONS, "--out", "now.json")
    assert ran.code == 0, ran.err
    assert f"Digest: {digest_of(name)}" in ran.out
    now, saved = read(office.folder / "now.json"), read(recorded / "plan.json")
    for told in (*now["notes"], *now["guardrails"]):
        assert told.pop("code")  # plans name the kinds of what they tell since
    assert all(note in now["notes"] for note in saved["notes"])
    assert [key for key in now if key not in ("files", "policy")] == [*saved]
    assert now["calls"].pop("reads")  # plans tell it since
    for action in now["actions"]:
        for name in ("live_id", "live_ctime"):  # the vendor's own, which plans name since
            action.pop(name, None)
    assert without_words(now) == without_words(saved)


@pytest.mark.parametrize(("told", "arguments"), [("ledger", ("ledger", "show")), ("status", ("status",))])
def test_the_books_tell_the_same(office: Office, told: str, arguments: tuple[str, ...]) -> None:
    """Of the books that a killed run left `ledger show` and `status` tell the same, as text and JSON."""
    office.take(KILLED)
    text, document = (office.run(*arguments, "--format", format_) for format_ in ("text", "json"))
    assert (text.code, text.err, document.code, document.err) == (0, "", 0, "")
    assert text.out == (KILLED / f"told/{told}.txt").read_text(encoding="utf-8")
    assert json.loads(document.out) == read(KILLED / f"told/{told}.json")


def test_a_killed_run_is_recovered(office: Office) -> None:
    """The run that version 0.1.0 did not end is ended now: each open call is judged as it was then.

    What its ledger is unsure of is settled; report, agents and ledger are the same.
    """
    office.take(KILLED)
    with office.vendor(rows(KILLED / "live.json")) as vendor:
        ran = office.run("apply", *APPLY, *OPTIONS)
        assert ran.code == 0, ran.out + ran.err
        assert vendor.listing() == rows(KILLED / "after/live.json")
        assert office.run("plan", "--detailed-exitcode").code == 0
    assert timeless(ran.err) == (KILLED / "after/err.txt").read_text(encoding="utf-8")
    lines = [line for line in timeless(ran.out).splitlines(keepends=True) if not line.startswith(SAID_SINCE)]
    assert unaligned("".join(lines)) == as_told_since((KILLED / "after/out.txt").read_text(encoding="utf-8"))
    assert lasting(office.book("ledger.json")) == lasting(read(KILLED / "after/ledger.json"))
