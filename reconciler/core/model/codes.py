"""The kinds of what is told of files, sheets, plans and runs, each by a code that stays: meaning, example, way out."""

from __future__ import annotations

from typing import Final

from reconciler.core.model.error_kinds import ERRORS
from reconciler.core.model.kind import Kind
from reconciler.core.model.message import Text, text

PROBLEMS: Final[dict[str, Kind]] = {
    "bad-id": Kind(
        "an operatorId holds what nobody sees or types, or is in no normal form", 'operatorId: "8001 "', '"8001"'
    ),
    "bad-range": Kind(
        "a pool's from and to are no range of numbers", 'from: "8199", to: "8100"', 'from: "8100", to: "8199"'
    ),
    "bad-yaml": Kind("the text is no YAML, and why is not known", "a: b: c", "a look at this line and the one above"),
    "bad-escape": Kind("a backslash between double quotes begins an escape", 'name: "C:\\x"', 'name: "C:\\\\x"'),
    "duplicate-key": Kind("a key stands twice in one mapping", "{name: 张三, name: 李四}", "{name: 李四}"),
    "duplicate-operator-id": Kind("an agent stands twice", 'two entries of operatorId: "8001"', "one of the two"),
    "duplicate-sip-number": Kind(
        "two agents want one SIP number", 'sipNumber: "60001" of two agents', "a number for each"
    ),
    "empty-file": Kind("the file says nothing, or is no mapping", "", "version: 1"),
    "file-too-large": Kind("the file is larger than any that is read", "70 MB", "several files"),
    "forbidden-character": Kind("a character may not stand in YAML", "U+0007 in a name", '"\\x07", or none'),
    "full-width": Kind("an input method has left a sign of its own", "name：张三", "name: 张三"),
    "indentation": Kind(
        "a line is indented by too many or too few blanks", "   name: 张三 below four blanks", "    name: 张三"
    ),
    "key-not-text": Kind("a key is a list or a mapping", "[a]: 1", "a: 1"),
    "lookalike": Kind(
        "two ids look like one another", '"8001" and "8O01"', "guardrails: {lookalikes: 1}, if both are meant"
    ),
    "merge-key": Kind("a merge key takes no mapping", "<<: text", "<<: *name"),
    "missing-blank": Kind("a blank is missing after a colon or a dash", "name:张三", "name: 张三"),
    "missing-colon": Kind("a key has no colon", "name 张三", "name: 张三"),
    "missing-comma": Kind("a comma is missing between braces or brackets", '["8001" "8002"]', '["8001", "8002"]'),
    "missing-dash": Kind("an entry of a list has no dash", '"8000" below protect:', '- "8000" below protect:'),
    "missing-key": Kind(
        "a key that must be there is not", "agents: [{name: 张三}]", 'agents: [{operatorId: "8001", name: 张三}]'
    ),
    "missing-secret": Kind("a password's variable or file cannot be read", "AGENT_8001 is not set", "AGENT_8001=…"),
    "needs-quotes": Kind("YAML reads a text otherwise", "ttscontent: 您好: 欢迎", 'ttscontent: "您好: 欢迎"'),
    "not-utf-8": Kind("the bytes are no UTF-8", "a file in GBK", "the file saved as UTF-8"),
    "out-of-range": Kind("a number is too small or too large", "afterInterval: -1", "afterInterval: 0"),
    "out-of-scope": Kind(
        "an agent is outside the file's scope",
        'scope: {operatorId: ["8*"]} and "9001"',
        'scope: {operatorId: ["8*", "9*"]}',
    ),
    "password-in-file": Kind(
        "a password stands where its source belongs", "password: …", "password: {generate: true, version: 1}"
    ),
    "recursive-alias": Kind("an alias stands inside of what it means", "&a [*a]", "the value written out"),
    "second-document": Kind("a second document begins", "---", "two files"),
    "spoilt-number": Kind("a spreadsheet has changed the digits", 'bindcode: "1.38E+10"', 'bindcode: "13800138000"'),
    "tab": Kind("a tab stands where YAML allows only spaces", "\\tname: 张三", "    name: 张三"),
    "tag": Kind("a tag cannot be used here", "!important", '"!important"'),
    "too-deep": Kind("values are nested deeper than any file needs", "[[[[…]]]]", "four levels at most"),
    "too-long": Kind("a text is longer than allowed", "2,001 characters", "2,000"),
    "too-many-agents": Kind("the pools have more agents than allowed", 'from: "00000", to: "99999", twice', "fewer"),
    "too-much-expansion": Kind(
        "aliases expand to more values than any file needs", "a bomb of aliases", "defaults and profiles"
    ),
    "two-files": Kind("a key that holds for all stands in two files", "company in a.yaml and b.yaml", "in one of them"),
    "unclosed-bracket": Kind(
        "a brace or bracket is not closed, or closes nothing", "{abbreviate: acme", "{abbreviate: acme}"
    ),
    "unclosed-quote": Kind("a quote is not closed", 'operatorId: "8001', 'operatorId: "8001"'),
    "unfinished-merge": Kind("git's marks of a merge are left", "<<<<<<< HEAD", "one of the two versions"),
    "unknown-alias": Kind("an alias names no anchor above it", "name: *张三", 'name: "*张三"'),
    "unknown-key": Kind("a key is not known here", "姓名: 张三", "name: 张三"),
    "unknown-placeholder": Kind(
        "a pool's text has a placeholder that is not filled in", "外呼 {operatorid}", "外呼 {operatorId}"
    ),
    "unknown-profile": Kind("an agent names a profile that is not there", "profile: leder", "profile: leader"),
    "unknown-value": Kind("a value is none of those that the key takes", "operatorType: 班长", "operatorType: leader"),
    "unreadable-file": Kind(
        "a file cannot be read, or may not be", "a link that leads out of the folder", "the file itself"
    ),
    "wrong-form": Kind("a text has not the form that the key takes", "maxDeletes: 20 %", "maxDeletes: 20%"),
    "wrong-type": Kind("a value is of another kind than the key takes", "operatorId: 8001", 'operatorId: "8001"'),
}
"""What is wrong in a file."""

