"""A slip in an id is seen before it costs anybody their number, in every command that reads one."""

from __future__ import annotations

import json

import pytest

from reconciler.sandbox.server import Box
from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"
FORMATS = ("text", "json", "markdown", "html", "github", "gitlab")


def agents(*ids: str, head: str = HEAD) -> str:
    """A file of these agents."""
    return head + "agents:\n" + "".join(f"  - {{operatorId: {json.dumps(id_, ensure_ascii=False)}}}\n" for id_ in ids)


@pytest.mark.parametrize("slip", ["8011 ", "８０１１", "“8011”", "8011\u00a0", "80\u200b11"])
def test_an_id_that_no_reader_sees_the_slip_of_is_refused(place: Workplace, box: Box, slip: str) -> None:
    """By every command that plans, with what was meant; nothing is asked of the vendor or changed."""
    box.store.reset([{"operatorId": "8011"}, {"operatorId": "8012"}])
    place.write(agents(slip, "8012"))
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        ran = place.run(*command)
        assert ran.code == 1
        assert 'did you mean "8011"?' in ran.out + ran.err
        assert "U+" in ran.out + ran.err
    assert box.store.history() == []


@pytest.mark.parametrize("format_", FORMATS)
def test_a_lookalike_of_a_live_agent_is_refused_and_the_plan_is_shown(place: Workplace, box: Box, format_: str) -> None:
    """Exit 3 in every format, with the plan, the id that it looks like, and the two ways on."""
    box.store.reset([{"operatorId": "8010", "name": "张三"}, {"operatorId": "8012"}])
    place.write(agents("8O10", "8012"))
    ran = place.run("plan", "--format", format_)
    assert ran.code == 3
    if format_ == "gitlab":
        assert ran.json == {"create": 1, "update": 0, "delete": 1}
    else:
        assert "8O10" in ran.out
        assert "lookalikes" in ran.out
        assert "U+004F LATIN CAPITAL LETTER O" in ran.out
        assert "allow-lookalikes" in ran.out.replace("&#45;", "-")
    refused = place.run("apply", "--yes")
    assert refused.code == 3
    assert "guardrail lookalikes" in refused.err
    assert box.store.history() == []


def test_a_lookalike_that_is_meant_is_created(place: Workplace, box: Box) -> None:
    """With the flag on plan and apply, which is part of the digest; or as often as the file allows it."""
    box.store.reset([{"operatorId": "8010"}])
    place.write(agents("8010", "9001"))
    place.write(agents("8O10", head=HEAD + "prune: false\n"), "agents.yaml")
    refused = place.run("plan", "--format", "json").json
    assert [rail["rule"] for rail in refused["guardrails"] if not rail["ok"]] == ["lookalikes"]
    allowed = place.run("plan", "--allow-lookalikes", "--format", "json")
    assert allowed.code == 0
    assert allowed.json["digest"] != refused["digest"]
    assert place.run("apply", "--yes", "--expect", allowed.json["digest"]).code == 3
    assert place.run("apply", "--yes", "--allow-lookalikes", "--expect", allowed.json["digest"]).code == 0
    assert sorted(box.store.agents()) == ["8010", "8O10"]
    both = place.write(agents("8O10", "8010", head=HEAD))
    assert place.run("validate").code == 1
    both.write_text(agents("8O10", "8010", head=HEAD + "guardrails: {lookalikes: 1}\n"))
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_an_export_of_odd_ids_plans_nothing(place: Workplace, box: Box) -> None:
    """A live id that breaks the rules is protected and told; live lookalikes are allowed; and so into a file."""
    box.store.reset([{"operatorId": id_} for id_ in ("8001 ", "８００２", "8003", "8OO3")])
    ran = place.run("export", "--company", "acme", "--company-id", "4242", "--output", "agents.yaml")
    assert ran.code == 0
    assert ran.err.count("an id cannot be renamed") == 2
    text = (place.folder / "agents.yaml").read_text(encoding="utf-8")
    assert 'protect: ["8001 ", "８００２"]\nguardrails: {lookalikes: 1}\n' in text
    assert place.run("plan", "--detailed-exitcode").code == 0
    place.write(agents("8003", head=HEAD + "guardrails: {lookalikes: 1}\n"))
    ran = place.run("export", "--into", "agents.yaml")
    assert ran.code == 0
    assert 'add "8001 " to protect, or an apply deletes the agent' in ran.err
    place.write(agents("8003"))
    ran = place.run("export", "--into", "agents.yaml")
    assert ran.code == 1
    assert "8OO3 looks like 8003" in ran.err
    assert "guardrails: {lookalikes: 1}" in ran.err


