"""A file in canonical spelling, comments and grouping kept. Its meaning never changes: that is checked each time."""

from __future__ import annotations

import json
from typing import Any

from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.resolve import resolve
from reconciler.core.model.fields import BY_NAME, Kind, canon
from reconciler.core.model.problem import Problem
from reconciler.core.yaml.document import Document, parse
from reconciler.edit.canonical import canonical
from reconciler.edit.printer import whole
from reconciler.edit.tree import comments, read
from reconciler.errors import InvalidFiles, ReconcilerError


def fmt(file: str, data: bytes) -> bytes:
    """The file's bytes as they should be written; formatting them again changes nothing.

    Raises `InvalidFiles` with everything that the parser and the schema find wrong. The rules across agents and files
    are not asked: a file of many can be formatted on its own, and so can one that is half written.
    """
    document = _checked(file, data)
    tree = read(document.text)
    canonical(tree)
    text = whole(tree)
    written = text.encode()
    if not (_same(document, written) and tree.comments == comments(text)):
        raise ReconcilerError(
            f"{file} cannot be formatted without changing it", "it is left as it is; please report it"
        )
    return written


def _checked(file: str, data: bytes) -> Document:
    document, found = parse(file, data)
    if document is None:
        raise InvalidFiles(found)
    broken = {problem.place for problem in found}  # what follows from a broken value is noise
    follow = (problem for problem in schema_problems(document) if problem.place not in broken)
    problems: list[Problem] = sorted((*found, *follow), key=lambda problem: problem.place)
    if problems:
        raise InvalidFiles(tuple(problems))
    return document


def _same(before: Document, written: bytes) -> bool:
    """Whether both say the same, as a whole and of every agent that they resolve to."""
    after, problems = parse(before.file, written)
    return after is not None and not problems and _meaning(before) == _meaning(after)


def _meaning(document: Document) -> str:
    agents = [
        [agent.operator_id, {name: _plain(name, written.value) for name, written in agent.values.items()}]
        for agent in resolve((document,))
    ]
    return json.dumps([_plain("", document.root), agents], sort_keys=True)


def _plain(name: str, value: Any) -> Any:
    """A value with the vendor's integers as what they stand for. In JSON, since to Python 1 is `True`."""
    if isinstance(value, dict):
        return {key: _plain(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain("", inner) for inner in value]
    row = BY_NAME.get(name)
    return canon(row, value) if row and row.kind in (Kind.FLAG, Kind.CHOICE) else value
