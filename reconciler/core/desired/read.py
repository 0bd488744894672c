"""Documents to DesiredState: the schema's problems, the rules across agents, and the values that count."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, NamedTuple

from reconciler.core.desired.packed import PackedAgent, agent_of
from reconciler.core.desired.problems import problem_at, schema_problems
from reconciler.core.desired.resolve import (
    MOST_IN_A_POOL,
    Base,
    Resolved,
    child,
    entries,
    is_template,
    pool_range,
    resolve,
)
from reconciler.core.desired.schema import accepts_at
from reconciler.core.model.desired import Company, DesiredState, Limit, matches
from reconciler.core.model.fields import CANON, KEY, Value
from reconciler.core.model.problem import Content, Place, Problem, closest
from reconciler.core.yaml.document import Document, parse, peek
from reconciler.core.yaml.nodes import Mapping, Path, Sequence

Problems = tuple[Problem, ...]


def read_desired(file: str, data: bytes, *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """One file's bytes to a desired state, or `None` and every problem found."""
    return read_files(((file, data),), pure=pure)


def read_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """Several files' bytes to one desired state, or `None` and every problem found, in file order.

    The name of each file is what places show, and the folder that its password files are seen from. A `Problem` for
    content says why a file cannot be read.
    """
    reading = parse_files(files, pure=pure)
    return (None, reading.problems) if reading.problems else (desired_state(reading), ())


def company_at_head(data: bytes) -> Company | None:
    """Whose agents a file is about, where that stands plainly before the agents; the rest of the file is not read."""
    company: Any = peek(data, "company", frozenset(("agents", "pools")))
    return _company(company) if accepts_at("company")(company) else None


@dataclass(frozen=True, slots=True)
class ParsedFiles:
    """What files say: their documents, the agents that these resolve to, and everything that is wrong with them."""

    documents: tuple[Document, ...]
    agents: tuple[Resolved, ...]
    problems: Problems


def parse_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> ParsedFiles:
    """Read, check and resolve. A file that cannot be parsed keeps the rules across agents from being asked."""
    read = [(None, (data,)) if isinstance(data, Problem) else parse(file, data, pure=pure) for file, data in files]
    found = [problem for _, problems in read for problem in problems]
    documents = tuple(document for document, _ in read if document is not None)
    agents = resolve(documents)
    broken = {problem.place for problem in found}  # what follows from a broken value is noise
    follow = [problem for document in documents for problem in schema_problems(document)]
    if len(documents) == len(read):
        follow += [problem for rule in RULES for problem in rule(documents, agents)]
    problems = [*found, *(problem for problem in follow if not problem.path or problem.place not in broken)]
    return ParsedFiles(documents, agents, tuple(sorted(problems, key=lambda problem: problem.place)))


Rule = Callable[[tuple[Document, ...], tuple[Resolved, ...]], Iterator[Problem]]


def _company_stands(documents: tuple[Document, ...], _: tuple[Resolved, ...]) -> Iterator[Problem]:
    if not any("company" in document.root for document in documents):
        hint = "add company: {abbreviate: …}" + (" to one of the files" if len(documents) > 1 else "")
        yield problem_at(documents[0], (), "company is missing", hint)


_ONCE: Final = ("company", "scope", "prune", "protect", "guardrails", "recipients")


def _top_level_keys_stand_once(documents: tuple[Document, ...], _: tuple[Resolved, ...]) -> Iterator[Problem]:
    """What speaks for the whole stands in one file; of profiles each name does."""
    paths: list[Path] = [(key,) for key in _ONCE]
    paths += sorted({("profiles", name) for doc in documents for name in child(doc.root.get("profiles"))})
    for path in paths:
        holders = [document for document in documents if _has(document, path)]
        for document in holders[1:]:
            where, what = holders[0].place(path, key=True), " ".join(map(str, path)).replace("profiles", "profile")
            message = f"{what} stands in two files; the first is at {where}"
            yield problem_at(document, path, message, "keep one of the two", key=True)


def _has(document: Document, path: Path) -> bool:
    node = document.root if len(path) == 1 else child(document.root.get("profiles"))
    return path[-1] in node


def _pools_are_ranges(documents: tuple[Document, ...], _: tuple[Resolved, ...]) -> Iterator[Problem]:
    for document in documents:
        for path, pool in entries(document, "pools"):
            if isinstance(pool.get("from"), str) and isinstance(pool.get("to"), str):
                yield from _range_problems(document, path, pool)