def test_a_sheet_with_slips_is_not_imported(offline: Workplace) -> None:
    """Each cell is named, with what was meant; numbers that look alike are refused unless the file allows them."""
    offline.write("工号,姓名\n80 11,张三\n", "a.csv")
    ran = offline.run("import-csv", "a.csv", "--company", "acme")
    assert ran.code == 1
    assert 'A2 工号: "80 11" holds U+0020 SPACE' in ran.err
    assert 'did you mean "8011"?' in ran.err
    offline.write("工号,姓名\n8010,张三\n8O10,李四\n", "a.csv")
    ran = offline.run("import-csv", "a.csv", "--company", "acme")
    assert ran.code == 1
    assert "8O10 looks like 8010 in line 2" in ran.err
    offline.write(agents("9001", head=HEAD + "guardrails: {lookalikes: 1}\n"))
    assert offline.run("import-csv", "a.csv", "--into", "agents.yaml").code == 0
    assert offline.run("validate").code == 0


def test_a_percentage_over_100_is_wrong_usage(offline: Workplace) -> None:
    """On the command line as in the file."""
    offline.write(agents("8001"))
    for flag in ("--max-deletes", "--max-changes"):
        ran = offline.run("plan", flag, "101%")
        assert ran.code == 64
        assert "100% is the most" in ran.err


@pytest.mark.parametrize(
    ("id_", "told"),
    [
        ("8001 ", '"8001 ": did you mean 8001?'),
        ("8001\u200b", "8001\\u200b: did you mean 8001?"),
        ("8001,8002", "several ids are given one by one"),
        ("", 'there is no agent "", live or desired'),
    ],
)
def test_what_an_id_of_the_command_line_hides_is_shown(place: Workplace, box: Box, id_: str, told: str) -> None:
    """A blank, an invisible character, a list of ids, and none at all."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    place.write(agents("8001", "8002"))
    ran = place.run("plan", "--target", id_)
    assert ran.code == 1
    assert told in ran.err


@pytest.mark.parametrize("flag", ["--target", "--exclude"])
def test_an_id_that_nobody_has_is_an_error_and_a_pattern_a_note(place: Workplace, box: Box, flag: str) -> None:
    """A slip in `--exclude` would include the very agent; nothing is done, and the id that was meant is told."""
    box.store.reset([{"operatorId": "8001"}, {"operatorId": "8002"}])
    place.write(agents("8001", "8003"))
    for command in (("plan",), ("apply", "--yes")):
        ran = place.run(*command, flag, "80O1")
        assert ran.code == 1
        assert "there is no agent 80O1, live or desired" in ran.err
        assert "did you mean 8001?" in ran.err
    assert box.store.history() == []
    assert place.run("plan", flag, "8003").code == 0
    ran = place.run("plan", flag, "7*", flag, "8001")
    assert ran.code == 0
    assert f"{flag}: no agent matches 7*" in ran.out


def test_what_nobody_has_is_noted_in_the_plan(place: Workplace, box: Box) -> None:
    """Group, role, SIP number, and a pattern of `protect`, each with whom it concerns; the exit code stays 0."""
    box.store.reset([{"operatorId": "8001", "mainGroupName": "夜班组"}, {"operatorId": "ADM01"}])
    line = '{operatorId: "8001", mainGroupName: 夜班組, roleName: 客服, sipNumber: "60099"}'
    place.write(f'{HEAD}prune: false\nprotect: ["adm*"]\nagents:\n  - {line}\n')
    ran = place.run("plan")
    assert ran.code == 0
    assert "no live agent has mainGroupName 夜班組; did you mean 夜班组?: 8001" in ran.out
    assert "no live agent is known to have roleName 客服: 8001" in ran.out
    assert "no live agent has sipNumber 60099" in ran.out
    assert "protect: no agent matches adm* (is ADM01 meant?)" in ran.out
