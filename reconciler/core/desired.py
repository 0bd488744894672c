"""Document to DesiredState: the schema's problems, the rules across agents, then defaults, profiles and own keys."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.core.document import Document, Mapping, Path, Sequence, parse
from reconciler.core.fields import BY_NAME, KEY, Kind, Value, canon
from reconciler.core.model import Company, DesiredAgent, DesiredState, Limit, PasswordSource, Problem, matches
from reconciler.core.words import closest, problem_at, schema_problems


def read_desired(file: str, data: bytes, *, pure: bool = False) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """One file's bytes to a desired state, or `None` and every problem found, in file order.

    `file` is the name that places show, and the folder that password files are seen from.
    """
    document, found = parse(file, data, pure=pure)
    if document is None:
        return None, found
    agents = tuple(_resolved(document))
    broken = {problem.place for problem in found}  # what follows from a broken value is noise
    follow = [*schema_problems(document), *(problem for rule in RULES for problem in rule(document, agents))]
    problems = [*found, *(problem for problem in follow if not problem.path or problem.place not in broken)]
    if problems:
        return None, tuple(sorted(problems, key=lambda problem: problem.place))
    return _state(document, agents, hashlib.sha256(data).hexdigest()), ()


class _Resolved:
    """One agent of the file with the place of every value that counts; made also of a file with problems."""

    __slots__ = ("index", "operator_id", "own", "values")

    def __init__(self, index: int, own: Mapping, values: dict[str, tuple[Any, Path]]) -> None:
        self.index = index
        self.own = own
        self.operator_id = own.get(KEY)
        self.values = values


def _resolved(document: Document) -> Iterator[_Resolved]:
    """Precedence: `defaults`, then the profile, then the agent's own keys; each key whole."""
    agents = document.root.get("agents")
    defaults = _layer(document.root.get("defaults"), ("defaults",))
    profiles = _child(document.root.get("profiles"))
    layers = {name: _layer(profiles[name], ("profiles", name)) for name in profiles}
    for index, own in enumerate(agents if isinstance(agents, Sequence) else ()):
        if isinstance(own, Mapping):
            profile = own.get("profile")
            chosen = layers.get(profile, {}) if isinstance(profile, str) else {}
            yield _Resolved(index, own, {**defaults, **chosen, **_layer(own, ("agents", index))})


def _child(node: Any) -> Mapping | dict[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _layer(node: Any, path: Path) -> dict[str, tuple[Any, Path]]:
    return {key: (value, (*path, key)) for key, value in _child(node).items() if key in BY_NAME and key != KEY}


Rule = Callable[[Document, tuple[_Resolved, ...]], Iterator[Problem]]


def _ids_stand_once(document: Document, agents: tuple[_Resolved, ...]) -> Iterator[Problem]:
    seen: dict[str, Path] = {}
    for agent in agents:
        path: Path = ("agents", agent.index, KEY)
        if not isinstance(agent.operator_id, str):
            continue
        if agent.operator_id in seen:
            first = document.place(seen[agent.operator_id])
            message = f"operatorId {agent.operator_id} stands twice; the first is at {first}"
            yield problem_at(document, path, message, "keep one of the two")
        seen.setdefault(agent.operator_id, path)


def _profiles_exist(document: Document, agents: tuple[_Resolved, ...]) -> Iterator[Problem]:
    known = _child(document.root.get("profiles"))
    for agent in agents:
        name = agent.own.get("profile")
        if isinstance(name, str) and name not in known:
            guess = closest(name, known)
            hint = f"did you mean {guess}?" if guess else "known: " + (", ".join(known) or "none, add profiles:")
            yield problem_at(document, ("agents", agent.index, "profile"), f"there is no profile {name}", hint)


def _sip_numbers_are_wanted_once(document: Document, agents: tuple[_Resolved, ...]) -> Iterator[Problem]:
    seen: dict[str, _Resolved] = {}
    for agent in agents:
        number, path = agent.values.get("sipNumber", (None, ()))
        if not isinstance(number, str):
            continue
        if number in seen:
            other = seen[number]
            where = document.place(other.values["sipNumber"][1])
            message = f"agents {other.operator_id} and {agent.operator_id} both want SIP number {number}"
            hint = f"a number belongs to one agent; the other is at {where}"
            own = path if path[0] == "agents" else ("agents", agent.index)
            yield problem_at(document, own, message, hint)
        seen.setdefault(number, agent)


def _agents_are_in_scope(document: Document, agents: tuple[_Resolved, ...]) -> Iterator[Problem]:
    patterns = _child(document.root.get("scope")).get(KEY)
    if not isinstance(patterns, Sequence):
        return
    scope = tuple(pattern for pattern in patterns if isinstance(pattern, str))
    for agent in agents:
        if isinstance(agent.operator_id, str) and not matches(scope, agent.operator_id):
            message = f"agent {agent.operator_id} is outside this file's scope"
            hint = "widen scope.operatorId, or move the agent to the file that speaks for it"
            yield problem_at(document, ("agents", agent.index, KEY), message, hint)


RULES: Final[tuple[Rule, ...]] = (
    _ids_stand_once,
    _profiles_exist,
    _sip_numbers_are_wanted_once,
    _agents_are_in_scope,
)
"""The rules across agents. Each also runs on a file that the schema refuses, and so takes nothing for granted."""


def _state(document: Document, agents: tuple[_Resolved, ...], sha256: str) -> DesiredState:
    root: dict[str, Any] = document.root
    guardrails = root.get("guardrails", {})
    company = root["company"]
    scope = root.get("scope")
    return DesiredState(
        company=Company(company["abbreviate"], company.get("companyId")),
        agents=tuple(sorted((_agent(document, agent) for agent in agents), key=lambda agent: agent.operator_id)),
        files=(document.file,),
        sha256=sha256,
        scope=tuple(scope[KEY]) if scope else None,
        prune=root.get("prune", True),
        protect=tuple(root.get("protect", ())),
        max_deletes=_limit(guardrails.get("maxDeletes")),
        max_changes=_limit(guardrails.get("maxChanges")),
        recipients=tuple(root.get("recipients", ())),
    )


def _limit(written: int | str | None) -> Limit | None:
    return None if written is None else Limit(str(written))


def _agent(document: Document, agent: _Resolved) -> DesiredAgent:
    fields: dict[str, Value] = {}
    password = None
    for name, (value, _) in agent.values.items():
        row = BY_NAME[name]
        if row.kind is Kind.PASSWORD:
            password = _password(document.file, value)
        else:
            fields[name] = canon(row, value)
    place = document.place(("agents", agent.index))
    return DesiredAgent(str(agent.operator_id), fields, password, place)


def _password(file: str, written: dict[str, Any]) -> PasswordSource:
    version = written["version"]
    if "env" in written:
        return PasswordSource("env", written["env"], version)
    if "file" in written:
        return PasswordSource("file", posixpath.join(posixpath.dirname(file), written["file"]), version)
    return PasswordSource("generate", "", version)