SHEETS: Final[dict[str, Kind]] = {
    "lost-zeros": Kind(
        "a number is that of an agent but for zeros in front, which spreadsheets take away",
        "801 in the sheet, 0801 in the file or on the live side",
        "the column set to text, and 0801 written again",
    ),
    "no-headings": Kind(
        "no row names the columns", "a table that begins with an agent", "工号, 姓名, … in the first row"
    ),
    "no-number": Kind("a row has values and no agent's number", ",张三,售后一组", "8001,张三,售后一组"),
    "no-number-column": Kind("no column has the agents' numbers", "姓名, 手机", "工号, 姓名, 手机"),
    "no-such-heading": Kind(
        "an option names a heading that the sheet does not have", "--map 号码=operatorId", "--map 工号=operatorId"
    ),
    "number-twice": Kind("a number of one agent stands in two rows", "8001 in rows 2 and 9", "one row for each agent"),
    "password-column": Kind(
        "a column holds passwords, which never go into the file", "密码", "--map 密码=, and password: in the file"
    ),
    "sheet-too-large": Kind("the sheet has more cells than are read", "a million empty rows", "the rows deleted"),
    "two-columns": Kind("two columns are the same field", "手机, 电话", "--map 电话="),
    "unclosed-cell": Kind("a quote does not end where its cell does", '"say "hello""', '"say ""hello"""'),
    "unknown-heading": Kind("nobody knows what a column holds", "入职日期", "--map 入职日期="),
    "unreadable-cell": Kind("a cell is not understood, or a spreadsheet has changed it", "#REF!", "the value as text"),
}
"""What is wrong in a spreadsheet."""

