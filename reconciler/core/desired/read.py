"""Files to the desired state: parse, check against the schema and the rules across agents, take the values."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, NamedTuple

from reconciler.core.desired.diagnosis import Checked, diagnosed
from reconciler.core.desired.packed import PackedAgent, unpacked_agent
from reconciler.core.desired.problems import clipped, problem_at, schema_problems
from reconciler.core.desired.resolve import (
    MAX_POOL_AGENTS,
    TEMPLATE,
    Base,
    ResolvedAgent,
    entries,
    first_pool_too_many,
    is_template,
    mapping_or_empty,
    pool_range,
    resolve,
    unknown_placeholder,
)
from reconciler.core.desired.schema import key_gate
from reconciler.core.model.desired import Company, DesiredState, Limit, Removal, matches
from reconciler.core.model.fields import CANON, KEY, MAX_TEXT, Value
from reconciler.core.model.operator_id import alike, difference, is_sound
from reconciler.core.model.problem import Content, Place, Problem, closest
from reconciler.core.yaml.document import Document, parse, peek_value
from reconciler.core.yaml.nodes import Mapping, Path, Sequence

Problems = tuple[Problem, ...]


def read_desired(file: str, data: bytes, *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """One file to a desired state, or `None` and every problem found, sorted by place."""
    return read_files(((file, data),), pure=pure)


def read_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> tuple[DesiredState | None, Problems]:
    """Several files to one desired state, or `None` and every problem found, sorted by place.

    Each file has a name and its bytes, or the problem that keeps it from being read. Places show the name, and
    password files are seen from its folder.
    """
    parsed = parse_files(files, pure=pure)
    return (None, parsed.problems) if parsed.problems else (desired_state(parsed), ())


def peek_company(data: bytes) -> Company | None:
    """The company of a file, read without parsing the rest; `None` unless a valid one comes before the agents."""
    company: Any = peek_value(data, "company", frozenset(("agents", "pools")))
    return _company(company) if key_gate("company")(company) else None


@dataclass(frozen=True, slots=True)
class ParsedFiles:
    """Parsed and checked files: their documents, the agents these resolve to, and all problems, sorted by place."""

    documents: tuple[Document, ...]
    agents: tuple[ResolvedAgent, ...]
    problems: Problems


def parse_files(files: Iterable[tuple[str, Content]], *, pure: bool = False) -> ParsedFiles:
    """Parse, check and resolve files. The rules across agents run only if every file can be parsed."""
    files = tuple(files)
    found = _parsed(files, pure=pure)
    if not found.problems:
        return found
    problems = diagnosed(files, _checked(found), lambda mended: _checked(_parsed(mended, pure=pure)), pure=pure)
    return replace(found, problems=problems)


def _checked(parsed: ParsedFiles) -> Checked:
    return Checked(frozenset(document.file for document in parsed.documents), parsed.problems)


def _parsed(files: Iterable[tuple[str, Content]], *, pure: bool) -> ParsedFiles:
    results = [(None, (data,)) if isinstance(data, Problem) else parse(file, data, pure=pure) for file, data in files]
    syntax_problems = [problem for _, problems in results for problem in problems]
    documents = tuple(document for document, _ in results if document is not None)
    agents = resolve(documents)
    broken = {problem.place for problem in syntax_problems}  # a second problem of a broken value is noise
    later = [problem for document in documents for problem in schema_problems(document)]
    if len(documents) == len(results):
        later += [problem for rule in RULES for problem in rule(documents, agents)]
    problems = [*syntax_problems, *(problem for problem in later if not problem.path or problem.place not in broken)]
    return ParsedFiles(documents, agents, tuple(sorted(problems, key=lambda problem: problem.place)))


Rule = Callable[[tuple[Document, ...], tuple[ResolvedAgent, ...]], Iterator[Problem]]


def _company_is_there(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    if not any("company" in document.root for document in documents):
        hint = "add company: {abbreviate: …}" + (" to one of the files" if len(documents) > 1 else "")
        yield problem_at(documents[0], (), "company is missing", hint, code="missing-key")


_IN_ONE_FILE: Final = ("company", "scope", "prune", "onRemove", "protect", "guardrails", "recipients")
"""The top-level keys that stand in one file and hold for all of them: the policy."""


def _top_level_keys_are_in_one_file(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """Only one file may set a key that holds for all agents, or define a profile of a certain name."""
    paths: list[Path] = [(key,) for key in _IN_ONE_FILE]
    paths += sorted({("profiles", name) for doc in documents for name in mapping_or_empty(doc.root.get("profiles"))})
    for path in paths:
        holders = [document for document in documents if _has(document, path)]
        for document in holders[1:]:
            first, name = holders[0].place(path, key=True), " ".join(map(str, path)).replace("profiles", "profile")
            message = f"{name} stands in two files; the first is at {first}"
            hint = "keep one of the two" + ("; two companies are planned one by one" if name == "company" else "")
            yield problem_at(document, path, message, hint, key=True, code="two-files")


def _has(document: Document, path: Path) -> bool:
    node = document.root if len(path) == 1 else mapping_or_empty(document.root.get("profiles"))
    return path[-1] in node


def _pools_are_ranges(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    for document in documents:
        for path, pool in entries(document, "pools"):
            if all(isinstance(bound, str) and is_sound(bound) for bound in (pool.get("from"), pool.get("to"))):
                yield from (replace(each, code="bad-range") for each in _range_problems(document, path, pool))


def _range_problems(document: Document, path: Path, pool: Mapping) -> Iterator[Problem]:
    first, last, bounds = str(pool["from"]), str(pool["to"]), pool_range(pool)
    if bounds is None:
        hint = 'digits only, and as many on both sides: from: "0100", to: "0199"'
        yield problem_at(document, (*path, "to"), f"{clipped(first)} to {clipped(last)} is no range of ids", hint)
    elif not bounds:
        yield problem_at(document, (*path, "to"), f"{last} comes before {first}", "swap the two")
    else:
        listed = pool.get("except")
        for index, id_ in enumerate(listed if isinstance(listed, Sequence) else ()):
            if isinstance(id_, str) and is_sound(id_) and not _is_between(first, id_, last):
                message = f"{clipped(id_)} is not in the pool {first} to {last}"
                yield problem_at(document, (*path, "except", index), message, "remove it, or mend the range")


def _is_between(first: str, id_: str, last: str) -> bool:
    return id_.isascii() and id_.isdigit() and len(id_) == len(first) and first <= id_ <= last


def _pools_are_bounded(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    if (found := first_pool_too_many(documents)) is not None:
        document, path, total = found
        message = f"{total:,} agents in the pools up to here; {MAX_POOL_AGENTS:,} is the limit for all pools together"
        hint = "check the digits, and whether a pool is repeated"
        yield problem_at(document, path, message, hint, code="too-many-agents")


def _pool_texts_can_be_filled(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """The texts of pools have no other placeholder than the one that is filled in, and are short with it."""
    for document in documents:
        for path, pool in entries(document, "pools"):
            for name in pool:
                if unknown := unknown_placeholder(name, pool[name]):
                    message = f"{clipped(unknown)} is no placeholder: nothing is filled in there"
                    hint = f"did you mean {TEMPLATE}?"
                    yield problem_at(document, (*path, name), message, hint, code="unknown-placeholder")
                if is_template(name, text := pool[name]) and isinstance(text, str):
                    size = len(text) + text.count(TEMPLATE) * (len(str(pool.get("from"))) - len(TEMPLATE))
                    if size > MAX_TEXT >= len(text):
                        message = f"has {size:,} characters once {TEMPLATE} is filled in; {MAX_TEXT:,} is the limit"
                        yield problem_at(document, (*path, name), message, "shorten it", code="too-long")


def _ids_are_unique(_: tuple[Document, ...], agents: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    seen: dict[str, ResolvedAgent] = {}
    reported: set[tuple[Place, Place]] = set()
    for agent in agents:
        if not isinstance(agent.operator_id, str):
            continue
        other = seen.setdefault(agent.operator_id, agent)
        if other is agent:
            continue
        # Two pools that overlap give one problem, not one for each id.
        pair = (agent.place, other.place)
        if not (agent.from_pool and pair in reported):
            reported.add(pair)
            yield replace(_duplicate_id(agent, other), code="duplicate-operator-id")


def _duplicate_id(agent: ResolvedAgent, other: ResolvedAgent) -> Problem:
    id_ = clipped(agent.operator_id)
    if not agent.from_pool and not other.from_pool:
        message = f"operatorId {id_} stands twice; the first is at {other.document.place((*other.path, KEY))}"
        return problem_at(agent.document, (*agent.path, KEY), message, "keep one of the two")
    if agent.from_pool and other.from_pool:
        message = f"operatorId {id_} is also in the pool at {other.place}"
        return problem_at(agent.document, agent.path, message, "mend the ranges, or add it to the except of one")
    pool, single = (agent, other) if agent.from_pool else (other, agent)
    message = f"operatorId {id_} stands in agents, and in the pool at {pool.place} too"
    hint = f'add it to the pool\'s except: ["{id_}"], or remove it here'
    return problem_at(single.document, (*single.path, KEY), message, hint)


def _ids_look_different(documents: tuple[Document, ...], agents: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """Two ids that a reader takes for one are one agent with a slip, far more often than two agents."""
    found = _lookalikes(agents)
    if len(found) <= _allowed_lookalikes(documents):
        return
    for agent, other in found:
        single, twin = (agent, other) if other.from_pool or not agent.from_pool else (other, agent)
        id_, twin_id = str(single.operator_id), str(twin.operator_id)
        place = twin.place if twin.from_pool else twin.document.place((*twin.path, KEY))
        message = f"operatorId {id_} looks like {twin_id} at {place}: {difference(id_, twin_id)}"
        hint = f"correct one of the two; if both are meant, write guardrails: {{lookalikes: {len(found)}}}"
        yield problem_at(single.document, (*single.path, KEY), message, hint, code="lookalike")


def _lookalikes(agents: Iterable[ResolvedAgent]) -> list[tuple[ResolvedAgent, ResolvedAgent]]:
    """Each agent with a sound id that looks like that of an earlier agent and is another, and that earlier agent."""
    by_id = {agent.operator_id: agent for agent in agents if isinstance(agent.operator_id, str)}
    return [(by_id[id_], by_id[other]) for id_, other in alike(filter(is_sound, by_id))]


def _allowed_lookalikes(documents: tuple[Document, ...]) -> int:
    limits = (mapping_or_empty(document.root.get("guardrails")).get("lookalikes") for document in documents)
    return max((limit for limit in limits if isinstance(limit, int)), default=0)


def _profiles_exist(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    known = {name: None for document in documents for name in mapping_or_empty(document.root.get("profiles"))}
    for document in documents:
        for path, own in (*entries(document, "agents"), *entries(document, "pools")):
            name = own.get("profile")
            if isinstance(name, str) and name not in known:
                guess = closest(name, known)
                hint = f"did you mean {guess}?" if guess else "known: " + (", ".join(known) or "none, add profiles:")
                message = f"there is no profile {clipped(name)}"
                yield problem_at(document, (*path, "profile"), message, hint, code="unknown-profile")


def _sip_numbers_are_unique(_: tuple[Document, ...], agents: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    seen: dict[str, ResolvedAgent] = {}
    reported: set[tuple[str, Path]] = set()
    for agent in agents:
        number = agent.value("sipNumber")
        if not isinstance(number, str):
            continue
        other = seen.setdefault(number, agent)
        path = (*agent.path, "sipNumber") if "sipNumber" in agent.own else agent.path
        if other is not agent and (number, path) not in reported:
            reported.add((number, path))
            message = f"agents {_label(other)} and {_label(agent)} both want SIP number {clipped(number)}"
            hint = f"a number belongs to one agent; the other is at {other.values['sipNumber'].place}"
            yield problem_at(agent.document, path, message, hint, code="duplicate-sip-number")


def _agents_are_in_scope(documents: tuple[Document, ...], agents: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    scopes = [
        mapping_or_empty(document.root.get("scope")).get(KEY) for document in documents if "scope" in document.root
    ]
    if not scopes or not isinstance(scopes[0], Sequence):
        return
    scope = tuple(pattern for pattern in scopes[0] if isinstance(pattern, str))
    reported: set[Path] = set()
    for agent in agents:
        if isinstance(agent.operator_id, str) and not matches(scope, agent.operator_id):
            path = agent.path if agent.from_pool else (*agent.path, KEY)
            if not agent.from_pool or path not in reported:
                reported.add(path)
                message = f"agent {_label(agent)} is outside this file's scope"
                hint = "widen scope.operatorId, or move the agent to the file that speaks for it"
                yield problem_at(agent.document, path, message, hint, code="out-of-scope")


def _label(agent: ResolvedAgent) -> str:
    return clipped(str(agent.operator_id))


RULES: Final[tuple[Rule, ...]] = (
    _company_is_there,
    _top_level_keys_are_in_one_file,
    _pools_are_ranges,
    _pools_are_bounded,
    _pool_texts_can_be_filled,
    _ids_are_unique,
    _ids_look_different,
    _profiles_exist,
    _sip_numbers_are_unique,
    _agents_are_in_scope,
)
"""The rules across agents. They also run on files that the schema refuses, so they rely on no part of it."""


def desired_state(parsed: ParsedFiles) -> DesiredState:
    """The desired state of files without problems; its agents are sorted by id."""
    return replace(state_without_agents(parsed), agents=tuple(map(unpacked_agent, packed_agents(parsed))))


def state_without_agents(parsed: ParsedFiles) -> DesiredState:
    """The desired state of files without problems, with no agents in it."""
    documents = parsed.documents
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
        lookalikes=guardrails.get("lookalikes"),
        recipients=tuple(root.get("recipients", ())),
        max_passwords=_limit(guardrails.get("maxPasswords")),
        on_remove=_removal(root.get("onRemove", "delete")),
        set_in={key: document.file for document in documents for key in document.root if key in _IN_ONE_FILE},
    )


def _removal(value: str | Mapping) -> Removal:
    if isinstance(value, str):
        return Removal(disable=value == "disable")
    return Removal(disable=True, wait=str(value["disable"]))


def _company(node: Mapping) -> Company:
    values: Any = node
    return Company(values["abbreviate"], values.get("companyId"))


def _sha256(documents: tuple[Document, ...]) -> str:
    """The digest of one file, or a digest of several that does not depend on their order."""
    digests = sorted(document.sha256 for document in documents)
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _limit(value: int | str | None) -> Limit | None:
    return None if value is None else Limit(str(value))


class _ManagedValues(NamedTuple):
    """The canonical values of the managed fields, and what a `PasswordSource` is made of."""

    fields: dict[str, Value]
    password: tuple[Any, ...] | None


def _overlaid(document: Document, node: dict[str, Any], below: _ManagedValues) -> _ManagedValues:
    """The values of `node`, over those of the layers below. Only numbers need `canon`: other values are canonical."""
    fields = {**below.fields, **node}
    for name in _KEYS_WITHOUT_FIELD:
        fields.pop(name, None)
    for name, value in node.items():
        if value.__class__ is int:
            fields[name] = CANON[name](value)
    return _ManagedValues(fields, _password(document, node["password"]) if "password" in node else below.password)


_KEYS_WITHOUT_FIELD: Final = (KEY, "profile", "password", "from", "to", "except")
_NO_VALUES: Final = _ManagedValues({}, None)


def packed_agents(parsed: ParsedFiles) -> Iterator[PackedAgent]:
    """The agents of files without problems, sorted by id.

    Shared values are computed once: those of a base, and those of a pool except for texts with `{operatorId}`.
    """
    values_of: dict[Base, _ManagedValues] = {}
    own: Mapping | None = None
    for agent in sorted(parsed.agents, key=attrgetter("operator_id")):
        if agent.own is not own:  # the next agent of a list, or the first of a pool
            own, (line, column) = agent.own, agent.position
            below = values_of.get(agent.base) or values_of.setdefault(agent.base, _values_of_base(agent.base))
            shared, password = _overlaid(agent.document, own, below)
            templates = [name for name in own if is_template(name, own[name])] if agent.from_pool else []
        fields = {**shared, **{name: CANON[name](agent.value(name)) for name in templates}} if templates else shared
        yield PackedAgent(agent.operator_id, fields, password, agent.document.file, line, column)


def _values_of_base(base: Base) -> _ManagedValues:
    values = _NO_VALUES
    for layer in base.layers:
        values = _overlaid(layer.document, layer.node, values)
    return values


def _password(document: Document, source: Any) -> tuple[Any, ...]:
    """The arguments of the `PasswordSource`."""
    version = source["version"]
    if "env" in source:
        return ("env", source["env"], version)
    if "file" in source:
        return ("file", source["file"], version, posixpath.dirname(document.file))
    return ("generate", "", version)
