"""Plans, problems and reports as text and JSON: widths in cells, hostile text, colour, the contract's keys."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.core.model.desired import Company, PasswordSource
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.fields import BY_NAME, Value
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, ActionKind, Guardrail, Note, Plan
from reconciler.core.model.problem import Place, Problem
from reconciler.core.model.report import ActionResult, Mismatch, Report
from reconciler.core.text import width
from reconciler.render import FORMATS, outcome
from reconciler.render import json as as_json
from reconciler.render import text as as_text
from reconciler.render.heading import Heading
from reconciler.render.terminal import pad, visible
from tests.core.build import live_agent
from tests.hostile import assert_holds_for

from .golden_cases import CASES, FOLDER, FRAME, HEADING, frame, own, plan_of, rendered

COLOUR = replace(HEADING, color=True)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
KINDS: tuple[ActionKind, ...] = ("create", "edit", "replace", "delete", "password")
NAMES = ("张三", "Wang", "欧阳娜娜", "Müller", "ｆｕｌｌ", "", "李lei", "名字特别特别特别特别特别长的坐席", "x" * 40)


def action(operator_id: str = "8001", name: str = "张三", kind: ActionKind = "edit", **more: Any) -> Action:
    """An action with a change."""
    changes = (FieldChange("name", "旧", "新"), FieldChange("afterInterval", 5, 10))
    return Action(kind, operator_id, name, Place("agents.yaml", 7), **{"changes": changes, **more})


def plan(*actions: Action, **more: Any) -> Plan:
    """A plan of these actions."""
    base = Plan(Company("acme", 4242), "0" * 64, ("agents.yaml",), 3, 2, 2, 1, actions, ())
    return replace(base, **more)


# Golden cases


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, format_: str) -> None:
    """A case's plan reads, in every format, as somebody has looked at and found good."""
    assert own(case, format_) == (FOLDER / case / f"plan.{format_}").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_golden_frame(case: str) -> None:
    """Every page has the same frame: head, style sheet and script are as somebody has found good."""
    assert frame(case) == FRAME.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_a_golden_case_is_complete(case: str) -> None:
    """A case has its input, a rendering for each format, and nothing else."""
    names = {path.name for path in (FOLDER / case).iterdir()}
    needed = {"agents.yaml", "live.json", *(f"plan.{format_}" for format_ in FORMATS)}
    assert needed <= names <= needed | {"before.yaml", "ledger.json", "policy.json", "forgotten.json"}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_a_rendering_ends_with_one_line_end(case: str, format_: str) -> None:
    """A rendering can be printed as it is, and can be written as UTF-8."""
    text = rendered(case, format_)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert text.encode()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_no_rendering_holds_a_secret(case: str, format_: str) -> None:
    """Neither what the listing shows of secrets nor anything made of it is in a rendering."""
    assert "canary" not in rendered(case, format_).lower()


# Widths


@pytest.mark.parametrize("ids", [("8001", "8002"), ("1", "123456"), ("八一", "8002"), ("0071", "agent-0071")])
@pytest.mark.parametrize("names", [NAMES, NAMES[:2], NAMES[1:4], ("",)], ids=range(4))
def test_names_of_any_width_line_up(ids: tuple[str, str], names: tuple[str, ...]) -> None:
    """In a plan's text the places begin at one column of cells, whatever the names before them are written in."""
    actions = [action(ids[number % 2], name, KINDS[number % 5]) for number, name in enumerate(names)]
    lines = [line for line in as_text.plan(plan(*actions), HEADING).splitlines() if line.endswith("agents.yaml:7")]
    assert len(lines) == len(names)
    assert len({cell_len(line.removesuffix("agents.yaml:7")) for line in lines}) == 1


