"""`notify`: counts, verdict and links reach a webhook; no name, number or secret does, and no URL is ever printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.render.notice import report_notice
from reconciler.sandbox.server import Box
from tests.process import TOKEN, Ran, Workplace
from tests.vendor.vendor_stub import Stub, reply, stub

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nguardrails: {maxDeletes: 100%}\nagents:\n"
PEOPLE = (
    '  - {operatorId: "8001", name: 张三, bindcode: "13800138000", password: {env: AGENT_8001, version: 1}}\n'
    '  - {operatorId: "8002", name: 李四}\n'
)
GIVEN = "given-password-Xy1"
SECRET = "hook-token-Zq9"
PERSONAL = ("张三", "李四", "13800138000", "8001", "8002", GIVEN, TOKEN, SECRET)


@pytest.fixture
def here(place: Workplace, box: Box) -> Workplace:
    """A place with two agents to edit."""
    box.faults([])
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    place.write(HEAD + PEOPLE)
    place.env |= {"AGENT_8001": GIVEN}
    return place


def told(
    here: Workplace, *arguments: str, code: int = 0, status: int = 200, env: Mapping[str, str] | None = None
) -> tuple[Ran, list[Any]]:
    """What a webhook hears, as JSON; no URL is printed, whatever happens."""
    with stub() as hook:
        hook.script(reply(status))
        address = f"json://{hook.url.removeprefix('http://')}/{SECRET}"
        ran = here.run("notify", *arguments, env={"RECONCILER_NOTIFY": address, **(env or {})})
    assert SECRET not in ran.out + ran.err
    assert ran.code == code, ran.err
    return ran, heard(hook)


def heard(hook: Stub) -> list[Any]:
    """Each notice: its title and its text."""
    return [(seen.body["title"], seen.body["message"]) for seen in hook.requests]


def test_a_plan(here: Workplace) -> None:
    """Counts by action and the links; who it is about only with `--with-ids`, and then nothing but ids."""
    assert here.run("plan", "--out", "plan.json").code == 0
    arguments = ("--plan", "plan.json", "--link", "https://git.example/mr/7")
    gitlab = {"GITLAB_CI": "true", "CI_PIPELINE_URL": "https://lab.example/7"}
    _, [(title, text)] = told(here, *arguments, env=gitlab)
    assert title == "reconciler plan, acme: 3 actions"
    assert text.split("\n") == ["2 edit, 1 password", "https://git.example/mr/7", "https://lab.example/7"]
    assert [each for each in PERSONAL if each in title + text] == []
    _, [(_, text)] = told(here, *arguments, "--with-ids")
    assert "edit 8001\npassword 8001\nedit 8002" in text
    assert [each for each in PERSONAL if each in text and not each.startswith("80")] == []


@pytest.mark.exhaustive(0)
def test_a_plan_that_is_refused(here: Workplace) -> None:
    """The guardrails that refuse it are told."""
    here.write(HEAD.replace("100%", "0") + '  - {operatorId: "8001", name: x}\n')
    assert here.run("plan", "--out", "plan.json").code == 3
    _, [(title, text)] = told(here, "--plan", "plan.json")
    assert title == "reconciler plan, acme: 2 actions, refused"
    assert "guardrails that refuse it: maxDeletes" in text


def test_a_report(here: Workplace, box: Box) -> None:
    """Outcomes by number; the vendor's words, which may hold anything, are never told."""
    box.faults([{"endpoint": "edit/v2", "fault": "refuse", "code": 20005, "msg": "张三 @all", "calls": [1]}])
    ran = here.run("apply", "-y", "--parallelism", "1", "--output", "report.json")
    assert ran.code == 4
    assert "Applied 2 of 3 actions" in ran.out  # people read text all the same
    _, [(title, text)] = told(here, "--report", "report.json")
    assert title == "reconciler apply, acme: a part was done"
    assert "1 failed" in text
    assert "2 done" in text
    assert [each for each in (*PERSONAL, "@") if each in title + text] == []
    _, [(_, text)] = told(here, "--report", "report.json", "--with-ids")
    assert "edit 8001 failed" in text
    assert "张三" not in text


def test_agents_in_doubt() -> None:
    """Whoever may be somebody else's is counted by itself, in a report and in an error."""
    doubt = {"operatorId": "8001", "message": "m"}
    wrong = {"operatorId": "8002", "message": "m", "unasked": False}
    plan = {"company": {"abbreviate": "acme"}}
    report = {"exit_code": 4, "results": [], "verified": True, "warnings": [], "plan": plan}
    notice = report_notice({**report, "mismatches": [{**doubt, "in_doubt": True}, wrong]}, [], with_ids=True)
    assert notice.text.splitlines() == [
        "1 agent not as asked for when read back",
        "1 agent may be somebody else's",
        "not as asked for: 8002",
        "in doubt: 8001",
    ]
    refused = report_notice({"error": {"in_doubt": [doubt, doubt]}, "exit_code": 3}, [], with_ids=True)
    assert refused.text.splitlines() == ["the log of the run says why", "2 agents may be somebody else's"]


