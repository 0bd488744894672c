"""The kinds of problems that files have, each by a code that stays: what it means, an example, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: what it means, what is written where one is told, and what to write."""

    meaning: str
    wrong: str
    right: str


KINDS: Final[dict[str, Kind]] = {
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
    "missing-colon": Kind("a key has no colon", "name 张三", "name: 张三"),
    "missing-comma": Kind("a comma is missing between braces or brackets", '["8001" "8002"]', '["8001", "8002"]'),
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
"""By code. A code is never given to another kind; a kind that is no longer told keeps its code unused."""


def code_help(code: str) -> str:
    """A kind of problem as lines for a terminal."""
    kind = KINDS[code]
    return f"{code}\n  means    {kind.meaning}\n  wrong    {kind.wrong or '(nothing)'}\n  right    {kind.right}\n"


def messages_page() -> str:
    """The text of `docs/messages.md`."""
    head = (
        "# Messages\n\nMade by `make generate`; edit `reconciler/core/model/codes.py` instead. "
        "Each problem of a file has a\ncode that stays, whatever its words: in JSON (`code`), "
        "and for `reconciler explain CODE`.\n\n"
        "| code | means | wrong | right |\n|---|---|---|---|\n"
    )
    rows = (f"| `{code}` | {kind.meaning} | `{kind.wrong}` | `{kind.right}` |\n" for code, kind in KINDS.items())
    return head + "".join(row.replace("``", "") for row in rows)