REFUSALS: Final[dict[str, Kind]] = {
    "fixed-at-creation": Kind(
        "a field that only a create can set differs from the live agent's",
        "email: new@example.com, and old@example.com is live",
        "the key taken out of the file, --exclude the agent, or --allow-replace, which deletes it and makes it anew",
    ),
    "replace-protected": Kind(
        "only deleting the agent and making it anew could set a field, and the agent is protected",
        'protect: ["8001"], and another email of 8001',
        "the key taken out of the file",
    ),
    "sip-number-held": Kind(
        "another agent holds the SIP number, and nothing in the plan takes it away",
        'sipNumber: "60001" of 8001, which 8002 has',
        "sipNumber: null or another number for the one who holds it",
    ),
    "value-not-carried": Kind(
        "an agent that is made anew could not be given back what it has",
        "a live afterInterval that no create takes",
        "the value written into the file",
    ),
}
"""Why an action is blocked."""

GUARDRAILS: Final[dict[str, Kind]] = {
    "empty-desired": Kind(
        "the files have no agent at all, and would delete", "agents: []", "prune: false, or an agent"
    ),
    "forgotten-files": Kind(
        "agents of a file that was not given would be deleted", "plan -f a.yaml", "plan -f a.yaml -f b.yaml"
    ),
    "lookalikes": Kind(
        "an agent that is created looks like a live one", '"8O01" beside a live "8001"', 'operatorId: "8001"'
    ),
    "max-changes": Kind("more agents change than allowed", "maxChanges: 5, and 6 edits", "--target a part of them"),
    "max-deletes": Kind(
        "more agents are deleted, made anew or disabled than allowed",
        "3 of 10 agents taken out of the file",
        "put them back, protect them, or --max-deletes 3",
    ),
    "max-passwords": Kind(
        "more passwords of live agents are set anew than allowed",
        "defaults: {password: {generate: true, version: 2}}",
        "reconciler ledger adopt, or --max-passwords 300",
    ),
}
"""Which limit a plan exceeds: each is the rule's name with hyphens."""

NOTES: Final[dict[str, Kind]] = {
    "another-agent": Kind(
        "somebody deleted the agent and made it anew",
        "8001, made again in the console",
        "reconciler ledger adopt, where people have the password",
    ),
    "another-company": Kind(
        "listed agents are of another companyId than the files say",
        "companyId: 4242, and rows of 4343",
        "companyId: 4343",
    ),
    "created-together": Kind(
        "one request creates several agents", "100 agents without values of their own", "nothing, or --no-batch"
    ),
    "deleted-though-enabled": Kind(
        "an agent is deleted since its time is over, and somebody has enabled it meanwhile",
        "onRemove: {disable: 30d}, and 8001 is on again",
        "put it back into the file, if it is to stay",
    ),
    "enabled-again": Kind(
        "an agent is back in the files, and was disabled by its removal",
        "8001 put back",
        "status: disabled, or nothing",
    ),
    "first-use": Kind(
        "a remote ledger holds nothing yet, so that nothing counts as recorded",
        "--ledger git+origin#reconciler/acne",
        "the name of the ledger that earlier applies had",
    ),
    "given-back": Kind(
        "values that a replace took away are given back", "a run that was killed in a replace", "nothing: apply does it"
    ),
    "idle-pattern": Kind("a pattern matches nobody", 'protect: ["adm*"], and ADM01 is live', 'protect: ["ADM*"]'),
    "kept-disabled": Kind("an agent is not in the files, and stays disabled", "onRemove: disable", "nothing"),
    "kept-protected": Kind("an agent is not in the files, and stays", 'protect: ["8000"]', "export --into, to own it"),
    "kept-unpruned": Kind("an agent is not in the files, and stays", "prune: false", "export --into, to own it"),
    "left-unmanaged": Kind(
        "a live value that no file can say is left alone", "a text of 3,000 characters", "a shorter one in the console"
    ),
    "listing-incomplete": Kind(
        "the listing changed while it was read", "somebody edits agents meanwhile", "plan again later"
    ),
    "lookalikes-exported": Kind("live ids look like one another", '"8001" and "8O01"', "delete the one nobody uses"),
    "made-anew": Kind(
        "an agent was deleted before, and is created again", "a reverted merge", "hand over its password"
    ),
    "narrowed": Kind("the command line leaves agents out", "--target 80*", "plan without it, for all"),
    "never-listed": Kind(
        "a field that no listing shows and only a create sets is left alone", "skills of a live agent", "nothing"
    ),
    "password-in-doubt": Kind(
        "nobody may know an agent's password, or who made it",
        "a create whose answer was lost",
        "password.version raised, or reconciler ledger adopt",
    ),
    "password-set-anew": Kind(
        "a run was killed before its password was known to be true", "a killed apply", "hand over the new one"
    ),
    "renumbered": Kind(
        "an agent is deleted and one of the same name and phone is created", '"8001" to "9001"', "the old number"
    ),
    "role-lost": Kind("an agent is made anew, and its role is not known", "--allow-replace", "roleName: in the file"),
    "unfit-id": Kind("a live id may not stand in a file", '"8001 "', "protect: [...], as export writes it"),
    "unknown-name": Kind("no live agent has the group or role", "mainGroupName: 夜班组", "mainGroupName: 夜班"),
    "unknown-sip-number": Kind("no live agent has the SIP number", 'sipNumber: "6OOO1"', 'sipNumber: "60001"'),
}
"""What a reader of a plan or an export should know."""