def test_blocked_actions_line_up_with_others() -> None:
    """A blocked action's line has the same columns."""
    actions = (action(), action("8002", "李四", blocked=Text("fixed")), action("8003", "Wang", "password"))
    lines = [line for line in as_text.plan(plan(*actions), HEADING).splitlines() if line.endswith("agents.yaml:7")]
    assert len({cell_len(line.removesuffix("agents.yaml:7")) for line in lines}) == 1


def test_values_line_up() -> None:
    """Within an action the values begin at one column, as wide as its longest field name."""
    changes = tuple(FieldChange(name, "旧", "新") for name in ("name", "mainGroupName", "sipNumber"))
    lines = [line for line in as_text.plan(plan(action(changes=changes)), HEADING).splitlines() if "→" in line]
    assert len(lines) == 3
    assert {line.index("旧") for line in lines} == {6 + len("mainGroupName") + 2}


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_an_action_fits_a_terminal(name: str) -> None:
    """With ids and places of an ordinary length no action's line is wider than 80 cells, however long the name."""
    text = as_text.plan(plan(action("8001", name, "password")), HEADING)
    assert max(cell_len(line) for line in text.splitlines() if "agents.yaml:7" in line) <= 80


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize(
    "text", ["", "a", "ab", "张", "张三", "a张三b", "张三李四王五赵六孙七周八", "e\u0301" * 9, "👩👩👩👩👩👩👩"]
)
def test_pad_fills_exactly(text: str, cells: int) -> None:
    """Padded or cut, a text has exactly the cells asked for, and is cut only where it does not fit."""
    padded = pad(text, cells)
    assert cell_len(padded) == cells
    assert padded.rstrip() == text if width(text) <= cells else padded.endswith("…")


def test_long_values_are_whole() -> None:
    """A value of a page is one line, which nothing cuts."""
    changes = (FieldChange("ttscontent", "", "您好" * 500),)
    assert f'      ttscontent  "" → {"您好" * 500}\n' in as_text.plan(plan(action(changes=changes)), HEADING)


# Hostile text

HOSTILE = {
    "NUL": "\0",
    "bell": "\x07",
    "backspace": "\b",
    "tab": "\t",
    "line feed": "\n",
    "carriage return": "\r",
    "escape": "\x1b",
    "DEL": "\x7f",
    "NEL": "\x85",
    "CSI": "\x9b",
    "OSC": "\x9d",
    "soft hyphen": "\xad",
    "Arabic letter mark": "\u061c",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "left-to-right mark": "\u200e",
    "bidi embedding": "\u202a",
    "bidi override": "\u202e",
    "bidi isolate": "\u2066",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "annotation": "\ufff9",
    "private use": "\ue000",
    "unassigned": "\u0378",
    "half a pair": "\ud800",
    "a tag": "\U000e0041",
}


def spread(text: str) -> tuple[Plan, Heading, Report, list[Problem]]:
    """A plan, a report and problems with this text in every place that somebody else can fill."""
    place = Place(f"a{text}.yaml", 7)
    changes = (FieldChange("ttscontent", f"b{text}", f"a{text}"),)
    actions = [
        Action(
            kind,
            f"8{text}",
            f"n{text}",
            place,
            changes,
            live=live_agent(f"8{text}", sipNumber=f"6{text}"),
            blocked=Text(blocked),
            password=source,
        )
        for kind in KINDS
        for blocked in ("", f"held by {text}")
        for source in (None, PasswordSource("env", f"E{text}", 1), PasswordSource("file", f"/f{text}", 1))
    ]
    whole = plan(
        *actions,
        company=Company(f"acme{text}"),
        endpoint=f"https://vendor.example/{text}",
        files=(f"a{text}.yaml",),
        notes=(Note(Text(f"kept {text}"), (f"8{text}",)),),
        guardrails=(Guardrail("maxDeletes", "1", 1, 2, (f"8{text}",), Text("raise it"), "file"),),
    )
    results = tuple(
        ActionResult(actions[0], outcome, Text(f"said {text}")) for outcome in ("partly", "failed", "skipped")
    )
    mismatches = (Mismatch(f"8{text}", Text("is not so"), changes),)
    problems = [Problem(place, f"agents[0].{text}", Text(f"no {text}"), Text(f"write {text}"))]
    return whole, HEADING, Report(results, mismatches, verified=True), problems


