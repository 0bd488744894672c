"""Passwords that are to be set anew: their versions raised in the files, and nothing else changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.core.desired.read import ParsedFiles, parse_files
from reconciler.core.desired.resolve import ResolvedAgent
from reconciler.core.model.message import Text, text
from reconciler.core.yaml.document import Document, parse
from reconciler.edit.comments import comments_of
from reconciler.edit.live import FileChanges, change_agent, remove_empty_pools
from reconciler.edit.merge import with_ends_of
from reconciler.edit.patch import apply_changes
from reconciler.errors import ReconcilerError

HEADING: Final = "# out of their pools, for a password of their own"
"""Stands above the agents that leave a pool."""

Sources = Mapping[str, Mapping[str, Any]]
"""By operatorId, where the password comes from and its version, as a file has it."""


def password_sources(reading: ParsedFiles) -> Sources:
    """The password's source of every agent that has one."""
    found = ((agent.operator_id, agent.value("password")) for agent in reading.agents)
    return {operator_id: source for operator_id, source in found if source is not None}


def with_versions_raised(reading: ParsedFiles, wanted: Sources) -> dict[str, bytes]:
    """The files, by name, in which agents get the sources `wanted`; an agent of a pool gets an entry of its own.

    Raises:
        ReconcilerError: a file would lose a comment, or other agents would get another password.
    """
    contents = {document.file: document.data for document in reading.documents}
    changed: dict[str, bytes] = {}
    for document in reading.documents:
        changes = _changes(_part(reading, document), wanted)
        if changes:
            content, dropped = apply_changes(document, changes)
            after, _ = parse(document.file, content.encode())
            if after is None or Counter(comments_of(document)) - dropped - Counter(comments_of(after)):
                raise _failed(document.file, text("a comment would be lost"))
            changed[document.file] = with_ends_of(document.data, content.encode())
    result = parse_files((*{**contents, **changed}.items(),))
    if result.problems:
        raise _failed(result.problems[0].place.file, result.problems[0].message)
    if _meaning(result) != {**_meaning(reading), **_meaning(reading, wanted)}:
        raise _failed(", ".join(changed), text("another agent takes values from one of these by an alias"))
    return changed


def _part(reading: ParsedFiles, document: Document) -> ParsedFiles:
    agents = tuple(agent for agent in reading.agents if agent.document is document)
    return replace(reading, documents=(document,), agents=agents)


def _changes(part: ParsedFiles, wanted: Sources) -> FileChanges:
    changes = FileChanges(heading=HEADING)
    for agent in part.agents:
        if agent.operator_id in wanted:
            change_agent(agent, {"password": wanted[agent.operator_id]}, changes)  # type: ignore[dict-item]
    remove_empty_pools(part, changes)
    return changes


def _meaning(reading: ParsedFiles, sources: Sources | None = None) -> dict[str, dict[str, Any]]:
    """What every agent has, by id; with `sources` only of theirs, with these as their passwords."""
    return {
        agent.operator_id: {**_values(agent), **({"password": sources[agent.operator_id]} if sources else {})}
        for agent in reading.agents
        if sources is None or agent.operator_id in sources
    }


def _values(agent: ResolvedAgent) -> dict[str, Any]:
    return {name: value.value for name, value in agent.values.items()}


def raised(source: Mapping[str, Any]) -> dict[str, Any]:
    """The source with the next version."""
    return {**source, "version": int(source["version"]) + 1}


def _failed(file: str, reason: Text) -> ReconcilerError:
    return ReconcilerError(
        "cannot-edit",
        text("versions cannot be raised in {file}: {reason}", file=file, reason=reason),
        text("it is left as it is; raise them by hand"),
    )


def files_of(reading: ParsedFiles, ids: Collection[str]) -> dict[str, str]:
    """By operatorId, the file that an agent stands in."""
    return {agent.operator_id: agent.document.file for agent in reading.agents if agent.operator_id in ids}