_WRONG: Final = (text("means"), text("wrong"), text("right"))
_WAY_OUT: Final = (text("means"), text("example"), text("way out"))
SECTIONS: Final = (
    (text("Problems of files"), _WRONG, PROBLEMS),
    (text("Problems of sheets"), _WRONG, SHEETS),
    (text("Blocked changes"), _WAY_OUT, REFUSALS),
    (text("Guardrails"), _WAY_OUT, GUARDRAILS),
    (text("Notes"), (text("means"), text("example"), text("to do")), NOTES),
    (text("Errors"), _WAY_OUT, ERRORS),
)
"""What the page of messages tells, in its order: title, heads and kinds."""
KINDS: Final[dict[str, Kind]] = {code: kind for _, _, kinds in SECTIONS for code, kind in kinds.items()}
"""By code. A code is never given to another kind; a kind that is no longer told keeps its code unused."""


def code_help(code: str) -> str:
    """A kind as lines for a terminal."""
    heads, kind = next((heads, kinds[code]) for _, heads, kinds in SECTIONS if code in kinds)
    lines = zip(heads, (kind.meaning, kind.wrong or text("(nothing)"), kind.right), strict=True)
    return f"{code}\n" + "".join(f"  {head:<8} {words}\n" for head, words in lines)


def messages_page() -> str:
    """The text of `docs/messages.md`."""
    head = (
        "# Messages\n\nMade by `make generate`; edit `reconciler/core/model/codes.py` and "
        "`error_kinds.py` beside it. "
        "Each kind of what is told has a\ncode that stays, whatever its words: in JSON (`code`), as the rule of SARIF "
        "and of GitLab's code quality,\nand for `reconciler explain CODE`.\n"
    )
    return head + "".join(_section(*section) for section in SECTIONS)


def _section(title: Text, heads: tuple[Text, Text, Text], kinds: dict[str, Kind]) -> str:
    rows = (f"| `{code}` | {kind.meaning} | `{kind.wrong}` | `{kind.right}` |\n" for code, kind in kinds.items())
    table = "".join(row.replace("``", "") for row in rows)
    return f"\n## {title}\n\n| code | {' | '.join(heads)} |\n|---|---|---|---|\n{table}"