@pytest.mark.parametrize("format_", [format_ for format_ in FORMATS if format_ != "json"])
def test_a_plan_shows_hostile_text(format_: str) -> None:
    """What would act on a terminal or hide is written out, and a plan has as many lines as a harmless one."""
    harmless, heading, _, _ = spread("x")
    lines = FORMATS[format_](harmless, heading).count("\n")

    def rule(character: str) -> None:
        told = FORMATS[format_](spread(character)[0], heading)
        assert character not in told.replace("\n", "")
        assert told.count("\n") == lines

    assert_holds_for(HOSTILE, rule)


def test_a_report_shows_hostile_text() -> None:
    """The vendor's words in a report act as little."""

    def rule(character: str) -> None:
        told = outcome.report(spread(character)[2])
        assert character not in told.replace("\n", "")
        assert told.count("\n") == outcome.report(spread("x")[2]).count("\n")

    assert_holds_for(HOSTILE, rule)


def test_problems_show_hostile_text() -> None:
    """Nor does what stands in a file. A hint may have several lines, and none of them can pass for a problem."""

    def rule(character: str) -> None:
        told, harmless = (as_text.problems(spread(text)[3]) for text in (character, "x"))
        assert character not in told.replace("\n", "")
        begun = [[line for line in text.splitlines() if not line.startswith("      ")] for text in (told, harmless)]
        assert len(begun[0]) == len(begun[1])

    assert_holds_for(HOSTILE, rule)


def test_visible() -> None:
    """A hidden character is its code, and what stands around it is left."""

    def rule(character: str) -> None:
        shown = visible(f"张{character}三")
        assert shown.isprintable()
        digits = f"{ord(character):x}"
        assert re.fullmatch(rf"张\\[xuU]0*{digits}三", shown)

    assert_holds_for(HOSTILE, rule)


