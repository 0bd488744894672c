"""Hypothesis strategies for the core's values, derived from the field table, so that a new row is covered at once."""

from __future__ import annotations

import string
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from reconciler.core.model.desired import (
    DELETE,
    Company,
    DesiredAgent,
    DesiredState,
    Limit,
    PasswordSource,
    Policy,
    Removal,
    matches,
)
from reconciler.core.model.fields import COMPARED, LISTED, Field, Kind, Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.problem import Place
from reconciler.core.yaml.nodes import Path
from reconciler.core.yaml.scalars import plain_scalar
from reconciler.core.yaml.spelling import is_expressible

IDS = ("8001", "8002", "8003", "8004", "8005", "8100", "0071", "admin")
SIP_NUMBERS = ("60001", "60002", "60003", "60004", "60005")
_SIP = "sipNumber"
_ODD_TEXTS = (
    "",
    " ",
    '"',
    "'",
    "a\nb",
    "a\r\n",
    "\t",
    "no",
    "null",
    "0071",
    "12:30:45",
    "😀",
    "张三",
    "长" * 300,
    "#x",
)

texts = st.one_of(st.sampled_from(_ODD_TEXTS), st.text(max_size=8))
"""Texts as people and vendors write them: empty, quotes, line breaks, emoji, long, and what YAML might misread."""


def canonical_values(row: Field) -> st.SearchStrategy[Value]:
    """Canonical values of a field that a file may ask for."""
    match row.kind:
        case Kind.INTEGER:
            low, high = row.rules["minimum"], row.rules["maximum"]
            return st.one_of(st.sampled_from((low, low + 1, high)), st.integers(low, high))
        case Kind.FLAG:
            return st.booleans()
        case Kind.CHOICE:
            return st.sampled_from(row.choices)
        case Kind.SIP_NUMBER:
            return st.one_of(st.none(), st.sampled_from(SIP_NUMBERS))
        case _:
            return texts.filter(lambda text: is_expressible(row, text))


def _live_values(row: Field, *, odd: bool) -> st.SearchStrategy[Value]:
    if odd and row.kind in (Kind.INTEGER, Kind.FLAG, Kind.CHOICE):
        return st.one_of(canonical_values(row), st.sampled_from((-1, 7, "?")))
    return canonical_values(row)


_OWN = [row for row in COMPARED if row.kind is not Kind.SIP_NUMBER]
_passwords = st.one_of(
    st.none(),
    st.builds(
        PasswordSource, st.sampled_from(("env", "file", "generate")), st.sampled_from(("A", "B")), st.integers(1, 3)
    ),
)
_pattern = st.sampled_from(("8*", "800?", "8001", "a*", "*", "[!0]*", "nobody"))
_patterns = st.lists(_pattern, max_size=2).map(tuple)
_scopes = st.one_of(st.none(), st.lists(_pattern, min_size=1, max_size=2).map(tuple))
_limits = st.sampled_from((None, Limit("0"), Limit("1"), Limit("20%"), Limit("99.5%"), Limit("500")))


@st.composite
def desired_states(draw: st.DrawFn, *, sip_only: bool = False) -> DesiredState:
    """Desired states that the rules across agents allow; with `sip_only` no other field is managed."""
    scope = None if sip_only else draw(_scopes)
    optional: dict[str, Any] = {} if sip_only else {row.name: canonical_values(row) for row in _OWN}
    managed: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries({}, optional=optional)
    taken: set[str] = set()
    agents: list[DesiredAgent] = []
    for id_ in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=6)):
        fields = draw(managed)
        number = draw(st.sampled_from(("unmanaged", None, *SIP_NUMBERS)))
        if number not in taken and number != "unmanaged":
            fields[_SIP] = number
            taken |= {number} if number else set()
        if scope is None or matches(scope, id_):
            password = None if sip_only else draw(_passwords)
            agents.append(DesiredAgent(id_, fields, password, Place("agents.yaml", len(agents) + 3)))
    agents.sort(key=lambda agent: agent.operator_id)
    prune = sip_only or draw(st.booleans())
    protect = () if sip_only else draw(_patterns)
    company = Company("acme", draw(st.sampled_from((None, 4242))))
    return DesiredState(
        company,
        tuple(agents),
        ("agents.yaml",),
        "0" * 64,
        scope,
        prune,
        protect,
        *(draw(_limits), draw(_limits)),
        lookalikes=draw(st.sampled_from((None, 0, 2))),
        on_remove=DELETE if sip_only else draw(st.sampled_from((DELETE, Removal(disable=True), Removal(True, "30d")))),
    )


@st.composite
def live_states(draw: st.DrawFn, *, sip_only: bool = False, odd: bool = True) -> LiveState:
    """Listings in which every SIP number has at most one holder; with `odd` some values cannot be read."""
    listed: dict[str, Any] = {row.name: _live_values(row, odd=odd) for row in _OWN if row.wire.listed}
    others: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries({}, optional=listed)
    taken: set[str] = set()
    agents = {}
    for id_ in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=6)):
        fields = {row.name: row.default for row in LISTED}
        fields |= {} if sip_only else draw(others)
        number = draw(st.sampled_from((None, *SIP_NUMBERS)))
        if number is not None and number not in taken:
            taken.add(number)
            fields[_SIP] = number
        agents[id_] = LiveAgent(id_, fields)
    return LiveState(agents, complete=sip_only or draw(st.booleans()))


