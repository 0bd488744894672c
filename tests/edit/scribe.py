"""Writes desired-state files as a careless person would: any style, any order, comments wherever one may stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from reconciler.core.model.fields import COMPARED, Field, Kind
from reconciler.core.yaml.scalars import plain_scalar
from reconciler.core.yaml.spelling import is_expressible

TEXTS = (
    *("", " ", "no", "null", "~", "0071", "1e3", "12:30:45", "2026-11-22", "0o17", "9" * 30, "+8613800138000", "on"),
    *(
        "张三",
        "售后一组",
        "a: b",
        "a #b",
        "#x",
        "'",
        '"',
        "it's",
        'say "no"',
        "x ",
        " x",
        "a\nb",
        "a\n\nb\n",
        "😀",
        "\t",
    ),
    *("- x", "? x", "&x", "*x", "!x", "%x", "@x", "`x", "|", ">", "{x", "x}", "[", "]", ",", "a, b", "=", "<<", "---"),
    *(
        "a\u2028b",
        "a\x85b",
        "\x07",
        "\ufeff",
        "long " * 30,
        "{operatorId}",
        "...",
        "first\n  second\nthird\n",
        "y",
        "O'x",
    ),
)
_SAYINGS = ("said", "- operatorId: x", "{[", "张三的话", "'", '"', "a: b", "# twice", "& * ! |", "😀", "x" * 60)
_PLAIN = re.compile(
    r"[A-Za-z0-9_张三售后一组/.+](?:[^\[\]{},:#\n\t\"'\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]*[^\s\[\]{},:#])?"
)
Value = Any


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that goes into the file as it is: an alias, an integer in some notation."""

    text: str


class Shared(dict[str, Value]):
    """Fields that others may merge from."""


class Taking(dict[str, Value]):
    """Fields of an agent or a pool, which may merge from others."""


