"""One random slip in a random valid file: no traceback, no other meaning, and told at its line nearly always."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random

import pytest

from reconciler.core.desired.read import read_desired
from reconciler.core.model.desired import DesiredState

Place = tuple[int, int, int]
"""A line and two columns, from 0."""

_NAMES = ("张三", "李四", "王 五", "Zoë", "外呼 12", "欧阳，娜娜", "A-1（夜班）")
_TEXTS = ('"您好，请按 1"', "您好", "'欢迎致电'", '"a: b"', "请稍候。")


def valid_file(random: Random) -> list[str]:
    """The lines of a valid file: block or flow style, dashes indented or not, with profiles and pools now and then."""
    lines = [
        "version: 1",
        random.choice(("company: {abbreviate: acme, companyId: 4242}", "company: {abbreviate: acme}")),
    ]
    lines += random.choice(
        ([], ["prune: false"], ['protect: ["8000", "7777"]'], ["protect:", '  - "8000"', '  - "7777"'])
    )
    lines += random.choice(([], ["defaults:", "  afterInterval: 10", "  isrecord: true"], ["defaults: {judge: false}"]))
    has_profile = random.random() < 0.5
    lines += ["profiles:", "  leader:", "    operatorType: leader", "    outcallflag: allowed"] if has_profile else []
    lines += ["agents:"]
    margin = random.choice(("", "  "))
    for number in range(random.randint(1, 8)):
        fields = [f'operatorId: "{8001 + number}"']
        fields += ["profile: leader"] if has_profile and random.random() < 0.5 else []
        fields += random.sample(
            (
                f"name: {random.choice(_NAMES)}",
                "status: enabled",
                f"afterInterval: {number + 1}",
                f'sipNumber: "{60001 + number}"',
                f"ttscontent: {random.choice(_TEXTS)}",
                "password: {generate: true, version: 1}",
                'bindcode: "13800138000"',
            ),
            random.randint(0, 4),
        )
        if random.random() < 0.3:
            lines.append(f"{margin}- {{{', '.join(field for field in fields if '，' not in field)}}}")
        else:
            lines += [f"{margin}- {fields[0]}", *(f"{margin}  {field}" for field in fields[1:])]
    if random.random() < 0.3:
        lines += [
            "pools:",
            '  - from: "9100"',
            '    to: "9199"',
            '    except: ["9150", "9151"]',
            "    status: disabled",
        ]
    return lines


def _found(pattern: str) -> Callable[[list[str]], Iterator[Place]]:
    return lambda lines: (
        (index, m.start(1), m.end(1)) for index, line in enumerate(lines) for m in re.finditer(pattern, line)
    )


_KEY = r"(?:^\s*(?:- )?|[{] ?|, )\w+"
SLIPS: dict[str, tuple[Callable[[list[str]], Iterator[Place]], tuple[str, ...]]] = {
    "full-width colon": (_found(_KEY + r"(:)"), ("：", "： ", "﹕")),
    "full-width colon, no blank": (_found(_KEY + r"(: )"), ("：", "；")),
    "no blank after a colon": (_found(_KEY + r"(: )"), (":",)),
    "odd blank after a colon": (_found(_KEY + r":( )"), ("\u3000", "\u00a0")),
    "full-width comma": (_found(r'(?<=["\w])(, )(?=\w+:|")'), ("，", "、")),
    "full-width dash": (_found(r"^\s*(-) "), ("－", "—", "–")),
    "no blank after a dash": (_found(r"^\s*(- )"), ("-", "－")),
    "odd blank after a dash": (_found(r"^\s*-( )"), ("\u3000", "\u00a0")),
    "odd indentation": (_found(r"^( +)(?=[\w-])"), ("\u3000", "\u3000\u3000", "\u00a0\u00a0", "\t")),
    "one blank too many": (_found(r"^( *)(?=\w+:|- \w|- \{)"), ("+",)),
    "one blank too few": (_found(r"^( +)(?=\w+:|- \w|- \{)"), ("-",)),
    "typographic quotes around an id": (_found(r'(?:operatorId|from|to): ("\d+")'), ("“", "「", "＂")),
    "typographic quotes around a value": (_found(r'(?:sipNumber|bindcode|ttscontent): ("[^"]+")'), ("“", "「", "＂")),
    "one quote of the input method": (_found(r'\w: (")(?=[^"]+")'), ("“", "”", "＂")),
    "quote not opened": (_found(r'\w: (")(?=[^"{]+"(?:$|,|\}))'), ("",)),
    "quote not closed": (_found(r'(?<=\w)(")(?=$|,|\]|\})'), ("",)),
    "closing quote of the input method": (_found(r'(?<=\w)(")(?=$|,|\]|\})'), ("”",)),
    "bracket not closed": (_found(r"([}\]])$"), ("",)),
    "full-width bracket": (_found(r"([}\]])$"), ("｝", "）")),
    "value with a special sign": (
        _found(r"(?:name|ttscontent): ()(?=[\w])"),
        ("@", "`", "%", "*", "&", "- ", "[", "? "),
    ),
    "value with a colon": (_found(r"(?:name|ttscontent): [^\s\"',}]+()"), (": 组长",)),
    "conflict mark": (_found(r"^()\s*\w+:"), ("<<<<<<< HEAD\n", "=======\n", ">>>>>>> topic\n")),
    "full-width digits": (_found(r"(?:afterInterval|companyId|version): (\d+)"), ("１２",)),
}


def with_slip(lines: list[str], kind: str, random: Random) -> tuple[str, int] | None:
    """The text with one slip of a kind, and the line (from 1) that has it; `None` where it has no place."""
    find, replacements = SLIPS[kind]
    if not (places := list(find(lines))):
        return None
    index, start, end = random.choice(places)
    new, old = random.choice(replacements), lines[index][start:end]
    new = {"+": f"{old} ", "-": old[:-1]}.get(new, new)
    new = f"{new}{old[1:-1]}{new.replace('“', '”').replace('「', '」')}" if kind.startswith("typographic") else new
    changed = [*lines]
    changed[index] = lines[index][:start] + new + lines[index][end:]
    return "\n".join(changed) + "\n", index + 1


def meaning(state: DesiredState) -> object:
    """What a file asks for, wherever it stands in it."""
    agents = [(agent.operator_id, agent.fields, agent.password) for agent in state.agents]
    return agents, state.company, state.prune, state.protect


def trial(seed: int) -> tuple[str, str, int, bool]:
    """A kind, a text with one slip of it, its line, and whether the file was told at that line."""
    random = Random(seed)
    lines = valid_file(random)
    kind = random.choice(tuple(SLIPS))
    while (slipped := with_slip(lines, kind, random)) is None:
        kind = random.choice(tuple(SLIPS))
    text, line = slipped
    valid, faults = read_desired("a.yaml", ("\n".join(lines) + "\n").encode())
    assert valid is not None, faults
    state, problems = read_desired("a.yaml", text.encode())
    if state is not None:  # a slip that YAML takes for the same
        assert meaning(state) == meaning(valid), (kind, text)
        return kind, text, line, True
    return kind, text, line, bool(problems) and problems[0].place.line == line


def shares(seeds: range) -> tuple[float, list[str]]:
    """The share of slips that are told at their line, and the others in words."""
    missed = [f"{seed} {kind} {line}" for seed in seeds for kind, _, line, told in [trial(seed)] if not told]
    return 1 - len(missed) / len(seeds), missed


def test_random_slips_are_told_at_their_line(record_property: Callable[[str, object], None]) -> None:
    """95 of 100 slips are told first, at the right line; none is accepted with another meaning, and none is a crash."""
    share, missed = shares(range(300))
    record_property("told at their line", f"{share:.1%} of 300")
    assert share >= 0.95, f"{share:.1%} of 300: {missed}"


@pytest.mark.exhaustive(0)
def test_many_random_slips_are_told_at_their_line(record_property: Callable[[str, object], None]) -> None:
    """The same of many more."""
    share, missed = shares(range(1000, 6000))
    record_property("told at their line", f"{share:.1%} of 5,000")
    assert share >= 0.95, f"{share:.1%} of 5,000: {missed}"