def ledgers() -> st.SearchStrategy[dict[str, LedgerEntry]]:
    """Ledgers with records of some agents. None restores a SIP number, for two agents might then want the same."""
    given: dict[str, Any] = {row.name: canonical_values(row) for row in COMPARED if row.write_only}
    versions = st.one_of(st.none(), st.integers(1, 3))
    to_restore: dict[str, Any] = {row.name: canonical_values(row) for row in _OWN}
    owing = st.one_of(st.just({}), st.fixed_dictionaries({}, optional=to_restore))
    entries = st.builds(LedgerEntry, versions, st.fixed_dictionaries({}, optional=given), st.booleans(), owing)
    return st.dictionaries(st.sampled_from(IDS), entries, max_size=6)


def policies() -> st.SearchStrategy[Policy]:
    """Policies as a command line may set them."""
    return st.builds(Policy, _limits, _limits, st.booleans())


# YAML text in which the place of everything is known, because it is written here.

Tree = Any
_keys = st.one_of(st.sampled_from(("a", "b", "no", "password", "80 01", "键")), st.text(min_size=1, max_size=5))
_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
_trees = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=12,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A document as text, the value it stands for, and the line and column where each value and key begins (from 1)."""

    text: str
    value: dict[str, Tree]
    values_at: dict[Path, tuple[int, int]]
    keys_at: dict[Path, tuple[int, int]]


def written_documents() -> st.SearchStrategy[Written]:
    """Documents in any mixture of YAML's styles."""
    randoms = st.randoms(use_true_random=False)
    roots = st.dictionaries(_keys, _trees, max_size=4)
    return st.builds(lambda value, random: _Typist(random).write(value), roots, randoms)


_PLAIN_FIRST = set(string.ascii_letters + "0123456789张三/_.键")
_PLAIN = _PLAIN_FIRST | set(" -+:")
_RAW = set(string.printable) - set('\\"\t\n\r\x0b\x0c') | set("张三键长😀")


class _Typist:
    """Writes a value as YAML, in styles that `random` chooses, and notes where everything begins."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.text = ""
        self.line = self.column = 1
        self.values_at: dict[Path, tuple[int, int]] = {}
        self.keys_at: dict[Path, tuple[int, int]] = {}
        self.newline = random.choice(("\n", "\r\n", "\r"))

    def write(self, value: dict[str, Tree]) -> Written:
        if self.random.random() < 0.3:
            self.break_line("# 注释: { [", 0)
        self.node((), value, 0, flow=False)
        self.break_line("", 0)
        return Written(self.text, value, self.values_at, self.keys_at)

    def put(self, text: str) -> None:
        self.text += text
        self.column += len(text)

    def break_line(self, comment: str, indent: int) -> None:
        self.put(comment)
        self.text += self.newline + " " * indent
        self.line += 1
        self.column = indent + 1

    def next_line(self, indent: int) -> None:
        self.break_line(" # x: y" if self.random.random() < 0.2 else "", indent)

    def node(self, path: Path, value: Tree, indent: int, *, flow: bool) -> None:
        if isinstance(value, dict | list) and value and not flow and self.random.random() < 0.6:
            self.block(path, value, indent)
            return
        self.values_at[path] = (self.line, self.column)
        if isinstance(value, dict | list):
            self.flow(path, value, indent)
        else:
            self.put(self.scalar(value))

    def block(self, path: Path, value: Tree, indent: int) -> None:
        """Write a block collection, which begins on a line of its own unless it is the whole document."""
        if path:
            self.next_line(indent)
        self.values_at[path] = (self.line, self.column)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (step, item) in enumerate(items):
            if number:
                self.next_line(indent)
            if isinstance(step, str):
                self.key((*path, step), step)
            else:
                self.put("- ")
            self.node((*path, step), item, indent + self.random.randint(1, 4), flow=False)

    def flow(self, path: Path, value: Tree, indent: int) -> None:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        self.put(opening)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (step, item) in enumerate(items):
            if number:
                self.put(", ")
            if self.random.random() < 0.2:
                self.next_line(indent + 1)
            if isinstance(step, str):
                self.key((*path, step), step)
            self.node((*path, step), item, indent, flow=True)
        self.put(closing)

    def key(self, path: Path, text: str) -> None:
        self.keys_at[path] = (self.line, self.column)
        self.put(self.scalar(text) + ": ")

    def scalar(self, value: str | float | bool | None) -> str:
        if value is None:
            return self.random.choice(("null", "~", "Null", "NULL"))
        if isinstance(value, bool):
            word = "true" if value else "false"
            return self.random.choice((word, word.title(), word.upper()))
        if not isinstance(value, str):
            return repr(value)
        styles = [self.double_quoted(value)]
        if set(value) <= _RAW | {'"', "\\"}:
            styles.append("'" + value.replace("'", "''") + "'")
        if value and value[0] in _PLAIN_FIRST and value[-1] in _PLAIN_FIRST and set(value) <= _PLAIN:
            plain = ": " not in value and " #" not in value and plain_scalar(value) == value
            styles += [value] if plain else []
        return self.random.choice(styles)

    def double_quoted(self, text: str) -> str:
        return '"' + "".join(c if c in _RAW else f"\\U{ord(c):08x}" for c in text) + '"'
