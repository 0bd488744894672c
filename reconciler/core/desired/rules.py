"""The rules across agents, and across files: what no schema of one file can say. Each rule is one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from reconciler.core.desired.problems import clipped, is_secret, problem_at
from reconciler.core.desired.resolve import (
    MAX_POOL_AGENTS,
    TEMPLATE,
    ResolvedAgent,
    entries,
    first_pool_too_many,
    is_template,
    mapping_or_empty,
    pool_range,
    unknown_placeholder,
)
from reconciler.core.model.desired import matches
from reconciler.core.model.fields import KEY, MAX_TEXT
from reconciler.core.model.message import Text, text
from reconciler.core.model.operator_id import alike, difference, is_sound
from reconciler.core.model.problem import Place, Problem, closest
from reconciler.core.text import named
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.nodes import Mapping, Path, Sequence
from reconciler.core.yaml.scalars import QUOTE_SIGNS, is_meant_quoted
from reconciler.core.yaml.spelling import quoted

Rule = Callable[[tuple[Document, ...], tuple[ResolvedAgent, ...]], Iterator[Problem]]


def _company_is_there(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    if not any("company" in document.root for document in documents):
        hint = text("add company: {{abbreviate: …}}")
        if len(documents) > 1:
            hint = text("add company: {{abbreviate: …}} to one of the files")
        yield problem_at(documents[0], (), text("{key} is missing", key="company"), hint, code="missing-key")


IN_ONE_FILE: Final = ("company", "scope", "prune", "onRemove", "protect", "guardrails", "recipients")
"""The top-level keys that stand in one file and hold for all of them: the policy."""


def _whose(document: Document) -> object:
    return dict(mapping_or_empty(document.root["company"]))


def _top_level_keys_are_in_one_file(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """Only one file may set a key that holds for all agents, or define a profile of a certain name."""
    paths: list[Path] = [(key,) for key in IN_ONE_FILE]
    paths += sorted({("profiles", name) for doc in documents for name in mapping_or_empty(doc.root.get("profiles"))})
    for path in paths:
        holders = [document for document in documents if _has(document, path)]
        for document in holders[1:]:
            first, name = holders[0].place(path, key=True), " ".join(map(str, path)).replace("profiles", "profile")
            message = text("{key} stands in two files; the first is at {place}", key=name, place=str(first))
            hint = _KEEP_ONE
            if name == "company" and _whose(document) != _whose(holders[0]):
                hint = text(
                    "these are two companies: plan each by itself, --file {first} and --file {second}",
                    first=holders[0].file,
                    second=document.file,
                )
            yield problem_at(document, path, message, hint, key=True, code="two-files")


_KEEP_ONE: Final = text("keep one of the two")


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
        message = text("{first} to {last} is no range of ids", first=clipped(first), last=clipped(last))
        hint = text('digits only, and as many on both sides: from: "0100", to: "0199"')
        yield problem_at(document, (*path, "to"), message, hint)
    elif not bounds:
        message = text("{last} comes before {first}", first=first, last=last)
        yield problem_at(document, (*path, "to"), message, text("swap the two"))
    else:
        listed = pool.get("except")
        for index, id_ in enumerate(listed if isinstance(listed, Sequence) else ()):
            if isinstance(id_, str) and is_sound(id_) and not _is_between(first, id_, last):
                message = text("{id} is not in the pool {first} to {last}", id=clipped(id_), first=first, last=last)
                yield problem_at(document, (*path, "except", index), message, text("remove it, or mend the range"))


def _is_between(first: str, id_: str, last: str) -> bool:
    return id_.isascii() and id_.isdigit() and len(id_) == len(first) and first <= id_ <= last


def _pools_are_bounded(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    if (found := first_pool_too_many(documents)) is not None:
        document, path, total = found
        many = "{count:,} agents in the pools up to here; {most:,} is the limit for all pools together"
        message = text(many, count=total, most=MAX_POOL_AGENTS)
        hint = text("check the digits, and whether a pool is repeated")
        yield problem_at(document, path, message, hint, code="too-many-agents")


def _pool_texts_can_be_filled(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """The texts of pools have no other placeholder than the one that is filled in, and are short with it."""
    for document in documents:
        for path, pool in entries(document, "pools"):
            for name in pool:
                if unknown := unknown_placeholder(name, pool[name]):
                    message = text("{found} is no placeholder: nothing is filled in there", found=clipped(unknown))
                    hint = text("did you mean {guess}?", guess=TEMPLATE)
                    yield problem_at(document, (*path, name), message, hint, code="unknown-placeholder")
                if is_template(name, value := pool[name]) and isinstance(value, str):
                    size = len(value) + value.count(TEMPLATE) * (len(str(pool.get("from"))) - len(TEMPLATE))
                    if size > MAX_TEXT >= len(value):
                        message = _too_long(size)
                        yield problem_at(document, (*path, name), message, text("shorten it"), code="too-long")


def _too_long(size: int) -> Text:
    return text(
        "has {count:,} characters once {template} is filled in; {most:,} is the limit",
        count=size,
        template=TEMPLATE,
        most=MAX_TEXT,
    )


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
        first = str(other.document.place((*other.path, KEY)))
        message = text("operatorId {id} stands twice; the first is at {place}", id=id_, place=first)
        return problem_at(agent.document, (*agent.path, KEY), message, _KEEP_ONE)
    if agent.from_pool and other.from_pool:
        message = text("operatorId {id} is also in the pool at {place}", id=id_, place=str(other.place))
        hint = text("mend the ranges, or add it to the except of one")
        return problem_at(agent.document, agent.path, message, hint)
    pool, single = (agent, other) if agent.from_pool else (other, agent)
    message = text("operatorId {id} stands in agents, and in the pool at {place} too", id=id_, place=str(pool.place))
    hint = text('add it to the pool\'s except: ["{id}"], or remove it here', id=id_)
    return problem_at(single.document, (*single.path, KEY), message, hint)


def _ids_look_different(documents: tuple[Document, ...], agents: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """Two ids that a reader takes for one are one agent with a slip, far more often than two agents."""
    found = _lookalikes(agents)
    if len(found) <= _allowed_lookalikes(documents):
        return
    for agent, other in found:
        single, twin = (agent, other) if other.from_pool or not agent.from_pool else (other, agent)
        id_, twin_id = str(single.operator_id), str(twin.operator_id)
        message = text(
            "operatorId {id} looks like {other} at {place}: {difference}",
            id=id_,
            other=twin_id,
            place=str(twin.place if twin.from_pool else twin.document.place((*twin.path, KEY))),
            difference=difference(id_, twin_id),
        )
        way_on = "correct one of the two; if both are meant, write guardrails: {{lookalikes: {count}}}"
        hint = text(way_on, count=len(found))
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
                hint = text("known: {names}", names=", ".join(known)) if known else text("known: none, add profiles:")
                if guess:
                    hint = text("did you mean {guess}?", guess=guess)
                message = text("there is no profile {name}", name=clipped(name))
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
            both = {"first": _label(other), "second": _label(agent), "number": clipped(number)}
            message = text("agents {first} and {second} both want SIP number {number}", **both)
            place = str(other.values["sipNumber"].place)
            hint = text("a number belongs to one agent; the other is at {place}", place=place)
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
                message = text("agent {id} is outside this file's scope", id=_label(agent))
                hint = text("widen scope.operatorId, or move the agent to the file that speaks for it")
                yield problem_at(agent.document, path, message, hint, code="out-of-scope")


def _quotes_are_yamls(documents: tuple[Document, ...], _: tuple[ResolvedAgent, ...]) -> Iterator[Problem]:
    """No plain text has a quote at an end that is none of YAML's, or that the other end does not have.

    Such a text is accepted with its quote otherwise: an id with a quote is another agent, and nobody has such a phone.
    """
    for document in documents:
        for path, value in _texts(document):
            place = document.place(path)
            if document.line_at(place)[place.column - 1 :].startswith(value[0]) and value[0] not in "\"'":
                yield problem_at(document, path, *_unmatched(value, path), code="full-width")


def _texts(document: Document) -> Iterator[tuple[Path, str]]:
    """The texts that were probably meant to stand in quotes, wherever in the file: nearly no file has one."""
    found: list[tuple[Path, Mapping | Sequence]] = [((), document.root)] if document.has_quotes else []
    while found:
        path, node = found.pop()
        steps: Iterable[tuple[Any, Any]] = node.items() if isinstance(node, Mapping) else enumerate(node)
        for step, value in steps:
            if isinstance(value, Mapping | Sequence):
                found.append(((*path, step), value))
            elif isinstance(value, str) and is_meant_quoted(value):
                yield (*path, step), value


def _unmatched(value: str, path: Path) -> tuple[Text, Text]:
    sign = value[0] if value[0] in QUOTE_SIGNS else value[-1]
    message = text("{found} stands where a quote of YAML's may be meant", found=f"{sign} {named(sign)}")
    if is_secret(path):
        return message, text("put the text into straight quotes")
    meant = value.strip("".join(QUOTE_SIGNS))
    hint = text("write {meant}; or {kept}, if it is part of the text", meant=quoted(meant), kept=quoted(value))
    return message, hint


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
    _quotes_are_yamls,
)
"""The rules across agents. They also run on files that the schema refuses, so they rely on no part of it."""