@pytest.mark.parametrize("text", ["", "张三", "Müller", "ａ", "a b", "Анна", "👩", "❤️", "x\u0301", "→…\\", "ก็", "é"])
def test_visible_leaves_what_is_seen(text: str) -> None:
    """Letters of every script, marks, emoji and spaces are left as they are."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("全\u3000角", "全\\u3000角"),
        ("no\u00a0break", "no\\xa0break"),
        ("Zoe\u0301", "Zoe\\u0301"),
        ("\u212bngström", "\\u212bngström"),
        ("\u0301a", "\\u0301a"),
        ("a \u0301", "a \\u0301"),
        ("\u1112\u1161\u11ab", "\u1112\\u1161\\u11ab"),
        ("張\U000e0100", "張\\U000e0100"),
        ("8\ufe0f", "8\\ufe0f"),
        ("Аnna", "\\u0410nna"),
        ("αβTest", "\\u03b1\\u03b2Test"),
        ("А班", "\\u0410班"),
        ("АВС", "\\u0410\\u0412\\u0421"),
    ],
)
def test_what_passes_for_something_else_is_written_out(text: str, shown: str) -> None:
    """Blanks of other kinds, what is in no normal form, and letters that pass for Latin ones are codes."""
    assert visible(text) == shown


@settings(deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ae\u0301\u0323\u0327각\u1100\u1161 \u212bé\ufe0fАo-"), max_size=6), max_size=3)
)
def test_visible_texts_stay_so_beside_each_other(texts: list[str]) -> None:
    """Visible texts in a row are visible, in their normal form, and stay as they are when they are made so again."""
    joined = "".join(map(visible, texts))
    assert unicodedata.is_normalized("NFC", visible(joined))
    assert visible(visible(joined)) == visible(joined)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_character_can_be_rendered(format_: str) -> None:
    """No character that a name can have stops a rendering or its being written."""
    for start in range(0, 0x30000, 0x1000):
        name = "".join(map(chr, range(start, start + 0x1000)))
        told = FORMATS[format_](plan(action(name=name)), HEADING)
        assert told.encode()


# Colour


@pytest.mark.parametrize("case", CASES)
def test_no_colour_unless_asked(case: str) -> None:
    """Without colour there is no escape sequence."""
    assert "\x1b" not in rendered(case, "text")


@pytest.mark.parametrize("case", CASES)
def test_colour_changes_no_text(case: str) -> None:
    """With colour there is, and without its sequences the text is the same."""
    coloured = as_text.plan(plan_of(case), COLOUR)
    assert ANSI.search(coloured)
    assert ANSI.sub("", coloured) == rendered(case, "text")
    assert "\x1b" not in ANSI.sub("", coloured)


def test_colour_of_a_report_and_of_problems() -> None:
    """Reports and problems are coloured only when asked as well."""
    _, _, report, problems = spread("x")
    for plain, coloured in (
        (outcome.report(report), outcome.report(report, color=True)),
        (as_text.problems(problems), as_text.problems(problems, color=True)),
    ):
        assert "\x1b" not in plain
        assert coloured != plain
        assert ANSI.sub("", coloured) == plain


def test_colours_are_closed() -> None:
    """Each colour ends on the line where it began."""
    for line in as_text.plan(plan_of("mixed"), COLOUR).splitlines():
        codes = ANSI.findall(line)
        assert [code == "\x1b[0m" for code in codes] == [False, True] * (len(codes) // 2)


# Words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (10, "10"),
        ("", '""'),
        (" x", '" x"'),
        ("x\t", "x\\x09"),
        ("张三", "张三"),
    ],
)
def test_a_value_as_the_file_spells_it(value: Value, shown: str) -> None:
    """Values are shown as a file would have them; text that would not be seen is quoted."""
    told = as_text.plan(plan(action(changes=(FieldChange("ttscontent", "b", value),))), HEADING)
    assert f"      ttscontent  b → {shown}\n" in told


def test_what_is_not_recorded() -> None:
    """A value that nobody can read is not shown as empty."""
    changes = (FieldChange("roleName", None, "班长", before_known=False),)
    assert "roleName  not recorded → 班长" in as_text.plan(plan(action(changes=changes)), HEADING)


def test_nothing_to_change() -> None:
    """An empty plan says so, and names no calls."""
    told = as_text.plan(plan(), HEADING)
    assert "Nothing to change" in told
    assert "API calls" not in told


@pytest.mark.parametrize(("more", "ids"), [(0, 8), (5, 13)])
def test_long_lists_are_cut(more: int, ids: int) -> None:
    """Of many agents the first are named, and the rest are counted."""
    told = as_text.plan(plan(notes=(Note(Text("kept"), tuple(str(2 * n) for n in range(ids))),)), HEADING)
    assert ("and 5 more" in told) == bool(more)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("8001 8002", "8001, 8002"),
        ("8001 8002 8003", "8001…8003"),
        ("098 099 100 7 8 9 10 11", "098…100, 7…9, 10, 11"),
        ("8003 8002 8001", "8003, 8002, 8001"),
        ("a1 a2 a3", "a1, a2, a3"),
        ("1 2 3 5 6 7 9 11 13 15 17 19 21 22 23", "1…3, 5…7, 9, 11, 13, 15, 17, 19 and 3 more"),
    ],
)
def test_consecutive_agents_are_a_span(ids: str, told: str) -> None:
    """Three or more consecutive numbers of one width are named by the first and the last, and each is counted."""
    assert f"Note: kept: {told}\n" in as_text.plan(plan(notes=(Note(Text("kept"), tuple(ids.split())),)), HEADING)


def test_new_agents_that_are_alike_are_one_row() -> None:
    """A pool of new agents is told once, with how many they are; one that differs has its own row."""
    new = [FieldChange("name", None, "外呼"), FieldChange("isrecord", None, True)]
    pool = [
        action(f"81{n:02}", f"外呼 81{n:02}", "create", changes=(replace(new[0], after=f"外呼 81{n:02}"), new[1]))
        for n in range(98)
    ]
    other = (new[0], replace(new[1], after=False))
    told = as_text.plan(plan(*pool, action("8198", "外呼", "create", changes=other)), HEADING)
    assert told.count("+ create") == 2
    assert "+ create    8100…8197 (98)  外呼 8100…8197  agents.yaml:7\n      name      外呼 8100…8197\n" in told


@pytest.mark.parametrize(("count", "more"), [(200, ""), (201, "… and 1 more"), (5000, "… and 4800 more")])
def test_many_problems(count: int, more: str) -> None:
    """A file with thousands of problems fills no screen: the rest is counted, and JSON has them all."""
    problems = [Problem(Place("agents.yaml", n + 1), "", Text("wrong")) for n in range(count)]
    told = as_text.problems(problems)
    assert told.count(" wrong\n") == min(count, 200)
    assert more in told
    assert len(as_json.problems(problems)) == count


# JSON

GUARDRAIL = ["rule", "code", "limit", "set_by", "allowed", "planned", "ok", "hint", "operatorIds"]
TOP = [
    *("format", "tool", "created_at", "digest", "expires_in", "company", "endpoint", "desired", "live", "summary"),
    *("calls", "fewest_calls", "batch", "delete_list", "allow_replace", "targets", "excludes", "recipients"),
    *("guardrails", "actions"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_keys_of_the_document(case: str) -> None:
    """The JSON plan has the contract's keys in the contract's order, and notes beside them; of a change its policy."""
    document = json.loads(rendered(case, "json"))
    assert [key for key in document if key not in ("notes", "policy_changes")] == TOP
    assert ("policy_changes" in document) == (FOLDER / case / "before.yaml").exists()
    assert list(document["desired"]) == ["sha256", "files", "agents"]
    assert list(document["live"]) == ["agents", "in_scope"]
    assert list(document["summary"]) == ["create", "edit", "replace", "delete", "password", "blocked", "unchanged"]
    assert list(document["calls"]) == ["create", "edit", "delete", "password", "total", "reads"]
    assert all(list(g) == GUARDRAIL for g in document["guardrails"])


@pytest.mark.parametrize("case", CASES)
def test_the_keys_of_an_action(case: str) -> None:
    """Each action has the contract's keys, `blocked` only where it is, and a change has nothing but its own."""
    for written in json.loads(rendered(case, "json"))["actions"]:
        extra = set(written) - {"action", "operatorId", "name", "source", "changes", "live_sha256"}
        assert extra <= {"blocked", "code", "carries", "password", "live", "ledger", "origin", "removal"}
        assert ("code" in extra) == ("blocked" in extra)
        assert written["action"] in KINDS
        assert written["source"] is None or list(written["source"]) == ["file", "line"]
        for change in written["changes"]:
            assert set(change) - {"before_known"} == {"field", "before", "after"}
            assert change.get("before_known", False) is False
            assert change["before"] is None or "before_known" not in change