def _range_problems(document: Document, path: Path, pool: Mapping) -> Iterator[Problem]:
    first, last, bounds = str(pool["from"]), str(pool["to"]), pool_range(pool)
    if bounds is None:
        hint = 'digits only, and as many on both sides: from: "0100", to: "0199"'
        yield problem_at(document, (*path, "to"), f"{first} to {last} is no range of ids", hint)
    elif not bounds:
        yield problem_at(document, (*path, "to"), f"{last} comes before {first}", "swap the two")
    elif len(bounds) > MOST_IN_A_POOL:
        message = f"{len(bounds):,} agents in one pool; {MOST_IN_A_POOL:,} is the limit"
        yield problem_at(document, (*path, "to"), message, "check the digits, or split the pool")
    else:
        listed = pool.get("except")
        for index, id_ in enumerate(listed if isinstance(listed, Sequence) else ()):
            if isinstance(id_, str) and not (len(id_) == len(first) and first <= id_ <= last):
                message = f"{id_} is not in the pool {first} to {last}"
                yield problem_at(document, (*path, "except", index), message, "remove it, or mend the range")


def _ids_stand_once(_: tuple[Document, ...], agents: tuple[Resolved, ...]) -> Iterator[Problem]:
    seen: dict[str, Resolved] = {}
    told: set[tuple[Place, Place]] = set()
    for agent in agents:
        if not isinstance(agent.operator_id, str):
            continue
        other = seen.setdefault(agent.operator_id, agent)
        if other is agent:
            continue
        # Of two pools that overlap one id says enough.
        pair = (agent.place, other.place)
        if not (agent.pooled and pair in told):
            told.add(pair)
            yield _twice(agent, other)


def _twice(agent: Resolved, other: Resolved) -> Problem:
    id_ = agent.operator_id
    if not agent.pooled and not other.pooled:
        message = f"operatorId {id_} stands twice; the first is at {other.document.place((*other.path, KEY))}"
        return problem_at(agent.document, (*agent.path, KEY), message, "keep one of the two")
    if agent.pooled and other.pooled:
        message = f"operatorId {id_} is also in the pool at {other.place}"
        return problem_at(agent.document, agent.path, message, "mend the ranges, or add it to the except of one")
    pool, single = (agent, other) if agent.pooled else (other, agent)
    message = f"operatorId {id_} stands in agents, and in the pool at {pool.place} too"
    hint = f'add it to the pool\'s except: ["{id_}"], or remove it here'
    return problem_at(single.document, (*single.path, KEY), message, hint)


def _profiles_exist(documents: tuple[Document, ...], _: tuple[Resolved, ...]) -> Iterator[Problem]:
    known = {name: None for document in documents for name in child(document.root.get("profiles"))}
    for document in documents:
        for path, own in (*entries(document, "agents"), *entries(document, "pools")):
            name = own.get("profile")
            if isinstance(name, str) and name not in known:
                guess = closest(name, known)
                hint = f"did you mean {guess}?" if guess else "known: " + (", ".join(known) or "none, add profiles:")
                yield problem_at(document, (*path, "profile"), f"there is no profile {name}", hint)


def _sip_numbers_are_wanted_once(_: tuple[Document, ...], agents: tuple[Resolved, ...]) -> Iterator[Problem]:
    seen: dict[str, Resolved] = {}
    told: set[tuple[str, Path]] = set()
    for agent in agents:
        number = agent.value("sipNumber")
        if not isinstance(number, str):
            continue
        other = seen.setdefault(number, agent)
        path = (*agent.path, "sipNumber") if "sipNumber" in agent.own else agent.path
        if other is not agent and (number, path) not in told:
            told.add((number, path))
            message = f"agents {other.operator_id} and {agent.operator_id} both want SIP number {number}"
            hint = f"a number belongs to one agent; the other is at {other.values['sipNumber'].place}"
            yield problem_at(agent.document, path, message, hint)


def _agents_are_in_scope(documents: tuple[Document, ...], agents: tuple[Resolved, ...]) -> Iterator[Problem]:
    scopes = [child(document.root.get("scope")).get(KEY) for document in documents if "scope" in document.root]
    if not scopes or not isinstance(scopes[0], Sequence):
        return
    scope = tuple(pattern for pattern in scopes[0] if isinstance(pattern, str))
    told: set[Path] = set()
    for agent in agents:
        if isinstance(agent.operator_id, str) and not matches(scope, agent.operator_id):
            path = agent.path if agent.pooled else (*agent.path, KEY)
            if not agent.pooled or path not in told:
                told.add(path)
                message = f"agent {agent.operator_id} is outside this file's scope"
                hint = "widen scope.operatorId, or move the agent to the file that speaks for it"
                yield problem_at(agent.document, path, message, hint)