@pytest.mark.exhaustive(0)
def test_an_apply_that_failed(here: Workplace) -> None:
    """The report of an apply that did nothing is its error; the notice says where to look, not the error's words."""
    ran = here.run("apply", "-y", "--output", "report.json", "--expect", "0" * 64)
    assert ran.code == 3
    assert json.loads((here.folder / "report.json").read_text())["exit_code"] == 3
    _, [(title, text)] = told(here, "--report", "report.json")
    assert (title, text) == ("reconciler apply: refused: nothing was done", "the log of the run says why")


def test_json_to_a_file(here: Workplace) -> None:
    """With `--format json` and `--output` the report is in the file, and stdout is empty; as it was printed before."""
    ran = here.run("apply", "-y", "--format", "json", "--output", "report.json")
    assert (ran.code, ran.out) == (0, "")
    report = json.loads((here.folder / "report.json").read_text())
    assert (report["format"], report["exit_code"]) == ("reconciler.report/1", 0)


def test_hostile_names_act_nowhere(here: Workplace, box: Box) -> None:
    """What a file calls its company becomes no mention, link or markup in a chat."""
    hostile = "<!channel>[x](http://y)@all*b*\u202e"
    plan = {"company": {"abbreviate": hostile}}
    report = {"exit_code": 0, "results": [], "mismatches": [], "verified": True, "warnings": [], "plan": plan}
    (here.folder / "report.json").write_text(json.dumps(report))
    _, [(title, _)] = told(here, "--report", "report.json")
    assert title.isascii()
    assert not set("<>[]()@*!") & set(title.replace("(U+", "").replace(")", ""))


@pytest.mark.exhaustive(0)
def test_an_address_that_does_not_take_it(here: Workplace) -> None:
    """A hook that refuses and one that is not there: exit 1, by number, with no URL and no log of a library."""
    (here.folder / "report.json").write_text('{"error": {}, "exit_code": 1}')
    ran, _ = told(here, "--report", "report.json", code=1, status=500)
    assert ran.err.splitlines() == [
        "error: of 1 URLs in RECONCILER_NOTIFY these took no notice: number 1",
        "       check each by itself; a proxy is named by HTTPS_PROXY here",
    ]
    ran = here.run("notify", "--report", "report.json", env={"RECONCILER_NOTIFY": f"json://127.0.0.1:1/{SECRET}"})
    assert (ran.code, SECRET in ran.out + ran.err, len(ran.err.splitlines())) == (1, False, 2)


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize("address", ["", "  ", SECRET, f"nothing://{SECRET}", f"https://{SECRET}@"])
def test_addresses_that_are_none(here: Workplace, address: str) -> None:
    """Wrong usage, and the text is not repeated: it may be a token."""
    (here.folder / "report.json").write_text('{"error": {}, "exit_code": 1}')
    ran = here.run("notify", "--report", "report.json", env={"RECONCILER_NOTIFY": address})
    assert (ran.code, SECRET in ran.out + ran.err) == (64, False)


@pytest.mark.exhaustive(0)
def test_several_addresses(here: Workplace) -> None:
    """Parted by blanks or line breaks, each gets the notice."""
    (here.folder / "report.json").write_text('{"error": {}, "exit_code": 1}')
    with stub() as hook:
        hook.script(reply(200))
        host = hook.url.removeprefix("http://")
        addresses = f"json://{host}/a,b\n json://{host}/c "
        assert here.run("notify", "--report", "report.json", env={"RECONCILER_NOTIFY": addresses}).code == 0
    assert sorted(seen.path for seen in hook.requests) == ["/a%2Cb", "/c"]


def test_what_is_no_plan_or_report(here: Workplace, tmp_path: Path) -> None:
    """One of the two is needed, and it must be one; nothing is sent."""
    (here.folder / "x.json").write_text('{"results": 3}')
    assert here.run("notify").code == 64
    assert here.run("notify", "--plan", "x.json", "--report", "x.json").code == 64
    assert here.run("notify", "--report", "x.json", "--link", "javascript:x").code == 64
    assert here.run("notify", "--report", "x.json").code == 1
    assert here.run("notify", "--report", "none.json").code == 1
    assert here.run("notify", "--plan", "x.json").code == 3


def test_dry_run(here: Workplace) -> None:
    """The notice is printed, and nobody needs to be named."""
    (here.folder / "report.json").write_text('{"error": {}, "exit_code": 130}')
    ran = here.run("notify", "--report", "report.json", "--dry-run")
    assert ran.out == "reconciler apply: interrupted\nthe log of the run says why\n"