@pytest.mark.parametrize("case", CASES)
def test_values_are_canonical(case: str) -> None:
    """Values are in the file's spelling: flags are booleans, choices are names, and the vendor's integers are gone."""
    for written in json.loads(rendered(case, "json"))["actions"]:
        for change in written["changes"]:
            row = BY_NAME.get(change["field"])
            for value in (change["before"], change["after"]):
                if row is None or value is None:
                    continue
                if row.choices:
                    assert value in row.choices
                else:
                    assert type(value) in {"flag": (bool,), "integer": (int,)}.get(row.kind.value, (str,))


@pytest.mark.parametrize("case", CASES)
def test_counts_add_up(case: str) -> None:
    """Summary and calls count what stands in the document."""
    document = json.loads(rendered(case, "json"))
    actions = document["actions"]
    for kind in KINDS:
        assert document["summary"][kind] == sum(a["action"] == kind and "blocked" not in a for a in actions)
    assert document["summary"]["blocked"] == sum("blocked" in a for a in actions)
    writes = {kind: count for kind, count in document["calls"].items() if kind != "reads"}
    assert writes.pop("total") == sum(writes.values())
    assert [(a["operatorId"], a["action"]) for a in actions] == sorted((a["operatorId"], a["action"]) for a in actions)


def test_before_known() -> None:
    """A value that cannot be read has `before: null` and `before_known: false`; one that is read has no such key."""
    known, unknown = FieldChange("roleName", "旧", "新"), FieldChange("roleName", None, "新", before_known=False)
    (written,) = json.loads(as_json.plan(plan(action(changes=(known, unknown))), HEADING))["actions"]
    assert written["changes"] == [
        {"field": "roleName", "before": "旧", "after": "新"},
        {"field": "roleName", "before": None, "after": "新", "before_known": False},
    ]


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (PasswordSource("env", "AGENT_PW", 2), {"env": "AGENT_PW", "version": 2}),
        (PasswordSource("file", "/run/pw", 1), {"file": "/run/pw", "version": 1}),
        (PasswordSource("generate", "", 3), {"generate": True, "version": 3}),
    ],
)
def test_a_password_is_named_and_not_shown(source: PasswordSource, written: dict[str, Any]) -> None:
    """Of a password a plan says where it comes from, as the file does."""
    (found,) = json.loads(as_json.plan(plan(action(password=source)), HEADING))["actions"]
    assert found["password"] == written