class Scribe:
    """One file. `comments` are all that it was given."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = [""]
        self.comments: list[str] = []
        self.shared: list[str] = []
        self.colleagues: list[str] = []
        self.texts: dict[str, str] = {}
        self.under = False

    def file(self) -> bytes:
        """The bytes of a file that has no problem."""
        root = self.root()
        if self.chance(0.2):
            self.notes(0)
            self.line("---", 0)
        if self.chance(0.1):
            self.notes(0)
            self.fresh(0)
            self.flow(root, 0)
            self.beside()
        else:
            self.mapping(root, 0, first=False)
        self.notes(0)
        ending = self.random.choice(("\n", "\r\n", "\r"))
        text = "\n".join(self.lines[1:]) + self.random.choice(("", "\n", "\n\n"))
        return self.random.choice((b"", b"\xef\xbb\xbf")) + text.replace("\n", ending).encode()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def root(self) -> dict[str, Value]:
        pick = self.random
        sections: dict[str, Callable[[], Value]] = {
            "version": lambda: 1,
            "company": lambda: self.mixed(
                {"abbreviate": "acme", "companyId": Raw(pick.choice(("16", "0x10", "0o20", "+16")))}
            ),
            "scope": lambda: {"operatorId": ["8*", "9???", "a[b]c"]},
            "prune": lambda: True,
            "protect": lambda: ["8000", "adm*"],
            "guardrails": lambda: self.mixed({"maxDeletes": "20%", "maxChanges": 5}),
            "defaults": lambda: Shared(self.fields(3)),
            "profiles": lambda: {name: Shared(self.fields(2)) for name in ("a", "no", "x y")} | {"售后": {}},
            "agents": lambda: [self.agent(str(8000 + n)) for n in range(pick.randint(1, 4))],
            "pools": lambda: [self.pool(str(9000 + 10 * n)) for n in range(pick.randint(1, 2))],
        }
        names = ["version", "company", *pick.sample(sorted(sections.keys() - {"version", "company", "profiles"}), 5)]
        names += ["profiles"]
        pick.shuffle(names)
        return {name: sections[name]() for name in names}

    def mixed(self, mapping: dict[str, Value]) -> dict[str, Value]:
        return dict(self.random.sample(list(mapping.items()), len(mapping)))

    def fields(self, count: int, *, sip: bool = False) -> dict[str, Value]:
        rows = [row for row in COMPARED if sip or row.kind is not Kind.SIP_NUMBER]
        values = {row.name: self.field(row) for row in self.random.sample(rows, count)}
        if self.chance(0.2):
            values["password"] = self.mixed({"env": "A_B", "version": 2})
        return self.mixed(values)

    def field(self, row: Field) -> Value:
        pick = self.random
        match row.kind:
            case Kind.FLAG:
                return Raw(pick.choice(("true", "True", "FALSE", "1", "0", "0x1", "0o0", "+1", "!!bool true")))
            case Kind.CHOICE:
                return pick.choice((*row.choices, *range(len(row.choices))))
            case Kind.INTEGER:
                return Raw(pick.choice(("5", "0x1F", "+7", "!!int 8", "2147483647")))
            case Kind.SIP_NUMBER:
                return pick.choice((Raw("null"), Raw("~"), Raw("")))
            case _:
                return pick.choice([text for text in TEXTS if is_expressible(row, text)])

    def agent(self, operator_id: str) -> dict[str, Value]:
        values = {"operatorId": operator_id, **self.fields(self.random.randint(0, 4), sip=True)}
        if self.chance(0.3):
            values["profile"] = self.random.choice(("a", "no", "x y", "售后"))
        return Taking(self.mixed(values))

    def pool(self, first: str) -> dict[str, Value]:
        last = str(int(first) + 5)
        values: dict[str, Value] = {"from": first, "to": last, **self.fields(2), "except": [first, last]}
        return Taking(self.mixed({**values, "name": "外呼 {operatorId}"}))

    # Lines.

    def put(self, text: str) -> None:
        self.lines[-1] += text

    def fresh(self, indent: int) -> None:
        self.lines.append(" " * indent)
        self.under = False

    def line(self, text: str, indent: int) -> None:
        self.fresh(indent)
        self.put(text)
        self.beside()

    def comment(self) -> str:
        blank = self.random.choice(("", " ", "  "))
        self.comments.append(f"#{blank}{len(self.comments)} {self.random.choice(_SAYINGS)}")
        return self.comments[-1] + self.random.choice(("", "", "  "))

    def beside(self) -> None:
        if self.chance(0.2) and not self.under:
            tab = " " if self.lines[-1].strip(" ")[-1:] in ("-", ":", "?", "") else "\t"
            self.put(self.random.choice((" ", "   ", tab)) + self.comment())

    def notes(self, indent: int) -> None:
        """Blank lines and comments of their own; below a block scalar none so deep that it belonged to that."""
        for _ in range(self.random.choice((0, 0, 0, 1, 2, 3))):
            deepest = indent if self.under else indent + 3
            under, text = self.under, self.comment() if self.chance(0.6) else ""
            self.fresh(self.random.randint(0, deepest) if text else 0)
            self.put(text)
            self.under = under and not text

    # Block style.

    def mapping(self, mapping: dict[str, Value], indent: int, *, first: bool) -> None:
        """With `first` the first key goes on the line that is begun."""
        for number, (key, value) in enumerate(self.merged(mapping).items()):
            if number or not first:
                self.notes(indent)
                self.fresh(indent)
            explicit = self.chance(0.05)
            self.put("? " if explicit else "")
            self.put(self.key(key))
            if explicit:
                self.beside()
                self.fresh(indent)
            self.put(":")
            self.value(value, indent)

    def merged(self, mapping: dict[str, Value]) -> dict[str, Value]:
        sources = self.shared + (self.colleagues if "operatorId" in mapping else [])
        if not (isinstance(mapping, Taking) and sources and self.chance(0.4)):
            return mapping
        one, two = self.random.choices(sources, k=2)
        return self.mixed({**mapping, "<<": self.random.choice((Raw(f"*{one}"), [Raw(f"*{one}"), Raw(f"*{two}")]))})

    def key(self, text: str) -> str:
        if text == "<<":
            return text
        return self.random.choice((text, f'"{text}"', f"'{text}'"))

    def value(self, value: Value, indent: int) -> None:
        if isinstance(value, Shared) and value and self.chance(0.5):
            name = f"m{len(self.comments)}-{len(self.lines)}"
            self.put(f" &{name}")
            self.value({**value}, indent)
            self.shared.append(name)
            return
        deeper = indent + self.random.randint(1, 4)
        if isinstance(value, dict) and value and self.chance(0.6):
            self.beside()
            self.mapping(value, deeper, first=False)
        elif isinstance(value, list) and value and self.chance(0.6):
            self.beside()
            self.sequence(value, self.random.choice((indent, deeper)))
        elif isinstance(value, str) and self.chance(0.2) and self.literal(value, deeper):
            pass
        else:
            self.put(" ")
            self.flow(value, deeper)
            self.beside()

    def sequence(self, items: list[Value], indent: int) -> None:
        for item in items:
            self.notes(indent)
            self.fresh(indent)
            anchored = isinstance(item, Taking) and "operatorId" in item and self.chance(0.3)
            name = f"p{len(self.lines)}"
            self.put(f"- &{name}" if anchored else "-")
            if isinstance(item, dict) and item and self.chance(0.7):
                self.entry(item, indent, below=anchored)
            else:
                self.put(" ")
                self.flow(item, indent + 1)
                self.beside()
            self.colleagues += [name] if anchored else []

    def entry(self, item: dict[str, Value], indent: int, *, below: bool) -> None:
        if below or self.chance(0.2):
            self.beside()
            self.mapping(item, indent + self.random.randint(1, 4), first=False)
        else:
            blanks = self.random.randint(1, 3)
            self.put(" " * blanks)
            self.mapping(item, indent + 1 + blanks, first=True)

    def literal(self, text: str, indent: int) -> bool:
        """A block scalar, where the text can be one."""
        lines = text.removesuffix("\n").split("\n")
        if not text.isprintable() and not all(line.isprintable() for line in lines):
            return False
        if text != text.lstrip() or not text or text.endswith("\n\n") or any(not line.strip() for line in lines):
            return False
        if any(not line.strip() or line != line.rstrip() for line in lines):
            return False
        self.put(" |" + ("" if text.endswith("\n") else "-"))
        self.beside()
        for line in lines:
            self.fresh(indent)
            self.put(line)
        self.under = True
        return True

    # Flow style, and scalars.

    def flow(self, value: Value, indent: int) -> None:
        if not isinstance(value, dict | list):
            self.put(self.scalar(value))
            return
        self.put("{" if isinstance(value, dict) else "[")
        items = list(self.merged(value).items()) if isinstance(value, dict) else [(None, item) for item in value]
        for number, (key, item) in enumerate(items):
            self.put(self.random.choice((", ", " , ", ",")) if number else "")
            self.maybe_break(indent)
            self.put("" if key is None else self.key(key) + ": ")
            self.flow(item, indent)
            self.maybe_break(indent)
        self.put("," if items and self.chance(0.2) else "")
        self.maybe_break(indent)
        self.put("}" if isinstance(value, dict) else "]")

    def maybe_break(self, indent: int) -> None:
        if self.chance(0.1):
            self.beside()
            self.notes(indent)
            self.fresh(indent)

    def scalar(self, value: Value) -> str:
        if isinstance(value, Raw):
            return value.text or "null"
        if not isinstance(value, str):
            return "true" if value is True else str(value)
        known = [name for name, text in self.texts.items() if text == value]
        if known and self.chance(0.5):
            return f"*{known[0]}"
        anchor = ""
        if self.chance(0.1):
            name = f"t{self.random.randint(0, 5)}"
            self.texts[name], anchor = value, f"&{name} "
        escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
        styles = [f'"{escaped}"', f'!!str "{escaped}"']
        if value.isprintable():
            styles.append("'" + value.replace("'", "''") + "'")
        if _PLAIN.fullmatch(value) and plain_scalar(value) == value and value not in ("...", "---"):
            styles += [value, value]
        return anchor + self.random.choice(styles)