RULES: Final[tuple[Rule, ...]] = (
    _company_stands,
    _top_level_keys_stand_once,
    _pools_are_ranges,
    _ids_stand_once,
    _profiles_exist,
    _sip_numbers_are_wanted_once,
    _agents_are_in_scope,
)
"""The rules across agents. Each also runs on files that the schema refuses, and so takes nothing for granted."""


def desired_state(reading: ParsedFiles) -> DesiredState:
    """The state that files without a problem describe."""
    return replace(head_of(reading), agents=tuple(map(agent_of, rows_of(reading))))


def head_of(reading: ParsedFiles) -> DesiredState:
    """That state without its agents."""
    documents = reading.documents
    root: dict[str, Any] = {key: value for document in documents for key, value in document.root.items()}
    guardrails = root.get("guardrails", {})
    scope = root.get("scope")
    return DesiredState(
        company=_company(root["company"]),
        agents=(),
        files=tuple(document.file for document in documents),
        sha256=_sha256(documents),
        scope=tuple(scope[KEY]) if scope else None,
        prune=root.get("prune", True),
        protect=tuple(root.get("protect", ())),
        max_deletes=_limit(guardrails.get("maxDeletes")),
        max_changes=_limit(guardrails.get("maxChanges")),
        recipients=tuple(root.get("recipients", ())),
    )


def _company(written: Mapping) -> Company:
    found: Any = written
    return Company(found["abbreviate"], found.get("companyId"))


def _sha256(documents: tuple[Document, ...]) -> str:
    """Of one file its own; of several one that does not depend on the order in which they were named."""
    each = sorted(document.sha256 for document in documents)
    return each[0] if len(each) == 1 else hashlib.sha256("".join(each).encode()).hexdigest()


def _limit(written: int | str | None) -> Limit | None:
    return None if written is None else Limit(str(written))


class _Said(NamedTuple):
    """What mappings of values give, one over the other, in canonical spelling."""

    fields: dict[str, Value]
    password: tuple[Any, ...] | None


def _said(document: Document, node: dict[str, Any], below: _Said) -> _Said:
    """A mapping over what stands below it. All but a number is its own canonical spelling."""
    fields = {**below.fields, **node}
    for name in _NO_FIELDS:
        fields.pop(name, None)
    for name, value in node.items():
        if value.__class__ is int:
            fields[name] = CANON[name](value)
    return _Said(fields, _password(document, node["password"]) if "password" in node else below.password)


_NO_FIELDS: Final = (KEY, "profile", "password", "from", "to", "except")
_NOTHING: Final = _Said({}, None)


def rows_of(reading: ParsedFiles) -> Iterator[PackedAgent]:
    """The agents that files without a problem describe, sorted by id.

    What several share is worked out once: a base, and a pool but for its texts with a number in them.
    """
    bases: dict[Base, _Said] = {}
    own: Mapping | None = None
    for agent in sorted(reading.agents, key=attrgetter("operator_id")):
        if agent.own is not own:  # the next of a list, or the first of a pool
            own, (line, column) = agent.own, agent.position
            below = bases.get(agent.base) or bases.setdefault(agent.base, _base(agent.base))
            shared, password = _said(agent.document, own, below)
            filled = [name for name in own if is_template(name, own[name])] if agent.pooled else []
        fields = {**shared, **{name: CANON[name](agent.value(name)) for name in filled}} if filled else shared
        yield PackedAgent(agent.operator_id, fields, password, agent.document.file, line, column)


def _base(base: Base) -> _Said:
    said = _NOTHING
    for layer in base.layers:
        said = _said(layer.document, layer.node, said)
    return said


def _password(document: Document, source: Any) -> tuple[Any, ...]:
    """What a `PasswordSource` is made of."""
    version = source["version"]
    if "env" in source:
        return ("env", source["env"], version)
    if "file" in source:
        folder = posixpath.dirname(document.file)
        return ("file", posixpath.join(folder, source["file"]), version)
    return ("generate", "", version)