@pytest.mark.parametrize(("company_id", "keys"), [(4242, ["abbreviate", "companyId"]), (None, ["abbreviate"])])
def test_a_company_without_an_id(company_id: int | None, keys: list[str]) -> None:
    """An id that is not given is not in the document."""
    document = json.loads(as_json.plan(plan(company=Company("acme", company_id)), HEADING))
    assert list(document["company"]) == keys


def test_chinese_is_readable_in_json() -> None:
    """JSON is UTF-8, with Chinese as it is."""
    assert '"name": "张三"' in as_json.plan(plan(action()), HEADING)


def test_json_carries_any_text() -> None:
    """Whatever is in a name, the document is one JSON text in UTF-8, and reads back as it was."""

    def rule(character: str) -> None:
        told = as_json.plan(plan(action(name=f"x{character}y")), HEADING).encode()
        (found,) = json.loads(told)["actions"]
        assert found["name"] == f"x{character}y"

    assert_holds_for(HOSTILE, rule)


def test_a_report_as_json() -> None:
    """A report names each action's end, and what is not so, with its exit code."""
    _, _, report, _ = spread("x")
    written = as_json.report(report)
    assert (written["exit_code"], written["done"], written["verified"]) == (4, 0, True)
    assert [result["outcome"] for result in written["results"]] == ["partly", "failed", "skipped"]
    assert written["mismatches"][0]["changes"] == [{"field": "ttscontent", "before": "bx", "after": "ax"}]


def test_problems_as_json() -> None:
    """A problem has its place in three parts, its path, its code, what is wrong and what to do."""
    problem = Problem(Place("agents.yaml", 7, 3), "agents[0]", Text("wrong"), Text("mend it"), code="duplicate-key")
    (written,) = as_json.problems([problem])
    assert written == {
        "file": "agents.yaml",
        "line": 7,
        "column": 3,
        "path": "agents[0]",
        "code": "duplicate-key",
        "message": "wrong",
        "hint": "mend it",
    }


def test_hostile_characters_cover_their_kinds() -> None:
    """The characters tried are of every category that acts or hides."""
    assert {unicodedata.category(c) for c in HOSTILE.values()} == {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
